"""Time alive at home: days of follow-up outside hospital, and outside any institution.

Days alive and out of hospital exclude wards and intensive care. Home time also excludes facilities (rehabilitation,
nursing home) and hospices, as in studies of home time after an admission for heart failure; hours in the emergency
department and in an observation unit count as home in both. Both are exact, in days, within each person's follow-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.outcomes.measure import OutcomeMeasure

INSTITUTIONS = ("facility", "hospice")
WINDOWS_DAYS = (30, 90, 365)

HOME_TIME = tuple(
    OutcomeMeasure(f"{name}{suffix}", f"{label} per person{when}", "days", f"{meaning}{when}", "higher", f"{short}{of}")
    for suffix, when, of in (
        ("", "", ", all of follow-up"),
        *((f"_{days}d", f" in the first {days} days", f", first {days} days") for days in WINDOWS_DAYS),
    )
    for name, label, meaning, short in (
        ("days_alive_out_of_hospital", "Days alive and out of hospital", "Days alive outside wards and intensive care",
         "Out of hospital"),
        ("home_days", "Days at home", "Days alive outside hospital, facilities and hospices", "At home"),
    )
)  # fmt: skip


def days_in(stays: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Days that each person spent in stays within follow-up.

    Args:
        stays: `stays(...)` of any classes of setting.
        people: `follow_up(...)`.

    Returns:
        person_id, days; one row per person with such a stay.
    """
    return _observed(stays, people).group_by("person_id").agg(days=(pl.col("until") - pl.col("admit_time_days")).sum())


def within_windows(
    admissions: pl.DataFrame, elsewhere: pl.DataFrame, people: pl.DataFrame, windows: Sequence[int] = WINDOWS_DAYS
) -> pl.DataFrame:
    """Mean days alive and out of hospital, and at home, in the first days after entry.

    Args:
        admissions: `stays(...)`.
        elsewhere: `stays(...)` of INSTITUTIONS.
        people: `follow_up(...)`.
        windows: days since entry.

    Returns:
        days, persons (followed that long), days_alive_out_of_hospital, home_days; null if nobody was.
    """
    followed = [pl.col("end_day") - pl.col("entry_day") >= window for window in windows]
    lived = (pl.col("death_time_days") - pl.col("entry_day")).fill_null(float("inf"))
    persons = people.select(f.sum().alias(str(w)) for w, f in zip(windows, followed, strict=True)).row(0)
    alive = people.select(
        pl.min_horizontal(lived, pl.lit(float(w))).filter(f).sum().alias(str(w))
        for w, f in zip(windows, followed, strict=True)
    ).row(0)
    hospital, institutions = (
        _observed(stays, people)
        .select(_within(w).filter(f).sum().alias(str(w)) for w, f in zip(windows, followed, strict=True))
        .row(0)
        for stays in (admissions, elsewhere)
    )
    table = pl.DataFrame(
        {"days": windows, "persons": persons, "alive": alive, "hospital": hospital, "institutions": institutions},
        schema_overrides=dict.fromkeys(("alive", "hospital", "institutions"), pl.Float64),
    )
    out = pl.col("alive") - pl.col("hospital")
    known = pl.when(pl.col("persons") > 0)
    return table.select(
        "days",
        "persons",
        days_alive_out_of_hospital=known.then(out / pl.col("persons")),
        home_days=known.then((out - pl.col("institutions")) / pl.col("persons")),
    )


def _observed(stays: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Stays within follow-up: when each began, or follow-up did, and `until`: when it, or follow-up, ended."""
    last = pl.col("end_day").cast(pl.Float64)
    return (
        stays.select("person_id", "admit_time_days", "discharge_time_days")
        .join(people.select("person_id", "entry_day", "end_day"), on="person_id", how="inner")
        .with_columns(
            admit_time_days=pl.max_horizontal("admit_time_days", pl.col("entry_day").cast(pl.Float64)),
            until=pl.min_horizontal(pl.col("discharge_time_days").fill_null(float("inf")), last),
        )
        .filter((pl.col("admit_time_days") < last) & (pl.col("admit_time_days") < pl.col("until")))
    )


def _within(window: int) -> pl.Expr:
    """Days of an observed stay that lie in the first days after entry."""
    last = pl.min_horizontal("until", pl.col("entry_day") + float(window))
    return (last - pl.col("admit_time_days")).clip(lower_bound=0.0)
