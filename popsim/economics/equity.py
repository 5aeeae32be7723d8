"""Distributional cost-effectiveness: who gains health from a strategy, and who bears its cost.

A strategy that costs more displaces care elsewhere: its extra cost / the cost of a QALY there is health lost, the
opportunity cost. How it falls on groups is an assumption: equally on everybody (the default), or by given shares. The
net health benefit of a group is its gain under the strategy minus its loss elsewhere.

The equity-weighted value of a distribution of health h over groups of shares p is its equally distributed equivalent
(EDE), the level that would be as good as h if everybody had it:

    Atkinson (relative inequality)  (sum of p h^(1 - e))^(1 / (1 - e)), at e = 1 the geometric mean; h > 0
    Kolm (absolute inequality)      -ln(sum of p exp(-a h)) / a

With no aversion both are the mean. evidence/equity.toml has the aversion measured in England, for lifetime health.
Unless `lifetime` gives it, a group's health without the strategy is its QALYs within the run's horizon.

Gradients over ordered groups (deprivation, age): with r the fractional rank of a group's middle person,

    slope index      slope of the weighted regression of health on r: between the last and the first rank
    relative index   slope index / mean
    concentration    2 cov(health, r) / mean: 0 without a gradient, above 0 where the last ranks have more

Equity figures are computed from all replications together; their Monte Carlo error is that of their linearisation in
the groups' means (delta method), so that noise in small groups is not mistaken for inequality.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.checks import check_finite, check_names, check_number, check_shares
from popsim.economics.subgroups import (
    COST,
    QALY,
    UNIT,
    Cuts,
    Persons,
    known,
    known_at_entry,
    levels,
    with_net_benefit,
)
from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError, did_you_mean

Floats = NDArray[np.float64]
STEP = 1e-6  # of a numerical derivative, relative


class Groups(NamedTuple):
    """Means of persons by group.

    Attributes:
        units: draw, replication: a row for each unit.
        names: levels of the column, in the order of its values.
        strategies: names; the comparator first.
        share: (G,) of all people.
        means: for each outcome (U, S, G) means; NaN where a unit has nobody in a group.
    """

    units: pl.DataFrame
    names: list[str]
    strategies: list[str]
    share: Floats
    means: Mapping[str, Floats]


def groups(persons: Persons, comparator: str, by: str, outcomes: Sequence[str], cuts: Cuts | None = None) -> Groups:
    """Means of outcomes by strategy and level of a column that describes people at entry.

    People whose level is unknown are left out.

    Raises:
        InputError: there is no such column or strategy.
    """
    table = with_net_benefit(persons, comparator, 0.0)
    known(table, outcomes)
    known_at_entry(table, [by])
    check_names("outcome", outcomes)
    cells = (
        table.with_columns(levels(table, by, comparator, cuts).alias("level"))
        .filter(pl.col("level").is_not_null())
        .group_by("strategy", *UNIT, "level")
        .agg(pl.len().alias("people"), pl.col(list(outcomes)).cast(pl.Float64).mean())
        .collect()
    )
    if cells.is_empty():
        raise InputError(f"column '{by}': not known of anybody")
    names = [str(name) for name in cells["level"].unique().sort()]
    strategies = [comparator, *sorted(set(cells["strategy"]) - {comparator})]
    units = cells.select(UNIT).unique().sort(UNIT)
    places = (
        units.with_row_index("unit")
        .join(cells, on=UNIT, how="right")
        .select("unit", pl.col("strategy").replace_strict(strategies, range(len(strategies))),
                pl.col("level").cast(pl.String).replace_strict(names, range(len(names))))
        .to_numpy()
    )  # fmt: skip
    shape = (len(units), len(strategies), len(names))
    means = {name: np.full(shape, np.nan) for name in outcomes}
    for name in outcomes:
        means[name][*places.T] = cells[name].to_numpy()
    first = places[:, 1] == 0
    share = np.bincount(places[first, 2], cells["people"].to_numpy()[first], len(names))
    return Groups(units, names, strategies, share / share.sum(), means)


def distribution(
    persons: Persons,
    comparator: str,
    by: str,
    cost_of_a_qaly: float,
    *,
    opportunity_cost: Mapping[str, float] | None = None,
    cuts: Cuts | None = None,
) -> pl.DataFrame:
    """Health gain, cost, health lost elsewhere and net health benefit of each group, per person of the group.

    Args:
        persons: a run's table of persons.
        comparator: name of the strategy to compare with.
        by: a column that describes people at entry.
        cost_of_a_qaly: what the health system pays for a QALY elsewhere, in the currency of the costs.
        opportunity_cost: share of it that each group bears, by level, of sum 1; equal per person when None.
        cuts: as for `subgroup_effects`.

    Returns:
        strategy, level, share (of people), measure (qalys_gained, cost, qalys_lost_elsewhere, net_health_benefit) and
        the columns of `nested_means`.

    Raises:
        InputError: there is no such column, strategy or level, or shares do not sum to 1.
    """
    check_number("cost of a QALY", cost_of_a_qaly, above=True)
    found = groups(persons, comparator, by, (COST, QALY), cuts)
    burden = _burden(found, opportunity_cost)
    gained, cost = (_differences(found.means[name]) for name in (QALY, COST))
    overall = _filled(cost) @ found.share[:, None]
    lost = overall / cost_of_a_qaly * (burden / found.share)
    measures = {"qalys_gained": gained, "cost": cost, "qalys_lost_elsewhere": lost, "net_health_benefit": gained - lost}
    tables = [
        _long(found, values[:, index, group], [found.strategies[1 + index], name, measure])
        for measure, values in measures.items()
        for index in range(gained.shape[1])
        for group, name in enumerate(found.names)
    ]
    effects = nested_means(pl.concat(tables), ["strategy", "level", "measure"])
    shares = pl.DataFrame({"level": found.names, "share": found.share})
    joined = effects.join(shares, on="level", how="left", maintain_order="left")
    return joined.select("strategy", "level", "share", pl.exclude("strategy", "level", "share"))


def atkinson_ede(health: Floats, share: Floats, aversion: float) -> float:
    """Equally distributed equivalent of health by group, by Atkinson's function.

    Raises:
        InputError: a group's health is not above 0, or a number is refused.
    """
    _check(health, share)
    check_number("aversion", aversion)
    if health.min() <= 0.0:
        raise InputError(f"health of a group = {health.min():g}: Atkinson's function needs health above 0")
    scale = float(share @ health)  # keeps high powers within range
    relative = health / scale
    if aversion == 1.0:
        return scale * math.exp(float(share @ np.log(relative)))
    return float(scale * (share @ relative ** (1.0 - aversion)) ** (1.0 / (1.0 - aversion)))


def kolm_ede(health: Floats, share: Floats, aversion: float) -> float:
    """Equally distributed equivalent of health by group, by Kolm's function.

    Raises:
        InputError: a number is refused.
    """
    _check(health, share)
    check_number("aversion", aversion)
    mean = float(share @ health)
    if aversion == 0.0:
        return mean
    return mean - math.log(float(share @ np.exp(-aversion * (health - mean)))) / aversion


def equity_weighted(
    persons: Persons,
    comparator: str,
    by: str,
    cost_of_a_qaly: float,
    *,
    atkinson_aversion: float,
    kolm_aversion: float,
    lifetime: Mapping[str, float] | None = None,
    opportunity_cost: Mapping[str, float] | None = None,
    cuts: Cuts | None = None,
) -> pl.DataFrame:
    """Net health benefit per person, plain and equity-weighted.

    Args:
        persons, comparator, by, cost_of_a_qaly, opportunity_cost, cuts: as for `distribution`.
        atkinson_aversion, kolm_aversion: how much inequality matters; 0: not at all.
        lifetime: expected QALYs from birth of a person of each level, without the strategy; the comparator's mean QALYs
            within the run's horizon when None.

    Returns:
        strategy, measure and the columns of `nested_means`, in QALYs per person. net_health_benefit is the mean;
        atkinson and kolm are gains in the EDE; atkinson_equity and kolm_equity are their excess over the mean: the
        value of the change in the distribution itself. Atkinson's are null where a group's health is not above 0,
        because they are undefined there.

    Raises:
        InputError: there is no such column, strategy or level, or a number is refused.
    """
    check_number("cost of a QALY", cost_of_a_qaly, above=True)
    found = groups(persons, comparator, by, (COST, QALY), cuts)
    burden = _burden(found, opportunity_cost)
    qaly, cost = found.means[QALY], found.means[COST]
    base = qaly[:, 0]
    if lifetime is not None:
        whole = _by_level(found, lifetime, "lifetime")
        for name, health in zip(found.names, whole.tolist(), strict=True):
            check_number(f"lifetime health of level {name}", health, above=True)
        base = np.broadcast_to(whole, base.shape)
    more_cost = _filled(_differences(cost)) @ found.share[:, None]
    net = _differences(qaly) - more_cost / cost_of_a_qaly * (burden / found.share)
    plain = partial(_mean, share=found.share)
    functions: dict[str, Callable[[Floats], float]] = {
        "atkinson": partial(atkinson_ede, share=found.share, aversion=atkinson_aversion),
        "kolm": partial(kolm_ede, share=found.share, aversion=kolm_aversion),
    }
    tables = []
    for index, strategy in enumerate(found.strategies[1:]):
        before, after = base, base + net[:, index]
        mean = _linearised(plain, after) - _linearised(plain, before)
        tables.append(_long(found, mean, [strategy, "net_health_benefit"]))
        for name, function in functions.items():
            defined = name != "atkinson" or min(np.nanmean(v, axis=0).min() for v in (before, after)) > 0.0
            gain = (
                _linearised(function, after) - _linearised(function, before) if defined else np.full_like(mean, np.nan)
            )
            tables.append(_long(found, gain, [strategy, name]))
            tables.append(_long(found, gain - mean, [strategy, f"{name}_equity"]))
    return nested_means(pl.concat(tables), ["strategy", "measure"])


def gradient(
    persons: Persons, comparator: str, by: str, outcome: str = QALY, *, cuts: Cuts | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Slope, relative and concentration index of an outcome over the levels of an ordered column.

    Args:
        persons: a run's table of persons.
        comparator: name of the strategy to compare with.
        by: a column whose order means something, e.g. deprivation_quintile (1 the most deprived).
        outcome: a column of persons.
        cuts: as for `subgroup_effects`.

    Returns:
        strategy, against (null: the strategy itself; else the comparator: the difference from it), measure
        (slope_index, relative_index, concentration_index) and the columns of `nested_means`.

    Raises:
        InputError: there is no such column or strategy.
    """
    found = groups(persons, comparator, by, (outcome,), cuts)
    values = found.means[outcome]
    functions = {"slope_index": slope_index, "relative_index": relative_index, "concentration_index": concentration}
    tables = []
    for measure, function in functions.items():
        own = [_linearised(partial(function, share=found.share), values[:, s]) for s in range(values.shape[1])]
        for strategy, index in zip(found.strategies, own, strict=True):
            tables.append(_long(found, index, [strategy, None, measure]))
            if strategy != comparator:
                tables.append(_long(found, index - own[0], [strategy, comparator, measure]))
    return nested_means(pl.concat(tables), ["strategy", "level", "measure"]).rename({"level": "against"})


def ranks(share: Floats) -> Floats:
    """Fractional rank of the middle person of each group, groups being in order."""
    check_finite(share=share)
    check_shares("share", np.asarray(share))
    result: Floats = np.cumsum(share) - share / 2.0
    return result


def slope_index(health: Floats, share: Floats) -> float:
    """Slope of the regression of health on fractional rank, groups weighted by their shares."""
    check_finite(health=health, share=share)
    from_middle = ranks(share) - 0.5
    spread = float(share @ from_middle**2)
    return float((share * from_middle) @ health) / spread if spread > 0.0 else math.nan


def relative_index(health: Floats, share: Floats) -> float:
    """Slope index as a multiple of the mean; NaN where the mean is 0."""
    slope, mean = slope_index(health, share), _mean(health, share)
    return slope / mean if mean else math.nan


def concentration(health: Floats, share: Floats) -> float:
    """Concentration index of health over groups in order; NaN where the mean is 0."""
    check_finite(health=health, share=share)
    mean = _mean(health, share)
    return 2.0 * float((share * (ranks(share) - 0.5)) @ health) / mean if mean else math.nan


def _check(health: Floats, share: Floats) -> None:
    """Refuse groups and shares that differ in number, and invalid shares."""
    check_finite(health=health, share=share)
    check_shares("share", np.asarray(share))


def _mean(health: Floats, share: Floats) -> float:
    return float(share @ health)


def _differences(values: Floats) -> Floats:
    """(U, S - 1, G) differences from the comparator."""
    return values[:, 1:] - values[:, :1]


def _linearised(function: Callable[[Floats], float], values: Floats) -> Floats:
    """(U,) a function of the groups' overall means, plus what each unit's deviation from them does to it.

    Args:
        function: of (G,) means.
        values: (U, G), NaN where a unit has nobody in a group: its deviation is unknown.
    """
    centre = np.nanmean(values, axis=0)
    deviations = _filled(values) - centre
    value: float = function(centre)
    slope = np.empty_like(centre)
    for group in range(len(centre)):
        step = np.zeros_like(centre)
        step[group] = STEP * max(abs(centre[group]), 1e-3)
        slope[group] = (function(centre + step) - function(centre - step)) / (2.0 * step[group])
    result: Floats = value + deviations @ slope
    return result


def _filled(values: Floats) -> Floats:
    """Values with the mean over units filled in where a unit has nobody in a group."""
    return np.where(np.isnan(values), np.nanmean(values, axis=0), values)


def _long(found: Groups, values: Floats, labels: Sequence[str | None]) -> pl.DataFrame:
    """Values by unit with labels in front, NaN as null."""
    names = {2: ("strategy", "measure"), 3: ("strategy", "level", "measure")}[len(labels)]
    return found.units.with_columns(
        *(pl.lit(label, pl.String).alias(name) for name, label in zip(names, labels, strict=True)),
        value=pl.Series(values).fill_nan(None),
    )


def _by_level(found: Groups, values: Mapping[str, float], what: str) -> Floats:
    """A number for each level, by its name.

    Raises:
        InputError: a level has no number, or a name is not a level.
    """
    for name in values:
        if name not in found.names:
            raise InputError(f"{what}: no level '{name}', {did_you_mean(name, found.names)}")
    missing = [name for name in found.names if name not in values]
    if missing:
        raise InputError(f"{what}: nothing for level '{missing[0]}'")
    numbers = np.array([values[name] for name in found.names], np.float64)
    check_finite(**{what: numbers})
    return numbers


def _burden(found: Groups, opportunity_cost: Mapping[str, float] | None) -> Floats:
    """Share of the opportunity cost that each group bears.

    Raises:
        InputError: a level is missing or unknown, or shares do not sum to 1.
    """
    if opportunity_cost is None:
        return found.share
    burden = _by_level(found, opportunity_cost, "opportunity cost")
    check_shares("opportunity cost", burden)
    return burden
