"""One row for each person: who it was at entry, and everything that happened to it, counted."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.outcomes.follow_up import observed
from popsim.outcomes.readmission import index_outcomes
from popsim.outcomes.survival import survival_times
from popsim.outcomes.utilisation import attendances, hospital_use

READMISSION_DAYS = 30
COUNTS = (
    "admissions",
    "heart_failure_admissions",
    "planned_admissions",
    "bed_days",
    "ed_attendances",
    "ed_only",
    "visits",
    "early_discharges",
)


def persons(
    events: pl.DataFrame,
    admissions: pl.DataFrame,
    people: pl.DataFrame,
    classes: Mapping[str, str],
    totals: pl.DataFrame,
    baseline: pl.DataFrame,
) -> pl.DataFrame:
    """One row for each person who entered, in the order of `people`.

    Args:
        events: `EventLog.frame()`.
        admissions: `stays(...)`.
        people: `follow_up(...)`.
        classes: class by name of setting.
        totals: person_id and what each person's life was worth and cost (`economics.worth.worth`).
        baseline: person_id and what describes the person at entry, e.g. `baseline(...)`.

    Returns:
        person_id, entry_day, the columns of `baseline`, died, death_day (since entry, exact; null if alive), the
        columns of `totals`, COUNTS, hospital_days, days_alive_out_of_hospital, readmitted_30d and
        readmitted_30d_heart_failure (after the index discharge at entry; null where follow-up ended before it could be
        known).
    """
    contacts = observed(events.filter(pl.col("event").is_in(["visit", "early"])), people)
    counted = contacts.group_by("person_id").agg(
        visits=(pl.col("event") == "visit").sum().cast(pl.Int32),
        early_discharges=(pl.col("event") == "early").sum().cast(pl.Int32),
    )
    frame = survival_times(people).select(
        "person_id", "died", death_day=pl.when("died").then("days"), observed_days="days"
    )
    parts = [
        baseline,
        totals,
        hospital_use(admissions, people),
        attendances(events, people, classes),
        counted,
        _readmitted_at_entry(admissions, people, None, "readmitted_30d"),
        _readmitted_at_entry(admissions, people, "heart_failure", "readmitted_30d_heart_failure"),
    ]
    for part in parts:
        frame = frame.join(part, on="person_id", how="left", maintain_order="left")
    hospital_days = pl.col("hospital_days").fill_null(0.0)
    return frame.with_columns(
        pl.col(*COUNTS).fill_null(0),
        hospital_days=hospital_days,
        days_alive_out_of_hospital=pl.col("observed_days") - hospital_days,
        entry_day=people["entry_day"],
    ).select(
        "person_id", "entry_day", *baseline.columns[1:], "died", "death_day", *totals.drop("person_id").columns,
        *COUNTS, "hospital_days", "days_alive_out_of_hospital", "readmitted_30d", "readmitted_30d_heart_failure",
    )  # fmt: skip


def _readmitted_at_entry(admissions: pl.DataFrame, people: pl.DataFrame, cause: str | None, name: str) -> pl.DataFrame:
    """Whether each person was readmitted after its index discharge at entry; null where censoring hides it.

    Only admissions that can fall into that window are looked at.
    """
    entered = people.select("person_id", "entry_day")
    soon = (
        admissions.join(entered, on="person_id", how="inner", maintain_order="left")
        .filter(pl.col("admit_time_days") < pl.col("entry_day") + READMISSION_DAYS + 1)
        .drop("entry_day")
    )
    at_entry = index_outcomes(soon, people, READMISSION_DAYS, cause).filter(pl.col("index") == 0)
    known = pl.when(pl.col("outcome") != "censored").then(pl.col("outcome") == "readmitted")
    return at_entry.select("person_id", known.alias(name))
