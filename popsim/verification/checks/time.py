"""Time horizon, entry and follow-up."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl

from popsim.verification.checking import CheckResult, check, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Time"


@check(AREA, "A longer horizon only adds costs, life time and events")
def monotone(bench: ModelBench) -> CheckResult:
    """Follow people for a quarter, a half and the whole of the horizon and look for totals that fall."""
    whole = bench.experiment.follow_up_days
    if whole < 8:
        return not_applicable(f"the horizon is {whole} days")
    seen = [bench.run(follow_up_days=days).persons for days in (whole // 4, whole // 2, whole)]
    falls = [
        (later[name] < earlier[name] - 1e-9).to_numpy()
        for earlier, later in itertools.pairwise(seen)
        for name in ("life_days", "cost_total", "admissions", "bed_days", "visits")
    ]
    return never(np.concatenate(falls), "totals that fall")


@check(AREA, "What happened before a horizon does not depend on it")
def prefix(bench: ModelBench) -> CheckResult:
    """Follow people for half the horizon and for all of it, and compare the event logs up to the shorter one.

    Bookings are left out: none is made for after the end.
    """
    half = bench.experiment.follow_up_days // 2
    if half < 1:
        return not_applicable("the horizon is a single day")
    short, long = (bench.run(follow_up_days=days, enrolment_days=0).events for days in (half, 2 * half))
    before = (pl.col("time_days") < half) & (pl.col("event") != "book")
    return same(short.filter(before).hash_rows(), long.filter(before).hash_rows(), "events")


@check(AREA, "Over a single day nobody lives longer than a day")
def single_day(bench: ModelBench) -> CheckResult:
    """Follow people for one day and look at their days of life."""
    lived = bench.run(follow_up_days=1).persons["life_days"]
    return never((lived > 1.0) | (lived < 0.0), "persons outside 0 to 1 days")


@check(AREA, "Nothing is counted after follow-up")
def nothing_after_follow_up(bench: ModelBench) -> CheckResult:
    """Look for deaths and days of life beyond each person's follow-up, with entries spread over time."""
    persons = bench.run(enrolment_days=20).persons
    limit = float(bench.experiment.follow_up_days)
    return together(
        never(persons["life_days"] > limit, "persons who live longer than their follow-up"),
        never(persons["death_day"].fill_null(0.0) > limit, "deaths after follow-up"),
        never(persons["hospital_days"] > limit, "persons in hospital longer than their follow-up"),
    )


@check(AREA, "Entries lie within the enrolment, and in order")
def entries(bench: ModelBench) -> CheckResult:
    """Spread entries over 20 days and look at the days of entry and at the log."""
    one = bench.run(enrolment_days=20)
    entered = one.events.filter(pl.col("event") == "enter").select("person_id", day=pl.col("time_days").floor())
    table = entered.join(one.persons.select("person_id", "entry_day"), on="person_id")
    outside = (one.persons["entry_day"] < 0) | (one.persons["entry_day"] >= 20)
    return together(
        never(outside, "entries outside the enrolment"),
        same(table["day"].cast(pl.Int32), table["entry_day"], "days of entry"),
        same([table.height], [len(one.persons)], "entries"),
    )


@check(AREA, "There is one day in the daily series for every day simulated")
def days(bench: ModelBench) -> CheckResult:
    """Compare the days of the series with enrolment plus follow-up."""
    expected = bench.experiment.enrolment_days + bench.experiment.follow_up_days
    return same(bench.run().daily["day"], np.arange(expected), "days")
