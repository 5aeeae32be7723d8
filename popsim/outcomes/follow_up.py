"""Follow-up: who is observed from when to when; every outcome measure starts from this frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.kernels.codes import ENTERED_DISCHARGED
from popsim.units import DAYS_PER_YEAR

HOSPITAL = ("inpatient", "critical")


def follow_up(
    events: pl.DataFrame,
    person_id: NDArray[np.int64],
    entry_day: NDArray[np.int32],
    follow_up_days: int,
    simulated_days: int | None = None,
) -> pl.DataFrame:
    """One row for each person who entered.

    Args:
        events: `EventLog.frame()`.
        person_id, entry_day: of every twin.
        follow_up_days: whole days of follow-up from the day of entry.
        simulated_days: days simulated so far; None: enough for everybody.

    Returns:
        person_id, entry_day, end_day (the first day that is no longer observed), death_time_days (null if the person
        was alive at `end_day`), entered_as (codes.ENTERED_*), entry_cause (of the index admission; "none" if it is not
        known or there is none). In the order of `person_id`.
    """
    last = np.iinfo(np.int32).max if simulated_days is None else simulated_days
    people = pl.DataFrame({"person_id": person_id, "entry_day": entry_day}).filter(pl.col("entry_day") < last)
    deaths = events.filter(pl.col("event") == "death").select("person_id", death_time_days="time_days")
    entries = events.filter(pl.col("event") == "enter").select("person_id", entered_as="detail", entry_cause="cause")
    end_day = pl.min_horizontal(pl.col("entry_day").cast(pl.Int64) + follow_up_days, pl.lit(last, pl.Int64))
    return (
        people.with_columns(end_day=end_day)
        .join(deaths, on="person_id", how="left", maintain_order="left")
        .join(entries, on="person_id", how="left", maintain_order="left")
        .with_columns(
            entered_as=pl.col("entered_as").fill_null(ENTERED_DISCHARGED),
            entry_cause=pl.col("entry_cause").fill_null("none"),
            death_time_days=pl.when(pl.col("death_time_days") < pl.col("end_day")).then(pl.col("death_time_days")),
        )
    )


def person_years(people: pl.DataFrame) -> float:
    """Total person-years of follow-up in a `follow_up` frame."""
    days = pl.coalesce("death_time_days", pl.col("end_day").cast(pl.Float64)) - pl.col("entry_day")
    return float(people.select(days.sum()).item()) / DAYS_PER_YEAR


def settings_of(events: pl.DataFrame, classes: Mapping[str, str], kinds: Iterable[str]) -> pl.Series:
    """Names of the settings of some classes, as an Enum like the frame's `setting` column.

    Args:
        events: `EventLog.frame()`.
        classes: class by name of setting.
        kinds: the classes.
    """
    wanted = set(kinds)
    return pl.Series([name for name, kind in classes.items() if kind in wanted], dtype=events.schema["setting"])


def observed(events: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The events within each person's follow-up, in the same order."""
    windows = people.select("person_id", "entry_day", "end_day")
    return (
        events.join(windows, on="person_id", how="inner", maintain_order="left")
        .filter((pl.col("time_days") >= pl.col("entry_day")) & (pl.col("time_days") < pl.col("end_day")))
        .drop("entry_day", "end_day")
    )
