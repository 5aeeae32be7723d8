"""The daily series of a run: census, queues, persons alive, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.kernels.codes import ALERT
from popsim.outcomes.diary import Diary
from popsim.outcomes.narrative import SettingLabel
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State


class Occupancy(Protocol):
    """The care system as the recorder uses it: twins and external patients per setting, shape (days, settings)."""

    @property
    def census(self) -> NDArray[Any]:
        """People in each setting at the end of each day."""

    @property
    def queue(self) -> NDArray[Any]:
        """People waiting for each setting at the end of each day."""


class Recorder:
    """Records one row per day, at the end of the day, and the diary of followed twins."""

    def __init__(self, care: Occupancy, events: EventLog, setting_labels: Sequence[SettingLabel]) -> None:
        self._care, self._events = care, events
        self._shown = [
            i for i, setting_label in enumerate(setting_labels) if setting_label.kind != "router"
        ]  # nobody is ever in a router
        self._read = 0
        self.diary = Diary()
        self._days: list[tuple[int, int, int, int]] = []

    def record(self, population: Population, clock: Clock) -> None:
        """Add today."""
        entered = population.entered(clock.day)
        alive = int(np.count_nonzero(population["alive"][:entered]))
        alerts = int(np.count_nonzero(self._events.slice(self._read).kind == ALERT))
        self._read = len(self._events)
        self._days.append((clock.day, entered, alive, alerts))
        self.diary.write(population, clock.day)

    def state(self) -> NamedArrays:
        """The days so far, to go on from."""
        return {"days": np.array(self._days, np.int64).reshape(-1, 4)}

    def restore(self, state: State, day: int) -> None:
        """Go on from the state on the morning of a day."""
        self._days = [tuple(row) for row in state.take("days", np.int64, (day, 4)).tolist()]
        self._read = len(self._events)

    def frame(self) -> pl.DataFrame:
        """One row per day, with the state at the end of the day.

        Columns: day, entered (twins so far), alive (of those), alerts (raised that day), and for each setting
        census_<setting> (people there) and queue_<setting> (people waiting for it), twins and external patients.
        """
        days = np.array(self._days, np.int64).reshape(-1, 4)
        columns = {name: days[:, i] for i, name in enumerate(("day", "entered", "alive", "alerts"))}
        for i in self._shown:
            name = self._events.setting_names[i]
            columns[f"census_{name}"] = self._care.census[: len(days), i].astype(np.int64)
            columns[f"queue_{name}"] = self._care.queue[: len(days), i].astype(np.int64)
        return pl.DataFrame(columns)
