"""Dates without dates: to the year, to days from a person's first, or shifted by a secret number of days per person.

Safe Harbor (45 CFR 164.514(b)(2)(i)(C)) passes the year alone, and days between events, which are no dates. Shifted
dates are dates and do not pass it: they need an expert's determination. The shifts come from the operating system's
random source and are kept in memory only, so that nobody can turn them back.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, get_args

from popsim.errors import InputError, did_you_mean

type Dates = Literal["year", "relative", "shifted"]
DATES: tuple[Dates, ...] = get_args(Dates.__value__)
SAFE_HARBOR: tuple[Dates, ...] = ("year", "relative")
FIRST_DAY = date(2000, 1, 1)  # on which everybody's first day is written where days are relative
MAX_SHIFT = 364  # days; assumption: a year both ways hides season and weekday, and keeps the era of care
OLDEST = 90  # years; Safe Harbor has all ages over 89 in one class
FIRST_YEAR, YEARS = 1850, 350  # of dates that can be a person's

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ].*)?|(\d{4})(\d{2})(\d{2})", re.DOTALL)
_OTHER = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")  # month first, as in the United States


@dataclass
class DateMover:
    """The dates of everybody in a data set.

    Args:
        mode: what becomes of a date.
        today: the day on which ages are reckoned of who has no death.
    """

    mode: Dates
    today: date = field(default_factory=date.today)
    first: dict[object, date] = field(default_factory=dict, repr=False)
    died: dict[object, int] = field(default_factory=dict, repr=False)
    _shifts: dict[object, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse an unknown mode.

        Raises:
            InputError: the mode is unknown.
        """
        if self.mode not in DATES:
            raise InputError(f"--dates {self.mode}: {did_you_mean(self.mode, DATES)}")

    def see(self, person: object, text: object) -> None:
        """Note a date of a person, of which the earliest becomes day 0."""
        day = read_date(text)
        if isinstance(day, date) and (person not in self.first or day < self.first[person]):
            self.first[person] = day

    def see_death(self, person: object, text: object) -> None:
        """Note when a person died."""
        if (year := year_of(text)) is not None:
            self.died[person] = year

    def written(self, person: object, text: object, whole: bool = False) -> str | None:
        """What is written for a date; None where nothing may be, or the text is no date.

        Dates so far before a person's death (or today) that they tell an age over 89 become the first that does not.

        Args:
            person: whose date it is; None where it is nobody's.
            text: the date.
            whole: whether a year must be written as a day (the first of January), as databases need.
        """
        if self.mode == "year":
            year = year_of(text)
            if year is None:
                return None
            year = max(year, self._earliest(person))
            return f"{year:04d}-01-01" if whole else f"{year:04d}"
        day = read_date(text)
        if not isinstance(day, date) or person is None:
            return None
        moved = self._moved(person, self._not_too_early(person, day))
        return None if moved is None else moved.isoformat()

    def born(self, person: object, text: object) -> int | None:
        """The year of birth that is written; None where the person may be 90 or older, or the text is no date."""
        year = year_of(text)
        if year is None or self.old(person, text):
            return None
        if self.mode == "year":
            return year
        if self.mode == "relative":
            start = self._not_too_early(person, self.first[person]) if person in self.first else None
            return None if start is None else FIRST_DAY.year - (start.year - year)
        day = read_date(text)
        moved = self._moved(person, day) if isinstance(day, date) else None
        return year if moved is None else moved.year

    def old(self, person: object, text: object) -> bool:
        """Whether somebody born then may be, or have become, 90 or older."""
        year = year_of(text)
        return year is not None and self.died.get(person, self.today.year) - year >= OLDEST

    def _earliest(self, person: object) -> int:
        """The first year that is written: dates further back would tell an age over 89."""
        return self.died.get(person, self.today.year) - OLDEST + 1

    def _not_too_early(self, person: object, day: date) -> date:
        return max(day, date(self._earliest(person), 1, 1))

    def _moved(self, person: object, day: date) -> date | None:
        if self.mode == "relative":
            start = self.first.get(person)
            moved = None if start is None else (FIRST_DAY, (day - self._not_too_early(person, start)).days)
        else:
            if person not in self._shifts:
                days = secrets.randbelow(2 * MAX_SHIFT) - MAX_SHIFT
                self._shifts[person] = days + (days >= 0)  # never 0
            moved = (day, self._shifts[person])
        try:
            return None if moved is None else moved[0] + timedelta(days=moved[1])
        except OverflowError:
            return None


def read_date(text: object) -> date | int | None:
    """A day, or a year alone where no day is said; None where the text is no date of a person's."""
    if isinstance(text, date):
        text = text.isoformat()
    if not isinstance(text, str) or len(text) > 40:
        return None
    text = text.strip()
    found = _DATE.fullmatch(text)
    if found:
        year, month, day = (found[1], found[2], found[3]) if found[1] else (found[4], found[5], found[6])
    elif other := _OTHER.fullmatch(text):
        month, day, year = other.groups()
    else:
        return None
    if not FIRST_YEAR <= int(year) < FIRST_YEAR + YEARS:
        return None
    if month is None or day is None:
        return int(year)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def year_of(text: object) -> int | None:
    """The year of a date."""
    found = read_date(text)
    return found.year if isinstance(found, date) else found
