"""Personal interventions at work: who gets a drug, a device or a programme on which day, and what it changes.

Once a day, before physiology: what comes to its end is taken back, then those are asked who enter today and, on the
first day of an intervention, all who are alive; genetic tests (genetic_testing.py) come last. Rows are ordered by
entry, so a day looks at a few neighbouring rows only; a day on which nobody can start or stop costs nothing.
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
from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.kernels.codes import STREAM_INTERVENTION
from popsim.kernels.numerics.sampling import keyed_uniforms
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.population import Population

COST_COLUMN: dict[str, str] = {"drug": "cost_drugs", "device": "cost_devices", "programme": "cost_programme"}


class ColumnChange(NamedTuple):
    """How a column is changed: the greater of `floor` and factor x value + term."""

    column: str
    factor: float
    term: float
    floor: float = -np.inf


class Interventions:
    """The personal interventions of one strategy, in its order; does nothing when there are none.

    Args:
        interventions: `Strategy.composed`; capacities and policies are left to the care network.
        population: whose columns are changed.
        seed, replication: key of the random numbers.
        warfarin: parameter set of the dose algorithm, for genetic tests that guide warfarin.

    Attributes:
        charges: what they cost, for valuation.
    """

    def __init__(
        self,
        interventions: Sequence[Intervention],
        population: Population,
        *,
        seed: int,
        replication: int = 0,
        warfarin: ParameterSet | None = None,
        sight: Signals | None = None,
    ) -> None:
        self._sight = sight or Signals(population.schema, seed=seed, replication=replication)
        self.charges = Charges()
        personal = [one for one in interventions if isinstance(one, DrugIntervention | Device | Programme)]
        self._courses = [InterventionCourse(one, population, self.charges, seed, replication) for one in personal]
        tests = [one for one in interventions if isinstance(one, GeneticTest)]
        self._tests = [
            GeneticTesting(
                one, population, self.charges, (seed, replication), warfarin or load_parameters("klein_2009")
            )
            for one in tests
        ]

    def apply(self, population: Population, clock: Clock) -> None:
        """Everything that starts or stops on the morning of a day."""
        today = int(clock.time_days)
        look = partial(self._sight.look, population, today)
        for course in self._courses:
            course.stop(population, today)
        for course in self._courses:
            course.start(population, today, look)
        for testing in self._tests:
            testing.apply(population, today, look)


class InterventionCourse:
    """One intervention and who has it."""

    def __init__(
        self, intervention: Personal, population: Population, charges: Charges, seed: int, replication: int
    ) -> None:
        self.intervention = intervention
        self._charges = charges
        self._key = (seed, replication)
        self._name = zlib.crc32(intervention.name.encode())
        self._changes = changes_of(intervention)
        self._has = np.zeros(len(population), np.bool_)
        ends = intervention.until_day is not None or intervention.duration_days is not None
        count = len(self._changes) if ends else 0
        self._added = [np.zeros(len(population), np.float32) for _ in range(count)]

    def start(self, population: Population, today: int, look: Look) -> None:
        """Offer it to those whose day has come."""
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
        """Take it back from those whose time is over."""
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
        """Rows whose time is over today, whether or not they have it."""
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
        """Whether each of some rows takes it up: the same for every strategy that has an intervention of this name."""
        u = np.empty(len(rows))
        keyed_uniforms(*self._key, population.person_id[rows], STREAM_INTERVENTION, u, self._name)
        return u < self.intervention.uptake


def changes_of(intervention: Personal) -> tuple[ColumnChange, ...]:
    """What an intervention does to the columns of those who have it."""
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
    """Change a column in some rows; returns what was added to each."""
    old = population[change.column][rows]
    new = np.maximum(change.factor * old.astype(np.float64) + change.term, change.floor)
    write_within_bounds(population, change.column, rows, new)
    added: NDArray[np.float32] = population[change.column][rows] - old
    return added


def write_within_bounds(
    population: Population, name: str, rows: NDArray[np.int64], values: NDArray[np.floating[Any]]
) -> None:
    """Write values to some rows of a column, the nearest that its bounds allow."""
    column = population.schema[name]
    population[name][rows] = np.clip(values, column.low, column.high)
