"""Utilities and QALYs."""

from __future__ import annotations

import numpy as np

from popsim.units import DAYS_PER_YEAR
from popsim.verification.checking import CheckResult, check, close, never, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Utilities and QALYs"


def _flat(bench: ModelBench, utility: float) -> dict[str, float]:
    return dict.fromkeys(bench.utilities(), utility) | dict.fromkeys(bench.decrements(), 0.0)


@check(AREA, "With all utilities 1 QALYs equal life years")
def utilities_of_one(bench: ModelBench) -> CheckResult:
    """Set utilities to 1, decrements and discount rates to 0, and compare each person's QALYs with its life years."""
    seen = [bench.run(strategy, _flat(bench, 1.0) | bench.discounted()).persons for strategy in bench.strategies]
    return together(*(close(p["qaly"], p["life_days"] / DAYS_PER_YEAR, "QALYs against life years") for p in seen))


@check(AREA, "With all utilities 0 there are no QALYs")
def utilities_of_nothing(bench: ModelBench) -> CheckResult:
    """Set utilities and decrements to 0 and look for QALYs."""
    return never(bench.run(None, _flat(bench, 0.0)).persons["qaly"] != 0.0, "persons with QALYs")


@check(AREA, "QALYs are in proportion to utilities")
def utilities_scale(bench: ModelBench) -> CheckResult:
    """Halve every utility and decrement and compare each person's QALYs with half of what they were."""
    half = {name: value / 2 for name, value in (bench.utilities() | bench.decrements()).items()}
    return close(bench.run(None, half).persons["qaly"], bench.run().persons["qaly"] / 2, "QALYs")


@check(AREA, "QALYs never exceed life years")
def qalys_below_life(bench: ModelBench) -> CheckResult:
    """Look for persons whose QALYs, not discounted, are more than their life years."""
    persons = bench.run(None, bench.discounted()).persons
    return never(persons["qaly"] > persons["life_days"] / DAYS_PER_YEAR + 1e-9, "persons with more QALYs than years")


@check(AREA, "Every higher utility can only add QALYs")
def utilities_add(bench: ModelBench) -> CheckResult:
    """Raise each utility by 0.05 and look whether anybody loses QALYs, and whether anybody gains."""
    base = bench.run().persons["qaly"]
    more = {
        name: bench.run(None, {name: value + 0.05}).persons["qaly"] - base for name, value in bench.utilities().items()
    }
    wrong = [name for name, change in more.items() if (change < 0).any() or not (change > 0).any()]
    return CheckResult(
        not wrong, f"{len(more)} utilities raised" + (f"; not so for {', '.join(wrong)}" if wrong else "")
    )


@check(AREA, "Time in hospital lowers QALYs, and only of people who were there")
def hospital_decrement(bench: ModelBench) -> CheckResult:
    """Raise every hospital decrement by 0.1 and compare the people who lose QALYs with those who were in hospital."""
    worse = {name: value + 0.1 for name, value in bench.decrements().items() if "hospital" in name}
    before, after = bench.run().persons, bench.run(None, worse).persons
    lost = (after["qaly"] < before["qaly"] - 1e-12).to_numpy()
    stayed = (before["hospital_days"] > 0).to_numpy()
    wrong = (lost & ~stayed) | (after["qaly"] > before["qaly"]).to_numpy()
    return CheckResult(
        bool(lost.any()) and not wrong.any(), f"{lost.sum()} lose QALYs, {stayed.sum()} were in hospital"
    )


@check(AREA, "Utilities change neither events nor costs")
def utilities_change_nothing_else(bench: ModelBench) -> CheckResult:
    """Halve every utility and compare events and costs."""
    half = {name: value / 2 for name, value in (bench.utilities() | bench.decrements()).items()}
    before, after = bench.run(), bench.run(None, half)
    drop = ["qaly", *(name for name in before.persons.columns if name.startswith("dal"))]
    return together(
        same(before.events["time_days"], after.events["time_days"], "times of events"),
        same(before.persons.drop(drop).hash_rows(), after.persons.drop(drop).hash_rows(), "persons but for QALYs"),
    )


@check(AREA, "Mean QALYs of the measures are those of the persons")
def qalys_agree(bench: ModelBench) -> CheckResult:
    """Compare the measure `qalys` with the mean over persons."""
    one = bench.run()
    return close([one.measures["qalys"]], [float(np.mean(one.persons["qaly"].to_numpy()))], "mean QALYs")
