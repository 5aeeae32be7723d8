"""popsim compare: two finished runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, opened, prints_tables

Second = Annotated[Path, typer.Argument(metavar="RUN", help="Another run, of the same or another experiment.")]


@prints_tables
def compare(first: FinishedRun, second: Second) -> None:
    """Print two finished runs side by side: what differs in their definitions, and every difference with its error."""
    from popsim.reporting.text.run_comparison import run_comparison_text

    print(run_comparison_text(opened(first), opened(second)))
