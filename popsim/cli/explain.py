"""popsim explain: why one person fared as they did, and differently under another strategy."""

from __future__ import annotations

from typing import Annotated

import typer

from popsim.cli.options import ENGINE, FinishedRun, StudyOptions, opened, prints_tables, study_options, whole


@prints_tables
@study_options(*ENGINE)
def explain(
    run: FinishedRun,
    options: StudyOptions,
    person: Annotated[int | None, whole("Id of the person; without it, list those whose outcomes differ most.")] = None,
    strategy: Annotated[str, typer.Option(help="Strategy; by default the comparator.")] = "",
    against: Annotated[
        str, typer.Option(help="Another strategy, to show where the person's course first differs.")
    ] = "",
    replication: Annotated[int, whole("Number of the replication.")] = 0,
) -> None:
    """Explain in clinical terms what led to a person's illnesses, or where two strategies made a difference.

    The replication is simulated again with the same random numbers, so the course is that of the run.
    """
    from popsim.reporting.text.explanation import compare_text, most_different_text, person_text

    found = opened(run)
    if person is None:
        print(most_different_text(found, strategy, against, replication))
    elif against:
        engine = options.engine(found.study, units=2)
        print(compare_text(found, person, strategy, against, replication, engine))
    else:
        options.use_threads(found.study.region_size(0))
        print(person_text(found, person, strategy, replication))
