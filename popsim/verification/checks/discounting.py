"""Discounting."""

from __future__ import annotations

import itertools
import math

import numpy as np

from popsim.units import DAYS_PER_YEAR
from popsim.verification.checking import CheckResult, check, close, never, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Discounting"


@check(AREA, "A higher discount rate lowers QALYs and costs")
def higher_rate_less(bench: ModelBench) -> CheckResult:
    """Compare every person's totals at discount rates of 0, 5% and 50% a year."""
    seen = [bench.run(None, bench.discounted(rate, rate)).persons for rate in (0.0, 0.05, 0.5)]
    rises = [
        (later[name] > earlier[name] + 1e-9).to_numpy()
        for earlier, later in itertools.pairwise(seen)
        for name in ("cost_total", "qaly")
    ]
    falls = seen[2]["qaly"].sum() < seen[0]["qaly"].sum() and seen[2]["cost_total"].sum() < seen[0]["cost_total"].sum()
    return CheckResult(not np.any(rises) and bool(falls), f"totals that rise with the rate: {int(np.sum(rises))}")


@check(AREA, "A constant stream has the closed form of its discounted sum")
def closed_form(bench: ModelBench) -> CheckResult:
    """Mortality 0, utilities 1, a rate of 100% a year: QALYs are the sum of 2^-(day/365.25) / 365.25 over follow-up."""
    flat = dict.fromkeys(bench.utilities(), 1.0) | dict.fromkeys(bench.decrements(), 0.0)
    qalys = bench.immortal(None, flat | bench.discounted(qalys=1.0), utility_norms=None).persons["qaly"]
    expected = (
        sum(math.pow(2.0, -day / DAYS_PER_YEAR) for day in range(bench.experiment.follow_up_days)) / DAYS_PER_YEAR
    )
    return close(qalys, np.full(len(qalys), expected), "QALYs")


@check(AREA, "The first day is not discounted")
def first_day(bench: ModelBench) -> CheckResult:
    """Follow people for one day at rates of 0 and 100% a year and compare their totals."""
    low, high = (bench.run(None, bench.discounted(rate, rate), follow_up_days=1).persons for rate in (0.0, 1.0))
    return together(*(same(low[name], high[name], name) for name in ("qaly", "cost_total")))


@check(AREA, "The discount rate of costs does not affect QALYs, nor that of QALYs costs")
def rates_apart(bench: ModelBench) -> CheckResult:
    """Set each rate to 20% alone and compare the totals that it must not affect."""
    base = bench.run(None, bench.discounted()).persons
    costs = bench.run(None, bench.discounted(costs=0.2)).persons
    qalys = bench.run(None, bench.discounted(qalys=0.2)).persons
    return together(
        same(base["qaly"], costs["qaly"], "QALYs when costs are discounted"),
        same(base["cost_total"], qalys["cost_total"], "costs when QALYs are discounted"),
        CheckResult(bool((costs["cost_total"] < base["cost_total"]).any()), "the rate of costs lowers costs"),
        CheckResult(bool((qalys["qaly"] < base["qaly"]).any()), "the rate of QALYs lowers QALYs"),
    )


@check(AREA, "Life years and events are not discounted")
def lives_are_not_discounted(bench: ModelBench) -> CheckResult:
    """Set both rates to 100% a year and compare days of life, admissions and contacts."""
    columns = ["life_days", "admissions", "bed_days", "visits", "ed_attendances", "hospital_days"]
    low, high = (bench.run(None, bench.discounted(rate, rate)).persons.select(columns) for rate in (0.0, 1.0))
    return same(low.hash_rows(), high.hash_rows(), "persons")


@check(AREA, "Discounting starts from each person's own entry")
def from_own_entry(bench: ModelBench) -> CheckResult:
    """Mortality 0, utilities 1, a high rate: those who enter late have the same QALYs as those who enter at once."""
    flat = dict.fromkeys(bench.utilities(), 1.0) | dict.fromkeys(bench.decrements(), 0.0)
    late = {"enrolment_days": 30, "utility_norms": None}
    persons = bench.immortal(None, flat | bench.discounted(qalys=0.5), **late).persons
    spread = float(np.ptp(persons["qaly"].to_numpy()))
    return never(
        np.array([spread > 1e-12]), f"entries on {persons['entry_day'].n_unique()} days, QALYs differ by {spread:.1e}"
    )
