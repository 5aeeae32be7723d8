"""popsim validate: simulated figures beside published ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import processes, whole

SHIPPED = ("experiments/targets", "experiments/trials")


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Target files and trials; all under experiments/ when none is named."),
    ] = None,
    population: Annotated[int | None, whole("Twins in each replication and arm; as the files say otherwise.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    threads: Annotated[int | None, whole("Threads of each process.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Simulate published studies and compare: simulated and published figure of every target, inside or outside.

    Targets that parameters were fitted to and those that nobody has fitted are counted apart. Writes validation.csv and
    validation.png to the folder of results.
    """
    processes("--workers", workers)
    if processes("--threads", threads) is not None:
        os.environ["NUMBA_NUM_THREADS"] = str(max(threads or 1, os.cpu_count() or 1))
    from popsim.calibration.sources import read_source
    from popsim.calibration.validation import validated
    from popsim.errors import InputError
    from popsim.experiments.design import Study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import RunResult, run_study
    from popsim.reporting.csv_file import write_csv
    from popsim.reporting.figures.validation import validation_figure
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.validation import validation_text

    chosen = files or [path for folder in SHIPPED for path in sorted(Path(folder).glob("*.toml"))]
    if not chosen:
        raise InputError(f"no files: name some, or run this where {' and '.join(SHIPPED)} are")
    sources = [read_source(path, population, replications) for path in chosen]

    def run(study: Study) -> RunResult:
        engine = Engine.fitting(workers, threads, len(study.units), study.region_size(0))
        with progress_bar(study.experiment.name, quiet=quiet) as on_progress:
            return run_study(study, out, engine, on_progress)

    table = validated(sources, run)
    folder = out / "validation"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(table, folder / "validation.csv", "--out")
    validation_figure(table).savefig(folder / "validation.png", dpi=110)
    if not quiet:
        print(validation_text(table))
    print(folder)
