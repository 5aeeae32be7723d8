"""popsim data-value: what better data about people are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, processes, whole


def data_value(
    file: File,
    population: Annotated[int | None, whole("Twins in each replication.")] = None,
    replications: Annotated[int | None, whole("Independent repetitions.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar and no table.")] = False,
) -> None:
    """Print and draw net benefit against the quality of data. The same command finishes a run that was cut short.

    FILE names an experiment, strategies and what of their data is varied: accuracy, interval, delay, missingness,
    genome, adoption, alert fatigue, or any other value of a strategy.
    """
    processes("--workers", workers)
    from popsim.experiments.data_value import data_value as ask
    from popsim.experiments.data_value import read_question
    from popsim.experiments.design import Study
    from popsim.experiments.engine import Engine
    from popsim.experiments.runner import RunResult, run_study
    from popsim.reporting.data_value import data_value_text, draw_data_value
    from popsim.reporting.progress import progress_bar

    question = read_question(file, population, replications)
    place = out / "data_value" / question.definition.name
    folders = []

    def run(study: Study) -> RunResult:
        engine = Engine.fitting(workers, None, len(study.units), study.region_size(0))
        with progress_bar(question.definition.name, quiet=quiet) as on_progress:
            result = run_study(study, place, engine, on_progress)
        folders.append(result.folder)
        return result

    worth = ask(question, run)
    (folder,) = folders
    worth.curve.write_parquet(folder / "data_value.parquet")
    worth.bounds.write_parquet(folder / "data_value_bounds.parquet")
    draw_data_value(worth, question, folder)
    if not quiet:
        print(data_value_text(worth, question))
    print(folder)
