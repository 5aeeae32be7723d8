"""Structural scenarios: the same comparison under another network, cohort, horizon, discount rate, price or capacity.

Every scenario is a separate study with its own run folder; the base case is the experiment itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from popsim.definitions.experiment import BASE_CASE, ExperimentDefinition
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.errors import DefinitionError
from popsim.studies.design import Change, Study, read_study, study_of


def study_of_scenario(
    source: Path | str | ExperimentDefinition,
    name: str | None,
    folder: Path | str = ".",
    changes: Mapping[str, Change] | None = None,
) -> Study:
    """The study of one scenario of an experiment, or of the experiment itself when `name` is None.

    Args:
        source: the experiment's file, or an experiment.
        name: of the scenario.
        folder: to which paths of an experiment made in Python are relative; those of a file are relative to its folder.
        changes: as for `read_study`; they apply in every scenario.

    Raises:
        InputError: there is no such scenario.
        DefinitionError: a file is refused, or names something that does not exist.
    """
    if isinstance(source, ExperimentDefinition):
        return study_of(source, folder, changes=changes, scenario=name)
    return read_study(source, changes, name)


def studies(
    source: Path | str | ExperimentDefinition, folder: Path | str = ".", changes: Mapping[str, Change] | None = None
) -> dict[str, Study]:
    """The studies of the base case and of every scenario, by name; all are checked before any is run."""
    experiment = source if isinstance(source, ExperimentDefinition) else ExperimentDefinition.read(source)
    names = [scenario.name for scenario in experiment.scenarios]
    found = {BASE_CASE: study_of_scenario(source, None, folder, changes)}
    for name in names:
        try:
            found[name] = study_of_scenario(source, name, folder, changes)
        except DefinitionError as error:
            if error.file != str(source):
                raise
            raise DefinitionError(source, f"scenarios.{name}: {error.key}", error.value, error.allowed) from None
    return found


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
