"""popsim run, popsim status, popsim check."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, changes, check_engine, processes, whole


def run(
    file: File,
    population: Annotated[int | None, whole("Twins in each replication.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    draws: Annotated[int | None, whole("Parameter draws; 0: every parameter at its own value.")] = None,
    regions: Annotated[int | None, whole("Catchments that share nothing; big populations need several.")] = None,
    seed: Annotated[int | None, whole("First word of the random key.")] = None,
    days: Annotated[int | None, whole("Follow-up of each twin.")] = None,
    enrolment_days: Annotated[int | None, whole("Entries are spread over so many days.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, whole("Threads of each process.")] = None,
    engine: Annotated[str, typer.Option(help="local: processes of this machine; dask: a Dask cluster.")] = "local",
    address: Annotated[str, typer.Option(help="Of a Dask scheduler, tcp://host:port; else one of its own.")] = "",
    deadline: Annotated[float | None, typer.Option(help="Seconds after which a unit is given up and retried.")] = None,
    until: Annotated[
        str,
        typer.Option(metavar="MEASURE=HALF_WIDTH", help="Go on until 95% intervals of differences are so narrow."),
    ] = "",
    most: Annotated[int | None, whole("Replications, or draws, at which --until gives up.")] = None,
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
    from popsim.experiments.precision import Wanted
    from popsim.experiments.runner import run_study
    from popsim.experiments.until import run_until
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.tables import print_run

    flags = changes(
        population=population,
        replications=replications,
        draws=draws,
        regions=regions,
        seed=seed,
        follow_up_days=days,
        enrolment_days=enrolment_days,
    )
    study = read_study(file, flags, scenario)
    experiment = study.experiment
    fitting = Engine.fitting(workers, threads, len(study.units), study.region_size(0), experiment.follow_up_days)
    chosen = replace(fitting, kind=engine, address=address, deadline=deadline)
    with progress_bar(experiment.name, quiet=quiet) as on_progress:
        once = partial(run_study, results=out, engine=chosen, on_progress=on_progress)
        result = run_until(study, Wanted.read(until, "--until"), once, most) if until else once(study)
    if not quiet:
        print_run(result)
    print(f"{result.folder}  content hash {result.content_hash[:16]}")


def status(
    file: File,
    population: Annotated[int | None, whole("As given to `popsim run`, like all that follow.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    seed: Annotated[int | None, whole("First word of the random key.")] = None,
    days: Annotated[int | None, whole("Follow-up of each twin.")] = None,
    enrolment_days: Annotated[int | None, whole("Entries are spread over so many days.")] = None,
    draws: Annotated[int | None, whole("Parameter draws.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    scenario: Annotated[str | None, typer.Option(help="One of the experiment's scenarios, by its name.")] = None,
) -> None:
    """Say how much of a run is done, missing or given up; exit code 1 unless all of it is done."""
    from popsim.experiments.design import read_study
    from popsim.experiments.status import status_of

    flags = changes(
        population=population,
        replications=replications,
        draws=draws,
        seed=seed,
        follow_up_days=days,
        enrolment_days=enrolment_days,
    )
    found = status_of(read_study(file, flags, scenario), out)
    print(f"{found.done} of {found.total} units done, {found.missing} missing, {len(found.quarantined)} given up")
    for name, problem in found.quarantined:
        print(f"  {name}: {problem}")
    if found.done < found.total:
        raise typer.Exit(1)


def check(file: File) -> None:
    """Check a file of any kind (experiment, cohort, care network, parameters) and all it refers to."""
    from popsim.experiments.checking import check_file

    print(f"{file}: {check_file(file)}")
