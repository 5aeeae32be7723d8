"""The event log: what happened to whom, where and when; the source of all outcome measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.io.plugins import register_io_source

from popsim.kernels.care.records import LOG
from popsim.kernels.codes import CAUSE_NAMES, EVENT_NAMES

CHUNK = 1 << 20  # events turned into a frame at once


class EventColumns(NamedTuple):
    """The fields of the log as arrays (strided views of its records)."""

    time: NDArray[np.float64]
    row: NDArray[np.int32]
    kind: NDArray[np.int8]
    setting: NDArray[np.int8]
    cause: NDArray[np.int8]
    detail: NDArray[np.int8]


class EventLog:
    """Events in the order in which they were processed: by (time, priority, person). 16 bytes an event.

    time is in days since the start; row is the twin's row; kind, cause: kernels/codes.py; setting: index in
    `setting_names`, -1 for none; detail depends on the kind.
    """

    def __init__(self, setting_names: Sequence[str], person_id: NDArray[np.int64], capacity: int = 1024) -> None:
        self.setting_names = tuple(setting_names)
        self.person_id = person_id
        self.records: NDArray[Any] = np.empty(capacity, LOG)
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def ensure_room(self, more: int) -> None:
        """Make room for `more` further events; growing by half keeps the copying linear and the peak low."""
        needed = self.size + more
        if needed <= len(self.records):
            return
        larger = np.empty(max(needed, len(self.records) * 3 // 2), LOG)
        larger[: self.size] = self.records[: self.size]
        self.records = larger

    def slice(self, start: int = 0, stop: int | None = None) -> EventColumns:
        """Views of events start..stop, one array per field."""
        return _columns(self.records[start : self.size if stop is None else stop])

    def frame(self, start: int = 0, stop: int | None = None, kinds: Sequence[int] | None = None) -> pl.DataFrame:
        """Events as a frame: time_days, person_id, event, setting, cause (Enums) and detail.

        `kinds` (kernels/codes.py) selects events, which saves memory in a large population.
        """
        stop = self.size if stop is None else stop
        chunks = [self._chunk(first, min(first + CHUNK, stop), kinds) for first in range(start, stop, CHUNK)]
        return pl.concat(chunks or [self._chunk(0, 0, None)], rechunk=False)

    def lazy(self) -> pl.LazyFrame:
        """`frame()` in pieces, for a log that would not fit into memory twice."""

        def pieces(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            stop = self.size if rows is None else min(rows, self.size)
            for first in range(0, stop, CHUNK):
                piece = self._chunk(first, min(first + CHUNK, stop), None)
                piece = piece if columns is None else piece.select(columns)
                yield piece if predicate is None else piece.filter(predicate)

        return register_io_source(pieces, schema=self._chunk(0, 0, None).schema)

    def _chunk(self, start: int, stop: int, kinds: Sequence[int] | None) -> pl.DataFrame:
        """Events start..stop as a frame."""
        records = self.records[start:stop]
        if kinds is not None:
            records = records[np.isin(records["kind"], np.array(kinds, np.int8))]
        part = _columns(records)
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


def _columns(records: NDArray[Any]) -> EventColumns:
    return EventColumns(*(records[field] for field in EventColumns._fields))


def _named(codes: NDArray[Any], names: Sequence[str]) -> pl.Series:
    """Codes as an Enum of their names; -1 becomes null."""
    physical = pl.Series(codes.astype(np.uint8))
    valid = physical.set(physical >= len(names), None)
    return pl.Series(list(names), dtype=pl.Enum(list(names))).gather(valid)
