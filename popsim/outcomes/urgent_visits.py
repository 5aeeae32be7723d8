"""Urgent visits: stays in an emergency department or observation unit that end neither on a ward nor in death."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.outcomes.follow_up import HOSPITAL, settings_of
from popsim.outcomes.readmission import stays

URGENT = ("emergency", "observation")


def urgent_visits(events: pl.DataFrame, classes: Mapping[str, str]) -> pl.DataFrame:
    """Visits without admission, ordered by person and time.

    Args:
        events: `EventLog.frame()`.
        classes: class by name of setting.

    Returns:
        person_id, admit_time_days (arrival), discharge_time_days, cause, destination.
    """
    wards = settings_of(events, classes, HOSPITAL).implode()
    every = stays(events, classes, URGENT)
    left = pl.col("discharge_time_days").is_not_null() & ~pl.col("died_in_stay")
    admitted = pl.col("destination").is_in(wards).fill_null(False)
    return every.filter(left & ~admitted).select(
        "person_id", "admit_time_days", "discharge_time_days", "cause", "destination"
    )


def index_destinations(events: pl.DataFrame, classes: Mapping[str, str]) -> pl.DataFrame:
    """Where people went after the stay with which they entered: the first setting outside hospital.

    Returns:
        person_id, index_destination; no row for people who never came there.
    """
    outside = settings_of(events, classes, ("community", "facility", "hospice")).implode()
    starts = events.filter((pl.col("event") == "start") & pl.col("setting").is_in(outside))
    return starts.group_by("person_id").agg(index_destination=pl.col("setting").sort_by("time_days").first())
