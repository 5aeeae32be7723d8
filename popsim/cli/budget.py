"""popsim budget, popsim capacity: budget impact of a strategy, and the value of additional capacity."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import File, FinishedRun, StudyOptions, once, opened, prints_tables, study_options
from popsim.errors import InputError
from popsim.numbers import read_number

if TYPE_CHECKING:
    from popsim.definitions.market import MarketShares


def numbers(flag: str, text: str) -> list[float]:
    """Numbers separated by commas.

    Raises:
        InputError: the text has another form.
    """
    try:
        return [read_number(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"command line: {flag} = {text}: must be numbers separated by commas") from None


MixNow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SHARE[,SHARE...]",
        help="Share of a strategy as it is, each year or year by year; may be repeated.",
    ),
]
MixToCome = Annotated[
    list[str] | None, typer.Option(metavar="NAME=SHARE[,SHARE...]", help="The same after the decision.")
]
Switching = Annotated[bool, typer.Option("--switching", help="People switch as shares move.")]


def market_shares(
    eligible: str, current: list[str] | None, new: list[str] | None, switching: bool, known: Iterable[str]
) -> MarketShares:
    """The market shares of --eligible, --current and --new.

    Raises:
        InputError: one is missing or has another form, or they do not fit together.
    """
    from popsim.definitions.market import MarketShares

    if not (eligible and current and new):
        raise InputError("command line: --eligible, --current and --new go together")
    mixes = []
    for flag, mix in (("--current", current), ("--new", new)):
        pairs = [
            (name.strip(), numbers(f"{flag} {name}", shares)) for name, _, shares in (p.partition("=") for p in mix)
        ]
        once(flag, [name for name, _ in pairs])
        mixes.append(dict(pairs))
    return MarketShares.of(numbers("--eligible", eligible), mixes[0], mixes[1], switching, known, "command line")


@prints_tables
def budget(
    run: FinishedRun,
    eligible: Annotated[
        str, typer.Option(metavar="N[,N...]", help="Newly eligible people: one number for every year, or one for each.")
    ] = "",
    uptake: Annotated[
        str, typer.Option(metavar="SHARE[,SHARE...]", help="Share on the new strategy, year by year.")
    ] = "",
    strategy: Annotated[str, typer.Option(metavar="NAME", help="The new strategy; by default each in turn.")] = "",
    perspective: Annotated[str, typer.Option(metavar="NAME", help="payer, health_system, societal or patient.")] = (
        "payer"
    ),
    market: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file of market shares by year: eligible, current, new, switching."),
    ] = None,
    current: MixNow = None,
    new: MixToCome = None,
    switching: Switching = False,
) -> None:
    """Print the budget impact of a strategy, or of a new mix of several, year by year, undiscounted."""
    from popsim.economics.perspectives import perspective_named
    from popsim.reporting.text.budget import budget_text, market_text

    if market is not None:
        if eligible or uptake or strategy or current or new or switching:
            raise InputError(
                "command line: --market names eligible people and shares itself: leave out the other flags"
            )
        from popsim.definitions.market import MarketShares

        shares_by_year, found = MarketShares.read(market), opened(run)
        shares_by_year.check_strategies(found.strategies, market)
        print(market_text(found, shares_by_year, perspective_named(perspective)))
        return
    if current or new:
        if uptake or strategy:
            raise InputError("command line: --current and --new name shares themselves: leave out --uptake, --strategy")
        found = opened(run)
        mixes = market_shares(eligible, current, new, switching, found.strategies)
        print(market_text(found, mixes, perspective_named(perspective)))
        return
    if switching or not (eligible and uptake):
        raise InputError(
            "command line: budget needs --eligible and --uptake; or --eligible, --current and --new (with --switching, "
            "if people switch); or --market FILE"
        )
    people, shares = numbers("--eligible", eligible), numbers("--uptake", uptake)
    print(budget_text(opened(run), people, shares, strategy, perspective_named(perspective)))


@prints_tables
@study_options()
def capacity(
    file: File,
    options: StudyOptions,
    setting: Annotated[
        str, typer.Option(metavar="NAME", help="Setting whose capacity is varied, under every strategy.")
    ],
    places: Annotated[
        str, typer.Option(metavar="N,N[,N...]", help="Capacities to compare, for the network's reference population.")
    ],
) -> None:
    """Run an experiment at several capacities of a setting; print the value of each strategy and of one more place."""
    from popsim.reporting.text.capacity import capacity_text
    from popsim.runs.run import StoredRun
    from popsim.studies.variants import at_capacities

    levels = [int(number) for number in numbers("--places", places)]
    if levels != numbers("--places", places):
        raise InputError(f"command line: --places = {places}: must be whole numbers")
    runs = {}
    for number, study in at_capacities(file, setting, levels, options.changes()).items():
        title = f"{study.experiment.name}, {number} places"
        runs[number] = StoredRun.open(options.run(study, title=title).folder)
    print(capacity_text(runs, setting))
