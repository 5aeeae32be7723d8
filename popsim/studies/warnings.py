"""Likely mistakes in an experiment: conditions that nobody can meet, strategies that are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from popsim.care.network import CareNetwork, operand
from popsim.definitions.cohort import Table
from popsim.definitions.conditions import Condition
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import OWN
from popsim.errors import DefinitionError
from popsim.evidence.drugs import DRUG_SET
from popsim.evidence.sets import INTERVENTION_SET, SHIPPED_SETS, model_sets
from popsim.kernels.codes import CAUSE_NAMES
from popsim.physiology.clinical import ORGAN_SYSTEMS
from popsim.population.columns import Schema
from popsim.population.formulas import FORMULAS
from popsim.population.pieces import support
from popsim.population.sampling import SamplingPlan
from popsim.studies.entry_columns import refuse_unknown_entry_columns
from popsim.units import canonical

if TYPE_CHECKING:
    from popsim.studies.design import Change

READ_BY_GUIDANCE = {"twin": ("twinning", "therapy_choice"), "risk_model": ("learning",)}
OTHERS = "analyses such as popsim score, popsim learn and popsim equity"


def refuse_impossible_conditions(experiment: ExperimentDefinition, schema: Schema, file: object) -> None:
    """Refuse unknown columns at entry, and conditions that exclude one another or lie outside their column's bounds.

    Raises:
        DefinitionError: for the first unknown column, or set of conditions that nobody can meet.
    """
    refuse_unknown_entry_columns(experiment, schema, file)
    limits = {name: (column.low, column.high) for name, column in schema.columns.items()}
    for key, conditions in conditions_of(experiment):
        if column := _impossible(conditions, limits):
            low, high = limits[column]
            allowed = f"nobody can meet this, {column} runs from {low:g} to {high:g} {canonical(schema[column].unit)}"
            raise DefinitionError(file, key, column, allowed.removesuffix(" 1"))


def refuse_unscaled(experiment: ExperimentDefinition, network: CareNetwork, file: object) -> None:
    """Refuse regions in which a network cannot be scaled to the people who live there.

    Raises:
        DefinitionError: the network has limits and does not say for how many people.
    """
    if experiment.regions > 1 and network.definition.reference_population is None and network.is_limited:
        needed = f"the network '{network.definition.name}' needs a reference_population to be scaled to each region"
        raise DefinitionError(file, "regions", experiment.regions, f"{needed}, or regions = 1")


def scenario_warnings(experiment: ExperimentDefinition, name: str | None, changes: Mapping[str, Change]) -> list[str]:
    """Warnings: flags that replace what a scenario itself sets.

    Args:
        experiment: with its scenarios.
        name: of the scenario that is run; the experiment itself when None.
        changes: as for `read_study`.
    """
    own: dict[str, object] = {}
    for scenario in experiment.scenarios:
        if scenario.name == name:
            own = {key: value for key, value in scenario if value is not None}
    if "follow_up" in own:
        own["follow_up_days"] = own["follow_up"]
    return [
        f"scenario '{name}': {change.flag} {change.value} replaces its own {key} = {own[key]}"
        for key, change in changes.items()
        if key in own and own[key] != change.value
    ]


def design_warnings(experiment: ExperimentDefinition, sampling: SamplingPlan) -> list[str]:
    """Warnings: strategies that do not differ, and conditions that nobody in the cohort meets at entry."""
    notes = []
    doing: dict[str, dict[str, object]] = {}
    others = [one.name for one in experiment.strategies if one.name != experiment.reference]
    for name in (experiment.reference, *others):
        strategy = experiment.strategy(name)
        own = {key: getattr(strategy, key) for key in type(strategy).model_fields if key not in OWN}
        if same := next((other for other, its in doing.items() if its == own), None):
            whom = f"the comparator '{same}'" if same == experiment.reference else f"'{same}'"
            notes.append(f"strategy '{name}' does the same as {whom}: they cannot differ")
        doing[name] = own
    supports = _supports(sampling)
    for key, conditions in conditions_of(experiment):
        known = [condition for condition in conditions if condition.column in supports]
        if column := _impossible(known, supports):
            low, high = supports[column]
            notes.append(f"{key}: nobody in the cohort meets this, its {column} runs from {low:g} to {high:g}")
    stay = sampling.outlines.get("discharge_cause")
    causes = (
        sorted({CAUSE_NAMES[int(end)] for end in support(stay)} - {*experiment.index_causes})
        if stay is not None
        else []
    )
    if experiment.entry == "as_described" and causes:
        after = f"the cohort's people enter after a stay for {' or '.join(causes)} (discharge_cause)"
        notes.append(f"index_causes: {after}, which is not among {', '.join(experiment.index_causes)}")
    read = _read_by_runs(experiment, sampling.cohort.definition.table)
    left_out = {ORGAN_SYSTEMS[system].parameter_set: system for system in _left_out(experiment)}
    for name in experiment.parameters:
        parameter_set = name.partition(".")[0]
        if parameter_set in left_out:
            notes.append(f"parameters.{name}: nothing reads it, organ_systems leaves out '{left_out[parameter_set]}'")
        elif parameter_set in SHIPPED_SETS and parameter_set not in read:
            notes.append(f"parameters.{name}: no run of this experiment reads it, only {OTHERS}")
    return notes


def _read_by_runs(experiment: ExperimentDefinition, table: Table | None) -> set[str]:
    """The parameter sets on which runs can depend."""
    guidances = [one.guidance for one in experiment.resolved_strategies if one.guidance is not None]
    guided = [READ_BY_GUIDANCE.get(one.kind, ()) for one in guidances]
    columns = table.columns.values() if table is not None else ()
    formulas = [FORMULAS[column.formula].evidence for column in columns if column.formula]
    return {*model_sets(experiment.prices), DRUG_SET, INTERVENTION_SET, *chain(*guided), *formulas}


def _left_out(experiment: ExperimentDefinition) -> Set[str]:
    """Organ systems that the experiment leaves out."""
    return set() if experiment.organ_systems is None else ORGAN_SYSTEMS.keys() - experiment.organ_systems


def conditions_of(experiment: ExperimentDefinition) -> Iterator[tuple[str, Sequence[Condition]]]:
    """Every set of conditions that persons have to meet, with its key."""
    if experiment.trial is not None:
        yield "trial.inclusion", experiment.trial.inclusion
    for strategy in experiment.strategies:
        for one in strategy.interventions:
            key = f"strategies.{strategy.name}.interventions.{one.name}"
            yield f"{key}.eligible", getattr(one, "eligible", ())
            for trigger in getattr(one, "triggers", ()):
                yield f"{key}.triggers", (trigger,)


def _impossible(conditions: Sequence[Condition], limits: dict[str, tuple[float, float]]) -> str | None:
    """The column for which no value meets all conditions, if there is one."""
    for column in dict.fromkeys(condition.column for condition in conditions):
        low, high = limits.get(column, (-float("inf"), float("inf")))
        below = float("inf")
        for condition in conditions:
            if condition.column != column:
                continue
            value = operand(condition)
            low = max(low, value) if condition.below is None else low
            high = min(high, value) if condition.equals is not None else high
            below = min(below, value) if condition.below is not None else below
        if low > high or low >= below:
            return column
    return None


def _supports(sampling: SamplingPlan) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each cohort column that never changes."""
    found = {name: support(outline) for name, outline in sampling.outlines.items()}
    if sampling.people is not None:
        for name, values in sampling.people.values.items():
            ends = [float(value) for value in values[~np.isnan(values)]]
            ends += found.get(name, ())
            found[name] = (min(ends), max(ends))
    return {name: ends for name, ends in found.items() if sampling.schema[name].writer == "cohort"}
