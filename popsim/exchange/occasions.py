"""Occasions of a day on which somebody is measured, and the rules of who reads what then (recording.toml)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.interventions import PolicyIntervention
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.recording import RecordingFile
from popsim.definitions.strategy import Strategy
from popsim.kernels.codes import DEATH, END, ENTER, START, VISIT
from popsim.population.event_log import EventColumns

FILE = Path(__file__).parent / "recording.toml"
ACUTE = ("emergency", "observation", "inpatient", "critical")
ROUND_AT = 8 / 24  # assumption: vital signs on the ward at eight, or on arrival if that is later


@cache
def recording() -> RecordingFile:
    """What is written down when, and what is usual; read once."""
    return RecordingFile.read(FILE)


class Occasion(NamedTuple):
    """People who are measured, and when.

    Attributes:
        name: entry, acute, ward, contact or specialist.
        people: their places among those who are recorded.
        times: days since the start.
    """

    name: str
    people: NDArray[np.int64]
    times: NDArray[np.float64]


class Whereabouts:
    """Where the recorded people are, from the event log, day by day.

    Args:
        network: of care.
        desks: contact settings that see nobody in person.
        place_of_row: (twins,) place of each row among the people recorded, -1 for others.

    Attributes:
        inside: (people,) whether each is in acute care.
        since: (people,) when the present stay began.
        seen_at: (people,) time of today's last visit or arrival, NaN without one.
        entered_at: (people,) time of entry, NaN before it.
        died_at: (people,) time of death, infinity while alive.
    """

    def __init__(self, network: NetworkDefinition, desks: frozenset[str], place_of_row: NDArray[np.int64]) -> None:
        people = int(place_of_row.max(initial=-1)) + 1
        self._place_of_row = place_of_row
        settings = network.settings
        self._acute = np.array([one.setting_class in ACUTE for one in settings])
        self._in_person = np.array([one.setting_class == "outpatient" and one.name not in desks for one in settings])
        self._specialist = np.array([one.clinician == "specialist" for one in settings])
        self.inside = np.zeros(people, np.bool_)
        self.since = np.zeros(people)
        self.seen_at, self.entered_at = np.full(people, np.nan), np.full(people, np.nan)
        self.died_at = np.full(people, np.inf)

    def pass_day(self, day: int, events: EventColumns) -> list[Occasion]:
        """Take in the events of a day; returns its occasions, in the order in which readings count."""
        place = self._place_of_row[events.row]
        mine = np.flatnonzero(place >= 0)
        self.seen_at[:] = np.nan
        found: dict[str, list[tuple[int, float]]] = {name: [] for name in ("entry", "acute", "specialist", "contact")}
        fields = (place[mine], events.time[mine], events.kind[mine], events.setting[mine])
        for who, time, kind, setting in zip(*(one.tolist() for one in fields), strict=True):
            for name in self._happened(who, time, kind, setting):
                found[name].append((who, time))
        occasions = [_occasion(name, found[name]) for name in found]
        staying = np.flatnonzero(self.inside & np.isinf(self.died_at))
        occasions.append(Occasion("ward", staying, np.maximum(self.since[staying], day + ROUND_AT)))
        return [one for one in occasions if len(one.people)]

    def _happened(self, who: int, time: float, kind: int, setting: int) -> Iterator[str]:
        """Note one event; yields the occasions that it is."""
        if kind == ENTER:
            self.entered_at[who] = time
            yield "entry"
        elif kind == START:
            if self._acute[setting] and not self.inside[who]:
                self.seen_at[who] = time
                yield "acute"
            self.inside[who], self.since[who] = self._acute[setting], time
        elif kind == END and self._acute[setting]:
            self.inside[who] = False
        elif kind == DEATH:
            self.inside[who], self.died_at[who] = False, time
        elif kind == VISIT:
            self.seen_at[who] = time
            if self._in_person[setting]:
                if self._specialist[setting]:
                    yield "specialist"
                yield "contact"

    def time_of_change(self, day: int, people: NDArray[np.int64], hour: float) -> NDArray[np.float64]:
        """When on a day something changed: at the visit, else at an hour of the day, but not before a stay began."""
        usual = np.maximum(day + hour / 24, np.where(self.inside[people], self.since[people], day))
        times = np.where(np.isnan(self.seen_at[people]), usual, self.seen_at[people])
        return np.asarray(np.fmax(times, self.entered_at[people]))


def _occasion(name: str, found: list[tuple[int, float]]) -> Occasion:
    """The first of each person."""
    first: dict[int, float] = {}
    for who, time in found:
        first.setdefault(who, time)
    return Occasion(name, np.array(list(first), np.int64), np.array(list(first.values()), np.float64))


def desks_of(strategies: Iterable[Strategy]) -> frozenset[str]:
    """Contact settings that see nobody in person: the telemonitoring centres of strategies."""
    every = [one for strategy in strategies for one in strategy.composed]
    programmes = [one.telemonitoring for one in every if isinstance(one, PolicyIntervention) and one.telemonitoring]
    return frozenset(programme.desk for programme in programmes)
