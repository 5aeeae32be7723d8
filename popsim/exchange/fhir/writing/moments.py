"""Days since the start of a simulation as FHIR dates and times, in UTC.

Times are cut to the whole second below, so that none moves to another day.
"""

from __future__ import annotations

import datetime
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.units import DAYS_PER_YEAR

SECONDS_PER_DAY = 86_400
EPSILON_S = 1e-3  # 9:00 is stored as 0.37499999...: less than a millisecond below a second is that second


class ExportCalendar(NamedTuple):
    """The calendar of an export.

    Attributes:
        start: date of day 0.
    """

    start: datetime.date

    def times(self, days: ArrayLike) -> list[str]:
        """FHIR dateTimes, "2025-01-03T07:40:00Z"."""
        texts: list[str] = np.datetime_as_string(self._seconds(days), unit="s").tolist()
        return [f"{text}Z" for text in texts]

    def time(self, day: float) -> str:
        """One FHIR dateTime: the same as `times`, without the cost of an array."""
        whole = math.floor(day)
        second = min(int((day - whole) * SECONDS_PER_DAY + EPSILON_S), SECONDS_PER_DAY - 1)
        midnight = datetime.datetime.combine(self.start, datetime.time())
        return f"{(midnight + datetime.timedelta(whole, second)).isoformat()}Z"

    def date(self, day: float) -> str:
        """The calendar date of a day."""
        return (self.start + datetime.timedelta(days=int(day // 1))).isoformat()

    def birth_dates(self, entry_days: NDArray[np.float64], ages: NDArray[np.float64]) -> list[str]:
        """Dates of birth of people of these ages, in years, on their day of entry."""
        days = np.floor(entry_days).astype(np.int64) - np.round(ages * DAYS_PER_YEAR).astype(np.int64)
        dates = np.datetime64(self.start, "D") + days.astype("timedelta64[D]")
        texts: list[str] = np.datetime_as_string(dates).tolist()
        return texts

    def _seconds(self, days: ArrayLike) -> NDArray[np.datetime64]:
        values = np.asarray(days, np.float64)
        day = np.floor(values)
        second = np.minimum(np.floor((values - day) * SECONDS_PER_DAY + EPSILON_S), SECONDS_PER_DAY - 1)
        whole = day.astype(np.int64) * SECONDS_PER_DAY + second.astype(np.int64)
        return np.datetime64(self.start, "s") + whole.astype("timedelta64[s]")
