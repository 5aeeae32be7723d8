"""The event log: what happened to whom, where and when; the one source of all outcome measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.kernels.codes import CAUSE_NAMES, EVENT_NAMES


class EventColumns(NamedTuple):
    """The growing arrays of the log, in the form kernels take them; `size[0]` of them are used."""

    time: NDArray[np.float64]
    row: NDArray[np.int32]
    kind: NDArray[np.int8]
    setting: NDArray[np.int8]
    cause: NDArray[np.int8]
    detail: NDArray[np.int8]
    size: NDArray[np.int64]


def allocate(capacity: int) -> EventColumns:
    """Room for `capacity` events."""
    codes = [np.zeros(capacity, np.int8) for _ in range(4)]
    return EventColumns(np.zeros(capacity), np.zeros(capacity, np.int32), *codes, np.zeros(1, np.int64))


class EventLog:
    """Events in the order in which they were processed: by (time, priority, person). 16 bytes an event.

    time is in days since the start; row is the twin's row; kind, cause: kernels/codes.py; setting: place in
    `setting_names`, -1 for none; detail depends on the kind.
    """

    def __init__(self, setting_names: Sequence[str], person_id: NDArray[np.int64], capacity: int = 1024) -> None:
        self.setting_names = tuple(setting_names)
        self.person_id = person_id
        self.columns = allocate(capacity)

    def __len__(self) -> int:
        return int(self.columns.size[0])

    def ensure_room(self, more: int) -> None:
        """Make room for `more` further events; growing by half keeps the copying linear and the peak low."""
        needed = len(self) + more
        if needed <= len(self.columns.time):
            return
        capacity = max(needed, len(self.columns.time) * 3 // 2)
        grown: list[NDArray[Any]] = []
        for array in self.columns[:-1]:
            larger = np.empty(capacity, array.dtype)
            larger[: len(self)] = array[: len(self)]
            grown.append(larger)
        self.columns = EventColumns(*grown, self.columns.size)

    def slice(self, start: int = 0, stop: int | None = None) -> EventColumns:
        """Views of events start..stop."""
        stop = len(self) if stop is None else stop
        return EventColumns(*(array[start:stop] for array in self.columns[:-1]), np.array([stop - start]))

    def frame(self, start: int = 0, stop: int | None = None) -> pl.DataFrame:
        """Events as a frame: time_days, person_id, event, setting, cause (Enums) and detail."""
        part = self.slice(start, stop)
        return pl.DataFrame(
            {
                "time_days": part.time,
                "person_id": self.person_id[part.row],
                "event": _named(part.kind, EVENT_NAMES),
                "setting": _named(part.setting, self.setting_names),
                "cause": _named(part.cause, CAUSE_NAMES),
                "detail": part.detail,
            }
        )


def _named(codes: NDArray[Any], names: Sequence[str]) -> pl.Series:
    """Codes as an Enum of their names; -1 becomes null."""
    physical = pl.Series(codes.astype(np.uint8))
    valid = physical.set(physical >= len(names), None)
    return valid.cast(pl.Enum(list(names)))
