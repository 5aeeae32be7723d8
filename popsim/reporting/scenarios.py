"""The table of scenarios: what every strategy costs and gains in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from popsim.definitions.experiment import Experiment
from popsim.reporting.text import aligned, with_interval


def render_scenarios(table: pl.DataFrame, experiments: Mapping[str, Experiment]) -> str:
    """Cost, QALYs, incremental cost-effectiveness ratio and net benefit, one block of lines for each scenario.

    Args:
        table: `scenario_table(...)`.
        experiments: as each scenario has it, by name.
    """
    lines: list[Sequence[str]] = [["", "Cost", "QALYs", "Cost per QALY", "Net benefit (95% interval, Monte Carlo)"]]
    for name, experiment in experiments.items():
        lines.append([f"{experiment.title or experiment.name} ({name})"])
        titles = {strategy.name: strategy.title for strategy in experiment.strategies}
        for row in table.filter(pl.col("scenario") == name).iter_rows(named=True):
            shown = (row["net_monetary_benefit"], row["net_monetary_benefit_low"], row["net_monetary_benefit_high"])
            gains = ["", ""] if row["verdict"] is None else [_ratio(row), with_interval(*shown)]
            cost, qalys = f"{row['cost_total']:,.0f}", f"{row['qalys']:.4f}"
            lines.append([f"  {titles[row['strategy']]}", cost, qalys, *gains])
    (one, *_) = experiments.values()
    against = one.strategy(one.reference).title
    head = f"{one.currency} and QALYs per person; net benefit against {against} at each scenario's willingness to pay"
    return f"{head}\n\n{aligned(lines)}"


def _ratio(row: Mapping[str, Any]) -> str:
    """What a QALY gained costs, what one given up saves, or in words why there is no such number."""
    if row["verdict"] == "gains health at a cost":
        return f"{row['icer_per_qaly']:,.0f}"
    if row["verdict"] == "saves money, loses health":
        return f"{row['icer_per_qaly']:,.0f} saved for each lost"
    return str(row["verdict"])
