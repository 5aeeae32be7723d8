"""Where the courses of one person under two strategies diverge: the first differences, in order of time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.outcomes.explanation import READINGS
from popsim.outcomes.narrative import moment

# Columns of care to compare, in addition to every dose.
GIVEN = {
    "telemonitored": "telemonitoring",
    "iv_diuretic_mg_day": "intravenous diuretic, mg/day",
    "genotype_known": "genotype known",
}
COMPARED_EVENTS = ("start", "visit", "miss", "present", "death", "alert", "renege", "block", "early")
MAX_EVENTS = 3  # differing events of each course that are named


class PersonCourse(NamedTuple):
    """One person under one strategy.

    Attributes:
        title: of the strategy.
        events: the person's events (`EventLog.frame`).
        diary: every column on every day (diary.py).
    """

    title: str
    events: pl.DataFrame
    diary: pl.DataFrame


class Difference(NamedTuple):
    """A difference between the two courses, and its time."""

    time_days: float
    what: str


def first_differences(one: PersonCourse, other: PersonCourse) -> list[Difference]:
    """The first difference in each quantity or event between two courses, in order of time; empty if none."""
    found = [*_of_columns(one, other), *_of_events(one, other)]
    return sorted(found, key=lambda difference: difference.time_days)


def _of_columns(one: PersonCourse, other: PersonCourse) -> list[Difference]:
    """The end of the first day on which each dose and reading differs in a digit that is shown."""
    doses = {name: name.replace("_", " ") for name in one.diary.columns if name.endswith(("_fraction", "_agent"))}
    names = GIVEN | doses | {name: reading.words for name, reading in READINGS.items()}
    found = []
    for name, words in names.items():
        if name not in one.diary.columns:
            continue
        digits = READINGS[name].digits if name in READINGS else 2
        here, there = (life.diary[name].to_numpy().astype(float) for life in (one, other))
        alive = (one.diary["alive"].to_numpy() > 0) & (other.diary["alive"].to_numpy() > 0)
        apart = np.flatnonzero(alive & (np.round(here, digits) != np.round(there, digits)))
        if len(apart):
            day = apart[0]
            values = f"{here[day]:.{digits}f} under {one.title}, {there[day]:.{digits}f} under {other.title}"
            found.append(Difference(float(one.diary["day"][int(day)] + 1), f"{words}: {values}"))
    return found


def _of_events(one: PersonCourse, other: PersonCourse) -> list[Difference]:
    """The first events of each course that the other does not have at that time."""
    keys = ("time_days", "event", "setting", "cause", "detail")
    here, there = (life.events.filter(pl.col("event").is_in(COMPARED_EVENTS)).select(keys) for life in (one, other))
    found = []
    for life, mine, others in ((one, here, there), (other, there, here)):
        only = mine.join(others, on=list(keys), how="anti", nulls_equal=True, maintain_order="left")
        first = only.head(MAX_EVENTS)
        last = only.slice(MAX_EVENTS).filter(pl.col("event") == "death")
        for time, event, setting, cause, _ in pl.concat([first, last]).iter_rows():
            reason = "" if cause == "none" else f" ({cause.replace('_', ' ')})"
            setting_text = f", {setting.replace('_', ' ')}" if setting else ""
            found.append(Difference(time, f"{event}{setting_text}{reason}, only under {life.title}"))
    return found


def told(differences: list[Difference]) -> list[str]:
    """One line per difference."""
    return [f"{moment(one.time_days)}: {one.what}" for one in differences]
