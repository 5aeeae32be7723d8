"""Summaries over replications: means, paired differences and their intervals.

Intervals are Student's t over independent replications and describe Monte Carlo error: how far the mean may lie from
that of infinitely many replications. They say nothing about uncertain parameters. With one replication there is none.
"""

from __future__ import annotations

import polars as pl
from scipy.special import stdtrit

CONFIDENCE = 0.95
TOTAL_COST = "cost_total"
QALYS = "qalys"
NET_BENEFIT = "net_monetary_benefit"
KEYS = ("strategy", "measure")


def summarise(measures: pl.DataFrame) -> pl.DataFrame:
    """Mean and interval of every measure of every strategy.

    Args:
        measures: columns strategy, replication, measure, value; a value may be null (nobody at risk).

    Returns:
        Columns strategy, measure, replications, mean, standard_error, low, high; the last three are null when fewer
        than two replications have a value.
    """
    return _with_interval(measures, [*KEYS])


def compare(measures: pl.DataFrame, comparator: str, willingness_to_pay: float) -> pl.DataFrame:
    """Differences of every strategy from the comparator, paired by replication, and the incremental ratio.

    The pairs share people and random numbers, so that most of the noise cancels. `ratio` is filled in the row of
    total cost only: incremental cost per QALY gained, null unless both differences have the same sign (otherwise one
    strategy is better in both, and a ratio would mislead). The row `net_monetary_benefit` is
    willingness to pay x QALYs - cost, whose interval has no such trouble.

    Returns:
        Columns strategy, comparator, measure, replications, mean, standard_error, low, high, ratio.
    """
    valued = pl.concat([measures, _net_benefit(measures, willingness_to_pay)])
    base = valued.filter(pl.col("strategy") == comparator).select("replication", "measure", base="value")
    others = valued.filter(pl.col("strategy") != comparator)
    pairs = others.join(base, on=["replication", "measure"], how="inner", maintain_order="left")
    differences = pairs.with_columns(value=pl.col("value") - pl.col("base"))
    table = _with_interval(differences, [*KEYS])
    return table.with_columns(comparator=pl.lit(comparator)).join(
        _ratios(table), on=[*KEYS], how="left", maintain_order="left"
    )


def _net_benefit(measures: pl.DataFrame, willingness_to_pay: float) -> pl.DataFrame:
    """willingness to pay x QALYs - cost per person, for every strategy and replication."""
    by = ["strategy", "replication"]
    qalys = measures.filter(pl.col("measure") == QALYS).select(*by, qalys="value")
    costs = measures.filter(pl.col("measure") == TOTAL_COST).select(*by, cost="value")
    both = qalys.join(costs, on=by, how="inner", maintain_order="left")
    return both.select(
        "strategy",
        "replication",
        measure=pl.lit(NET_BENEFIT),
        value=willingness_to_pay * pl.col("qalys") - pl.col("cost"),
    ).select(measures.columns)


def _ratios(differences: pl.DataFrame) -> pl.DataFrame:
    """Incremental cost per QALY of each strategy, in the row of total cost."""
    cost = differences.filter(pl.col("measure") == TOTAL_COST).select(*KEYS, cost="mean")
    qalys = differences.filter(pl.col("measure") == QALYS).select("strategy", qalys="mean")
    return cost.join(qalys, on="strategy", how="inner", maintain_order="left").select(
        *KEYS, ratio=pl.when(pl.col("cost") * pl.col("qalys") > 0).then(pl.col("cost") / pl.col("qalys"))
    )


def _with_interval(values: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Mean, standard error and t interval of `value` over the replications of each group."""
    table = values.group_by(by, maintain_order=True).agg(
        replications=pl.col("value").count(),
        mean=pl.col("value").mean(),
        standard_error=pl.col("value").std() / pl.col("value").count().sqrt(),
    )
    counts = table["replications"].unique().to_list()
    reach = {n: float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) if n > 1 else None for n in counts}
    half = pl.col("standard_error") * pl.col("replications").replace_strict(reach, return_dtype=pl.Float64)
    return table.with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half)
