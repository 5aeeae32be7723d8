"""popsim run, popsim check."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, changes, check_engine, processes, whole


def run(
    file: File,
    population: Annotated[int | None, whole("Twins in each replication.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    draws: Annotated[int | None, whole("Draws of the uncertain parameters; 0: all at their own values.")] = None,
    seed: Annotated[int | None, whole("First word of the random key.")] = None,
    days: Annotated[int | None, whole("Follow-up of each twin.")] = None,
    enrolment_days: Annotated[int | None, whole("Entries are spread over so many days.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, whole("Threads of each process.")] = None,
    engine: Annotated[str, typer.Option(help="local: processes of this machine; dask: a Dask cluster.")] = "local",
    address: Annotated[str, typer.Option(help="Of a Dask scheduler, tcp://host:port; else one of its own.")] = "",
    deadline: Annotated[float | None, typer.Option(help="Seconds after which a unit is given up and retried.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    scenario: Annotated[str | None, typer.Option(help="One of the experiment's scenarios, by its name.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Run an experiment, print its results and keep them. The same command finishes a run that was cut short."""
    check_engine(engine, address, deadline)
    processes("--workers", workers)
    if processes("--threads", threads) is not None:
        os.environ["NUMBA_NUM_THREADS"] = str(max(threads or 1, os.cpu_count() or 1))
    from popsim.experiments.design import read_study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import run_study
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.tables import print_run

    study = read_study(file, changes(population, replications, seed, days, enrolment_days, draws), scenario)
    experiment = study.experiment
    units = max(1, experiment.draws) * experiment.replications * experiment.regions * len(experiment.strategies)
    fitting = Engine.fitting(workers, threads, units, study.region_size(0))
    chosen = replace(fitting, kind=engine, address=address, deadline=deadline)
    with progress_bar(experiment.name, quiet=quiet) as on_progress:
        result = run_study(study, out, chosen, on_progress)
    if not quiet:
        print_run(result)
    print(f"{result.folder}  content hash {result.content_hash[:16]}")


def check(file: File) -> None:
    """Check a file of any kind (experiment, cohort, care network, parameters) and all it refers to."""
    from popsim.experiments.checking import check_file

    print(f"{file}: {check_file(file)}")
