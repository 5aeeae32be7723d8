"""Dates and times of FHIR R4 as days, on the person's own clock.

A day is that of the local clock, as in streams of the registry: the offset from UTC is required and then left out.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

# https://hl7.org/fhir/R4/datatypes.html#dateTime
FORM = re.compile(
    r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])"
    r"(T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:0\d:[0-5]\d|1[0-3]:[0-5]\d|14:00)))?)?)?"
)
TIME_FORM = "must be a date, or a time with seconds and offset, as in 2020-01-31T08:30:00+01:00"
# assumption: what is told of a living person lies between these years; others are typing errors
YEARS = (1880, 2199)
OPEN_END = 9000  # years from which the end of a period is a way to write "open"
SECONDS_PER_DAY = 86_400.0
YEAR, MONTH, DAY, TIME = range(4)
LENGTHS = (366.0, 31.0, 1.0, 0.0)  # of each, in days


class FhirTime(NamedTuple):
    """A moment.

    Attributes:
        days: since the first day of the year 1, on the local clock; the first day of a year or month given alone.
        precision: YEAR, MONTH, DAY or TIME.
        offset: of the local clock from UTC, in days.
    """

    days: float
    precision: int
    offset: float = 0.0

    @property
    def day(self) -> int:
        """The calendar day, a proleptic ordinal."""
        return int(self.days)


@lru_cache(maxsize=1 << 16)
def read_time(text: str) -> FhirTime | None:
    """A date or time; None if it is none, or lies outside YEARS."""
    found = FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, clock = found.groups()
    if not YEARS[0] <= int(year) <= YEARS[1]:
        return None
    if month is None or day is None:
        first = datetime(int(year), int(month or 1), 1)
        return FhirTime(float(first.toordinal()), YEAR if month is None else MONTH)
    try:
        if clock is None:
            return FhirTime(float(datetime(int(year), int(month), int(day)).toordinal()), DAY)
        moment = datetime.fromisoformat(text.replace(":60", ":59"))
    except ValueError:  # the 30th of February
        return None
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second + moment.microsecond * 1e-6
    offset = moment.utcoffset()
    return FhirTime(
        moment.toordinal() + seconds / SECONDS_PER_DAY,
        TIME,
        0.0 if offset is None else offset.total_seconds() / SECONDS_PER_DAY,
    )


def precedes(one: FhirTime, other: FhirTime) -> bool:
    """Whether a time surely lies before another: a day is any time of it, and clocks set back do not matter."""
    if one.precision == TIME and other.precision == TIME:
        return one.days - one.offset < other.days - other.offset
    return one.days + LENGTHS[one.precision] <= other.day


def is_open_end(text: str) -> bool:
    """Whether the end of a period is written as a far year."""
    return text[:4].isdigit() and int(text[:4]) >= OPEN_END
