"""Numbers of interventions as a parameter set, so that they can be uncertain, overridden and varied like any other.

    "interventions.sglt2_inhibitor.uptake" = { uncertainty = { distribution = "beta", standard_error = 0.05 } }

They are named after the intervention, because strategies share interventions; if strategies give an intervention of one
name different numbers, those numbers are not parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from popsim.care.columns import CARE_COLUMNS
from popsim.definitions.interventions import (
    MAX_COST,
    MAX_FACTOR,
    ColumnEffect,
    Device,
    DrugIntervention,
    GeneticTest,
    Personal,
    Programme,
)
from popsim.definitions.network import MAX_NUMBER
from popsim.definitions.parameter import Parameter
from popsim.definitions.strategy import Strategy
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import INTERVENTION_SET

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
    """Uptake, adherence, costs, dose and effects of the personal interventions of some strategies.

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
    return (
        one for one in strategy.interventions if isinstance(one, DrugIntervention | Device | Programme | GeneticTest)
    )


def _numbers(one: Personal | GeneticTest) -> Iterator[tuple[str, Parameter]]:
    """Every number of an intervention by its key within the set."""
    for key, (unit, high) in _common(one).items():
        yield f"{one.name}.{key}", _parameter(getattr(one, key), unit, 0.0, high)
    if isinstance(one, GeneticTest):
        return
    if isinstance(one, DrugIntervention):
        if one.dose is not None and one.column in DOSES:  # otherwise the checks of strategies refuse it
            column = DOSES[one.column]
            yield f"{one.name}.dose", _parameter(one.dose, column.unit, column.low, column.high)
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


def _effect_key(one: Personal, index: int, effect: ColumnEffect) -> str:
    return f"{one.name}.effects.{index}.{'add' if effect.multiply is None else 'multiply'}"


def _with(one: Personal | GeneticTest, parameters: ParameterSet) -> Personal | GeneticTest:
    """An intervention with the numbers of a parameter set."""
    keys = (*_common(one), "dose") if isinstance(one, DrugIntervention) else tuple(_common(one))
    changes: dict[str, Any] = {key: parameters[full] for key in keys if (full := f"{one.name}.{key}") in parameters}
    if isinstance(one, Device | Programme):
        effects = []
        for index, effect in enumerate(one.effects):
            key = _effect_key(one, index, effect)
            change = {key.rpartition(".")[2]: parameters[key]} if key in parameters else {}
            effects.append(effect.model_copy(update=change))
        changes["effects"] = tuple(effects)
    return one.model_copy(update=changes)
