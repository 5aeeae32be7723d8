"""What `popsim budget` prints: each year's budget with and without a strategy."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.definitions.market import MarketShares
from popsim.definitions.money import Perspective
from popsim.economics.budget import TOTAL, budget_impact, market_impact
from popsim.errors import InputError, did_you_mean
from popsim.reporting.intervals import has_intervals, readable, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, change
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of
from popsim.studies.prices import prices_in_words
from popsim.units import DAYS_PER_YEAR

LESS_CHARGES = "Less charges that patients pay"  # more of it when they pay less


def budget_text(
    run: StoredRun, eligible: Sequence[float], uptake: Sequence[float], strategy: str, perspective: Perspective
) -> str:
    """Budget impact of each strategy against the comparator, or of one.

    Args:
        run: finished.
        eligible: people who become eligible in each year, or one number for all years.
        uptake: share of them that has the new strategy, by year.
        strategy: the new one; each strategy but the comparator when empty.
        perspective: whose budget.

    Raises:
        InputError: no such strategy, or a number is out of bounds.
    """
    others = [name for name in run.strategies if name != run.comparator]
    if strategy and strategy not in others:
        raise InputError(f"--strategy {strategy}: {did_you_mean(strategy, others)}")
    people = list(eligible) * (len(uptake) if len(eligible) == 1 else 1)
    measures = run.frame("measures")
    parts = []
    for name in [strategy] if strategy else others:
        table = budget_impact(measures, run.comparator, name, people, uptake, perspective)
        shares = [["  Uptake, %", *(f"{share * 100:.0f}" for share in uptake)]]
        parts.append(_years(run, run.strategies[name], table, people, shares, perspective))
    return _budget(run, parts, len(uptake), perspective)


def market_text(run: StoredRun, market: MarketShares, perspective: Perspective) -> str:
    """Budget impact of a new mix of strategies instead of the current one.

    Raises:
        InputError: the run has no spending of a strategy.
    """
    table = market_impact(run.frame("measures"), market, perspective)
    shares: list[list[str]] = []
    for title, mix in (("Current", market.current), ("New", market.new)):
        for name, own in mix.items():
            shares.append([f"  {title}: {run.strategies[name]}, %", *(f"{100 * share:.3g}" for share in own)])
    who = "everybody eligible so far, who switch as shares move" if market.switching else "people who become eligible"
    return _budget(
        run,
        [_years(run, f"Shares of {who}", table, market.eligible, shares, perspective)],
        len(market.eligible),
        perspective,
    )


def _budget(run: StoredRun, parts: Sequence[str], years: int, perspective: Perspective) -> str:
    """The head, tables, and what is missing."""
    head = (
        f"{run.experiment.title or run.experiment.name}: budget impact\n"
        f"Not discounted, {perspective.replace('_', ' ')} perspective"
        f"{'; net impact with 95% interval (Monte Carlo)' if has_intervals(run.experiment) else ''}\n"
        f"Costs are in {prices_in_words(run.experiment)}."
    )
    followed = run.experiment.follow_up_days / DAYS_PER_YEAR
    short = (
        f"People were followed for {followed:.1f} years: their later costs are missing. "
        f"popsim run --days {round(DAYS_PER_YEAR * years)} follows them for the whole budget."
        if followed < years - 0.01
        else ""
    )
    return with_note("\n\n".join(part for part in (head, *parts, short) if part), run.experiment, run.again)


def _years(
    run: StoredRun,
    title: str,
    table: pl.DataFrame,
    people: Sequence[float],
    shares: Sequence[Sequence[str]],
    perspective: Perspective,
) -> str:
    """Years as columns: eligible people, their shares, both budgets, and the net impact by component."""
    table = readable(table, run.experiment)
    money = dict.fromkeys(("current_mix", "new_mix", "net", "low", "high"), run.experiment.currency)
    tabled(f"Budget impact of {title}", table, **money)
    years = range(1, len(people) + 1)
    cell = {(row["year"], row["component"]): row for row in table.iter_rows(named=True)}
    lines: list[Sequence[str]] = [[title, *(f"Year {year}" for year in years)]]
    lines.append(["  Newly eligible people", *(f"{number:,.0f}" for number in people)])
    lines += shares
    for label, column in (("Current mix", "current_mix"), ("New mix", "new_mix")):
        lines.append([f"  {label}", *(f"{cell[year, TOTAL][column]:,.0f}" for year in years)])
    lines.append(["  Net impact", *(change(cell[year, TOTAL]["net"]) for year in years)])
    if all(cell[year, TOTAL]["low"] is not None for year in years):
        spans = (f"{change(cell[year, TOTAL]['low'])} to {change(cell[year, TOTAL]['high'])}" for year in years)
        lines.append(["    95% interval", *spans])
    for component in table["component"].unique(maintain_order=True).to_list():
        changes = [cell[year, component]["net"] for year in years]
        if component != TOTAL and any(changes):
            less = perspective == "payer" and component == "out_of_pocket"
            label = LESS_CHARGES if less else measure_of(f"cost_{component}").short
            lines.append([f"    {label}", *(change(c) for c in changes)])
    return aligned(lines)
