"""popsim search: the best use of a limited budget."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from popsim.cli.options import ALL, File, StudyOptions, prints_tables, study_options, whole


@prints_tables
@study_options(*(name for name in ALL if name != "replications"))
def search(file: File, options: StudyOptions, trials: Annotated[int | None, whole("Variants to try.")] = None) -> None:
    """Search for the best variant of a strategy within a budget. The same command resumes an interrupted search.

    FILE names the experiment, the strategy, the choices and the budget. All variants share people and random numbers;
    the best race on new replications, and the winner is evaluated on replications that had no part in choosing it.
    """
    from popsim.analyses.policy_problem import read_problem
    from popsim.reporting.text.search import draw_search, search_text
    from popsim.search.policy import evaluator, search_policy
    from popsim.search.storage import folder_of, write_result

    problem = read_problem(file, trials, options.changes())
    results = options.out / "search" / problem.search.name
    run = partial(options.run, results=results / "runs", title=problem.search.name)
    result = search_policy(
        problem, evaluator(problem, run), lambda text: None if options.quiet else print(text, flush=True)
    )
    folder = folder_of(problem, results)
    content = write_result(result, folder)
    draw_search(result, folder)
    options.show(search_text(result))
    print(f"{folder}  content hash {content[:16]}")
