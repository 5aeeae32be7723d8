"""Counterfactual pairs: the same person, with the same random numbers, under another strategy.

Common random numbers show what no trial can: who gains and who loses health (QALYs), and for whom a strategy is worth
its cost (net benefit). A pair still contains chance (a bed that is free under one strategy and taken under the other),
so the spread of individual effects is that of outcomes, not of what could be predicted.

The predictable part is the value of individualised care: each subgroup gets the strategy that is best for it, learned
from all other replications and evaluated in the one left out, so that the value is not optimistic. Perfect foresight of
each person's outcome is an upper bound for every rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.subgroups import (
    COST,
    EVERYONE,
    NET_BENEFIT,
    NOT_KNOWN,
    PERSON,
    QALY,
    UNIT,
    Cuts,
    Persons,
    Weights,
    known_at_entry,
    levels,
    weight_of,
    with_net_benefit,
)
from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError

SAME = 1e-9  # money, or QALYs; smaller differences are rounding
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FORESIGHT = "perfect foresight of each person's fate"
GAINS, LOSES, UNCHANGED = "gains", "loses", "unchanged"
HEALTH, VALUE = "health", "net_benefit"
OF = {HEALTH: "qaly_difference", VALUE: "net_benefit_difference"}  # the difference whose sign classifies a person


def counterfactual_pairs(persons: Persons, comparator: str, willingness_to_pay: float) -> pl.LazyFrame:
    """Every person under every other strategy, paired with the same person under the comparator.

    Returns:
        The columns of persons, cost_difference, qaly_difference, net_benefit_difference, and health and net_benefit:
        gains, loses or unchanged, the sign of the difference in QALYs and of that in net benefit.

    Raises:
        InputError: there is no such strategy.
    """
    table = with_net_benefit(persons, comparator, willingness_to_pay)
    base = table.filter(pl.col("strategy") == comparator).select(*PERSON, COST, QALY, NET_BENEFIT)
    pairs = table.filter(pl.col("strategy") != comparator).join(base, on=PERSON, suffix="_base", maintain_order="left")
    names = {COST: "cost_difference", QALY: "qaly_difference", NET_BENEFIT: "net_benefit_difference"}
    return (
        pairs.with_columns((pl.col(name) - pl.col(f"{name}_base")).alias(new) for name, new in names.items())
        .drop(f"{name}_base" for name in names)
        .with_columns(_fate(pl.col(column)).alias(of) for of, column in OF.items())
    )


def _fate(difference: pl.Expr) -> pl.Expr:
    """The sign of a difference in a word."""
    loses = pl.when(difference < -SAME).then(pl.lit(LOSES))
    return loses.when(difference > SAME).then(pl.lit(GAINS)).otherwise(pl.lit(UNCHANGED))


def individual_effects(persons: Persons, comparator: str, willingness_to_pay: float) -> pl.DataFrame:
    """The distribution of individual effects, chance included: on health, and on net benefit.

    Returns:
        strategy, measure, and the columns of `nested_means`. Measures, each led by health_ (in QALYs) or net_benefit_
        (in money): share_gains, share_loses, share_unchanged, mean, mean_of_gains and mean_of_loses (of those people),
        p05 ... p95 (quantiles over persons). net_benefit_share_loses has two parts: net_benefit_share_harmed lose
        health, net_benefit_share_pays lose none, but their care costs more than the health that they gain is worth.
    """
    loses, harmed = pl.col(VALUE) == LOSES, pl.col(HEALTH) == LOSES
    measures: list[pl.Expr] = [
        (loses & harmed).mean().alias(f"{VALUE}_share_harmed"), (loses & ~harmed).mean().alias(f"{VALUE}_share_pays"),
    ]  # fmt: skip
    for of, column in OF.items():
        gain, fate = pl.col(column), pl.col(of)
        measures += [(fate == name).mean().alias(f"{of}_share_{name}") for name in (GAINS, LOSES, UNCHANGED)]
        measures.append(gain.mean().alias(f"{of}_mean"))
        measures += [gain.filter(fate == name).mean().alias(f"{of}_mean_of_{name}") for name in (GAINS, LOSES)]
        measures += [gain.quantile(q, "linear").alias(f"{of}_p{100 * q:02.0f}") for q in QUANTILES]
    wide = (
        counterfactual_pairs(persons, comparator, willingness_to_pay)
        .group_by("strategy", *UNIT)
        .agg(*measures)
        .sort("strategy", *UNIT)
        .collect()
    )
    return nested_means(wide.unpivot(index=["strategy", *UNIT], variable_name="measure"), ["strategy", "measure"])


def who_gains(persons: Persons, comparator: str, willingness_to_pay: float, columns: Sequence[str]) -> pl.DataFrame:
    """Baseline characteristics of those who gain, lose or are unchanged, by health and by net benefit.

    Returns:
        strategy, of (health, net_benefit), column, and the mean of the column among those who gain, lose, are
        unchanged.

    Raises:
        InputError: there is no such column or strategy, or a column is not known at entry.
    """
    pairs = counterfactual_pairs(persons, comparator, willingness_to_pay)
    known_at_entry(persons.lazy(), columns)
    if not columns:
        raise InputError("columns: name at least one")
    parts = []
    for of in OF:
        means = pairs.group_by("strategy", of).agg(pl.col(list(columns)).cast(pl.Float64).mean()).collect()
        parts.append(
            means.unpivot(index=["strategy", of], variable_name="column")
            .pivot(on=of, on_columns=[GAINS, LOSES, UNCHANGED], index=["strategy", "column"], values="value")
            .select("strategy", pl.lit(of).alias("of"), pl.exclude("strategy"))
        )
    return pl.concat(parts).sort("strategy", "of", "column")


class Individualised(NamedTuple):
    """The value of choosing by subgroup.

    Attributes:
        value: policy, and the columns of `nested_means` of its net benefit per person over that of the single best
            strategy for everybody, itself chosen without the replication in which it is evaluated. The last row is
            perfect foresight over the same strategy: an upper bound that includes chance and that no rule attains.
        choice: level (of each column of `by`), people (share), strategy: the best for each subgroup, from all data.
    """

    value: pl.DataFrame
    choice: pl.DataFrame


def individualised_care(
    persons: Persons,
    comparator: str,
    willingness_to_pay: float,
    by: Sequence[str],
    *,
    cuts: Cuts | None = None,
    weights: Weights | None = None,
) -> Individualised:
    """The value of giving each subgroup the strategy that is best for it, cross-fitted over replications.

    Args:
        persons: a run's table of persons.
        comparator: wins ties.
        willingness_to_pay: for a QALY, in the currency of the costs.
        by: columns that describe a person at entry; subgroups are the combinations of their levels.
        cuts, weights: as for `subgroup_effects`.

    With one replication (and draw) nothing can be left out: values are null.

    Raises:
        InputError: there is no such column or strategy.
    """
    table = with_net_benefit(persons, comparator, willingness_to_pay)
    known_at_entry(table, by)
    labels = [levels(table, column, comparator, cuts).cast(pl.String).alias(f"level {column}") for column in by]
    labels = labels or [pl.lit(EVERYONE).alias("level everyone")]
    cell = pl.concat_str([label.fill_null(NOT_KNOWN) for label in labels], separator=" | ")
    weight = weight_of(table, by, comparator, cuts, weights)
    table = table.with_columns(cell=cell, weight=weight).with_columns(benefit=pl.col(NET_BENEFIT) * pl.col("weight"))
    cells = (
        table.group_by("strategy", *UNIT, "cell").agg(pl.col("benefit").sum(), people=pl.col("weight").sum()).collect()
    )
    strategies = [comparator, *sorted(set(cells["strategy"]) - {comparator})]
    names = cells["cell"].unique().sort().to_list()
    units = cells.select(UNIT).unique().sort(UNIT)
    benefit, people = _arrays(cells, units, names, strategies)
    value = units.select(
        pl.lit(f"best strategy by {', '.join(by)}").alias("policy"),
        *UNIT,
        pl.Series("value", _cross_fitted(benefit, people), pl.Float64),
    )
    foresight = _foresight(table, units, benefit, people)
    total = benefit.sum(axis=0)
    return Individualised(
        nested_means(pl.concat([value, foresight]), ["policy"]),
        pl.DataFrame(
            {
                "level": names,
                "share": people.sum(axis=0) / people.sum(),
                "strategy": [strategies[best] for best in total.argmax(axis=1)],
            }
        ),
    )


def _arrays(
    cells: pl.DataFrame, units: pl.DataFrame, names: list[str], strategies: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Summed net benefit (units, subgroups, strategies) and people (units, subgroups)."""
    unit = {key: index for index, key in enumerate(units.iter_rows())}
    group = {name: index for index, name in enumerate(names)}
    benefit = np.zeros((len(unit), len(group), len(strategies)))
    people = np.zeros((len(unit), len(group)))
    for row in cells.iter_rows(named=True):
        index = unit[row["draw"], row["replication"]], group[row["cell"]]
        benefit[*index, strategies.index(row["strategy"])] = row["benefit"]
        people[index] = row["people"]
    return benefit, people


def _single(benefit: NDArray[np.float64]) -> NDArray[np.int64]:
    """By unit, the best strategy for everybody as learned from the other units, or from a single one itself."""
    total = benefit.sum(axis=0)
    return np.asarray((total - benefit if len(benefit) > 1 else benefit).sum(axis=1).argmax(axis=1))


def _cross_fitted(benefit: NDArray[np.float64], people: NDArray[np.float64]) -> list[float | None]:
    """By unit, gain per person of the rule over the single best strategy, both learned from the other units."""
    units = len(benefit)
    if units < 2:
        return [None] * units
    others, single = benefit.sum(axis=0) - benefit, _single(benefit)
    unseen = (people.sum(axis=0) - people) == 0
    rule = np.where(unseen, single[:, None], others.argmax(axis=2))
    under_rule = np.take_along_axis(benefit, rule[:, :, None], axis=2)[:, :, 0].sum(axis=1)
    under_single = benefit.sum(axis=1)[np.arange(units), single]
    gains = (under_rule - under_single) / people.sum(axis=1)
    return [float(gain) for gain in gains]


def _foresight(
    table: pl.LazyFrame,
    units: pl.DataFrame,
    benefit: NDArray[np.float64],
    people: NDArray[np.float64],
) -> pl.DataFrame:
    """By unit, mean over persons of their best net benefit, less the mean under the single best strategy."""
    best = (
        table.group_by(PERSON)
        .agg(pl.col("benefit").max(), pl.col("weight").first())
        .group_by(UNIT)
        .agg(best=pl.col("benefit").sum() / pl.col("weight").sum())
        .collect()
    )
    single = benefit.sum(axis=1)[np.arange(len(benefit)), _single(benefit)] / people.sum(axis=1)
    means = units.with_columns(single=single)
    return means.join(best, on=UNIT, how="left", maintain_order="left").select(
        pl.lit(FORESIGHT).alias("policy"), *UNIT, value=pl.col("best") - pl.col("single")
    )
