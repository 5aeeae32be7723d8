"""Utilisation: admissions, nights in hospital, attendances, contacts, waits and early discharges.

Everything is counted within each person's follow-up: an admission counts if it began before the end, its nights count
up to the end. A bed-day is a midnight on a ward or in intensive care (the census that is also costed); exact days in
hospital are reported as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import polars as pl

from popsim.outcomes.follow_up import HOSPITAL, observed, person_years, settings_of
from popsim.outcomes.measure import Each, OutcomeMeasure
from popsim.outcomes.readmission import is_index_stay

HOURS_PER_DAY = 24.0
TARGETS_HOURS = (4, 12)

USE = (
    OutcomeMeasure("person_years", "Person-years of follow-up", "person-years", "Time that people were followed alive"),
    *(
        OutcomeMeasure(f"{name}_per_person_year", f"{label} per person-year", "per person-year", meaning, "lower")
        for name, label, meaning in (
            ("admissions", "Admissions", "Stays on wards and in intensive care that began within follow-up"),
            ("heart_failure_admissions", "Heart-failure admissions", "Admissions for heart failure"),
            ("ed_attendances", "Emergency attendances", "Attendances that began in an emergency department"),
        )
    ),
    OutcomeMeasure("visits_per_person_year", "Contacts per person-year", "per person-year",
                   "Contacts with clinics, nurses and practices that took place"),
    OutcomeMeasure("admissions_per_person", "Admissions per person", "per person", "Within follow-up", "lower"),
    OutcomeMeasure("bed_days", "Bed-days per person", "days", "Midnights on wards and in intensive care", "lower"),
    OutcomeMeasure("hospital_days_per_person", "Days in hospital per person", "days",
                   "Exact days on wards and in intensive care", "lower"),
    OutcomeMeasure("mean_length_of_stay_days", "Length of stay, mean", "days", "Of admissions that ended"),
    OutcomeMeasure("early_discharges_per_admission", "Early discharges per admission", "per admission",
                   "Stays ended before their time because somebody waited for the place", "lower"),
)  # fmt: skip
_WAITS = (
    ("mean_hours", "mean", "Mean", "h"),
    ("median_hours", "median", "Median", "h"),
    *((f"p{q}_hours", f"{q}th centile", f"{q}th centile", "h") for q in (90, 95)),
    *((f"share_over_{hours}_hours", f"over {hours} h", f"Share over {hours} hours", "%") for hours in TARGETS_HOURS),
)
_TIMES: tuple[tuple[str, Each, str, str], ...] = (
    ("wait", "ward", "Wait for a bed", "from asking for a bed to getting it"),
    ("emergency", "emergency", "Time in the emergency department", "from asking for it to leaving it"),
)
OF_WAITS = f"^({'|'.join(stem for stem, *_ in _TIMES)})_"  # names of these measures
WAITING = tuple(
    measure
    for stem, each, label, meaning in _TIMES
    for measure in (
        OutcomeMeasure(f"{stem}_starts.*", f"{label}, number", "number", f"Times {meaning}", each=each),
        *(
            OutcomeMeasure(
                f"{stem}_{name}.*", f"{label}, hours, {words}" if unit == "h" else f"{label} {words}",
                "hours" if unit == "h" else "%", f"{figure} of the time {meaning}", "lower", f"{words}, {unit}", each,
            )
            for name, words, figure, unit in _WAITS
        ),
    )
)  # fmt: skip


def hospital_use(admissions: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Admissions, and nights and days in hospital, by person.

    Args:
        admissions: `stays(...)`.
        people: `follow_up(...)`.

    Returns:
        One row per person in hospital at some time of follow-up: person_id, admissions, heart_failure_admissions and
        planned_admissions (that began within follow-up, without the index admission), bed_days (midnights),
        hospital_days (exact).
    """
    last = pl.col("end_day").cast(pl.Float64)
    since = pl.max_horizontal("admit_time_days", pl.col("entry_day").cast(pl.Float64))
    until = pl.min_horizontal(pl.col("discharge_time_days").fill_null(float("inf")), last)
    days, nights = until - since, until.floor() - since.floor()
    new = (pl.col("admit_time_days") >= pl.col("entry_day")) & ~is_index_stay()
    return (
        admissions.join(people.select("person_id", "entry_day", "end_day", "entered_as"), on="person_id", how="inner")
        .filter((pl.col("admit_time_days") < last) & (until >= pl.col("entry_day")))
        .group_by("person_id")
        .agg(
            admissions=new.sum().cast(pl.Int32),
            heart_failure_admissions=(new & (pl.col("cause") == "heart_failure")).sum().cast(pl.Int32),
            planned_admissions=(new & pl.col("planned")).sum().cast(pl.Int32),
            bed_days=nights.sum().cast(pl.Int32),
            hospital_days=days.sum(),
        )
    )


def attendances(events: pl.DataFrame, people: pl.DataFrame, classes: Mapping[str, str]) -> pl.DataFrame:
    """Emergency attendances by person, and how many of them ended without a bed.

    Returns:
        One row per person who attended within follow-up: person_id, ed_attendances, ed_only (left the emergency
        department neither for a ward, intensive care nor an observation unit, and alive).
    """
    emergency = settings_of(events, classes, ["emergency"]).implode()
    beds = settings_of(events, classes, [*HOSPITAL, "observation"])
    every = list(events.schema["setting"].categories)  # type: ignore[attr-defined]
    places = [every.index(name) for name in beds.to_list()]
    deaths = people.filter(pl.col("death_time_days").is_not_null()).select("person_id", "death_time_days")
    moves = observed(
        events.filter(pl.col("event").is_in(["start", "end"]) & pl.col("setting").is_in(emergency)), people
    )
    left = (pl.col("event") == "end") & ~pl.col("detail").is_in(places)
    alive = pl.col("death_time_days").is_null() | (pl.col("death_time_days") > pl.col("time_days"))
    return (
        moves.join(deaths, on="person_id", how="left")
        .group_by("person_id")
        .agg(
            ed_attendances=(pl.col("event") == "start").sum().cast(pl.Int32),
            ed_only=(left & alive).sum().cast(pl.Int32),
        )
    )


def visits(events: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Contacts that took place within follow-up, by setting: setting, visits, visits_per_person_year."""
    years = person_years(people)
    return (
        observed(events.filter(pl.col("event") == "visit"), people)
        .group_by("setting")
        .agg(visits=pl.len())
        .sort("setting")
        .with_columns(visits_per_person_year=pl.col("visits") / years)
    )


def wait_hours(
    events: pl.DataFrame, classes: Mapping[str, str], kinds: Iterable[str] = HOSPITAL, first_day: float = -math.inf
) -> pl.DataFrame:
    """Waits of twins from the request for a bed to the start of the stay, and the time until they left.

    Requests that reneged or were blocked are not included; see the events `renege` and `block`.

    Args:
        events: `EventLog.frame()`, in its order.
        classes: class by name of setting.
        kinds: classes of setting.
        first_day: requests made before it are left out.

    Returns:
        One row per start, ordered by person and setting: person_id, setting, hours (waited), until_left_hours
        (from request to leaving; null: still there).
    """
    settings = settings_of(events, classes, kinds)
    same = [pl.col(name) == pl.col(name).shift(1) for name in ("person_id", "setting")]
    asked = (pl.col("event") == "arrive").shift(1) & same[0] & same[1]
    left = (pl.col("event") == "end").shift(-1)
    left &= (pl.col("person_id") == pl.col("person_id").shift(-1)) & (pl.col("setting") == pl.col("setting").shift(-1))
    since = pl.when(asked).then(pl.col("time_days").shift(1)).otherwise(pl.col("time_days"))
    return (
        events.filter(pl.col("event").is_in(["arrive", "start", "end"]) & pl.col("setting").is_in(settings.implode()))
        .select("person_id", "setting", "event", "time_days")
        .sort("person_id", "setting", maintain_order=True)
        .with_columns(since=since, until=pl.when(left).then(pl.col("time_days").shift(-1)))
        .filter((pl.col("event") == "start") & (pl.col("since") >= first_day))
        .select(
            "person_id",
            "setting",
            hours=(pl.col("time_days") - pl.col("since")) * HOURS_PER_DAY,
            until_left_hours=(pl.col("until") - pl.col("since")) * HOURS_PER_DAY,
        )
    )


def waits(hours: pl.DataFrame, of: str = "hours") -> pl.DataFrame:
    """The distribution of waits by setting.

    Args:
        hours: `wait_hours(...)`.
        of: hours, or until_left_hours.

    Returns:
        One row per setting, then one for all together (setting null): setting, starts (with a known time),
        mean_hours, median_hours, p90_hours, p95_hours, share_over_4_hours, share_over_12_hours.
    """
    hours = hours.select("setting", of).drop_nulls(of)
    summary = [
        pl.len().alias("starts"),
        pl.col(of).mean().alias("mean_hours"),
        pl.col(of).median().alias("median_hours"),
        *(pl.col(of).quantile(q / 100, interpolation="linear").alias(f"p{q}_hours") for q in (90, 95)),
        *((pl.col(of) > target).mean().alias(f"share_over_{target}_hours") for target in TARGETS_HOURS),
    ]
    by_setting = hours.group_by("setting").agg(summary).sort("setting")
    together = hours.select(pl.lit(None, by_setting.schema["setting"]).alias("setting"), *summary)
    return pl.concat([by_setting, together.head(1)])


def contact_waits(events: pl.DataFrame) -> dict[str, float]:
    """Mean days from booking to contact, by contact setting, over the contacts that took place.

    A contact booked for a later day, as after a discharge, counts with its whole delay.

    Args:
        events: `EventLog.frame()`, in its order.
    """
    same = (pl.col(name) == pl.col(name).shift(1) for name in ("person_id", "setting"))
    booked = pl.all_horizontal(pl.col("event").shift(1) == "book", *same)
    waited = (
        events.filter(pl.col("event").is_in(["book", "visit", "miss"]))
        .sort("person_id", "setting", maintain_order=True)
        .with_columns(days=pl.when(booked).then(pl.col("time_days") - pl.col("time_days").shift(1)))
        .filter((pl.col("event") == "visit") & pl.col("days").is_not_null())
        .group_by("setting")
        .agg(pl.col("days").mean())
    )
    return {str(setting): float(days) for setting, days in waited.sort("setting").iter_rows()}


def utilisation(table: pl.DataFrame, admissions: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """All utilisation measures in one row.

    Args:
        table: `persons(...)`, with the counts by person.
        admissions: `stays(...)`.
        people: `follow_up(...)`.

    Returns:
        person_years, admissions_per_person_year, heart_failure_admissions_per_person_year, bed_days_per_person,
        hospital_days_per_person, mean_length_of_stay_days (of admissions that ended), ed_attendances_per_person_year,
        visits_per_person_year, early_discharges_per_admission. Null where the denominator is 0.
    """
    years, persons = person_years(people), len(people)
    counted = ("admissions", "heart_failure_admissions", "bed_days", "hospital_days", "ed_attendances", "visits")
    total = {name: float(table[name].sum()) for name in (*counted, "early_discharges")}
    return pl.DataFrame(
        {
            "person_years": years,
            "admissions_per_person_year": _per(total["admissions"], years),
            "heart_failure_admissions_per_person_year": _per(total["heart_failure_admissions"], years),
            "bed_days_per_person": _per(total["bed_days"], persons),
            "hospital_days_per_person": _per(total["hospital_days"], persons),
            "mean_length_of_stay_days": admissions["length_of_stay_days"].mean(),
            "ed_attendances_per_person_year": _per(total["ed_attendances"], years),
            "visits_per_person_year": _per(total["visits"], years),
            "early_discharges_per_admission": _per(total["early_discharges"], total["admissions"]),
        },
        schema_overrides={"mean_length_of_stay_days": pl.Float64},
        strict=False,
    )


def _per(amount: float, of: float) -> float | None:
    """A ratio, or None if the denominator is 0."""
    return amount / of if of > 0 else None
