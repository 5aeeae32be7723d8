"""What `popsim budget` prints: each year's budget with and without a strategy."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.analyses.decision_view import DecisionView
from popsim.definitions.market import MarketShares
from popsim.definitions.money import Perspective
from popsim.economics.budget import TOTAL, budgets_of_adoption, market_impact
from popsim.errors import InputError, did_you_mean
from popsim.reporting.intervals import has_intervals, readable, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, change
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of
from popsim.units import DAYS_PER_YEAR

LESS_CHARGES = "Less charges that patients pay"  # more of it when they pay less


def budget_text(
    shown: StoredRun | DecisionView,
    eligible: Sequence[float],
    uptake: Sequence[float],
    strategy: str,
    perspective: Perspective,
) -> str:
    """Budget impact of each strategy against the comparator, or of one.

    Args:
        shown: a finished run, or a model of one's own with its spending by year.
        eligible: people who become eligible in each year, or one number for all years.
        uptake: share of them that has the new strategy, by year.
        strategy: the new one; each strategy but the comparator when empty.
        perspective: whose budget.

    Raises:
        InputError: no such strategy, or a number is out of bounds.
    """
    view = DecisionView.of_run(shown)
    others = [name for name in view.strategies if name != view.comparator]
    if strategy and strategy not in others:
        raise InputError(f"--strategy {strategy}: {did_you_mean(strategy, others)}")
    people = list(eligible) * (len(uptake) if len(eligible) == 1 else 1)
    names = [strategy] if strategy else others
    adopted = budgets_of_adoption(view.measures, view.comparator, names, people, uptake, perspective)
    shares = [["  Uptake, %", *(f"{share * 100:.0f}" for share in uptake)]]
    parts = [
        _years(view, view.strategies[name], table.drop("strategy"), people, shares, perspective)
        for (name,), table in adopted.group_by("strategy", maintain_order=True)
    ]
    return _budget(view, parts, len(uptake), perspective)


def market_text(shown: StoredRun | DecisionView, market: MarketShares, perspective: Perspective) -> str:
    """Budget impact of a new mix of strategies instead of the current one.

    Raises:
        InputError: the run has no spending of a strategy.
    """
    view = DecisionView.of_run(shown)
    table = market_impact(view.measures, market, perspective)
    shares: list[list[str]] = []
    for title, mix in (("Current", market.current), ("New", market.new)):
        for name, own in mix.items():
            shares.append([f"  {title}: {view.strategies[name]}, %", *(f"{100 * share:.3g}" for share in own)])
    who = "everybody eligible so far, who switch as shares move" if market.switching else "people who become eligible"
    return _budget(
        view,
        [_years(view, f"Shares of {who}", table, market.eligible, shares, perspective)],
        len(market.eligible),
        perspective,
    )


def _budget(view: DecisionView, parts: Sequence[str], years: int, perspective: Perspective) -> str:
    """The head, tables, and what is missing."""
    whose = perspective.replace("_", " ")
    head = (
        f"{view.title}: budget impact\n"
        f"Not discounted, {f'{whose} perspective' if view.perspective else 'costs as the model counts them'}"
        f"{'; net impact with 95% interval (Monte Carlo)' if has_intervals(view) else ''}\n"
        f"Costs are in {view.prices}."
    )
    more = f" popsim run --days {round(DAYS_PER_YEAR * years)} follows them for the whole budget."
    short = (
        f"People were followed for {view.years:.1f} years: their later costs are missing."
        f"{more if view.perspective else ''}"
        if view.years < years - 0.01
        else ""
    )
    return with_note("\n\n".join(part for part in (head, *parts, short) if part), view, view.again)


def _years(
    view: DecisionView,
    title: str,
    table: pl.DataFrame,
    people: Sequence[float],
    shares: Sequence[Sequence[str]],
    perspective: Perspective,
) -> str:
    """Years as columns: eligible people, their shares, both budgets, and the net impact by component."""
    table = readable(table, view)
    money = dict.fromkeys(("current_mix", "new_mix", "net", "low", "high"), view.currency)
    components = table["component"].unique(maintain_order=True).to_list()
    labels = {name: measure_of(f"cost_{name}").short for name in components}
    if perspective == "payer" and "out_of_pocket" in labels:
        labels["out_of_pocket"] = LESS_CHARGES
    tabled(f"Budget impact of {title}", table.with_columns(pl.col("component").replace(labels)), **money)
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
    for component in components if len(components) > 2 else ():  # the total, and what it consists of
        changes = [cell[year, component]["net"] for year in years]
        if component != TOTAL and any(changes):
            lines.append([f"    {labels[component]}", *(change(c) for c in changes)])
    return aligned(lines)
