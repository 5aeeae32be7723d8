"""popsim budget, popsim capacity: what a strategy does to a budget, and what a place is worth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.decide import FinishedRun
from popsim.cli.options import File, changes, processes, whole
from popsim.errors import InputError
from popsim.numbers import read_number


def numbers(flag: str, text: str) -> list[float]:
    """Numbers with commas between them.

    Raises:
        InputError: something else.
    """
    try:
        return [read_number(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"command line: {flag} = {text}: must be numbers with commas between them") from None


def budget(
    run: FinishedRun,
    eligible: Annotated[
        str, typer.Option(metavar="N[,N...]", help="Newly eligible people, each year or year by year.")
    ],
    uptake: Annotated[str, typer.Option(metavar="SHARE[,SHARE...]", help="Share on the new strategy, year by year.")],
    strategy: Annotated[str, typer.Option(metavar="NAME", help="The new strategy; each otherwise.")] = "",
    perspective: Annotated[str, typer.Option(metavar="NAME", help="payer, health_system, societal or patient.")] = (
        "payer"
    ),
) -> None:
    """Print what adopting a strategy does to a budget, year by year, not discounted."""
    from popsim.economics.perspectives import perspective_named
    from popsim.experiments.run import Run
    from popsim.reporting.budget_text import budget_text

    people, shares = numbers("--eligible", eligible), numbers("--uptake", uptake)
    print(budget_text(Run.open(run), people, shares, strategy, perspective_named(perspective)))


def capacity(
    file: File,
    setting: Annotated[str, typer.Option(metavar="NAME", help="Whose places are changed, under every strategy.")],
    places: Annotated[str, typer.Option(metavar="N,N[,N...]", help="For the network's reference population.")],
    population: Annotated[int | None, whole("Twins in each replication.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    seed: Annotated[int | None, whole("First word of the random key.")] = None,
    days: Annotated[int | None, whole("Follow-up of each twin.")] = None,
    enrolment_days: Annotated[int | None, whole("Entries are spread over so many days.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, whole("Threads of each process.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Run an experiment with several numbers of places; print what a strategy and a place are worth at each."""
    processes("--workers", workers)
    if processes("--threads", threads) is not None:
        os.environ["NUMBA_NUM_THREADS"] = str(max(threads or 1, os.cpu_count() or 1))
    from popsim.experiments.engine import Engine
    from popsim.experiments.run import Run
    from popsim.experiments.runner import run_study
    from popsim.experiments.variants import at_capacities
    from popsim.reporting.capacity_text import capacity_text
    from popsim.reporting.progress import progress_bar

    levels = [int(number) for number in numbers("--places", places)]
    if levels != numbers("--places", places):
        raise InputError(f"command line: --places = {places}: must be whole numbers")
    flags = changes(
        population=population, replications=replications, seed=seed, follow_up_days=days, enrolment_days=enrolment_days
    )
    runs = {}
    for number, study in at_capacities(file, setting, levels, flags).items():
        engine = Engine.fitting(workers, threads, len(study.units), study.region_size(0))
        with progress_bar(f"{study.experiment.name}, {number} places", quiet=quiet) as on_progress:
            runs[number] = Run.open(run_study(study, out, engine, on_progress).folder)
    print(capacity_text(runs, setting))
