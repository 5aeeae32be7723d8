"""popsim explain: why one person fared as they did, and why otherwise under another strategy."""

from __future__ import annotations

from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, opened, whole


def explain(
    run: FinishedRun,
    person: Annotated[
        int | None, whole("Id of the person; without it, those are listed who fared most otherwise.")
    ] = None,
    strategy: Annotated[str, typer.Option(help="Strategy; the comparator otherwise.")] = "",
    against: Annotated[str, typer.Option(help="Another strategy: the first differences between the two lives.")] = "",
    replication: Annotated[int, whole("Which replication.")] = 0,
) -> None:
    """Say in clinical words what led to a person's illnesses, and what parted their lives under two strategies.

    The piece of work is simulated again with the same random numbers, so the lives are those of the run.
    """
    from popsim.reporting.text.explanation import compare_text, most_different_text, person_text

    found = opened(run)
    if person is None:
        print(most_different_text(found, strategy, against, replication))
    elif against:
        print(compare_text(found, person, strategy, against, replication))
    else:
        print(person_text(found, person, strategy, replication))
