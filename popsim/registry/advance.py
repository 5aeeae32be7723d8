"""Advances twins: beliefs of one kind that are on the same day advance together and assimilate the records.

The order of a day is that of the model: set doses and setting, advance, assimilate readings, update with events.
Repeated readings of a sensor on a day are assimilated one after the other. A late reading counts within the belief's
memory; a late dose counts from the present day on, unless newer information is known; a late event is stored, but does
not change the belief. A day without records carries no information: perhaps nobody looked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.assimilation.belief import Belief
from popsim.assimilation.drawn import ParameterDraw, parameter_draws
from popsim.assimilation.ensemble import Ensemble
from popsim.assimilation.sensors import Sensor
from popsim.evidence.sets import Parameters
from popsim.kernels import codes
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology import Physiology, build_physiology
from popsim.population.clock import Clock
from popsim.population.formulas import FORMULAS
from popsim.registry import vocabulary as words
from popsim.registry.packing import MEMORY_DAYS, BeliefKind, pack, unpack
from popsim.registry.privacy import number_of
from popsim.registry.stream import StreamRow
from popsim.registry.vocabulary import Measure, Vocabulary, dose_columns, parts_of
from popsim.simulation.schema import SCHEMA
from popsim.statistics import smallest_quantiles

QUANTILES = (0.05, 0.5, 0.95)
GIVEN_ONCE = "iv_iron_mg"  # a dose of the day, not of every day
# Events that set the person's present state.
PLACES: Mapping[str, Mapping[str, float]] = {
    words.ADMITTED: {"care_level": codes.LEVEL_WARD, "admitted": 1},
    words.DISCHARGED: {"care_level": codes.LEVEL_COMMUNITY, "admitted": 0, "iv_diuretic_mg_day": 0.0},
    words.DIED: {"alive": 0},
}
HEARD = (*words.PRESENTATIONS, words.WELL)


class AdvancedTwin(NamedTuple):
    """The result of advancing one twin.

    Attributes:
        state: bytes of its belief.
        bands: day to quantiles, float32 (`Vocabulary.shown`, 3) as bytes.
        unused: rows that did not change the belief.
    """

    state: bytes
    bands: dict[int, bytes]
    unused: set[StreamRow]


@cache
def physiology_of(seed: int, parameters: Parameters) -> Physiology:
    """The physiology that advances beliefs of a kind, made once so that updates are fast."""
    return build_physiology(SCHEMA, parameters, key=RandomKey(seed))


@cache
def draws_of(seed: int, parameters: Parameters) -> tuple[ParameterDraw, ...]:
    """The draws of the parameters by which beliefs of a kind are forecast, made once."""
    number = int(parameters["forecast"]["parameter_draws"])
    return parameter_draws(parameters, SCHEMA, key=RandomKey(seed), number=number)


def load_belief(kind: BeliefKind, twins: Sequence[str], states: Sequence[bytes], day: int) -> Belief:
    """The belief about some twins from their bytes."""
    ensemble = unpack(kind.layout, [number_of(twin) for twin in twins], states)
    return Belief(
        ensemble,
        physiology_of(kind.seed, kind.parameters),
        kind.vocabulary.sensors,
        key=RandomKey(kind.seed),
        parameters=kind.parameters,
        memory_days=MEMORY_DAYS,
        day=day,
    )


def advance_twins(
    kind: BeliefKind,
    belief: Belief,
    rows: Sequence[Sequence[StreamRow]],
    until: int,
    newest: Sequence[Mapping[str, float]],
) -> list[AdvancedTwin]:
    """Advance twins to a day and assimilate their records.

    Args:
        kind: of the beliefs.
        belief: about the twins; changed.
        rows: of each twin, in order of time, none later than `until`.
        until: last day to simulate, not before the belief's own.
        newest: of each twin, the time of the latest information, by `subject` of the row.
    """
    day_of_life = _Days(kind, belief, newest)
    bands: list[dict[int, bytes]] = [{} for _ in rows]
    first = belief.day
    for day in range(first, until + 1):
        if day == first:
            day_of_life.look_back([[row for row in mine if row.day < first] for mine in rows])
        today = [[row for row in mine if row.day == day] for mine in rows]
        day_of_life.set_known(today)
        if day > first:
            day_of_life.advance(day)
        day_of_life.observe(today, 0)
        day_of_life.update_events(today)
        for mine, quantiles in zip(bands, _quantiles(belief, day_of_life.shown), strict=True):
            mine[day] = quantiles.tobytes()
    states = pack(kind.layout, belief.ensemble)
    return [AdvancedTwin(*one) for one in zip(states, bands, day_of_life.unused, strict=True)]


def subject(row: StreamRow, vocabulary: Vocabulary) -> str | None:
    """The present state that a row sets (a dose, where the person is); None if it sets none."""
    if row.kind == "medication":
        return vocabulary.medications[row.code].name
    if row.kind == "event" and row.code in PLACES:
        return "alive" if row.code == words.DIED else "care_level"
    return None


def filtration(ensemble: Ensemble, creatinine_mg_dl: float, parameters: Parameters, person: int = 0) -> float:
    """Filtration by CKD-EPI 2021 for a person's age and sex, which every record gives."""
    people = {name: ensemble.of(name)[person, :1].astype(np.float64) for name in ("age_years", "female")}
    column = ensemble.people.schema[words.FILTRATION]
    value = FORMULAS["ckd_epi_2021"](np.array([creatinine_mg_dl]), people, parameters)[0]
    return float(np.clip(value, column.low, column.high))


class _Days:
    """The parts of a day."""

    def __init__(self, kind: BeliefKind, belief: Belief, newest: Sequence[Mapping[str, float]]) -> None:
        self._belief, self._vocabulary, self._parameters = belief, kind.vocabulary, kind.parameters
        self._newest, self.shown = newest, kind.vocabulary.shown
        self._place = {sensor.name: index for index, sensor in enumerate(self._vocabulary.sensors)}
        self.unused: list[set[StreamRow]] = [set() for _ in newest]

    def look_back(self, late: Sequence[Sequence[StreamRow]]) -> None:
        """Assimilate late rows, the oldest first."""
        now = self._belief.day
        ago = sorted({now - row.day for mine in late for row in mine if row.kind == "observation"}, reverse=True)
        for days in ago:
            then = [[row for row in mine if now - row.day == days] for mine in late]
            if days <= MEMORY_DAYS:
                self.observe(then, days)
            else:
                for person, old in enumerate(then):
                    self.unused[person].update(row for row in old if row.kind == "observation")
        standing: list[list[StreamRow]] = [[] for _ in late]
        for person, mine in enumerate(late):
            for row in mine:
                about = subject(row, self._vocabulary)
                if about is not None and row.time >= self._newest[person].get(about, 0.0):
                    standing[person].append(row)
                elif row.kind != "observation":
                    self.unused[person].add(row)
        self.set_known(standing)

    def set_known(self, rows: Sequence[Sequence[StreamRow]]) -> None:
        """Set recorded doses, agents, setting and last review, only in persons with such records."""
        for person, mine in enumerate(rows):
            for row in mine:
                for name, value in self._facts(row, person):
                    self._belief.ensemble.of(name)[person] = value

    def advance(self, day: int) -> None:
        """Advance by one day."""
        self._belief.advance(Clock(day))
        self._belief.ensemble.people[GIVEN_ONCE] = 0.0

    def observe(self, rows: Sequence[Sequence[StreamRow]], days_ago: int) -> None:
        """Assimilate the classes of a day and the readings, one reading per sensor at a time."""
        for classes in self._classes(rows, days_ago):
            self._belief.assimilate_classes(classes, self._vocabulary.nyha_error)
        for several in self._readings(rows):
            self._belief.assimilate(several, days_ago)

    def update_events(self, rows: Sequence[Sequence[StreamRow]]) -> None:
        """Update the beliefs with presentations and their causes, or with their absence."""
        cause, watched = np.zeros(len(rows), np.int8), np.zeros(len(rows), np.bool_)
        for person, mine in enumerate(rows):
            for row in mine:
                if row.kind == "event" and row.code in HEARD:
                    cause[person] = max(cause[person], words.PRESENTATIONS.get(row.code, 0))
                    # Hazards of causes of other organ systems are not among those that weigh members.
                    watched[person] = cause[person] <= codes.CAUSE_OTHER
        if cause.any() or watched.any():
            presenting = self._belief.ensemble.of("acute_cause")
            others = np.flatnonzero((cause == 0) & ~watched)
            before = presenting[others]
            self._belief.update_events(cause, watched)
            presenting[others] = before  # persons without a record keep their previous value

    def _facts(self, row: StreamRow, person: int) -> Iterator[tuple[str, float]]:
        if row.kind == "medication":
            yield from self._dose(row, person)
        elif row.kind == "event":
            yield from PLACES.get(row.code, {}).items()
            if row.code in (words.REVIEWED, words.DISCHARGED):
                yield "last_review_day", float(row.day)

    def _dose(self, row: StreamRow, person: int) -> Iterator[tuple[str, float]]:
        known = self._vocabulary.medications
        columns = dose_columns(known, row.code, row.value)
        of = self._belief.ensemble.of
        whole = known[row.code].drug
        for drug in parts_of(known, row.code) if row.value == 0.0 else ():
            agent = drug.agent_column
            other = agent is not None and of(agent)[person, 0] != drug.agent
            never = whole is not None and of(whole.dose_column)[person, 0] == 0.0
            if other or (drug is not whole and never):  # the end of a drug of the class other than the one taken
                columns = {name: value for name, value in columns.items() if name not in (drug.dose_column, agent)}
        yield from columns.items()

    def _readings(self, rows: Sequence[Sequence[StreamRow]]) -> list[NDArray[np.float64]]:
        """Arrays (sensors, persons), as many as the largest number of readings of one sensor."""
        filled: list[NDArray[np.float64]] = []
        turns: Counter[tuple[int, int]] = Counter()
        for person, row, measure in self._observations(rows):
            if measure.name != words.NYHA:
                index = self._place[measure.name]
                turn = turns[person, index]
                turns[person, index] += 1
                if turn == len(filled):
                    filled.append(np.full((len(self._place), len(rows)), np.nan))
                value = row.value
                if measure.creatinine:
                    value = filtration(self._belief.ensemble, value, self._parameters, person)
                filled[turn][index, person] = value
        return filled

    def _observations(self, rows: Sequence[Sequence[StreamRow]]) -> Iterator[tuple[int, StreamRow, Measure]]:
        """Persons with their readings and the measures of the codes."""
        for person, mine in enumerate(rows):
            for row in mine:
                if row.kind == "observation":
                    yield person, row, self._vocabulary.measurements[row.code]

    def _classes(self, rows: Sequence[Sequence[StreamRow]], days_ago: int) -> list[NDArray[np.int8]]:
        """Recorded New York Heart Association classes, (persons,), 0 where there is none."""
        filled: list[NDArray[np.int8]] = []
        turns: Counter[int] = Counter()
        for person, row, measure in self._observations(rows):
            if measure.name != words.NYHA:
                continue
            if days_ago:
                self.unused[person].add(row)  # the memory does not hold classes
                continue
            if turns[person] == len(filled):
                filled.append(np.zeros(len(rows), np.int8))
            filled[turns[person]][person] = np.int8(row.value)
            turns[person] += 1
        return filled


def _quantiles(belief: Belief, shown: Sequence[Sensor]) -> NDArray[np.float32]:
    """Quantiles of the true value behind each reading, (persons, shown, 3)."""
    ensemble = belief.ensemble
    found = np.empty((ensemble.persons, len(shown), len(QUANTILES)), np.float32)
    weights = ensemble.weights()
    for index, sensor in enumerate(shown):
        found[:, index] = smallest_quantiles(ensemble.of(sensor.column), weights, QUANTILES)
    return found
