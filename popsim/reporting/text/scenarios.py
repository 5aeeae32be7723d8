"""The table of scenarios: what every strategy costs and gains in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import horizon_in_words
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.outcome_valuation import NET_BENEFIT
from popsim.reporting.intervals import has_intervals, note, readable
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import NOT_KNOWN, aligned, in_columns
from popsim.reporting.text.tables import ratio_interval_in_words
from popsim.studies.measures import measure_of
from popsim.studies.prices import prices_in_words


def render_scenarios(table: pl.DataFrame, experiments: Mapping[str, ExperimentDefinition]) -> str:
    """Cost, QALYs, incremental cost-effectiveness ratio and net benefit, one block of lines for each scenario.

    Args:
        table: `scenario_table(...)`.
        experiments: as each scenario has it, by name.
    """
    heads = (measure_of(TOTAL_COST).label, measure_of(QALYS).short, "Cost per QALY", NET_BENEFIT.short)
    lines: list[Sequence[str]] = [["", *heads]]
    shown = [readable(table.filter(pl.col("scenario") == name), one) for name, one in experiments.items()]
    tabled("Scenarios", pl.concat(shown, how="vertical_relaxed"))
    for rows, (name, experiment) in zip(shown, experiments.items(), strict=True):
        lines.append([f"{experiment.title or experiment.name} ({name}), {horizon_in_words(experiment)} of follow-up"])
        titles = {strategy.name: strategy.title for strategy in experiment.strategies}
        for row in rows.iter_rows(named=True):
            gains = ["", ""] if row["verdict"] is None else [_ratio(row), in_columns(row, NET_BENEFIT.name)]
            lines.append(
                [f"  {titles[row['strategy']]}", in_columns(row, TOTAL_COST, 4), in_columns(row, QALYS), *gains]
            )
    (one, *_) = experiments.values()
    against = one.strategy(one.reference).title
    head = [
        f"Per person; net benefit against {against.lower()} at each scenario's willingness to pay"
        f"{'; in brackets 95% Monte Carlo intervals' if any(map(has_intervals, experiments.values())) else ''}",
        f"Costs are in {prices_in_words(one)}.",
        *dict.fromkeys(said for said in map(note, experiments.values()) if said),
    ]
    return "\n".join([*head, "", aligned(lines)])


def _ratio(row: Mapping[str, Any]) -> str:
    """What a QALY gained costs, what one given up saves, or in words why there is no such number."""
    if row["verdict"] == "gains health at a cost":
        interval = ratio_interval_in_words(row)
        return f"{row['icer_per_qaly']:,.0f}{'' if interval == NOT_KNOWN else f' ({interval})'}"
    if row["verdict"] == "saves money, loses health":
        return f"{row['icer_per_qaly']:,.0f} saved for each lost"
    return str(row["verdict"])
