"""popsim outcomes."""

from __future__ import annotations

from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, opened, prints_tables


@prints_tables
def outcomes(
    run: FinishedRun,
    everything: Annotated[
        bool, typer.Option("--all", help="Also show detailed distributions and the risk model.")
    ] = False,
) -> None:
    """Print readmission, time at home, waits, occupancy and equity, with paired differences between strategies."""
    from popsim.reporting.text.outcomes import outcome_text

    print(outcome_text(opened(run), everything))
