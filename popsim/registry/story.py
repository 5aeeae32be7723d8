"""Consistency of a person's records: one value at one time, stays in order, nothing after death."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from popsim.registry.stream import StreamRow
from popsim.registry.vocabulary import ADMITTED, DIED, DISCHARGED, WELL, Vocabulary

COURSE_EVENTS = (ADMITTED, DISCHARGED, DIED, WELL)  # events that other lines may contradict
SAME_TIME = "another value is told of the same time; give the time of day where there were two"
SAME_CLASS = "a second drug of the same class at the same time; twins take one at a time"


class Misfit(NamedTuple):
    """A new line that contradicts others, and why."""

    row: StreamRow
    key: str
    why: str


class Moments:
    """The records of each moment: one value per code, one drug per class."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, float, str], set[float]] = {}
        self._taken: dict[tuple[str, float, str], str] = {}

    def add(self, row: StreamRow, vocabulary: Vocabulary) -> None:
        """Add a line."""
        self._values.setdefault((row.twin, row.time, row.code), set()).add(row.value)
        if row.code in vocabulary.medications and row.value > 0.0:
            self._taken.setdefault((row.twin, row.time, vocabulary.medications[row.code].name), row.code)

    def is_known(self, row: StreamRow) -> bool:
        """Whether the same line was added before."""
        return row.value in self._values.get((row.twin, row.time, row.code), ())

    def misfit(self, row: StreamRow, vocabulary: Vocabulary) -> Misfit | None:
        """The contradiction between a line and others of the same moment, if any."""
        if (row.twin, row.time, row.code) in self._values:
            return Misfit(row, "value", SAME_TIME)
        if row.kind == "medication" and row.value > 0.0:
            taken = self._taken.get((row.twin, row.time, vocabulary.medications[row.code].name), row.code)
            if taken != row.code:
                return Misfit(row, "code", SAME_CLASS)
        return None


def misfit_of_course(rows: Iterable[StreamRow], latest_known: Mapping[str, int]) -> Misfit | None:
    """The first line that contradicts the sequence of a person's stays and death.

    Args:
        rows: of one twin in order of time: stored events of TOLD (line 0) and all new lines.
        latest_known: the last day with stored data, by twin.
    """
    in_hospital, died, newest = False, None, None
    for row in rows:
        why = ""
        if died is not None and (row.day > died.day or row.code == DIED):
            why = f"the person died on day {died.day}"
        elif row.code == ADMITTED and in_hospital:
            why = "admitted twice without a discharge between; give the time of day where both are of one day"
        elif row.code == DISCHARGED and not in_hospital and row.day > 0:  # day 0 may be the day of a discharge
            why = "discharged without an admission before; give the time of day where both are of one day"
        elif row.code == WELL and in_hospital:
            why = "at home and well, but not discharged yet"
        elif row.code == DIED and row.line and latest_known.get(row.twin, 0) > row.day:
            why = f"something is told of the person on day {latest_known[row.twin]}"
        if row.line:
            newest = row
        if why and newest is not None:
            return Misfit(newest, "code" if newest.kind == "event" else "time", why)
        in_hospital = row.code == ADMITTED if row.code in (ADMITTED, DISCHARGED, DIED) else in_hospital
        died = row if row.code == DIED else died
    return None
