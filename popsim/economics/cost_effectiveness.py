"""Cost-effectiveness over replications: means, paired differences, ratios with Fieller's interval, net benefit.

Everything starts from a long table of measures: strategy, draw, replication, measure, value. Strategies of one
replication share people and random numbers, so differences are taken within replications and most of the noise cancels.
Intervals describe Monte Carlo error over replications (Student's t, independent replications), not uncertainty of
parameters.
With a single replication there is no interval, and its columns are null.

The incremental cost-effectiveness ratio (ICER) of a strategy against its comparator is mean cost difference / mean
QALY difference. It is given only where it means something: a strategy that costs less and gains health is dominant,
one that costs more and loses health is dominated, and neither has a ratio. Its interval is Fieller's: all ratios r
for which the mean of (cost difference - r x QALY difference) is not significantly different from 0. Where the QALY
difference is itself uncertain in sign, that set has no end; `icer_interval` says which form it takes:

    bounded       icer_low <= r <= icer_high
    outside       r <= icer_low or r >= icer_high: it contains infinity, because the QALY difference may be 0
    unbounded     every ratio: neither difference is distinguishable from 0
    none          fewer than two replications
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95
TOTAL_COST = "cost_total"
QALYS = "qalys"


class Ratio(NamedTuple):
    """Fieller's interval of a ratio of means: its form (see the module) and its two ends, NaN where it has none."""

    form: str
    low: float
    high: float


def t_quantile(replications: int, confidence: float = CONFIDENCE) -> float:
    """Two-sided quantile of Student's t for the mean of `replications` values; NaN below two."""
    return float(stdtrit(replications - 1, 0.5 + confidence / 2)) if replications > 1 else math.nan


def strategy_means(measures: pl.DataFrame, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Mean of every measure of every strategy over its replications, with a t interval.

    Args:
        measures: strategy, replication, measure, value (null where there was nobody to count).
        confidence: of the interval.

    Returns:
        strategy, measure, replications, mean, standard_error, low, high, in the order of first appearance.
    """
    table = measures.group_by("strategy", "measure", maintain_order=True).agg(
        replications=pl.col("value").count(),
        mean=pl.col("value").mean(),
        standard_error=pl.col("value").std() / pl.col("value").count().sqrt(),
    )
    quantile = {n: t_quantile(n, confidence) for n in table["replications"].unique().to_list()}
    reach = pl.col("replications").replace_strict(quantile, return_dtype=pl.Float64) * pl.col("standard_error")
    return table.with_columns(low=pl.col("mean") - reach, high=pl.col("mean") + reach)


def paired_differences(measures: pl.DataFrame, comparator: str, confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Mean difference of every strategy from the comparator, paired by replication, with a t interval.

    Returns:
        strategy, comparator, measure, replications (pairs), mean, standard_error, low, high.
    """
    pairs = _pairs(measures, comparator).with_columns(value=pl.col("value") - pl.col("base"))
    table = strategy_means(pairs, confidence)
    return table.select("strategy", pl.lit(comparator).alias("comparator"), pl.exclude("strategy"))


def cost_effectiveness(
    measures: pl.DataFrame, comparator: str, willingness_to_pay: float, confidence: float = CONFIDENCE
) -> pl.DataFrame:
    """What each strategy buys against the comparator, from the measures `cost_total` and `qalys`.

    Args:
        measures: strategy, replication, measure, value.
        comparator: name of the strategy to compare with.
        willingness_to_pay: for a QALY, in the currency of the costs.
        confidence: of the intervals.

    Returns:
        One row for each other strategy: strategy, comparator, replications, cost_difference, qaly_difference (per
        person), verdict, icer_per_qaly, icer_low, icer_high, icer_interval, net_monetary_benefit (willingness to pay x
        QALY difference - cost difference), net_monetary_benefit_low, net_monetary_benefit_high.
    """
    names = measures["strategy"].unique(maintain_order=True).to_list()
    differences = {name: _differences(measures, name, comparator) for name in names if name != comparator}
    rows = []
    for name, (cost, qaly) in differences.items():
        cost_mean, qaly_mean = _mean(cost), _mean(qaly)
        benefit = willingness_to_pay * qaly - cost
        reach = t_quantile(len(benefit), confidence) * _standard_error(benefit)
        interval = fieller(cost, qaly, confidence)
        rows.append(
            {
                "strategy": name,
                "comparator": comparator,
                "replications": len(cost),
                "cost_difference": cost_mean,
                "qaly_difference": qaly_mean,
                "verdict": verdict(cost_mean, qaly_mean),
                "icer_per_qaly": cost_mean / qaly_mean if cost_mean * qaly_mean > 0 else math.nan,
                "icer_low": interval.low,
                "icer_high": interval.high,
                "icer_interval": interval.form,
                "net_monetary_benefit": _mean(benefit),
                "net_monetary_benefit_low": _mean(benefit) - reach,
                "net_monetary_benefit_high": _mean(benefit) + reach,
            }
        )
    return pl.DataFrame(rows, schema=_SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))


_SCHEMA: dict[str, type[pl.DataType]] = {
    "strategy": pl.String,
    "comparator": pl.String,
    "replications": pl.Int64,
    "cost_difference": pl.Float64,
    "qaly_difference": pl.Float64,
    "verdict": pl.String,
    "icer_per_qaly": pl.Float64,
    "icer_low": pl.Float64,
    "icer_high": pl.Float64,
    "icer_interval": pl.String,
    "net_monetary_benefit": pl.Float64,
    "net_monetary_benefit_low": pl.Float64,
    "net_monetary_benefit_high": pl.Float64,
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

    With means m and covariances of means v, it holds every r with (m_n - r m_d)^2 <= t^2 (v_nn - 2 r v_nd + r^2 v_dd),
    that is a r^2 - 2 b r + c <= 0 with a = m_d^2 - t^2 v_dd, b = m_n m_d - t^2 v_nd, c = m_n^2 - t^2 v_nn. It is an
    interval when a > 0 (the denominator differs from 0), else the outside of one, or everything.

    Args:
        numerator, denominator: (replications,) paired differences.
        confidence: coverage.
    """
    pairs = len(numerator)
    if pairs < 2:
        return Ratio("none", math.nan, math.nan)
    covariance = np.cov(numerator, denominator) / pairs * t_quantile(pairs, confidence) ** 2
    mean_n, mean_d = _mean(numerator), _mean(denominator)
    a = mean_d**2 - float(covariance[1, 1])
    b = mean_n * mean_d - float(covariance[0, 1])
    c = mean_n**2 - float(covariance[0, 0])
    inside = b**2 - a * c
    if a == 0.0 or inside < 0.0:
        return Ratio("unbounded", math.nan, math.nan)
    low, high = sorted(((b - math.sqrt(inside)) / a, (b + math.sqrt(inside)) / a))
    return Ratio("bounded" if a > 0.0 else "outside", low, high)


def _pairs(measures: pl.DataFrame, comparator: str) -> pl.DataFrame:
    """Every other strategy's values with the comparator's of the same replication and measure beside them (`base`)."""
    base = measures.filter(pl.col("strategy") == comparator).select("draw", "replication", "measure", base="value")
    others = measures.filter(pl.col("strategy") != comparator)
    return others.join(base, on=["draw", "replication", "measure"], how="inner", maintain_order="left")


def _differences(
    measures: pl.DataFrame, strategy: str, comparator: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cost and QALY differences by replication, where all four values are known."""
    both = measures.filter(pl.col("strategy").is_in([strategy, comparator]))
    wide = (
        _pairs(both, comparator)
        .filter(pl.col("measure").is_in([TOTAL_COST, QALYS]))
        .select("draw", "replication", "measure", difference=pl.col("value") - pl.col("base"))
        .pivot(on="measure", index=["draw", "replication"], values="difference")
        .drop_nulls()
        .sort("draw", "replication")
    )
    return wide[TOTAL_COST].to_numpy(), wide[QALYS].to_numpy()


def _mean(values: NDArray[np.float64]) -> float:
    """Mean; NaN of nothing."""
    return float(values.mean()) if len(values) else math.nan


def _standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean; NaN below two values."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
