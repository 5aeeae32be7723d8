"""A population model whose parts are a few lines each, to test what the model itself does with them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from popsim.kernels.codes import ENTER
from popsim.outcomes.narrative import SettingLabel
from popsim.population.columns import Column, Schema
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.simulation.model import PopulationModel
from popsim.simulation.protocols import Parts
from popsim.simulation.twin import PatientTwin

SCHEMA = Schema(
    [
        Column("entry_day", "count", "day", 0, 1e6, "entry", "cohort"),
        Column("female", "code", "1", 0, 1, "sex", "cohort"),
        Column("age_years", "real", "a", 18, 110, "age", "cohort"),
        Column("systolic_mmhg", "real", "mm[Hg]", 40, 260, "pressure", "physiology"),
        Column("nyha_class", "code", "1", 1, 4, "class", "physiology"),
        Column("alive", "code", "1", 0, 1, "alive", "care"),
        Column("qaly", "total", "a", 0, 200, "QALYs", "valuation"),
    ]
)
HOME, EMERGENCY, WARD, INTENSIVE, CLINIC, NURSING = range(6)
NAMES = ("home", "emergency_department", "cardiology_ward", "intensive_care", "clinic", "nursing_home")
PLACES = (
    SettingLabel("Home", "community"),
    SettingLabel("Emergency department", "emergency"),
    SettingLabel("Cardiology ward", "inpatient"),
    SettingLabel("Intensive care unit", "critical"),
    SettingLabel("Heart failure clinic", "outpatient"),
    SettingLabel("Nursing home", "facility"),
)


def population(size: int = 50, entry_day: int = 0) -> Population:
    """Twins with different values in every column; ids are not the rows."""
    draw = np.random.default_rng(7)
    people = Population(SCHEMA, np.arange(1000, 1000 + size)[::-1])
    people["entry_day"] = entry_day
    people["female"] = draw.integers(0, 2, size)
    people["age_years"] = draw.uniform(40, 95, size)
    people["systolic_mmhg"] = draw.integers(90, 180, size)  # integers, so that there are ties to sort
    people["nyha_class"] = draw.integers(1, 5, size)
    people["alive"] = 1
    return people


def write(log: EventLog, *events: tuple[float, int, int, int, int, int]) -> None:
    """Append events: time, row, kind, setting, cause, detail."""
    log.ensure_room(len(events))
    for event in events:
        log.records[log.size] = np.array(event_record(event), log.records.dtype)
        log.size += 1


def event_record(event: tuple[float, int, int, int, int, int]) -> tuple[float | int, ...]:
    names = ("time", "row", "kind", "setting", "cause", "detail")
    given = dict(zip(names, event, strict=True))
    return tuple(given.get(name, 0) for name in EventLog(NAMES, np.arange(1)).records.dtype.names)


@dataclass
class TinyParts:
    """All subsystems in one: pressure rises by 1 mmHg a day, `script` says which events happen on which day."""

    events: EventLog
    script: dict[int, list[tuple[float, int, int, int, int, int]]] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)
    census: np.ndarray = field(default_factory=lambda: np.zeros((400, len(NAMES)), np.int32))
    queue: np.ndarray = field(default_factory=lambda: np.zeros((400, len(NAMES)), np.int32))

    def apply(self, people, clock):
        self.calls.append(("apply", clock.day))

    def advance(self, people, clock):
        self.calls.append(("advance", clock.day))
        people["systolic_mmhg"] += 1

    def observe(self, people, clock):
        self.calls.append(("observe", clock.day))

    def treat(self, people, clock):
        self.calls.append(("treat", clock.day))
        if clock.day == 0:
            write(self.events, *((0.0, row, ENTER, HOME, 0, 0) for row in range(len(people))))
        write(self.events, *self.script.get(clock.day, []))
        self.census[clock.day, HOME] = len(people)
        self.queue[clock.day, WARD] = clock.day

    def accrue(self, people, clock, events):
        self.calls.append(("accrue", clock.day))
        people["qaly"] += 1 / 365


class TinyModel(PopulationModel):
    """A model of tiny parts; no network and no strategy."""

    def __init__(self, size=50, *, script=None, agent_class=PatientTwin, people=None, **options):
        self.script = script or {}
        people = population(size) if people is None else people
        super().__init__(people, None, None, **{"seed": 1, "agent_class": agent_class} | options)

    def _build(self, parameters):
        log = EventLog(NAMES, self.population.person_id)
        self.parts = TinyParts(log, self.script)
        return Parts(self.parts, self.parts, self.parts, self.parts, self.parts, log, PLACES)
