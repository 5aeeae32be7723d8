"""Cost-effectiveness against a comparator: means, paired differences, ratios with their intervals, net benefit.

Everything starts from a long table of measures: strategy, draw, replication, measure, value. Differences are taken
within a replication of a draw, whose strategies share people and random numbers, so that most of the noise cancels.
Every figure has its Monte Carlo error and, separately, its parameter uncertainty: see `uncertainty`.

The incremental cost-effectiveness ratio (ICER) is mean cost difference / mean difference in effect. Dominant and
dominated strategies have none. Its Monte Carlo interval is Fieller's: all ratios r for which the mean of
(cost difference - r x effect difference) is not significantly different from 0. Its parameter interval holds all r for
which that difference is 0 within the central 95% of a normal distribution with the parameters' covariance. Where the
sign of the effect difference is uncertain, such a set is unbounded; `icer_interval` and `parameter_icer_interval` name
its form:

    bounded       low <= r <= high
    outside       r <= low or r >= high: it contains infinity, because the effect difference may be 0
    unbounded     every ratio: neither difference is distinguishable from 0
    none          not estimable: fewer than two replications, or no draws with two replications

An effect has the sign that makes more of it better (EFFECTS): the effect on a harm is the amount avoided, comparator
minus strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.checks import check_comparison, check_confidence, check_finite, check_measures, check_price
from popsim.economics.outcome_valuation import HEALTH
from popsim.economics.uncertainty import Nested, nested, nested_means
from popsim.errors import InputError, did_you_mean
from popsim.outcomes.home_time import HOME_TIME
from popsim.outcomes.measures import DEATH, READMISSION
from popsim.outcomes.utilisation import USE
from popsim.statistics import CONFIDENCE, t_quantile, z_quantile

TOTAL_COST = "cost_total"
QALYS = "qalys"
ROUNDING = 1e-9  # relative; all that is left of differences that are the same in every pair


class HealthEffect(NamedTuple):
    """A measure per person that money may buy.

    Attributes:
        measure: its name.
        unit: what one unit of it is called.
        sign: 1, or -1 for a harm, so that more is better.
        horizon: follow-up alone, or also the lifetime that a death during follow-up loses.
    """

    measure: str
    unit: str
    sign: int
    horizon: Literal["follow-up", "lifetime"] = "follow-up"


_UNITS = {
    QALYS: "QALY gained", "life_years": "life year gained", "dalys": "DALY averted", "mortality": "death avoided",
    "readmission_30d_at_entry": "30-day readmission avoided", "admissions_per_person": "admission avoided",
    "bed_days": "bed-day avoided", "days_alive_out_of_hospital": "day alive out of hospital gained",
}  # fmt: skip
_DECLARED = {measure.name: measure for measure in (*HEALTH, *DEATH, *READMISSION, *USE, *HOME_TIME)}
EFFECTS = tuple(
    HealthEffect(name, unit, _DECLARED[name].sign, _DECLARED[name].horizon) for name, unit in _UNITS.items()
)


def effect_of(measure: str) -> HealthEffect:
    """The effect of that measure.

    Raises:
        InputError: the measure is not among EFFECTS.
    """
    for effect in EFFECTS:
        if effect.measure == measure:
            return effect
    raise InputError(f"effect '{measure}': {did_you_mean(measure, [effect.measure for effect in EFFECTS])}")


class Ratio(NamedTuple):
    """Interval of a ratio of means: its form (see the module) and its two ends, NaN where it has none."""

    form: str
    low: float
    high: float


NO_RATIO = Ratio("none", math.nan, math.nan)


def strategy_means(measures: pl.DataFrame, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Mean of every measure of every strategy, with its Monte Carlo error and parameter uncertainty.

    Args:
        measures: strategy, draw, replication, measure, value (null where there was nobody to count).
        confidence: of the intervals.

    Returns:
        strategy, measure and the columns of `nested_means`, in the order of first appearance.

    Raises:
        InputError: the table or the confidence is refused (economics/checks.py).
    """
    check_measures(measures)
    return nested_means(measures, ["strategy", "measure"], confidence)


def paired_differences(measures: pl.DataFrame, comparator: str, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Mean difference of every strategy from the comparator, paired by draw and replication.

    Returns:
        strategy, comparator, measure and the columns of `nested_means`; `replications` counts pairs.

    Raises:
        InputError: the table, the comparator or the confidence is refused (economics/checks.py).
    """
    check_comparison(measures, comparator)
    return _paired_differences(measures, comparator, confidence)


def comparisons(
    measures: pl.DataFrame, comparator: str, willingness_to_pay: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`paired_differences` and `cost_effectiveness` of a whole run: both without rows where it has one strategy."""
    check_measures(measures)
    return (
        _paired_differences(measures, comparator, CONFIDENCE),
        _cost_effectiveness(measures, comparator, willingness_to_pay, CONFIDENCE),
    )


def cost_effectiveness(
    measures: pl.DataFrame, comparator: str, willingness_to_pay: float, confidence: float = CONFIDENCE
) -> pl.DataFrame:
    """Cost-effectiveness of each strategy against the comparator, from the measures `cost_total` and `qalys`.

    Args:
        measures: strategy, draw, replication, measure, value.
        comparator: name of the strategy to compare with.
        willingness_to_pay: for a QALY, in the currency of the costs.
        confidence: of the intervals.

    Returns:
        One row for each other strategy: strategy, comparator, replications, draws, cost_difference, qaly_difference
        (per person), verdict, icer_per_qaly, icer_low, icer_high, icer_interval (Monte Carlo),
        parameter_icer_low, parameter_icer_high, parameter_icer_interval, net_monetary_benefit (willingness to pay x
        QALY difference - cost difference) and, each led by net_monetary_benefit_, low, high (Monte Carlo),
        parameter_sd, parameter_low, parameter_high.

    Raises:
        InputError: the table, the comparator or a number is refused (economics/checks.py).
    """
    check_price(willingness_to_pay)
    check_comparison(measures, comparator, (TOTAL_COST, QALYS))
    return _cost_effectiveness(measures, comparator, willingness_to_pay, confidence)


def _cost_effectiveness(
    measures: pl.DataFrame, comparator: str, willingness_to_pay: float, confidence: float
) -> pl.DataFrame:
    table = _ratios(measures, comparator, [effect_of(QALYS)], confidence)
    shown = ("low", "high", "parameter_sd", "parameter_low", "parameter_high")
    benefits = _net_benefit(measures, comparator, willingness_to_pay, QALYS, confidence).select(
        "strategy",
        net_monetary_benefit="mean",
        **{f"net_monetary_benefit_{name}": pl.col(name) for name in shown},
    )
    renamed = {"effect_difference": "qaly_difference", "icer": "icer_per_qaly"}
    return table.drop("effect", "unit").rename(renamed).join(benefits, on="strategy", how="left", maintain_order="left")


def net_benefit(
    measures: pl.DataFrame,
    comparator: str,
    willingness_to_pay: float,
    effect: str = QALYS,
    confidence: float = CONFIDENCE,
) -> pl.DataFrame:
    """Net monetary benefit of every other strategy over the comparator's, per person.

    Args:
        measures: strategy, draw, replication, measure, value.
        comparator: name of the strategy to compare with.
        willingness_to_pay: for one unit of the effect, in the currency of the costs.
        effect: a measure of EFFECTS.
        confidence: of the intervals.

    Returns:
        strategy and the columns of `nested_means`.

    Raises:
        InputError: the table, the comparator, the effect or a number is refused (economics/checks.py).
    """
    check_price(willingness_to_pay)
    effect_of(effect)
    check_comparison(measures, comparator, (TOTAL_COST, effect))
    return _net_benefit(measures, comparator, willingness_to_pay, effect, confidence)


def _net_benefit(
    measures: pl.DataFrame, comparator: str, willingness_to_pay: float, effect: str, confidence: float
) -> pl.DataFrame:
    differences = _differences(measures, comparator, effect, effect_of(effect).sign)
    benefit = differences.with_columns(value=willingness_to_pay * pl.col("effect") - pl.col("cost"))
    return nested_means(benefit, ["strategy"], confidence)


def cost_per_effect(measures: pl.DataFrame, comparator: str, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Cost per QALY, per life year, per admission avoided, ...: every effect of EFFECTS that was measured.

    Returns:
        One row for each other strategy and effect: strategy, comparator, effect (the measure), unit (what one is
        called), replications, draws, cost_difference, effect_difference (per person, more is better), verdict, icer
        (cost of one unit), icer_low, icer_high, icer_interval, parameter_icer_low, parameter_icer_high,
        parameter_icer_interval.

    Raises:
        InputError: the table, the comparator or the confidence is refused (economics/checks.py).
    """
    effects = [effect for effect in EFFECTS if effect.measure in set(measures["measure"].unique())]
    check_comparison(measures, comparator, (TOTAL_COST, *(effect.measure for effect in effects)))
    return _ratios(measures, comparator, effects, confidence)


def _paired_differences(measures: pl.DataFrame, comparator: str, confidence: float) -> pl.DataFrame:
    pairs = _pairs(measures, comparator).with_columns(value=pl.col("value") - pl.col("base"))
    table = nested_means(pairs, ["strategy", "measure"], confidence)
    return table.select("strategy", pl.lit(comparator).alias("comparator"), pl.exclude("strategy"))


def _ratios(
    measures: pl.DataFrame, comparator: str, effects: Sequence[HealthEffect], confidence: float
) -> pl.DataFrame:
    """The rows of `cost_per_effect`, for the requested effects."""
    names = [name for name in measures["strategy"].unique(maintain_order=True).to_list() if name != comparator]
    rows = []
    for effect in effects:
        differences = _differences(measures, comparator, effect.measure, effect.sign)
        for name in names:
            found = differences.filter(pl.col("strategy") == name)
            if found.is_empty():  # no replication has it under both strategies
                continue
            parts = nested(found["draw"].to_numpy(), found.select("cost", "effect").to_numpy())
            cost, gain = (float(mean) for mean in parts.means.mean(axis=0))
            monte_carlo, parameters = (
                _monte_carlo_ratio(found, parts, confidence),
                _parameters_of_ratio(parts, confidence),
            )
            rows.append(
                {
                    "strategy": name,
                    "comparator": comparator,
                    "effect": effect.measure,
                    "unit": effect.unit,
                    "replications": len(found),
                    "draws": len(parts.draws) if parts.draws.any() else 0,
                    "cost_difference": cost,
                    "effect_difference": gain,
                    "verdict": verdict(cost, gain),
                    "icer": cost / gain if cost * gain > 0 else math.nan,
                    "icer_low": monte_carlo.low,
                    "icer_high": monte_carlo.high,
                    "icer_interval": monte_carlo.form,
                    "parameter_icer_low": parameters.low,
                    "parameter_icer_high": parameters.high,
                    "parameter_icer_interval": parameters.form,
                }
            )
    return pl.DataFrame(rows, schema=_SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))


_TEXT = ("strategy", "comparator", "effect", "unit")
_SCHEMA: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(_TEXT, pl.String),
    **dict.fromkeys(("replications", "draws"), pl.Int64),
    **dict.fromkeys(("cost_difference", "effect_difference"), pl.Float64),
    "verdict": pl.String,
    **dict.fromkeys(("icer", "icer_low", "icer_high"), pl.Float64),
    "icer_interval": pl.String,
    **dict.fromkeys(("parameter_icer_low", "parameter_icer_high"), pl.Float64),
    "parameter_icer_interval": pl.String,
}


def verdict(cost_difference: float, qaly_difference: float) -> str:
    """Where a strategy lies on the cost-effectiveness plane, in a word or two."""
    if math.isnan(cost_difference) or math.isnan(qaly_difference):
        return "unknown"
    if cost_difference == 0.0 and qaly_difference == 0.0:
        return "no difference"
    if cost_difference <= 0.0 and qaly_difference >= 0.0:
        return "dominant"
    if cost_difference >= 0.0 and qaly_difference <= 0.0:
        return "dominated"
    return "gains health at a cost" if qaly_difference > 0.0 else "saves money, loses health"


def fieller(numerator: NDArray[np.float64], denominator: NDArray[np.float64], confidence: float = CONFIDENCE) -> Ratio:
    """Fieller's interval of mean(numerator) / mean(denominator) for paired values.

    Args:
        numerator, denominator: (replications,) paired differences, independent between replications.
        confidence: coverage.

    Raises:
        InputError: the arrays differ in length or hold values that are not finite.
    """
    check_confidence(confidence)
    check_finite(numerator=numerator, denominator=denominator)
    return _fieller(numerator, denominator, confidence)


def _fieller(numerator: NDArray[np.float64], denominator: NDArray[np.float64], confidence: float) -> Ratio:
    pairs = len(numerator)
    if pairs < 2:
        return NO_RATIO
    covariance = np.cov(numerator, denominator) / pairs
    return ratio_interval(float(numerator.mean()), float(denominator.mean()), covariance, t_quantile(pairs, confidence))


def ratio_interval(numerator: float, denominator: float, covariance: NDArray[np.float64], quantile: float) -> Ratio:
    """All ratios r for which numerator - r x denominator is 0 within `quantile` of its standard deviations.

    With covariances v, it holds every r with (n - r d)^2 <= q^2 (v_nn - 2 r v_nd + r^2 v_dd), that is
    a r^2 - 2 b r + c <= 0 with a = d^2 - q^2 v_dd, b = n d - q^2 v_nd, c = n^2 - q^2 v_nn. It is an interval when
    a > 0 (the denominator differs from 0), else the outside of one, or everything.
    """
    v = covariance * quantile**2
    a = denominator**2 - float(v[1, 1])
    b = numerator * denominator - float(v[0, 1])
    c = numerator**2 - float(v[0, 0])
    inside = b**2 - a * c
    if a == 0.0 or inside < -ROUNDING * b**2:
        return Ratio("unbounded", math.nan, math.nan)
    root = math.sqrt(max(inside, 0.0))
    low, high = sorted(((b - root) / a, (b + root) / a))
    return Ratio("bounded" if a > 0.0 else "outside", low, high)


def _monte_carlo_ratio(found: pl.DataFrame, parts: Nested, confidence: float) -> Ratio:
    """Monte Carlo interval; draws are the independent units, or replications when there is one draw."""
    if len(parts.draws) > 1:
        return _fieller(parts.means[:, 0], parts.means[:, 1], confidence)
    return _fieller(found["cost"].to_numpy(), found["effect"].to_numpy(), confidence)


def _parameters_of_ratio(parts: Nested, confidence: float) -> Ratio:
    """Interval of the ratio over parameters."""
    covariance = parts.parameter_covariance
    if covariance is None:
        return NO_RATIO
    cost, effect = parts.means.mean(axis=0)
    return ratio_interval(float(cost), float(effect), covariance, z_quantile(confidence))


def _pairs(measures: pl.DataFrame, comparator: str) -> pl.DataFrame:
    """Every other strategy's values with the comparator's of the same replication and measure beside them (`base`)."""
    base = measures.filter(pl.col("strategy") == comparator).select("draw", "replication", "measure", base="value")
    others = measures.filter(pl.col("strategy") != comparator)
    return others.join(base, on=["draw", "replication", "measure"], how="inner", maintain_order="left")


def _differences(measures: pl.DataFrame, comparator: str, effect: str, sign: int = 1) -> pl.DataFrame:
    """strategy, draw, replication, cost, effect: differences where all four values are known, 0 for mere rounding."""
    pairs = _pairs(measures.filter(pl.col("measure").is_in([TOTAL_COST, effect])), comparator)
    rounding = ROUNDING * pl.max_horizontal(pl.col("value").abs(), pl.col("base").abs())
    exact = pl.col("value") - pl.col("base")
    difference = pl.when(exact.abs() <= rounding).then(0.0).otherwise(exact)
    return (
        pairs.select("strategy", "draw", "replication", "measure", difference=difference)
        .pivot(on="measure", on_columns=[TOTAL_COST, effect], index=["strategy", "draw", "replication"])
        .select(
            pl.col("strategy").cast(pl.String), "draw", "replication", cost=TOTAL_COST, effect=sign * pl.col(effect)
        )
        .drop_nulls()
        .sort("draw", "replication", maintain_order=True)
    )
