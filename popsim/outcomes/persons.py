"""The table of persons: one row per person, with baseline characteristics and counts of events."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.outcomes.discharges import INDEX_COUNTS, Discharges, readmitted_by_person
from popsim.outcomes.follow_up import observed
from popsim.outcomes.home_time import days_in
from popsim.outcomes.survival import survival_times
from popsim.outcomes.utilisation import attendances, hospital_use

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
    after: Discharges,
    elsewhere: pl.DataFrame,
) -> pl.DataFrame:
    """One row per person who entered, in the order of `people`.

    Args:
        events: `EventLog.frame()`.
        admissions: `stays(...)`.
        people: `follow_up(...)`.
        classes: class by name of setting.
        totals: person_id and each person's QALYs and costs (`economics.worth.worth`).
        baseline: person_id and characteristics at entry, e.g. `baseline(...)`.
        after: `discharges(...)`.
        elsewhere: `stays(...)` of home_time.INSTITUTIONS.

    Returns:
        person_id, entry_day, the columns of `baseline`, died, death_day (since entry, exact; null if alive), the
        columns of `totals`, COUNTS, hospital_days, days_alive_out_of_hospital, home_days, and the columns of
        `readmitted_by_person`.
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
        days_in(elsewhere, people).rename({"days": "elsewhere_days"}),
        readmitted_by_person(after),
    ]
    for part in parts:
        frame = frame.join(part, on="person_id", how="left", maintain_order="left")
    hospital_days = pl.col("hospital_days").fill_null(0.0)
    out_of_hospital = pl.col("observed_days") - hospital_days
    return frame.with_columns(
        pl.col(*COUNTS).fill_null(0),
        hospital_days=hospital_days,
        days_alive_out_of_hospital=out_of_hospital,
        home_days=out_of_hospital - pl.col("elsewhere_days").fill_null(0.0),
        entry_day=people["entry_day"],
    ).select(
        "person_id", "entry_day", *baseline.columns[1:], "died", "death_day", *totals.drop("person_id").columns,
        *COUNTS, "hospital_days", "days_alive_out_of_hospital", "home_days", "readmitted_30d",
        "readmitted_30d_index_cause", *INDEX_COUNTS,
    )  # fmt: skip
