"""popsim search: the best use of a limited budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import File, processes, whole


def search(
    file: File,
    trials: Annotated[int | None, whole("Variants to try.")] = None,
    population: Annotated[int | None, whole("Twins in each replication.")] = None,
    workers: Annotated[int | None, whole("Processes; as many as there are cores and memory otherwise.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
) -> None:
    """Search for the best variant of a strategy under a budget. The same command finishes a search that was cut short.

    FILE names the experiment, the strategy, what may be chosen and the budget. All variants meet the same people and
    luck; the best of them race on fresh luck, and the winner is judged on luck that had no part in choosing it.
    """
    processes("--workers", workers)
    from popsim.experiments.design import Study
    from popsim.experiments.engine import Engine
    from popsim.experiments.policy_problem import read_problem
    from popsim.experiments.runner import RunResult, run_study
    from popsim.reporting.progress import progress_bar
    from popsim.reporting.search import draw_search, search_text
    from popsim.search.keeping import folder_of, keep
    from popsim.search.policy import evaluator, find

    problem = read_problem(file, trials, population)
    place = out / "search" / problem.search.name

    def run(study: Study) -> RunResult:
        engine = Engine.fitting(workers, None, len(study.units), study.region_size(0))
        with progress_bar(problem.search.name, quiet=quiet) as on_progress:
            return run_study(study, place / "runs", engine, on_progress)

    found = find(problem, evaluator(problem, run), lambda text: None if quiet else print(text, flush=True))
    folder = folder_of(problem, place)
    content = keep(found, folder)
    draw_search(found, folder)
    if not quiet:
        print(search_text(found))
    print(f"{folder}  content hash {content[:16]}")
