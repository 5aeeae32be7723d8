"""Economics of capacity: the value of a strategy at several capacities of a setting, and that of one more place.

All levels share people and random numbers, so that they differ only in capacity. The value of a place is a shadow price
by finite differences, for one strategy from one capacity to the next higher:

    (willingness to pay x QALYs gained - cost added, all people together) / (places added x years they were open)

in money per place-year: the most that one more place is worth for a year, after the price of the days that people spend
in it (an empty place costs nothing in the simulation). It is negative where those days cost more than the health they
bring. Only the twins' health and money count; what external patients gain is left out.
"""

from __future__ import annotations

import math
from itertools import pairwise

import polars as pl

from popsim.economics.checks import check_number, check_price, check_values
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST, cost_effectiveness
from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError

KEYS = ("strategy", "draw", "replication")


def value_by_level(levels: pl.DataFrame, comparator: str, willingness_to_pay: float) -> pl.DataFrame:
    """Cost-effectiveness at every level.

    Args:
        levels: level (requested number of places), strategy, draw, replication, measure, value.
        comparator: name of the strategy to compare with.
        willingness_to_pay: for a QALY.

    Returns:
        level, and the columns of `cost_effectiveness`, one row for each level and other strategy.
    """
    _check(levels)
    tables = []
    for (level,), measures in levels.group_by("level", maintain_order=True):
        table = cost_effectiveness(measures.drop("level"), comparator, willingness_to_pay)
        tables.append(table.select(pl.lit(level, pl.Int64).alias("level"), pl.all()))
    return pl.concat(tables)


def means_by_level(levels: pl.DataFrame) -> pl.DataFrame:
    """Mean of every measure by level and strategy: level, strategy, measure and the columns of `nested_means`."""
    _check(levels)
    return nested_means(levels, ["level", "strategy", "measure"])


def value_of_capacity(
    levels: pl.DataFrame,
    setting: str,
    willingness_to_pay: float,
    people: int,
    years: float,
) -> pl.DataFrame:
    """What one more place is worth, between each level and the next.

    Args:
        levels: level, strategy, draw, replication, measure, value, with places.<setting>: the number of places that
            were simulated.
        setting: whose capacity differs between levels.
        willingness_to_pay: for a QALY.
        people: twins in a replication.
        years: for which the places were open: all days of the simulation.

    Returns:
        strategy, from_level, to_level and the columns of `nested_means` of the value of a place-year; differences are
        taken within draws and replications.

    Raises:
        InputError: the setting has no places, or two levels have the same number of them.
    """
    _check(levels)
    check_price(willingness_to_pay)
    check_number("people", people, above=True)
    check_number("years", years, above=True)
    places = f"places.{setting}"
    if places not in levels["measure"]:
        raise InputError(f"setting '{setting}': its number of places was not measured")
    wide = levels.filter(pl.col("measure").is_in([TOTAL_COST, QALYS, places])).pivot(
        on="measure", on_columns=[TOTAL_COST, QALYS, places], index=["level", *KEYS], values="value"
    )
    if wide[places].null_count():
        raise InputError(f"setting '{setting}': its number of places was not measured")
    worth = wide.select("level", *KEYS, pl.col(places).alias("places"), worth=_net_benefit(willingness_to_pay) * people)
    steps = []
    for low, high in pairwise(sorted(int(level) for level in worth["level"].unique())):
        lower, higher = (worth.filter(pl.col("level") == level) for level in (low, high))
        step = lower.join(higher, on=KEYS, suffix="_high", maintain_order="left")
        added = pl.col("places_high") - pl.col("places")
        if not math.isclose(step.select(added.min()).item(), 0.0, abs_tol=1e-9):
            value = (pl.col("worth_high") - pl.col("worth")) / (added * years)
            steps.append(step.select(*KEYS, from_level=pl.lit(low), to_level=pl.lit(high), value=value))
            continue
        number = step.select(pl.col("places").min()).item()
        raise InputError(f"{low} and {high} places are both {number:g} for {people} people: simulate more people")
    if not steps:
        raise InputError("the value of a place needs two levels or more")
    return nested_means(pl.concat(steps), ["strategy", "from_level", "to_level"])


def _check(levels: pl.DataFrame) -> None:
    """Refuse an invalid table of levels."""
    check_values(levels, ("level", *KEYS, "measure"))


def _net_benefit(willingness_to_pay: float) -> pl.Expr:
    return willingness_to_pay * pl.col(QALYS) - pl.col(TOTAL_COST)
