"""One row for each person, with everything that happened to it counted; and the study's measures as one table."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.outcomes.follow_up import DAYS_PER_YEAR, observed
from popsim.outcomes.readmission import index_outcomes, readmission
from popsim.outcomes.survival import mortality, survival_times
from popsim.outcomes.utilisation import attendances, hospital_use, utilisation, waits

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
) -> pl.DataFrame:
    """One row for each person who entered, in the order of `people`.

    Args:
        events: `EventLog.frame()`.
        admissions: `stays(...)`.
        people: `follow_up(...)`.
        classes: class by name of setting.
        totals: person_id and the columns of valuation, e.g. of `population.frame()`: qaly, life_days, cost_*.

    Returns:
        person_id, entry_day, died, death_day (since entry, exact; null if alive), the valuation columns, cost_total,
        COUNTS, hospital_days, days_alive_out_of_hospital, readmitted_30d and readmitted_30d_heart_failure (after the
        index discharge at entry; null where follow-up ended before it could be known).
    """
    costs = [name for name in totals.columns if name.startswith("cost_")]
    valued = totals.select("person_id", "qaly", "life_days", *costs).with_columns(cost_total=pl.sum_horizontal(costs))
    contacts = observed(events.filter(pl.col("event").is_in(["visit", "early"])), people)
    counted = contacts.group_by("person_id").agg(
        visits=(pl.col("event") == "visit").sum().cast(pl.Int32),
        early_discharges=(pl.col("event") == "early").sum().cast(pl.Int32),
    )
    frame = survival_times(people).select(
        "person_id", "died", death_day=pl.when("died").then("days"), observed_days="days"
    )
    parts = [
        valued,
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
        "person_id", "entry_day", "died", "death_day", "qaly", "life_days", *costs, "cost_total", *COUNTS,
        "hospital_days", "days_alive_out_of_hospital", "readmitted_30d", "readmitted_30d_heart_failure",
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


def measures(
    events: pl.DataFrame,
    admissions: pl.DataFrame,
    people: pl.DataFrame,
    classes: Mapping[str, str],
    table: pl.DataFrame,
) -> pl.DataFrame:
    """Everything that a study reports of one run, one row for each measure.

    Args:
        events, admissions, people, classes: as for `persons`.
        table: `persons(...)`.

    Returns:
        measure, value (null where there was nobody to count). 30-day readmission is over all index discharges with a
        whole window of follow-up; *_at_entry over the discharges with which people entered. mortality is over the
        whole follow-up, mortality_<days>d by Kaplan-Meier. Money, QALYs, life years and bed-days are means per person
        who entered. Waits are in hours, by setting (twins only).
    """
    values: dict[str, float | None] = {}
    for cause, suffix in ((None, ""), ("heart_failure", "_heart_failure")):
        outcomes = index_outcomes(admissions, people, READMISSION_DAYS, cause)
        every = readmission(outcomes, READMISSION_DAYS).row(0, named=True)
        at_entry = readmission(outcomes.filter(pl.col("index") == 0), READMISSION_DAYS).row(0, named=True)
        values[f"readmission_30d{suffix}"] = every["readmitted_proportion"]
        values[f"readmission_30d_cumulative_incidence{suffix}"] = every["readmission_cumulative_incidence"]
        values[f"readmission_30d_at_entry{suffix}"] = at_entry["readmitted_proportion"]
    values |= utilisation(table, admissions, people).row(0, named=True)
    values["bed_days"] = values.pop("bed_days_per_person")
    values["mortality"] = _mean(table, "died")
    values |= {f"mortality_{row['days']}d": row["mortality"] for row in mortality(people).iter_rows(named=True)}
    values["days_alive_out_of_hospital"] = _mean(table, "days_alive_out_of_hospital")
    for row in waits(events, classes).filter(pl.col("setting").is_not_null()).iter_rows(named=True):
        values |= {f"wait_{name}.{row['setting']}": row[name] for name in row if name != "setting"}
    values |= {name: _mean(table, name) for name in table.columns if name.startswith("cost_")}
    life_days = _mean(table, "life_days")
    values["life_years"] = None if life_days is None else life_days / DAYS_PER_YEAR
    values["qalys"] = _mean(table, "qaly")
    return pl.DataFrame(
        {"measure": list(values), "value": list(values.values())}, schema={"measure": pl.String, "value": pl.Float64}
    )


def _mean(table: pl.DataFrame, name: str) -> float | None:
    """Mean of a column over all persons; None when there is nobody."""
    return None if len(table) == 0 else float(table.select(pl.col(name).cast(pl.Float64).mean()).item())
