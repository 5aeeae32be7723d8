"""popsim scenarios."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, changes, processes, whole


def scenarios(
    file: File,
    population: Annotated[int | None, whole("Twins in each replication, in every scenario.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    seed: Annotated[int | None, whole("First word of the random key.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, whole("Threads of each process.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Run an experiment and all its scenarios, each into a run folder of its own, and print them side by side."""
    processes("--workers", workers)
    if processes("--threads", threads) is not None:
        os.environ["NUMBA_NUM_THREADS"] = str(max(threads or 1, os.cpu_count() or 1))
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import run_study
    from popsim.experiments.scenarios import scenario_table, studies
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.scenarios import render_scenarios

    tables = {}
    found = studies(file, changes=changes(population=population, replications=replications, seed=seed))
    for name, study in found.items():
        engine = Engine.fitting(workers, threads, len(study.units), study.region_size(0))
        with progress_bar(f"{study.experiment.name}, {name}", quiet=quiet) as on_progress:
            result = run_study(study, out, engine, on_progress)
        tables[name] = result.tables
        print(f"{name}: {result.folder}  content hash {result.content_hash[:16]}")
    if not quiet:
        print(render_scenarios(scenario_table(tables), {name: study.experiment for name, study in found.items()}))
