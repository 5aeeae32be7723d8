"""Dates as people write them: one form for a whole column, found by what every value bears."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from popsim.units import DAYS_PER_YEAR

FORMS = {
    "%Y-%m-%d": "year-month-day", "%d-%m-%Y": "day-month-year", "%m-%d-%Y": "month-day-year", "%Y%m%d": "yearmonthday",
    "%d%b%Y": "day, name of the month, year",
    "%d-%b-%Y": "day, name of the month, year", "%d-%B-%Y": "day, name of the month, year",
    "%b-%d-%Y": "name of the month, day, year", "%B-%d-%Y": "name of the month, day, year",
    "%d-%m-%y": "day-month-year of two digits", "%m-%d-%y": "month-day-year of two digits",
    "%d-%b-%y": "day, name of the month, year of two digits",
}  # fmt: skip
DAY_FIRST, MONTH_FIRST = ("%d-%m-%Y", "%d-%m-%y"), ("%m-%d-%Y", "%m-%d-%y")
FIRST_DAY_OF_SPREADSHEETS = date(1899, 12, 30)
SPREADSHEET_DAYS = (1.0, 80_000.0)
YEARS = (1880, 2100)
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?(Z|[+-]\d{2}:?\d{2})?$")


def read_dates(columns: Sequence[Sequence[str | None]]) -> list[tuple[list[date | None], str]]:
    """The dates in each column, None where a word is none, and the form in words.

    Where day and month could change places in one column, another column of the table decides; else the day is taken
    to stand first.
    """
    plain = [[None if word is None else _plain(word) for word in words] for words in columns]
    forms = [_forms(words) for words in plain]
    is_open = [not (set(one).isdisjoint(DAY_FIRST) or set(one).isdisjoint(MONTH_FIRST)) for one in forms]
    sure = {form for one, open_ in zip(forms, is_open, strict=True) if not open_ for form in one}
    month_first = not sure.isdisjoint(MONTH_FIRST) and sure.isdisjoint(DAY_FIRST)
    told = not sure.isdisjoint({*DAY_FIRST, *MONTH_FIRST})
    found = []
    for words, fitting, open_ in zip(plain, forms, is_open, strict=True):
        chosen = next(form for form in fitting if form in MONTH_FIRST) if open_ and month_first else fitting[0]
        doubt = " (assumed: day and month could change places)" if open_ and not told else ""
        found.append(([_date(word, chosen) for word in words], _name(chosen) + doubt))
    return found


def _name(form: str) -> str:
    return {"serial": "days of a spreadsheet", "year": "years (the middle of the year is taken)"}.get(form) or FORMS[
        form
    ]


def _plain(word: str) -> str:
    """A date without the time of day, with one mark between its parts."""
    return re.sub(r"[./,\s-]+", "-", _TIME.sub("", word.strip())).strip("-")


def _forms(words: Sequence[str | None]) -> list[str]:
    """The forms that fit most of a column's words."""
    known = {word for word in words if word is not None}
    fits = {form: sum(_date(word, form) is not None for word in known) for form in ("year", *FORMS, "serial")}
    return [form for form, count in fits.items() if count == max(fits.values())]


def _date(word: str | None, form: str) -> date | None:
    """A word as a date in one form."""
    if word is None:
        return None
    try:
        if form == "serial":
            days = float(word)
            low, high = SPREADSHEET_DAYS
            return FIRST_DAY_OF_SPREADSHEETS + timedelta(days=days) if low <= days <= high else None
        if form == "year":
            return date(int(word), 7, 1) if len(word) == 4 and YEARS[0] <= int(word) <= YEARS[1] else None
        found = datetime.strptime(word, form).date()
    except ValueError:
        return None
    return found if YEARS[0] <= found.year <= YEARS[1] else None


def ages(births: Sequence[date | None], days: Sequence[date | None], two_digits: bool) -> NDArray[np.float64]:
    """Age in years on a day; NaN if a date is not known. A year of two digits after the day is a century earlier."""
    found = np.full(len(births), np.nan)
    for row, (birth, day) in enumerate(zip(births, days, strict=True)):
        if birth is not None and day is not None:
            age = (day - birth).days / DAYS_PER_YEAR
            found[row] = age + 100.0 if two_digits and age < 0.0 else age
    return found
