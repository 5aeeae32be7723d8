"""A belief about every monitored person, updated with what care observes, and the risks that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.alerting.alerts import RiskSource
from popsim.assimilation.belief import Belief
from popsim.assimilation.forecast import DECOMPENSATION, forecast
from popsim.assimilation.prior import members_of
from popsim.assimilation.sensors import Sensor, sensors_of
from popsim.care.monitoring import HomeReadings
from popsim.care.signals import Signals
from popsim.definitions.guidance import Guidance
from popsim.definitions.interventions import Telemonitoring
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import LEVEL_EMERGENCY, LEVEL_FACILITY
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import Physiology
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.columns import DTYPE, Schema
from popsim.population.genome import COLUMNS as GENES
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within
from popsim.population.traits import COLUMNS as TRAITS
from popsim.population.traits import MORE_COLUMNS as MORE_TRAITS

# Traits that no record holds; readings inform the belief about the others.
HIDDEN = (
    "baseline_ejection_fraction_percent", "baseline_systolic_mmhg", "baseline_heart_rate_bpm", "baseline_gfr_ml_min",
    "baseline_potassium_mmol_l", "baseline_filling_pressure_mmhg", "usual_salt_g_day", "adherence_trait",
    "alcohol_g_day", "activity_met_h_week",
)  # fmt: skip
HOME = {
    "weight_kg": "weight_error_kg",
    "systolic_mmhg": "systolic_error_mmhg",
    "heart_rate_bpm": "heart_rate_error_bpm",
}
HOSPITAL = (
    "weight_kg", "systolic_mmhg", "heart_rate_bpm", "ejection_fraction_percent", "gfr_ml_min", "potassium_mmol_l",
    "nt_probnp_pg_ml",
)  # fmt: skip

OF_ENSEMBLE = ("bias", "log_weight", "memory")


class TwinRisks(RiskSource):
    """Risks from a belief about each person who may be monitored.

    A belief starts from people of the cohort who resemble the person in what a record holds: age, sex, diagnoses, dry
    weight, drugs and genes where they are known. It is updated with home readings, with hospital
    readings at discharge, with laboratory results on the day they arrive, and with who presents or does not. It never
    uses the true state, except the dry weight, which care itself takes as known. It knows the weather of the coming
    days.

    Args:
        guidance: from the strategy.
        population: initialised at steady state, before the first day.
        rows: the people to hold beliefs about.
        cohort: the cohort that the population was sampled from.
        physiology: advances the members; an instance used for nothing else.
        home: the devices.
        sight: what care observes.
        parameters: sets by name.
        key: of the random numbers; the ids of members are unique.
    """

    def __init__(
        self,
        guidance: Guidance,
        population: Population,
        rows: NDArray[np.int64],
        *,
        cohort: CohortSource,
        physiology: Physiology,
        home: Telemonitoring,
        observation: Signals,
        parameters: Parameters,
        key: RandomKey,
    ) -> None:
        schema = population.schema
        self._horizon, self._rows, self._observation = guidance.horizon_days, rows, observation
        self._parameters = parameters
        self._place = np.full(len(population), -1)
        self._place[rows] = np.arange(len(rows))
        sensors = sensors_at(schema, home, parameters)
        self._laboratory = [
            (index, str(signal.stored), signal.delay_days)
            for index, sensor in enumerate(sensors)
            for signal in observation.signals
            if signal.stored is not None and sensor.name == signal.measures
        ]
        self._late = np.zeros(len(sensors), np.int64)
        self._late[: len(HOME)] = home.delay_days
        for index, _, delay in self._laboratory:
            self._late[index] = delay
        self._recorded = [name for name, column in schema.columns.items() if column.writer == "care"]
        self._known = {name: population[name][rows].copy() for name in known_at_entry(schema, guidance.genome_known)}
        ensemble = members_of(
            cohort,
            self._known,
            members=guidance.members,
            schema=schema,
            physiology=physiology,
            person_id=population.person_id[rows],
            key=key,
            sensors=sensors,
            parameters=parameters["twinning"],
        )
        memory = int(self._late.max())
        self.belief = Belief(
            ensemble,
            physiology,
            sensors,
            key=key,
            parameters=parameters,
            memory_days=memory,
        )
        self._away = np.ones(len(rows), np.bool_)
        self._seen = {stored: population[stored][rows].copy() for _, stored, _ in self._laboratory}

    def update(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Advance the belief by one day and assimilate the day's observations."""
        belief, rows = self.belief, self._rows
        self._look_up(population)
        belief.advance(clock)
        at_once, late = self._readings(population, clock.day, readings)
        belief.assimilate(at_once)
        if np.isfinite(late).any():
            belief.assimilate(late, self._late)
        watched = (population["alive"][rows] != 0) & (population["care_level"][rows] <= LEVEL_FACILITY)
        belief.update_events(population["acute_cause"][rows], watched)

    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that each of these rows presents within the horizon under unchanged doses."""
        foreseen = forecast(
            self.belief,
            self._horizon,
            columns=(),
            events=(DECOMPENSATION,),
            persons=self._place[rows],
            horizons=(self._horizon,),
            parameters=self._parameters,
        )
        return foreseen.risk(DECOMPENSATION, self._horizon).probability

    def state(self) -> NamedArrays:
        """The members and what is known of each person, to go on from."""
        ensemble, kept = self.belief.ensemble, {"away": self._away, "day": np.int64(self.belief.day)}
        kept |= {name: getattr(ensemble, name) for name in OF_ENSEMBLE} | within("members", ensemble.people.state())
        return kept | within("known", self._known) | within("seen", self._seen)

    def restore(self, state: State) -> None:
        """Go on from a state.

        Raises:
            InputError: it is of other people or other devices.
        """
        ensemble, rows = self.belief.ensemble, len(self._rows)
        members = state.part("members")
        ensemble.people.person_id[:] = members.take("person_id", np.int64, (len(ensemble.people),))
        ensemble.people.restore(members)
        for name in OF_ENSEMBLE:
            values = getattr(ensemble, name)
            values[:] = state.take(name, values.dtype, values.shape)
        self.belief.day = state.number("day")
        self._away = state.take("away", np.bool_, (rows,))
        schema = ensemble.people.schema
        for kept, part in ((self._known, state.part("known")), (self._seen, state.part("seen"))):
            kept |= {name: part.take(name, DTYPE[schema[name].kind], (rows,)) for name in part.names()}

    def _look_up(self, population: Population) -> None:
        """Read what has changed in the record: doses, contacts, settings, deaths."""
        changed = {}
        for name in self._recorded:
            now = population[name][self._rows]
            if name not in self._known or not np.array_equal(now, self._known[name]):
                changed[name] = self._known[name] = now
        self.belief.set_known(changed)

    def _readings(
        self, population: Population, day: int, readings: HomeReadings
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Readings made today, and earlier readings whose results arrive today, each (sensors, persons)."""
        rows, alive = self._rows, population["alive"][self._rows] != 0
        level = population["care_level"][rows]
        at_once = np.full((len(self.belief.sensors), len(rows)), np.nan)
        late = at_once.copy()
        of_home = late if readings.days_ago else at_once
        came = readings.of[rows] != 0
        for index, name in enumerate(HOME):
            of_home[index, came] = population[f"measured_{name}"][rows[came]]
        for index, stored, delay in self._laboratory:
            now = population[stored][rows]
            new = alive & (now != self._seen[stored])
            inside = level >= LEVEL_EMERGENCY
            for of_laboratory, where in ((at_once, inside | (delay == 0)), (late, ~inside & (delay > 0))):
                of_laboratory[index, new & where] = now[new & where]
            self._seen[stored] = now
        home_again = np.flatnonzero(alive & (level <= LEVEL_FACILITY) & self._away)
        for index, sensor in enumerate(self.belief.sensors[len(HOME) :], start=len(HOME)):
            at_once[index, home_again] = self._observation.look(population, day, sensor.column, rows[home_again])
        self._away = ~alive | (level > LEVEL_FACILITY)
        return at_once, late


def known_at_entry(schema: Schema, genome_known: bool) -> list[str]:
    """Columns that a person's record holds at entry."""
    traits = [column.name for column in (*TRAITS, *MORE_TRAITS) if column.name not in HIDDEN]
    drugs = [name for name, column in schema.columns.items() if column.writer == "care"]
    genes = [column.name for column in GENES] if genome_known else []
    return [name for name in (*traits, *drugs, *genes) if name != "alive"]


def sensors_at(schema: Schema, home: Telemonitoring, parameters: Parameters) -> Sequence[Sensor]:
    """The home devices in the order of HOME, then the sensors of hospital and laboratory."""
    factor, errors = home.signal_error_factor, parameters["home_signals"]
    at_home = [Sensor(f"home_{name}", name, noise_sd=factor * errors[error]) for name, error in HOME.items()]
    return (*at_home, *(sensor for sensor in sensors_of(schema, parameters["twinning"]) if sensor.name in HOSPITAL))
