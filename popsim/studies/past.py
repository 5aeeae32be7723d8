"""The past of the people of a study: they live through a run-in under usual care before they enter.

Screening (trials, registers): candidates live where nobody competes with them, so that whether one of them enters
depends on nobody else, and each on a calendar of their own, so that entry is spread over the year. A catchment (entry
at home outside a trial) lives in its own network instead, on one calendar; whoever is alive at the end goes on where he
is, in wards and queues that are in their usual use.

The past is computed once for all strategies that a process simulates with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import (
    CAUSE_NAMES,
    CLASS_COMMUNITY,
    CLASS_FACILITY,
    CLASS_HOSPICE,
    ENTERED_AT_HOME,
    LEVEL_COMMUNITY,
    STREAM_CALENDAR,
)
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.environment_series import DAYS
from popsim.population.population import Population
from popsim.population.sampling import entry_days, sample, set_life_table
from popsim.simulation.run_in import RunIn
from popsim.studies.content import json_hash
from popsim.studies.design import Study
from popsim.studies.recruitment import (
    MAX_SCREENED_PER_RECRUIT,
    meets_inclusion,
    too_few,
)
from popsim.studies.usual_care import ENTERED_AS, days_lived, lived_at_first, scaled_once, unlimited, usual_care
from popsim.units import DAYS_PER_YEAR

MAX_LIVED_PER_RECRUIT = 64.0  # people who live through the run-in for each one recruited, at most
LIVED_AGAIN = 1.02  # so many more than expected are needed where too many have died
KEPT = 2  # pasts that a process keeps
OUTSIDE = {"alive": 0, "care_level": LEVEL_COMMUNITY, "admitted": 0, "telemonitored": 0, "iv_diuretic_mg_day": 0.0}


class Lived(NamedTuple):
    """People with a past, as they are on their first morning, and where they enter."""

    people: Population
    entrance: Entrance


class Coming(NamedTuple):
    """Rows of a run-in whose people come to enter, where they enter, and why they are or were in hospital."""

    rows: NDArray[np.int64]
    setting: NDArray[np.int8]
    cause: NDArray[np.int8]


class Candidates(NamedTuple):
    """People who may enter: as they are then, how often they have used each setting, and where they enter."""

    people: Population
    uses: NDArray[np.int32]
    setting: NDArray[np.int8]

    def of(self, rows: NDArray[np.bool_]) -> Candidates:
        """Some of them."""
        return Candidates(self.people.chosen(np.flatnonzero(rows)), self.uses[rows], self.setting[rows])


_kept: dict[str, Lived] = {}


def with_a_past(
    study: Study,
    parameters: Parameters,
    cohort: CohortSource,
    size: int,
    place: tuple[int, ...],
    key: RandomKey,
    schema: Schema | None = None,
) -> Lived:
    """The people of one region of one replication of one draw; the caller may change them, not the entrance.

    Args:
        study: with a run-in.
        parameters, cohort: of the draw.
        size: number of people.
        place: draw, replication and region.
        key: of all random numbers.
        schema: columns of the people as they enter; by default those of the study.

    Raises:
        DefinitionError: too few people are eligible.
    """
    values = {name: dict(numbers) for name, numbers in parameters.counted.items()}
    content = json_hash([_deciding(study), values, place, size, sorted(study.schema.columns)])
    if content not in _kept:
        while len(_kept) >= KEPT:
            del _kept[next(iter(_kept))]
        _kept[content] = Past(study, parameters, cohort, size, key).lived()
    lived = _kept[content]
    return Lived(lived.people.copy(schema), lived.entrance)


def _deciding(study: Study) -> dict[str, Any]:
    """What decides the past of a study's people: candidates are screened where no capacity limits anybody."""
    content, experiment = study.shared_content(), study.experiment
    if experiment.entry == "home" and not experiment.trial:
        return content
    care = content["entry"]["usual_care"] | {"capacity": {}}
    return content | {
        "network": unlimited(study.network).model_dump(mode="json"),
        "entry": content["entry"] | {"usual_care": care},
    }


@dataclass(frozen=True)
class Past:
    """How the people of a region come to enter; the arguments are those of `with_a_past`."""

    study: Study
    parameters: Parameters
    cohort: CohortSource
    size: int
    key: RandomKey

    def lived(self) -> Lived:
        """The people at entry."""
        experiment = self.study.experiment
        return self.screened() if experiment.trial or experiment.entry != "home" else self.catchment()

    def screened(self) -> Lived:
        """The first people, in sampling order, who come to enter."""
        asked = lived_at_first(self.study.experiment, self.size)
        screened, lived, found = 0, 0, list[Candidates]()
        while (eligible := sum(len(part.people) for part in found)) < self.size:
            if screened >= MAX_SCREENED_PER_RECRUIT * self.size or lived >= MAX_LIVED_PER_RECRUIT * self.size:
                raise too_few(self.cohort, eligible, screened)
            people = sample(self.cohort, self.study.schema, asked, self.key)
            worth = np.flatnonzero((people.person_id >= screened) & self.meets(people, constant=True))
            screened, lived, asked = len(people), lived + len(worth), 2 * asked
            if len(worth):
                found += self.candidates(people.chosen(worth))
        return self.entering(found)

    def candidates(self, people: Population) -> Iterator[Candidates]:
        """Those of these people who come to enter, and are eligible then."""
        experiment, age = self.study.experiment, people["age_years"].copy()
        people["calendar_shift_days"] += (keyed(self.key, people.person_id, STREAM_CALENDAR) * DAYS).astype(np.int32)
        network, care = unlimited(self.study.network), usual_care(experiment, self.parameters)
        model = self.run_in(people, network, care, days_lived(experiment))
        model.run_for(experiment.run_in_days)
        ways = {"home": self.at_home, "discharge": self.at_discharge, "admission": self.at_admission}
        for rows, setting, cause in ways[experiment.entry](model):
            left, uses = model.leaving(rows, after_index=experiment.entry != "home")
            self.set_age(left, age[rows] + (model.lived - experiment.run_in_days) / DAYS_PER_YEAR)
            for name, value in OUTSIDE.items():
                left[name] = value
            left["presenting_cause"] = cause
            found = Candidates(left, uses, setting)
            yield found.of(self.meets(left))

    def at_home(self, model: RunIn) -> Iterator[Coming]:
        """Rows of those who live in the community at the end of the run-in, and where."""
        rows = np.flatnonzero(model.classes() == CLASS_COMMUNITY)
        yield Coming(rows, model.population["setting"][rows], np.zeros(len(rows), np.int8))

    def at_discharge(self, model: RunIn) -> Iterator[Coming]:
        """Rows of those discharged from their first index admission after the run-in, day by day, and where they went.

        A trial randomises nobody who went to a hospice.
        """
        recruited = (CLASS_COMMUNITY, CLASS_FACILITY)
        outside = recruited if self.study.experiment.trial else (*recruited, CLASS_HOSPICE)
        for rows in self.first(model, model.admissions.ended):
            gone = rows[np.isin(model.classes()[rows], outside)]
            yield Coming(gone, model.population["setting"][gone], model.admissions.ended[gone])

    def at_admission(self, model: RunIn) -> Iterator[Coming]:
        """Rows of those who begin their first index admission after the run-in, day by day, and the ward."""
        for rows in self.first(model, model.admissions.begun):
            here = rows[model.population["alive"][rows] != 0]
            yield Coming(here, model.admissions.ward[here], model.admissions.begun[here])

    def first(self, model: RunIn, cause_today: NDArray[np.int8]) -> Iterator[NDArray[np.int64]]:
        """Rows of those for whom today's cause is an index cause for the first time, day by day."""
        causes = [CAUSE_NAMES.index(name) for name in self.study.experiment.index_causes]
        waiting = np.ones(len(model.population), np.bool_)
        last = days_lived(self.study.experiment)
        while model.lived < last and (waiting & (model.population["alive"] != 0)).any():
            model.run_for(1)
            rows = np.flatnonzero(waiting & np.isin(cause_today, causes))
            waiting[rows] = False
            if len(rows):
                yield rows

    def entering(self, found: list[Candidates]) -> Lived:
        """The first of the candidates in sampling order, by day of entry."""
        experiment = self.study.experiment
        person_id = np.concatenate([part.people.person_id for part in found])
        first = np.argsort(person_id, kind="stable")[: self.size]
        day = entry_days(person_id[first], self.key, experiment.enrolment_days)
        by_day = np.argsort(day, kind="stable")
        order = first[by_day]
        people = Population.joined([part.people for part in found], order)
        people["entry_day"] = day[by_day]
        people["calendar_shift_days"] -= people["entry_day"]
        uses = np.concatenate([part.uses for part in found])[order]
        setting = np.concatenate([part.setting for part in found])[order]
        return Lived(people, Entrance(ENTERED_AS[experiment.entry], setting, uses))

    def catchment(self) -> Lived:
        """As many people as are needed to have enough alive; the others leave the network at the end."""
        experiment = self.study.experiment
        asked = lived_at_first(experiment, self.size)
        care = usual_care(experiment, self.parameters)
        network = scaled_once(self.network(self.study.network), care, self.size)
        while True:
            people = sample(self.cohort, self.study.schema, asked, self.key)
            age = people["age_years"].copy()
            model = self.run_in(people, network, care, experiment.run_in_days, experiment.follow_up_days)
            model.run_for(experiment.run_in_days)
            alive = np.flatnonzero(people["alive"])
            if len(alive) >= self.size:
                break
            if asked >= MAX_LIVED_PER_RECRUIT * self.size:
                raise too_few(self.cohort, len(alive), asked)
            asked = int(np.ceil(min(LIVED_AGAIN * asked * self.size / max(len(alive), 1), 4.0 * asked)))
        rows = alive[: self.size]
        model.care_system.withdraw(alive[self.size :])
        left, _ = model.leaving(rows)
        self.set_age(left, age[rows])
        entrance = Entrance(ENTERED_AT_HOME, left["setting"].copy(), network=(model.care_system, rows))
        return Lived(Population.joined([left]), entrance)

    def run_in(
        self, people: Population, network: NetworkDefinition, care: Strategy, days: int, ahead: int = 0
    ) -> RunIn:
        """A model of the past of these people, who are as old as in the cohort at the end of the run-in.

        Capacities are those of `network`, not those of `care`.
        """
        self.set_age(people, people["age_years"] - self.study.experiment.run_in_days / DAYS_PER_YEAR)
        return RunIn(
            people,
            self.network(network),
            care.model_copy(update={"capacity": {}}),
            days=days,
            ahead=ahead,
            seed=self.key,
            parameters=self.parameters,
            environment_series=self.study.environment_series,
            organ_systems=self.study.organ_systems,
            cohort=self.cohort,
        )

    def network(self, definition: NetworkDefinition) -> CareNetwork:
        """A checked network."""
        return CareNetwork(definition, self.study.schema.columns, self.study.file)

    def set_age(self, people: Population, years: NDArray[np.float64]) -> None:
        """Set the age, within its bounds, and the hazard of death that goes with it."""
        column = people.schema["age_years"]
        people["age_years"] = np.clip(years, column.low, column.high)
        set_life_table(self.cohort, people)

    def meets(self, people: Population, constant: bool = False) -> NDArray[np.bool_]:
        """Whether each person meets the criteria of a trial, or those that only test constant columns of the cohort."""
        trial = self.study.experiment.trial
        inclusion = () if trial is None else trial.inclusion
        if constant:
            columns = people.schema.columns.values()
            lasting = {one.name for one in columns if one.writer == "cohort" and one.required} - {"age_years"}
            inclusion = tuple(one for one in inclusion if one.column in lasting)
        return meets_inclusion(people, inclusion, self.key)
