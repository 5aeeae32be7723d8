"""Histories written by hand, as the event log would give them."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.kernels.codes import CAUSE_NAMES, ENTERED_DISCHARGED, EVENT_NAMES
from popsim.outcomes.follow_up import follow_up

CLASSES = {
    "home": "community",
    "clinic": "outpatient",
    "emergency": "emergency",
    "assessment": "observation",
    "ward": "inpatient",
    "general_ward": "inpatient",
    "intensive_care": "critical",
    "nursing_home": "facility",
}
NAMES = list(CLASSES)


class History:
    """Collects events; times in days."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, int, str, str | None, str, int]] = []

    def add(self, person, time, event, setting=None, cause="none", to=None):
        self.rows.append((time, person, event, setting, cause, -1 if to is None else NAMES.index(to)))
        return self

    def enter(self, person, day=0.0, entered_as=ENTERED_DISCHARGED, cause="none"):
        self.rows.append((day, person, "enter", None, cause, entered_as))
        return self

    def stay(self, person, start, end, setting="ward", cause="heart_failure", to="home", asked=None):
        """A stay with its arrival; `end` None: still there."""
        self.add(person, start if asked is None else asked, "arrive", setting, cause)
        self.add(person, start, "start", setting, cause)
        if end is not None:
            self.add(person, end, "end", setting, cause, to)
        return self

    def death(self, person, time, setting="home"):
        return self.add(person, time, "death", setting)

    def events(self) -> pl.DataFrame:
        """The frame, in order of time; what was added first stays first at the same moment."""
        columns = list(zip(*self.rows, strict=True))
        return pl.DataFrame(
            {
                "time_days": pl.Series(columns[0], dtype=pl.Float64),
                "person_id": pl.Series(columns[1], dtype=pl.Int64),
                "event": pl.Series(columns[2], dtype=pl.Enum(EVENT_NAMES)),
                "setting": pl.Series(columns[3], dtype=pl.Enum(NAMES)),
                "cause": pl.Series(columns[4], dtype=pl.Enum(CAUSE_NAMES)),
                "detail": pl.Series(columns[5], dtype=pl.Int8),
            }
        ).sort("time_days", maintain_order=True)


def people(events: pl.DataFrame, follow_up_days: int = 365, entry: dict[int, int] | None = None) -> pl.DataFrame:
    """Everybody in the events, entered on day 0 unless `entry` says otherwise."""
    ids = np.array(events["person_id"].unique().sort(), np.int64)
    days = np.array([(entry or {}).get(int(person), 0) for person in ids], np.int32)
    return follow_up(events, ids, days, follow_up_days)
