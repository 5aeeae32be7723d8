"""What an intervention changes in the columns of a person, by the day since its start."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.care.study_drugs import drugs_of
from popsim.definitions.interventions import ColumnEffect, Device, DrugIntervention, Programme
from popsim.population.population import Population

type Changing = DrugIntervention | Device | Programme


class ColumnChange(NamedTuple):
    """A change of a column: the greater of `floor` and factor x value + term."""

    column: str
    factor: float
    term: float
    floor: float = -np.inf


class Step(NamedTuple):
    """Changes on one day of an intervention.

    Attributes:
        day: since its start.
        changes: of columns.
        kept: column that must not have fallen below a value since the step before.
        takes: column that must have a value: the drug that people take of a class.
    """

    day: int
    changes: tuple[ColumnChange, ...]
    kept: tuple[str, float] | None = None
    takes: tuple[str, int] | None = None


def steps_of(intervention: Changing) -> tuple[Step, ...]:
    """What changes in people who have the intervention, by the day since its start."""
    reached = intervention.adherence
    if not isinstance(intervention, DrugIntervention):
        return (Step(0, tuple(_change(effect, reached) for effect in intervention.effects)),)
    drugs, mode = drugs_of(intervention), intervention.mode
    if mode == "stop":
        return (Step(0, tuple(ColumnChange(drug.dose, 0.0, 0.0) for drug in drugs), takes=drugs[0].agent),)
    steps: list[Step] = []
    for day, dose in intervention.rungs:
        changes = []
        for drug in drugs:
            amount = dose * reached * drug.at_target
            kept, floor = (1.0, amount) if mode == "start" else (0.0, -math.inf)
            changes.append(ColumnChange(drug.dose, kept, 0.0 if kept else amount, floor))
            if drug.agent is not None:
                changes.append(ColumnChange(drug.agent[0], 0.0, drug.agent[1]))
        held = (drugs[0].dose, intervention.rungs[len(steps) - 1][1] * reached * drugs[0].at_target) if steps else None
        steps.append(Step(day, tuple(changes), held))
    return tuple(steps)


def _change(effect: ColumnEffect, reached: float) -> ColumnChange:
    if effect.multiply is not None:
        return ColumnChange(effect.column, 1.0 + reached * (effect.multiply - 1.0), 0.0)
    return ColumnChange(effect.column, 1.0, reached * (effect.add or 0.0))


def apply_change(population: Population, change: ColumnChange, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Change a column in some rows; return the difference in each."""
    old = population[change.column][rows]
    new = np.maximum(change.factor * old.astype(np.float64) + change.term, change.floor)
    write_within_bounds(population, change.column, rows, new)
    added: NDArray[np.float32] = population[change.column][rows] - old
    return added


def write_within_bounds(
    population: Population, name: str, rows: NDArray[np.int64], values: NDArray[np.floating[Any]]
) -> None:
    """Write values to some rows of a column, clipped to its bounds."""
    column = population.schema[name]
    population[name][rows] = np.clip(values, column.low, column.high)
