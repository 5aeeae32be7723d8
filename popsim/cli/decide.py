"""popsim decide, popsim subgroups, popsim equity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import whole

FinishedRun = Annotated[
    Path, typer.Argument(metavar="RUN", help="results/<experiment>/<run id>, or results/<experiment>.")
]
Price = Annotated[
    float | None,
    typer.Option("--willingness-to-pay", metavar="MONEY", help="For one unit; the experiment's otherwise."),
]


def decide(
    run: FinishedRun,
    effect: Annotated[str, typer.Option(metavar="MEASURE", help="What money buys.")] = "qalys",
    willingness_to_pay: Price = None,
    people: Annotated[int, whole("Whom the decision concerns each year.")] = 0,
    years: Annotated[int, whole("How long it will stand.")] = 1,
    top: Annotated[int, whole("Parameters shown.")] = 10,
) -> None:
    """Print which strategy to choose, how sure that is, and what it would be worth to know more."""
    from popsim.experiments.run import Run
    from popsim.reporting.decision_text import decision_text

    print(decision_text(Run.open(run), effect, willingness_to_pay, people, years, top))
