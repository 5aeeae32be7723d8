"""popsim budget, popsim capacity: what a strategy does to a budget, and what a place is worth."""

from __future__ import annotations

from typing import Annotated

import typer

from popsim.cli.decide import FinishedRun
from popsim.errors import InputError


def numbers(flag: str, text: str) -> list[float]:
    """Numbers with commas between them.

    Raises:
        InputError: something else.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"command line: {flag} = {text}: must be numbers with commas between them") from None


def budget(
    run: FinishedRun,
    eligible: Annotated[
        str, typer.Option(metavar="N[,N...]", help="Newly eligible people, each year or year by year.")
    ],
    uptake: Annotated[str, typer.Option(metavar="SHARE[,SHARE...]", help="Share on the new strategy, year by year.")],
    strategy: Annotated[str, typer.Option(metavar="NAME", help="The new strategy; each otherwise.")] = "",
    perspective: Annotated[str, typer.Option(metavar="NAME", help="payer, health_system, societal or patient.")] = (
        "payer"
    ),
) -> None:
    """Print what adopting a strategy does to a budget, year by year, not discounted."""
    from popsim.economics.perspectives import perspective_named
    from popsim.experiments.run import Run
    from popsim.reporting.budget_text import budget_text

    people, shares = numbers("--eligible", eligible), numbers("--uptake", uptake)
    print(budget_text(Run.open(run), people, shares, strategy, perspective_named(perspective)))
