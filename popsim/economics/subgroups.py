"""Effects by subgroup. Groups are defined at entry, so they are the same under every strategy.

A subgroup's effect is the difference between its means under two strategies, within one replication of one draw: the
same people and random numbers. Groups of a column are its values, or bands where it has many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NoReturn

import numpy as np
import polars as pl

from popsim.economics.checks import (
    check_comparator,
    check_finite,
    check_names,
    check_price,
    check_shares,
    check_units,
)
from popsim.economics.columns import VALUATION_COLUMNS
from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError, did_you_mean
from popsim.population.baseline import KNOWN_AT_ENTRY

type Persons = pl.DataFrame | pl.LazyFrame
type Cuts = Mapping[str, Sequence[float]]
type Weights = Mapping[str, float]

MAX_LEVELS = 10  # a column of more values is cut into bands
UNIT = ["draw", "replication"]
PERSON = [*UNIT, "region", "person_id"]
EVERYONE, NOT_KNOWN = "everyone", "not known"
NET_BENEFIT = "net_monetary_benefit"
COST, QALY = "cost_total", "qaly"
OUTCOMES = (COST, QALY)
_MEASURED = {COST, *(column.name for column in VALUATION_COLUMNS)}


def subgroup_effects(
    persons: Persons,
    comparator: str,
    by: Sequence[str],
    willingness_to_pay: float,
    *,
    outcomes: Sequence[str] = OUTCOMES,
    cuts: Cuts | None = None,
    weights: Weights | None = None,
) -> pl.DataFrame:
    """Mean difference from the comparator in every subgroup, paired by draw and replication.

    Args:
        persons: a run's table of persons.
        comparator: name of the strategy to compare with.
        by: columns that describe a person at entry.
        willingness_to_pay: for a QALY, in the currency of the costs.
        outcomes: columns of persons; null where a person's value is unknown.
        cuts: where to cut a column into bands, by name; at its quartiles otherwise if it has many values.
        weights: of levels, for "everyone": see `weight_of`.

    Returns:
        subgroup (the column, or "everyone"), level, share (of all people, as weighted), strategy, comparator, measure
        (the outcomes and net_monetary_benefit), and the columns of `nested_means`. A replication counts for a level if
        it has people in it.

    Raises:
        InputError: there is no such column or strategy, a column is not known at entry, or a number is refused.
    """
    table = with_net_benefit(persons, comparator, willingness_to_pay)
    measures = [*outcomes, NET_BENEFIT]
    known(table, outcomes)
    known_at_entry(table, by)
    table = table.with_columns(weight=weight_of(table, by, comparator, cuts, weights))
    parts = []
    for column in (EVERYONE, *by):
        labels = levels(table, column, comparator, cuts)
        means = (
            table.with_columns(labels.alias("level"))
            .group_by("strategy", *UNIT, "level")
            .agg(pl.col("weight").sum().alias("people"), _mean(measures, weighted=weights is not None))
            .collect()
        )
        base = means.filter(pl.col("strategy") == comparator).drop("strategy")
        total = base["people"].sum()
        shares = base.group_by("level").agg(share=pl.col("people").sum() / total)
        pairs = means.filter(pl.col("strategy") != comparator).join(
            base, on=[*UNIT, "level"], suffix="_base", nulls_equal=True
        )
        long = (
            pairs.with_columns(pl.col(name) - pl.col(f"{name}_base") for name in measures)
            .unpivot(on=measures, index=["level", "strategy", *UNIT], variable_name="measure")
            .sort("level", "strategy", *UNIT)
        )
        effects = nested_means(long, ["level", "strategy", "measure"])
        parts.append(
            effects.join(shares, on="level", how="left", nulls_equal=True, maintain_order="left").select(
                pl.lit(column).alias("subgroup"),
                pl.col("level").cast(pl.String),
                "share",
                pl.col("strategy").cast(pl.String),
                pl.lit(comparator).alias("comparator"),
                pl.exclude("level", "share", "strategy"),
            )
        )
    return pl.concat(parts)


def _mean(measures: Sequence[str], *, weighted: bool) -> pl.Expr:
    """Mean of each measure over persons, null where it is unknown."""
    value, weight = pl.col(measures).cast(pl.Float64), pl.col("weight")
    return (value * weight).sum() / weight.sum() if weighted else value.mean()


def weight_of(
    table: pl.LazyFrame, by: Sequence[str], comparator: str, cuts: Cuts | None, weights: Weights | None
) -> pl.Expr:
    """How many people each person stands for, so that levels have the shares of another population than the run's.

    Args:
        table: persons.
        by: one column.
        comparator: whose people are counted.
        cuts: as for `levels`.
        weights: share of each level of it in the population that the decision is for; 1 for everybody when None.

    Raises:
        InputError: there are several columns, a level is unknown or has no share, or shares do not sum to 1.
    """
    if weights is None:
        return pl.lit(1.0)
    if len(by) != 1:
        raise InputError("weights by level: name exactly one column")
    label = levels(table, by[0], comparator, cuts).cast(pl.String).fill_null(NOT_KNOWN)
    people = table.filter(pl.col("strategy") == comparator)
    counts = dict(people.group_by(label.alias("level")).len().sort("level").collect().iter_rows())
    for name in [*weights, *counts]:
        if name not in counts or name not in weights:
            lacks = did_you_mean(name, counts) if name not in counts else "it has no weight"
            raise InputError(f"weights: level '{name}' of {by[0]}: {lacks}")
    check_shares("weights", np.array([*weights.values()]))
    total = sum(counts.values())
    shares = {name: weights[name] * total / count for name, count in counts.items()}
    return label.replace_strict(shares, return_dtype=pl.Float64)


def with_net_benefit(persons: Persons, comparator: str, willingness_to_pay: float) -> pl.LazyFrame:
    """The persons with net_monetary_benefit = willingness to pay x qaly - cost_total, strategies as text.

    Raises:
        InputError: a column is missing, there are no persons, no two strategies of the same people, no comparator, a
            cost or a QALY is not finite, or the willingness to pay is refused.
    """
    check_price(willingness_to_pay)
    known(persons.lazy(), ("strategy", *PERSON, *OUTCOMES))
    table = persons.lazy().with_columns(pl.col("strategy").cast(pl.String))
    wrong = [(~pl.col(name).cast(pl.Float64).is_finite()).sum().alias(name) for name in OUTCOMES]
    found = table.group_by("strategy", *UNIT).agg(pl.len().alias("people"), *wrong).sort("strategy", *UNIT).collect()
    if found.is_empty():
        raise InputError("persons: no rows")
    check_comparator(found["strategy"].unique(maintain_order=True).to_list(), comparator)
    for name in OUTCOMES:
        if found[name].sum():
            raise InputError(f"{name}: must be finite numbers, {found[name].sum()} persons have another")
    groups = found.group_by("strategy", maintain_order=True)
    check_units({name: {*rows.select(UNIT).rows()} for (name,), rows in groups}, "persons")
    if (found.group_by(UNIT).agg(pl.col("people").n_unique())["people"] > 1).any():
        raise InputError("persons: strategies have different numbers of people, they must have the same people")
    return table.with_columns((willingness_to_pay * pl.col(QALY) - pl.col(COST)).alias(NET_BENEFIT))


def known(table: pl.LazyFrame, columns: Sequence[str]) -> None:
    """Refuse columns that the persons do not have.

    Raises:
        InputError: there is such a column.
    """
    present = table.collect_schema().names()
    for column in columns:
        if column not in present and column != EVERYONE:
            raise InputError(f"persons have no column '{column}': {did_you_mean(column, present)}")


def known_at_entry(table: pl.LazyFrame, columns: Sequence[str]) -> None:
    """Refuse columns that cannot define groups: an outcome would group each strategy's people differently.

    A column that popsim does not know must have the same value for a person under every strategy.

    Raises:
        InputError: persons do not have a column, it is named twice, or it is not known at entry.
    """
    known(table, columns)
    check_names("column", columns)
    for column in columns:
        if column not in (EVERYONE, *KNOWN_AT_ENTRY):
            values = table.group_by(PERSON).agg(pl.col(column).n_unique())
            if column in _MEASURED or values.select((pl.col(column) > 1).any()).collect().item():
                refuse_outcome(column, table.collect_schema().names())


def refuse_outcome(column: str, present: Sequence[str]) -> NoReturn:
    """Refuse a column, and name those by which people may be grouped instead.

    Raises:
        InputError: always.
    """
    allowed = did_you_mean(column, [name for name in KNOWN_AT_ENTRY if name in present])
    raise InputError(f"column '{column}': an outcome, not known at entry, so it cannot define subgroups; {allowed}")


def levels(table: pl.LazyFrame, column: str, comparator: str, cuts: Cuts | None = None) -> pl.Expr:
    """The level of each person in a column: an ordered category, in the order of the values.

    Args:
        table: persons.
        column: its name; "everyone" for one level.
        comparator: whose people define the set of values.
        cuts: where to cut it into bands; null or absent: at rounded quartiles if it has more than MAX_LEVELS values.

    Raises:
        InputError: an end is not finite or occurs twice.
    """
    if column == EVERYONE:
        return pl.lit(EVERYONE, pl.Enum([EVERYONE]))
    values = table.filter(pl.col("strategy") == comparator).select(pl.col(column)).collect().to_series()
    ends = list((cuts or {}).get(column, ()))
    if ends:
        check_finite(**{f"bands of {column}": ends})
        check_names(f"bands of {column}:", [f"{end:g}" for end in ends])
    distinct = values.drop_nulls().unique().sort()
    if not ends and len(distinct) <= MAX_LEVELS:
        return pl.col(column).cast(pl.String).cast(pl.Enum([str(value) for value in distinct.cast(pl.String)]))
    if not ends:
        quartiles = {_two_digits(float(values.quantile(q, "linear") or 0.0)) for q in (0.25, 0.5, 0.75)}
        ends = [end for end in quartiles if distinct[0] < end] or [distinct[len(distinct) // 2]]
    ends = sorted(ends)
    names = [f"under {ends[0]:g}", *(f"{low:g} to under {high:g}" for low, high in pairwise(ends))]
    names.append(f"{ends[-1]:g} and over")
    above = pl.sum_horizontal((pl.col(column) >= end).cast(pl.UInt32) for end in ends)
    named = above.replace_strict(dict(enumerate(names)), return_dtype=pl.Enum(names))
    return pl.when(pl.col(column).is_not_null()).then(named)


def _two_digits(value: float) -> float:
    """Rounded to two significant digits, so that bands have round limits."""
    return round(value, 1 - math.floor(math.log10(abs(value)))) if value else 0.0
