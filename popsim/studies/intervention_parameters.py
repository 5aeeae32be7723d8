"""Numbers of interventions as a parameter set, so that they can be uncertain, overridden and varied like any other.

    "interventions.sglt2_inhibitor.uptake" = { uncertainty = { distribution = "beta", standard_error = 0.05 } }

They are named after the intervention, because strategies share interventions; if strategies give an intervention of one
name different numbers, those numbers are not parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from popsim.care.columns import CARE_COLUMNS
from popsim.care.study_drugs import drugs_by_name, drugs_of
from popsim.definitions.conditions import MAX_NUMBER
from popsim.definitions.distributions import Lognormal
from popsim.definitions.interventions import (
    MAX_COST,
    MAX_FACTOR,
    MAX_RATIO,
    MIN_RATIO,
    ColumnEffect,
    Device,
    DrugIntervention,
    GeneticTest,
    HazardRatio,
    Personal,
    Programme,
)
from popsim.definitions.parameter import Parameter
from popsim.definitions.strategy import Strategy
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import INTERVENTION_SET
from popsim.statistics import Z_95

SOURCE = "assumption: the experiment's value for the intervention"
NUMBERS = {  # unit, largest value
    "uptake": ("1", 1.0),
    "adherence": ("1", 1.0),
    "cost_once": ("currency", MAX_COST),
    "cost_per_day": ("currency/day", MAX_COST),
}
NUMBERS_OF_TESTS = {"uptake": ("1", 1.0), "sensitivity": ("1", 1.0), "cost_once": ("currency", MAX_COST)}
DOSES = {column.name: column for column in CARE_COLUMNS}


def intervention_parameters(strategies: Iterable[Strategy]) -> ParameterSet:
    """Uptake, adherence, costs, dose, effects and hazard ratios of the personal interventions of some strategies.

    Args:
        strategies: with everything that they inherit.
    """
    found: dict[str, Parameter] = {}
    disputed: set[str] = set()
    for strategy in strategies:
        for intervention in personal(strategy):
            for key, parameter in _numbers(intervention):
                disputed |= {key} if found.setdefault(key, parameter) != parameter else set()
    return ParameterSet(INTERVENTION_SET, {key: one for key, one in found.items() if key not in disputed})


def with_parameters(strategy: Strategy, parameters: ParameterSet) -> Strategy:
    """A strategy whose interventions have the numbers of a parameter set."""
    changed = [
        _with(one, parameters) if isinstance(one, Personal | GeneticTest) else one for one in strategy.interventions
    ]
    return strategy.model_copy(update={"interventions": tuple(changed)}) if changed else strategy


def personal(strategy: Strategy) -> Iterator[Personal | GeneticTest]:
    """The interventions of a strategy that are offered to persons."""
    return (one for one in strategy.interventions if isinstance(one, Personal | GeneticTest))


def _numbers(one: Personal | GeneticTest) -> Iterator[tuple[str, Parameter]]:
    """Every number of an intervention by its key within the set."""
    for key, (unit, high) in _common(one).items():
        yield f"{one.name}.{key}", _parameter(getattr(one, key), unit, 0.0, high)
    if isinstance(one, GeneticTest):
        return
    if isinstance(one, HazardRatio):
        yield f"{one.name}.value", _ratio(one)
        return
    if isinstance(one, DrugIntervention):
        known = one.drug in drugs_by_name() or one.column in DOSES  # otherwise the checks of strategies refuse it
        if one.dose is not None and known:
            first = drugs_of(one)[0]
            column = DOSES[first.dose]
            unit = "1" if one.drug else column.unit
            yield f"{one.name}.dose", _parameter(one.dose, unit, column.low, column.high / first.at_target)
        return
    for index, effect in enumerate(one.effects):
        low, high = (-MAX_NUMBER, MAX_NUMBER) if effect.multiply is None else (0.0, MAX_FACTOR)
        key = _effect_key(one, index, effect)
        yield key, _parameter(getattr(effect, key.rpartition(".")[2]), "unit of the column", low, high)


def _common(one: Personal | GeneticTest) -> dict[str, tuple[str, float]]:
    """Unit and largest value of the numbers that all interventions of this kind have."""
    return NUMBERS_OF_TESTS if isinstance(one, GeneticTest) else NUMBERS


def _parameter(value: float, unit: str, low: float, high: float) -> Parameter:
    return Parameter(value=value, unit=unit, source=SOURCE, low=low, high=high)


def _ratio(one: HazardRatio) -> Parameter:
    """A hazard ratio, lognormal with the published value as its median where its interval is given."""
    certain = _parameter(one.value, "1", MIN_RATIO, MAX_RATIO)
    if one.low is None or one.high is None:
        return certain
    spread = math.log(one.high / one.low) / (2.0 * Z_95)
    uncertain = Lognormal(distribution="lognormal", meanlog=math.log(one.value), sdlog=spread)
    return certain.model_copy(update={"uncertainty": uncertain})


def _effect_key(one: Personal, index: int, effect: ColumnEffect) -> str:
    return f"{one.name}.effects.{index}.{'add' if effect.multiply is None else 'multiply'}"


def _with(one: Personal | GeneticTest, parameters: ParameterSet) -> Personal | GeneticTest:
    """An intervention with the numbers of a parameter set."""
    own = {DrugIntervention: ("dose",), HazardRatio: ("value",)}.get(type(one), ())
    keys = (*_common(one), *own)
    changes: dict[str, Any] = {key: parameters[full] for key in keys if (full := f"{one.name}.{key}") in parameters}
    if isinstance(one, Device | Programme):
        effects = []
        for index, effect in enumerate(one.effects):
            key = _effect_key(one, index, effect)
            change = {key.rpartition(".")[2]: parameters[key]} if key in parameters else {}
            effects.append(effect.model_copy(update=change))
        changes["effects"] = tuple(effects)
    if isinstance(one, HazardRatio):
        changes |= {"low": None, "high": None}  # the interval is of the published value, not of one drawn from it
    return one.model_copy(update=changes)
