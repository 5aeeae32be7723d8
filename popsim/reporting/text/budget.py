"""What `popsim budget` prints: each year's budget with and without a strategy."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.definitions.experiment import Perspective
from popsim.economics.budget import TOTAL, budget_impact
from popsim.errors import InputError, did_you_mean
from popsim.reporting.intervals import has_intervals, readable, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned
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
    followed = run.experiment.follow_up_days / DAYS_PER_YEAR
    parts = [
        f"{run.experiment.title or run.experiment.name}: budget impact\n"
        f"Not discounted, {perspective.replace('_', ' ')} perspective"
        f"{'; net impact with 95% interval (Monte Carlo)' if has_intervals(run.experiment) else ''}\n"
        f"Costs are in {prices_in_words(run.experiment)}."
    ]
    for name in [strategy] if strategy else others:
        table = readable(budget_impact(measures, run.comparator, name, people, uptake, perspective), run.experiment)
        money = dict.fromkeys(("current_mix", "new_mix", "net", "low", "high"), run.experiment.currency)
        tabled(f"Budget impact of {run.strategies[name]}", table, **money)
        parts.append(_one_strategy(run.strategies[name], table, people, uptake, perspective))
    if followed < len(uptake) - 0.01:
        parts.append(
            f"People were followed for {followed:.1f} years: their later costs are missing. "
            f"popsim run --days {round(DAYS_PER_YEAR * len(uptake))} follows them for the whole budget."
        )
    return with_note("\n\n".join(parts), run.experiment)


def _one_strategy(
    title: str, table: pl.DataFrame, people: Sequence[float], uptake: Sequence[float], perspective: Perspective
) -> str:
    """Years as columns: eligible people, both budgets, and the net impact by component."""
    years = range(1, len(uptake) + 1)
    cell = {(row["year"], row["component"]): row for row in table.iter_rows(named=True)}
    lines: list[Sequence[str]] = [[title, *(f"Year {year}" for year in years)]]
    lines.append(["  Newly eligible people", *(f"{number:,.0f}" for number in people)])
    lines.append(["  Uptake, %", *(f"{share * 100:.0f}" for share in uptake)])
    for label, column in (("Current mix", "current_mix"), ("New mix", "new_mix")):
        lines.append([f"  {label}", *(f"{cell[year, TOTAL][column]:,.0f}" for year in years)])
    lines.append(["  Net impact", *(f"{cell[year, TOTAL]['net']:+,.0f}" for year in years)])
    if all(cell[year, TOTAL]["low"] is not None for year in years):
        spans = (f"{cell[year, TOTAL]['low']:+,.0f} to {cell[year, TOTAL]['high']:+,.0f}" for year in years)
        lines.append(["    95% interval", *spans])
    for component in table["component"].unique(maintain_order=True).to_list():
        changes = [cell[year, component]["net"] for year in years]
        if component != TOTAL and any(changes):
            less = perspective == "payer" and component == "out_of_pocket"
            label = LESS_CHARGES if less else measure_of(f"cost_{component}").short
            lines.append([f"    {label}", *(f"{c:+,.0f}" for c in changes)])
    return aligned(lines)
