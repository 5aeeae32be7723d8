"""All but money and QALYs that a study reports of one run of the model, as one long table of measures."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from popsim.outcomes.follow_up import person_years
from popsim.outcomes.persons import READMISSION_DAYS
from popsim.outcomes.readmission import index_outcomes, readmission
from popsim.outcomes.regions import TOTAL, Value, measure_frame
from popsim.outcomes.survival import mortality
from popsim.outcomes.utilisation import utilisation, waits


def measures(
    events: pl.DataFrame,
    admissions: pl.DataFrame,
    people: pl.DataFrame,
    classes: Mapping[str, str],
    table: pl.DataFrame,
) -> pl.DataFrame:
    """Everything but money and QALYs that a study reports of one run, one row for each measure.

    Args:
        events, admissions, people, classes: as for `persons`.
        table: `persons(...)`.

    Returns:
        measure, value (null where there was nobody to count), weight (see regions.py). 30-day readmission is over all
        index discharges with a whole window of follow-up; *_at_entry over the discharges with which people entered.
        mortality is over the whole follow-up, mortality_<days>d by Kaplan-Meier. Bed-days and days out of hospital are
        means per person who entered. Waits are in hours, by setting (twins only).
    """
    values: dict[str, Value] = {}
    for cause, suffix in ((None, ""), ("heart_failure", "_heart_failure")):
        outcomes = index_outcomes(admissions, people, READMISSION_DAYS, cause)
        values |= _readmission(outcomes, suffix)
    values |= _use(admissions, people, table)
    values |= _deaths(people, table)
    values["days_alive_out_of_hospital"] = per_person(table, "days_alive_out_of_hospital")
    values |= _waits(events, classes)
    return measure_frame(values)


def per_person(table: pl.DataFrame, name: str) -> Value:
    """Mean of a column over all persons; None when there is nobody."""
    if len(table) == 0:
        return Value(None, 0.0)
    return Value(float(table.select(pl.col(name).cast(pl.Float64).mean()).item()), len(table))


def _readmission(outcomes: pl.DataFrame, suffix: str) -> dict[str, Value]:
    """Readmission after every index discharge, and after the one at entry."""
    every = readmission(outcomes, READMISSION_DAYS).row(0, named=True)
    at_entry = readmission(outcomes.filter(pl.col("index") == 0), READMISSION_DAYS).row(0, named=True)
    window = f"readmission_{READMISSION_DAYS}d"
    return {
        f"{window}{suffix}": Value(every["readmitted_proportion"], every["whole_windows"]),
        f"{window}_cumulative_incidence{suffix}": Value(
            every["readmission_cumulative_incidence"], every["index_discharges"]
        ),
        f"{window}_at_entry{suffix}": Value(at_entry["readmitted_proportion"], at_entry["whole_windows"]),
    }


def _use(admissions: pl.DataFrame, people: pl.DataFrame, table: pl.DataFrame) -> dict[str, Value]:
    """Use of care, each rate with its denominator."""
    row = utilisation(table, admissions, people).row(0, named=True)
    years = person_years(people)
    weight = {
        "person_years": TOTAL,
        "bed_days_per_person": len(table),
        "hospital_days_per_person": len(table),
        "mean_length_of_stay_days": admissions["length_of_stay_days"].count(),
        "early_discharges_per_admission": float(table["admissions"].sum()),
    }
    values = {name: Value(value, weight.get(name, years)) for name, value in row.items()}
    values["bed_days"] = values.pop("bed_days_per_person")
    values["admissions_per_person"] = per_person(table, "admissions")
    return values


def _deaths(people: pl.DataFrame, table: pl.DataFrame) -> dict[str, Value]:
    by_day = mortality(people).iter_rows(named=True)
    return {"mortality": per_person(table, "died")} | {
        f"mortality_{row['days']}d": Value(row["mortality"], len(table)) for row in by_day
    }


def _waits(events: pl.DataFrame, classes: Mapping[str, str]) -> dict[str, Value]:
    """Waits by setting, weighted with those who got their place."""
    values: dict[str, Value] = {}
    for row in waits(events, classes).filter(pl.col("setting").is_not_null()).iter_rows(named=True):
        setting, starts = row.pop("setting"), row.pop("starts")
        values[f"wait_starts.{setting}"] = Value(starts, TOTAL)
        values |= {f"wait_{name}.{setting}": Value(value, starts) for name, value in row.items()}
    return values
