"""Costs, effects and cost-effectiveness of structural scenarios, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST


def scenario_table(tables: Mapping[str, Mapping[str, pl.DataFrame]]) -> pl.DataFrame:
    """Costs, effects and cost-effectiveness of every strategy in every scenario.

    Args:
        tables: `RunResult.tables` by name of scenario.

    Returns:
        scenario, strategy, cost_total and qalys (means per person, each with its Monte Carlo interval, _low and _high),
        and, empty for the comparator, cost_difference, qaly_difference, verdict, icer_per_qaly with icer_low, icer_high
        and icer_interval, net_monetary_benefit with net_monetary_benefit_low, net_monetary_benefit_high.
    """
    shown = (
        "strategy", "cost_difference", "qaly_difference", "verdict", "icer_per_qaly", "icer_low", "icer_high",
        "icer_interval", "net_monetary_benefit", "net_monetary_benefit_low", "net_monetary_benefit_high",
    )  # fmt: skip
    rows = []
    for scenario, found in tables.items():
        text = pl.col("strategy").cast(pl.String)
        means = found["summary"].with_columns(text).filter(pl.col("measure").is_in([TOTAL_COST, QALYS]))
        ends = {"mean": "", "low": "_low", "high": "_high"}
        wide = means.group_by("strategy", maintain_order=True).agg(
            pl.col(end).filter(pl.col("measure") == measure).first().alias(f"{measure}{suffix}")
            for measure in (TOTAL_COST, QALYS)
            for end, suffix in ends.items()
        )
        gains = found["cost_effectiveness"].with_columns(text).select(shown)
        joined = wide.join(gains, on="strategy", how="left", maintain_order="left")
        rows.append(joined.select(pl.lit(scenario).alias("scenario"), pl.all()))
    return pl.concat(rows)
