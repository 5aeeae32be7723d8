"""Personal interventions: who gets a drug, a device or a programme on which day, and what it changes.

Every morning, before physiology: interventions that end are reversed; then they are offered to everybody who enters
today and, on the first day of an intervention, to everybody alive; genetic tests (genetic_testing.py) come last. Rows
are ordered by entry, so a day visits few neighbouring rows; a day on which nobody starts or stops costs nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.care.eligibility import Look, meets
from popsim.care.genetic_testing import GeneticTesting
from popsim.care.signals import Signals
from popsim.definitions.interventions import (
    ColumnEffect,
    Device,
    DrugIntervention,
    GeneticTest,
    Intervention,
    Personal,
    Programme,
)
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.population import Population

COST_COLUMN: dict[str, str] = {"drug": "cost_drugs", "device": "cost_devices", "programme": "cost_programme"}


class ColumnChange(NamedTuple):
    """A change of a column: the greater of `floor` and factor x value + term."""

    column: str
    factor: float
    term: float
    floor: float = -np.inf


class Interventions:
    """The personal interventions of one strategy, in its order.

    Args:
        interventions: `Strategy.composed`; the care network handles capacities and policies.
        population: changed by the interventions.
        key: of the random numbers.
        parameters: sets by name, for genetic tests that guide warfarin.

    Attributes:
        charges: costs of the interventions, for valuation.
    """

    def __init__(
        self,
        interventions: Sequence[Intervention],
        population: Population,
        *,
        key: RandomKey,
        parameters: Parameters,
        observation: Signals | None = None,
    ) -> None:
        self._observation = observation or Signals(population.schema, key=key)
        self.charges = Charges()
        personal = [one for one in interventions if isinstance(one, DrugIntervention | Device | Programme)]
        self._courses = [InterventionCourse(one, population, self.charges, key) for one in personal]
        tests = [one for one in interventions if isinstance(one, GeneticTest)]
        self._tests = [GeneticTesting(one, population, self.charges, key, parameters["klein_2009"]) for one in tests]

    def apply(self, population: Population, clock: Clock) -> None:
        """Start and stop the interventions that are due on the morning of a day."""
        today = int(clock.time_days)
        look = partial(self._observation.look, population, today)
        for course in self._courses:
            course.stop(population, today)
        for course in self._courses:
            course.start(population, today, look)
        for testing in self._tests:
            testing.apply(population, today, look)


class InterventionCourse:
    """One intervention and who has it."""

    def __init__(self, intervention: Personal, population: Population, charges: Charges, key: RandomKey) -> None:
        self.intervention = intervention
        self._charges = charges
        self._key = key
        self._name = zlib.crc32(intervention.name.encode())
        self._changes = changes_of(intervention)
        self._has = np.zeros(len(population), np.bool_)
        ends = intervention.until_day is not None or intervention.duration_days is not None
        count = len(self._changes) if ends else 0
        self._added = [np.zeros(len(population), np.float32) for _ in range(count)]

    def start(self, population: Population, today: int, look: Look) -> None:
        """Offer the intervention to everybody who is due today."""
        one = self.intervention
        if not one.in_force(today):
            return
        rows = population.entering(today)
        if today == one.from_day:
            rows = np.concatenate([population.alive_and_entered(today - 1), rows])
        if len(rows) == 0:
            return
        rows = rows[meets(population, one.eligible, rows, look)]
        rows = rows[self._takes_up(population, rows)]
        self._has[rows] = True
        for number, change in enumerate(self._changes):
            added = apply_change(population, change, rows)
            if self._added:
                self._added[number][rows] = added
        column = COST_COLUMN[one.kind]
        self._charges.charge_once(column, rows, one.cost_once)
        self._charges.change_per_day(column, rows, one.cost_per_day, len(population))

    def stop(self, population: Population, today: int) -> None:
        """End the intervention where its duration is over."""
        rows = self._ending(population, today)
        rows = rows[self._has[rows]]
        if len(rows) == 0:
            return
        self._has[rows] = False
        for change, added in zip(self._changes, self._added, strict=True):
            write_within_bounds(population, change.column, rows, population[change.column][rows] - added[rows])
        self._charges.change_per_day(
            COST_COLUMN[self.intervention.kind], rows, -self.intervention.cost_per_day, len(population)
        )

    def _ending(self, population: Population, today: int) -> NDArray[np.int64]:
        """Rows whose duration is over today, whether or not they have the intervention."""
        one = self.intervention
        if today == one.until_day:
            return np.arange(len(population))
        if one.duration_days is None or not one.in_force(today - one.duration_days):
            return np.arange(0)
        began = today - one.duration_days
        if began == one.from_day:
            return np.arange(population.entered(began))
        return population.entering(began)

    def _takes_up(self, population: Population, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each row takes up the intervention, the same in every strategy with an intervention of this name."""
        u = keyed(self._key, population.person_id[rows], STREAM_INTERVENTION, self._name)
        return np.asarray(u < self.intervention.uptake)


def changes_of(intervention: Personal) -> tuple[ColumnChange, ...]:
    """The changes of columns in people who have the intervention."""
    reached = intervention.adherence
    if not isinstance(intervention, DrugIntervention):
        return tuple(_change(effect, reached) for effect in intervention.effects)
    dose = (intervention.dose or 0.0) * reached
    if intervention.mode == "start":
        return (ColumnChange(intervention.column, 1.0, 0.0, dose),)
    return (ColumnChange(intervention.column, 0.0, dose),)


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
