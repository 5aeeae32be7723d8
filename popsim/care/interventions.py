"""Personal interventions: who gets a drug, a device or a programme on which day, and what it changes.

Every morning, before physiology: interventions that end are reversed, others go on (titration, infusions, effects that
grow or wane); then they are offered to everybody who enters today and, on the first day of an intervention, to
everybody alive; genetic tests (genetic_testing.py) come last. Rows are ordered by entry, so a day visits few
neighbouring rows.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from popsim.care.column_changes import Changing, Step, apply_change, steps_of, write_within_bounds
from popsim.care.eligibility import Look, meets
from popsim.care.genetic_testing import GeneticTesting
from popsim.care.signals import Signals
from popsim.definitions.interventions import (
    GeneticTest,
    HazardRatio,
    Intervention,
    Personal,
)
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import STREAM_INTERVENTION, STREAM_TREATMENT
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within

COST_COLUMN: dict[str, str] = {"drug": "cost_drugs", "device": "cost_devices", "programme": "cost_programme"}
NEVER = -1
CHARGES = "charges of all"  # part of the state; no intervention can have this name
DRAWN_EVERY_DAYS = 365  # whether a treatment given as a hazard ratio works in a person
PREVENTED = -20.0  # log ratio of what a treatment prevents
TOLERANCE = 1e-3  # of a dose that has been kept
# Outcomes of hazard ratios that stand for several columns.
OUTCOME_PARTS = {
    "admission": ("heart_failure_admission", "other_admission"),
    "cardiovascular_death": ("sudden_death", "pump_failure_death", "other_cardiovascular_death"),
    "death": ("sudden_death", "pump_failure_death", "other_cardiovascular_death", "non_cardiovascular_death"),
}


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
        personal = [one for one in interventions if isinstance(one, Personal)]
        self._courses = [course_of(one, population, self.charges, key) for one in personal]
        tests = [one for one in interventions if isinstance(one, GeneticTest)]
        self._tests = [GeneticTesting(one, population, self.charges, key, parameters["klein_2009"]) for one in tests]

    def apply(self, population: Population, clock: Clock) -> None:
        """Start and stop the interventions that are due on the morning of a day."""
        today = int(clock.time_days)
        look = partial(self._observation.look, population, today)
        for course in self._courses:
            course.stop(population, today)
        for course in self._courses:
            course.advance(population, today)
        for course in self._courses:
            course.start(population, today, look)
        for testing in self._tests:
            testing.apply(population, today, look)

    def state(self) -> NamedArrays:
        """Who has what, and its daily costs, to go on from."""
        parts = {course.intervention.name: course.state() for course in self._courses}
        parts |= {testing.test.name: testing.state() for testing in self._tests} | {CHARGES: self.charges.state()}
        return {name: array for part, arrays in parts.items() for name, array in within(part, arrays).items()}

    def restore(self, state: State, day: int) -> None:
        """Go on from the state on the morning of a day; interventions that begin on it or later have none.

        Raises:
            InputError: the state is of other interventions.
        """
        for course in self._courses:
            if course.intervention.from_day < day:
                course.restore(state.part(course.intervention.name))
        for testing in self._tests:
            if testing.test.from_day < day:
                testing.restore(state.part(testing.test.name))
        self.charges.restore(state.part(CHARGES))


class InterventionCourse:
    """One intervention and who has it."""

    def __init__(self, intervention: Personal, population: Population, charges: Charges, key: RandomKey) -> None:
        self.intervention = intervention
        self._charges = charges
        self._key = key
        self._name = zlib.crc32((intervention.same_people_as or intervention.name).encode())
        self._has = np.zeros(len(population), np.bool_)
        self._began = np.full(len(population), NEVER, np.int32)

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
        self._has[rows], self._began[rows] = True, today
        self.begin(population, rows)
        self._charges.charge_once(self._costs, rows, one.cost_once)
        self._charges.change_per_day(self._costs, rows, one.cost_per_day, len(population))

    def stop(self, population: Population, today: int) -> None:
        """End the intervention where its duration is over."""
        rows = self._ending(population, today)
        rows = rows[self._has[rows]]
        if len(rows) == 0:
            return
        self._has[rows] = False
        self.end(population, rows)
        self._charges.change_per_day(self._costs, rows, -self.intervention.cost_per_day, len(population))

    def begin(self, population: Population, rows: NDArray[np.int64]) -> None:
        """What changes in people who get it."""
        raise NotImplementedError

    def advance(self, population: Population, today: int) -> None:
        """What changes today in people who have had it for a while."""
        raise NotImplementedError

    def end(self, population: Population, rows: NDArray[np.int64]) -> None:
        """What is reversed at its end."""
        raise NotImplementedError

    @property
    def _costs(self) -> str:
        one = self.intervention
        return COST_COLUMN[one.treatment if isinstance(one, HazardRatio) else one.kind]

    def state(self) -> NamedArrays:
        """Who has it since when, to go on from."""
        return {"has": self._has, "began": self._began}

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self._has[:] = state.take("has", np.bool_, self._has.shape)
        self._began[:] = state.take("began", np.int32, self._began.shape)

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


class ColumnCourse(InterventionCourse):
    """An intervention that changes columns: a drug, a device or a programme."""

    def __init__(self, intervention: Changing, population: Population, charges: Charges, key: RandomKey) -> None:
        super().__init__(intervention, population, charges, key)
        self._steps = steps_of(intervention)
        changed = {change.column for step in self._steps for change in step.changes}
        self._added = {name: np.zeros(len(population), np.float32) for name in changed}

    def begin(self, population: Population, rows: NDArray[np.int64]) -> None:
        """The first step."""
        self._take(population, self._steps[0], rows)

    def advance(self, population: Population, today: int) -> None:
        """Later steps of a titration, in people who have kept the dose of the one before; the next infusion."""
        every = getattr(self.intervention, "every_days", None)
        if len(self._steps) == 1 and every is None:
            return
        rows = np.flatnonzero(self._has & (population["alive"] != 0))
        since = today - self._began[rows]
        for step in self._steps[1:]:
            due = rows[since == step.day]
            if step.kept is not None:
                due = due[population[step.kept[0]][due] >= step.kept[1] - TOLERANCE]
            self._take(population, step, due)
        if every is not None:
            self._take(population, self._steps[-1], rows[(since > 0) & (since % every == 0)])

    def end(self, population: Population, rows: NDArray[np.int64]) -> None:
        """Take away what was added."""
        for name, added in self._added.items():
            write_within_bounds(population, name, rows, population[name][rows] - added[rows])
            added[rows] = 0.0

    def state(self) -> NamedArrays:
        """Also what it has added to each column."""
        return super().state() | within("added", self._added)

    def restore(self, state: State) -> None:
        """Go on from a state."""
        super().restore(state)
        for name, added in self._added.items():
            added[:] = state.take(f"added/{name}", np.float32, added.shape)

    def _take(self, population: Population, step: Step, rows: NDArray[np.int64]) -> None:
        if step.takes is not None:
            rows = rows[population[step.takes[0]][rows] == step.takes[1]]
        if len(rows) == 0:
            return
        for change in step.changes:
            self._added[change.column][rows] += apply_change(population, change, rows)


class HazardRatioCourse(InterventionCourse):
    """An intervention whose effect is a hazard ratio, which may grow and wane.

    A ratio below 1 takes away a share 1 - ratio of what would happen: in each person and year the treatment either
    prevents the outcome or does nothing, by one random number. A ratio on every day's hazard instead would only put off
    what happens in a long spell of high hazard, and the ratio between two arms would be nearer to 1 than that of the
    trial. A ratio above 1 multiplies the hazard of everybody.
    """

    def __init__(self, intervention: HazardRatio, population: Population, charges: Charges, key: RandomKey) -> None:
        super().__init__(intervention, population, charges, key)
        parts = OUTCOME_PARTS.get(intervention.outcome, (intervention.outcome,))
        self._columns = [f"{name}_log_ratio" for name in parts]
        self._log_ratio = intervention.adherence * math.log(intervention.value)
        self._full, self._half_life = intervention.full_effect_after_days, intervention.half_life_days
        self._own_name = zlib.crc32(intervention.name.encode())
        self._present = np.zeros(len(population), np.float32)  # log ratio of each person today

    def begin(self, population: Population, rows: NDArray[np.int64]) -> None:
        """The effect of the first day."""
        self._act(population, rows, np.zeros(len(rows), np.int64))

    def advance(self, population: Population, today: int) -> None:
        """The effect of today, where it grows, wanes or is drawn anew."""
        rows = np.flatnonzero(self._has)
        since = today - self._began[rows].astype(np.int64)
        if self._full == 0 and self._half_life is None:
            again = since % DRAWN_EVERY_DAYS == 0
            rows, since = rows[again], since[again]
        self._act(population, rows, since)

    def end(self, population: Population, rows: NDArray[np.int64]) -> None:
        """No effect any more."""
        self._set(population, rows, np.zeros(len(rows)))

    def state(self) -> NamedArrays:
        """Also its effect in each person."""
        return super().state() | {"present": self._present}

    def restore(self, state: State) -> None:
        """Go on from a state."""
        super().restore(state)
        self._present[:] = state.take("present", np.float32, self._present.shape)

    def _act(self, population: Population, rows: NDArray[np.int64], since: NDArray[np.int64]) -> None:
        """Set the effect of people who have it for some days."""
        log_ratio = self._log_ratio * self._share(since)
        if self._log_ratio < 0.0:
            log_ratio = np.where(self._drawn(population, rows, since) < 1.0 - np.exp(log_ratio), PREVENTED, 0.0)
        self._set(population, rows, log_ratio)

    def _drawn(self, population: Population, rows: NDArray[np.int64], since: NDArray[np.int64]) -> NDArray[np.float64]:
        """The random number by which it works or not, in each person and year of treatment."""
        u, years = np.zeros(len(rows)), since // DRAWN_EVERY_DAYS
        for year in np.unique(years):
            of_year = years == year
            people = population.person_id[rows[of_year]]
            u[of_year] = keyed(self._key, people, STREAM_TREATMENT, self._own_name + int(year))
        return u

    def _share(self, since: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of the whole effect after some days."""
        grown = np.minimum(since / self._full, 1.0) if self._full else np.ones(len(since))
        if self._half_life is None:
            return grown
        waned: NDArray[np.float64] = grown * 0.5 ** (np.maximum(since - self._full, 0) / self._half_life)
        return waned

    def _set(self, population: Population, rows: NDArray[np.int64], log_ratio: NDArray[np.float64]) -> None:
        change = log_ratio.astype(np.float32) - self._present[rows]
        for name in self._columns:
            write_within_bounds(population, name, rows, population[name][rows] + change)
        self._present[rows] += change


def course_of(one: Personal, population: Population, charges: Charges, key: RandomKey) -> InterventionCourse:
    """The course of an intervention through a population."""
    if isinstance(one, HazardRatio):
        return HazardRatioCourse(one, population, charges, key)
    return ColumnCourse(one, population, charges, key)
