"""Rotas: capacity by hour of the week, for opening hours and for staffed beds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from popsim.definitions.arrivals import HOURS_A_DAY, WEEKDAYS
from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, whole

HOURS_A_WEEK = HOURS_A_DAY * len(WEEKDAYS)
MAX_SHIFTS = 50

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Shift(Definition):
    """Hours in which a setting has another capacity; 0: it is closed, and those who are there stay to their end.

    Attributes:
        weekdays: days on which it begins; every day when empty.
        from_hour: full hour at which it begins.
        until_hour: full hour at which it ends; on the next day if it is not after `from_hour`.
        capacity: beds that are open, for the reference population.
    """

    weekdays: Annotated[tuple[Weekday, ...], AS_TUPLE, Field(max_length=7)] = ()
    from_hour: Annotated[int, whole(0, 23)] = 0
    until_hour: Annotated[int, whole(1, 24)] = 24
    capacity: Annotated[int, whole(0, 10_000_000)]

    @property
    def hours(self) -> list[int]:
        """Its hours of the week; 0 is the first of Monday."""
        length = self.until_hour - self.from_hour
        length += HOURS_A_DAY if length <= 0 else 0
        starts = [WEEKDAYS.index(day) * HOURS_A_DAY + self.from_hour for day in self.weekdays or WEEKDAYS]
        return [(start + hour) % HOURS_A_WEEK for start in starts for hour in range(length)]


Rota = Annotated[tuple[Shift, ...], AS_TUPLE, Field(max_length=MAX_SHIFTS)]


def week_of(capacity: int, rota: Sequence[Shift]) -> list[int]:
    """Capacity in each hour of the week; of two shifts in one hour the later in the list counts."""
    week = [capacity] * HOURS_A_WEEK
    for shift in rota:
        for hour in shift.hours:
            week[hour] = shift.capacity
    return week
