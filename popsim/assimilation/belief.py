"""A belief about persons: the physiology advances it, readings and events correct it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.arguments import MAX_DAYS, array, real_number, whole_number
from popsim.assimilation.derived import BALANCE, DERIVED, StateDerivation
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.assimilation.sensors import Sensor, table
from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.kernels import assimilation as kernel
from popsim.kernels import codes as code
from popsim.kernels import seeing
from popsim.kernels.codes import STREAM_IMAGINED
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.physiology import Physiology
from popsim.physiology.columns import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Schema

# Hidden traits, what physiology changes from day to day, and what laboratories show of other organ systems.
TRAITS = (
    "dry_weight_kg", "baseline_ejection_fraction_percent", "baseline_systolic_mmhg", "baseline_filling_pressure_mmhg",
    "usual_salt_g_day", "adherence_trait",
)  # fmt: skip
FOLLOWS = ("death_hazard_per_day", BALANCE)
LABORATORY = ("hba1c_percent", "haemoglobin_g_dl", "iron_store_mg", "albuminuria_mg_g", "fev1_percent")
ESTIMATED = (
    *TRAITS,
    *(one.name for one in PHYSIOLOGY_COLUMNS if one.kind == "real" and one.name not in FOLLOWS),
    *LABORATORY,
)
# A person who presents because of one of these shocks certainly has it; few members had it before.
SHOCK_BEHIND = {
    code.CAUSE_INFECTION: "infection_severity",
    code.CAUSE_RESPIRATORY: "infection_severity",
    code.CAUSE_ARRHYTHMIA: "arrhythmia_burden",
}


class Belief:
    """A belief about persons, as an ensemble that is simulated beside them.

    A day has the same order as in the model: `set_known` the recorded facts, `advance`, `assimilate` the day's
    readings, `update_events` who presented. Each member has its own random streams. Members neither present nor die by
    chance, because whether the person did is known.

    Args:
        ensemble: the members; changed in place.
        physiology: advances them, with the same key.
        sensors: sources of readings; each has a row of `ensemble.bias`.
        key: of the random numbers.
        estimated: real columns that readings correct, if the population has them.
        parameters: sets by name; for the constants of the filter and the likelihood of presentations.
        memory_days: maximum delay of a reading, in days.
        day: the last day simulated, for a belief that resumes.

    Raises:
        InputError: a sensor does not fit the population, or the lasting errors or the memory of the ensemble do not
            fit the sensors.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        physiology: Physiology,
        sensors: Sequence[Sensor],
        *,
        key: RandomKey,
        estimated: Sequence[str] = ESTIMATED,
        parameters: Parameters,
        memory_days: int = 0,
        day: int = 0,
    ) -> None:
        schema, rows = ensemble.people.schema, len(ensemble.people)
        self.ensemble, self.physiology, self.sensors = ensemble, physiology, tuple(sensors)
        self._table = table(sensors, schema)
        if ensemble.bias.shape[0] != len(self.sensors):
            raise InputError(f"ensemble: has {ensemble.bias.shape[0]} lasting errors for {len(self.sensors)} sensors")
        self._key = key
        self._estimated = _estimated(schema, estimated, self.sensors)
        self._constants = parameters["twinning"].fill(kernel.FilterParameters)
        self._parameters, self._influences = parameters, Influences(rows)  # none before the first day
        self._derivation = StateDerivation(parameters["heart_failure"], schema)
        self._follows = np.array([sensor.column in DERIVED for sensor in self.sensors], np.bool_)
        memory_days = whole_number("memory_days", memory_days, 0, MAX_DAYS)
        self.memory_days, self.day = memory_days, day
        if len(ensemble.memory) == 0:
            ensemble.memory = np.zeros((memory_days * len(self.sensors), rows), np.float32)
        if len(ensemble.memory) != memory_days * len(self.sensors):
            raise InputError(f"ensemble: remembers {len(ensemble.memory)} readings, memory_days = {memory_days} of"
                             f" {len(self.sensors)} sensors need {memory_days * len(self.sensors)}")  # fmt: skip

    def set_known(self, facts: Mapping[str, ArrayLike]) -> None:
        """Set recorded facts, columns with one value per person, in all members of each person."""
        for name, values in facts.items():
            self.ensemble.people[name] = self.ensemble.repeat(values)

    def advance(self, clock: Clock) -> None:
        """Advance by the day that the clock shows; no member presents by chance."""
        people = self.ensemble.people
        if self.memory_days:
            self._remember()
        self._influences = Influences(len(people))
        self.physiology.advance(people, clock, self._influences)
        self.day = clock.day
        people["acute_cause"] = 0
        people["onset"] = 0

    def assimilate(self, readings: NDArray[np.float64], days_ago: int | NDArray[np.int64] = 0) -> None:
        """Correct the members with readings.

        Args:
            readings: (sensors, persons) in the sensors' units, NaN where there is none.
            days_ago: age of the readings, one number or one per sensor; at most `memory_days`.

        Raises:
            InputError: the shape is wrong, a reading is infinite, or it is older than the memory.
        """
        sensors = len(self.sensors)
        readings = array("readings", readings, np.float64, (sensors, self.ensemble.persons))
        if np.isinf(readings).any():
            raise InputError("readings: must be finite, or NaN where there is none")
        late = array("days_ago", np.broadcast_to(days_ago, sensors), np.int64, (sensors,))
        if late.size and (late.min() < 0 or late.max() > self.memory_days):
            raise InputError(f"days_ago = {int(late.max())}: must be between 0 and {self.memory_days}")
        slot = (self.day - late) % max(self.memory_days, 1) * sensors + np.arange(sensors)
        remembered = np.where(late == 0, -1, slot)
        ensemble = self.ensemble
        for part in (~self._follows, self._follows):
            some = np.where(part[:, None], readings, np.nan)
            if not np.isnan(some).all():
                with self._derivation.after(ensemble.people, self.day):
                    kernel.assimilate(ensemble.members, some, *self._table, remembered, *self._state, self._constants)

    def assimilate_classes(self, classes: NDArray[np.int8], error: float) -> None:
        """Correct the members with today's New York Heart Association classes.

        Args:
            classes: (persons,), 1 to 4, 0 where there is none.
            error: probability that a class is one too high or too low.

        Raises:
            InputError: the shape is wrong, a class is none, or the probability is not between 0 and 1.
        """
        told = array("classes", classes, np.int8, (self.ensemble.persons,))
        if told.size and (told.min() < 0 or told.max() > 4):
            raise InputError("classes: must be 1 to 4, or 0 where there is none")
        error = real_number("error", error, 0.0, 1.0)
        people, schema = self.ensemble.people, self.ensemble.people.schema
        judged = tuple(schema.index(name) for name in ("symptom_score", "class_judgement"))
        symptoms = self._derivation.symptoms
        with self._derivation.after(people, self.day):
            seeing.assimilate_class(
                self.ensemble.members, told, error, *judged, *self._state, symptoms, self._constants
            )

    @property
    def _state(self) -> tuple[Any, ...]:
        """What readings correct, as the kernels take it."""
        one = self.ensemble
        return (one.people.block("real"), *self._estimated, one.bias, one.memory, one.log_weight)

    def update_events(self, acute_cause: NDArray[np.int8], watched: NDArray[np.bool_] | None = None) -> None:
        """Update the belief with who presented today and why.

        A person who presents with an infection or a fast arrhythmia has one: every member is given one, with a
        severity s drawn from a density proportional to s**2, the hazard of presenting. Any other cause, or none,
        reweights the members by their own hazards; members are resampled where few carry most of the weight.

        Args:
            acute_cause: (persons,), codes.CAUSE_*; 0 = did not present.
            watched: (persons,), whether it is known if they presented (not in hospital, not dead); all when None.

        Raises:
            InputError: an array does not have one element per person.
        """
        people, members = self.ensemble.people, self.ensemble.members
        one_each = (self.ensemble.persons,)
        causes = array("acute_cause", acute_cause, np.int8, one_each)
        seen = array("watched", np.ones(one_each, np.bool_) if watched is None else watched, np.int8, one_each)
        people["acute_cause"] = self.ensemble.repeat(causes)
        for cause, shock in SHOCK_BEHIND.items():
            rows = np.flatnonzero(self.ensemble.repeat((causes == cause) & (seen != 0)))
            people[shock][rows] = np.cbrt(keyed(self._key, people.person_id[rows], STREAM_IMAGINED, self.day))
        hazards = hazards_of_presenting(self._influences, people, self._parameters, self.day)
        kernel.weigh_presentation(members, causes, seen, hazards, self.ensemble.log_weight)
        self._resample()

    def weigh(self, log_likelihood: NDArray[np.float64]) -> None:
        """Update the belief with any other event or count, by its log likelihood under each member, (rows,).

        Raises:
            InputError: the shape is wrong, a value is NaN or plus infinity, or the event is impossible for all members
                of a person.
        """
        likely = array("log_likelihood", log_likelihood, np.float64, self.ensemble.log_weight.shape)
        best = likely.reshape(self.ensemble.persons, self.ensemble.members).max(axis=1)
        if not np.isfinite(best).all():
            raise InputError("log_likelihood: must be finite for at least one member of every person, and nowhere NaN")
        self.ensemble.log_weight += likely
        self._resample()

    def _resample(self) -> None:
        ensemble = self.ensemble
        person, weight, reals = ensemble.people.person_id, ensemble.log_weight, ensemble.people.block("real")
        state = (weight, reals, ensemble.bias, ensemble.memory, *self._estimated, self._constants)
        with self._derivation.after(ensemble.people, self.day):
            kernel.resample(ensemble.members, self._key, self.day, person, *state)

    def _remember(self) -> None:
        """Store the expected readings of the day that ends."""
        first = self.day % self.memory_days * len(self.sensors)
        for place, sensor in enumerate(self.sensors):
            values = self.ensemble.people[sensor.column]
            shown = np.log(np.maximum(values, kernel.TINY)) if sensor.logarithmic else values
            self.ensemble.memory[first + place] = shown + self.ensemble.bias[place]


def _estimated(
    schema: Schema, names: Sequence[str], sensors: Sequence[Sensor]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each estimated column: index among the real columns, bounds, whether its logarithm is corrected, and whether
    it is a shock, of which 0 is none.

    The logarithm is corrected where the quantity is above 0 and a sensor's error is proportional to it: a linear
    regression on so skewed a quantity would push members to the lower bound.
    """
    columns = [schema[name] for name in names if name in schema]
    scaled = {sensor.column for sensor in sensors if sensor.logarithmic and schema[sensor.column].low > 0.0}
    return (
        np.array([schema.index(one.name) for one in columns], np.int64),
        np.array([one.low for one in columns], np.float64),
        np.array([one.high for one in columns], np.float64),
        np.array([one.name in scaled for one in columns], np.bool_),
        np.array([one.name in SHOCK_BEHIND.values() for one in columns], np.bool_),
    )
