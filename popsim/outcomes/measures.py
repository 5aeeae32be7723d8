"""The clinical and utilisation measures of one model run, as one long table."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from popsim.outcomes.discharges import WINDOWS_DAYS, Discharges, avoidable_admissions
from popsim.outcomes.equity import by_deprivation, waits_by_deprivation
from popsim.outcomes.follow_up import person_years
from popsim.outcomes.home_time import within_windows
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.readmission import cumulative_incidence
from popsim.outcomes.regions import TOTAL, Value, measure_frame
from popsim.outcomes.survival import MORTALITY_DAYS, mortality
from popsim.outcomes.utilisation import utilisation, wait_hours, waits

_CAUSES = (("", "all causes", ""), ("_index_cause", "index condition", ", index condition"))
READMISSION = tuple(
    measure
    for days in WINDOWS_DAYS
    for suffix, cause, more in _CAUSES
    for measure in (
        OutcomeMeasure(
            f"readmission_{days}d{suffix}", f"{days}-day readmission, {cause}", "%",
            f"Index discharges followed by an unplanned admission within {days} days, {cause}; of those with a whole "
            "window of follow-up", "lower", f"Within {days} days{more}, %",
        ),
        OutcomeMeasure(
            f"readmission_{days}d_at_entry{suffix}", f"{days}-day readmission after entry, {cause}", "%",
            f"Discharges with which people entered, followed by an unplanned admission within {days} days, {cause}",
            "lower",
        ),
        OutcomeMeasure(
            f"readmission_{days}d_cumulative_incidence{suffix}",
            f"Cumulative incidence of readmission by day {days}, {cause}", "%",
            f"Aalen-Johansen estimate of readmission by day {days} after any index discharge, death competing, {cause}",
            "lower", f"Day {days}{more}, %",
        ),
    )
)  # fmt: skip
DEATH = (
    OutcomeMeasure("mortality", "Died during follow-up", "%", "People who died within follow-up", "lower"),
    *(
        OutcomeMeasure(
            f"mortality_{days}d", f"Died within {days} days", "%",
            f"Kaplan-Meier estimate of death within {days} days of entry", "lower",
        )
        for days in MORTALITY_DAYS
    ),
)  # fmt: skip


def measures(
    admissions: pl.DataFrame,
    people: pl.DataFrame,
    table: pl.DataFrame,
    after: Discharges,
    elsewhere: pl.DataFrame,
) -> pl.DataFrame:
    """All measures of one run except waits, occupancy, costs and QALYs, one row per measure.

    Args:
        admissions, people, after, elsewhere: as for `persons`.
        table: `persons(...)`.

    Returns:
        measure, value (null if nobody was counted), weight (see regions.py). Readmission is over all index discharges
        with a whole window of follow-up; *_at_entry over the discharges at entry. mortality is over the whole
        follow-up, mortality_<days>d by Kaplan-Meier. Bed-days and days at home are means per person who entered; days
        within a window are means over persons followed that long.
    """
    values: dict[str, Value] = {}
    for (days, counted), outcomes in after.outcomes.items():
        judged = outcomes.with_columns(after.rows["index"]).filter(after.rows["may_be_index"])
        values |= _readmission(judged, days, counted)
    values |= _use(admissions, people, table, after)
    values |= _deaths(people, table)
    values |= {name: per_person(table, name) for name in ("days_alive_out_of_hospital", "home_days")}
    for row in within_windows(admissions, elsewhere, people).iter_rows(named=True):
        days, persons = row.pop("days"), row.pop("persons")
        values |= {f"{name}_{days}d": Value(value, persons) for name, value in row.items()}
    return measure_frame(values | by_deprivation(table))


def waiting(
    events: pl.DataFrame, classes: Mapping[str, str], who: pl.DataFrame, first_day: float = -math.inf
) -> pl.DataFrame:
    """Waits of twins, in hours, by setting and by fifth of deprivation.

    Args:
        events: `EventLog.frame()`, in its order.
        classes: class by name of setting.
        who: person_id, deprivation_quintile of every person.
        first_day: requests made before it are left out.

    Returns:
        measure, value, weight: wait_* from the request for a bed to the start of the stay; emergency_* from arrival in
        the emergency department to leaving it, with or without a bed.
    """
    # One kind of setting at a time, so that the events of a large population are not sorted all at once.
    values = _waits(waits(wait_hours(events, classes, ["emergency"], first_day), "until_left_hours"), "emergency")
    hours = wait_hours(events, classes, first_day=first_day)
    return measure_frame(_waits(waits(hours), "wait") | values | waits_by_deprivation(hours, who))


def per_person(table: pl.DataFrame, name: str) -> Value:
    """Mean of a column over all persons; None if there are none."""
    if len(table) == 0:
        return Value(None, 0.0)
    return Value(float(table.select(pl.col(name).cast(pl.Float64).mean()).item()), len(table))


def _readmission(outcomes: pl.DataFrame, days: int, suffix: str) -> dict[str, Value]:
    """Readmission after every index discharge, and after the discharge at entry."""
    window, whole = f"readmission_{days}d", pl.col("whole_window")
    at_entry = whole & (pl.col("index") == 0)
    readmitted = pl.col("outcome") == "readmitted"
    values = {}
    for name, those in ((window, whole), (f"{window}_at_entry", at_entry)):
        number, of = outcomes.select((those & readmitted).sum(), those.sum().alias("of")).row(0)
        values[f"{name}{suffix}"] = Value(number / of if of else None, of)
    incidence = cumulative_incidence(outcomes, days)["readmission_cumulative_incidence"][-1]
    values[f"{window}_cumulative_incidence{suffix}"] = Value(incidence if len(outcomes) else None, len(outcomes))
    return values


def _use(admissions: pl.DataFrame, people: pl.DataFrame, table: pl.DataFrame, after: Discharges) -> dict[str, Value]:
    """Utilisation, each rate with its denominator."""
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
    for name, number in avoidable_admissions(after).row(0, named=True).items():
        values[f"{name}_per_person_year"] = Value(number / years if years else None, years)
    return values


def _deaths(people: pl.DataFrame, table: pl.DataFrame) -> dict[str, Value]:
    by_day = mortality(people).iter_rows(named=True)
    return {"mortality": per_person(table, "died")} | {
        f"mortality_{row['days']}d": Value(row["mortality"], len(table)) for row in by_day
    }


def _waits(distribution: pl.DataFrame, stem: str) -> dict[str, Value]:
    """Waits by setting, weighted with the number of starts."""
    values: dict[str, Value] = {}
    for row in distribution.filter(pl.col("setting").is_not_null()).iter_rows(named=True):
        setting, starts = row.pop("setting"), row.pop("starts")
        values[f"{stem}_starts.{setting}"] = Value(starts, TOTAL)
        values |= {f"{stem}_{name}.{setting}": Value(value, starts) for name, value in row.items()}
    return values
