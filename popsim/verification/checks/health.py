"""Utilities and QALYs."""

from __future__ import annotations

import numpy as np

from popsim.units import DAYS_PER_YEAR
from popsim.verification.checking import Saw, check, close, never, same, together
from popsim.verification.test_bench import UNDISCOUNTED, Laboratory

AREA = "Utilities and QALYs"


def _flat(lab: Laboratory, utility: float) -> dict[str, float]:
    return dict.fromkeys(lab.utilities(), utility) | dict.fromkeys(lab.decrements(), 0.0)


@check(AREA, "With all utilities 1 QALYs equal life years")
def utilities_of_one(lab: Laboratory) -> Saw:
    """Set utilities to 1, decrements and discount rates to 0, and compare each person's QALYs with its life years."""
    seen = [lab.run(strategy, _flat(lab, 1.0) | UNDISCOUNTED).persons for strategy in lab.strategies]
    return together(*(close(p["qaly"], p["life_days"] / DAYS_PER_YEAR, "QALYs against life years") for p in seen))


@check(AREA, "With all utilities 0 there are no QALYs")
def utilities_of_nothing(lab: Laboratory) -> Saw:
    """Set utilities and decrements to 0 and look for QALYs."""
    return never(lab.run(None, _flat(lab, 0.0)).persons["qaly"] != 0.0, "persons with QALYs")


@check(AREA, "QALYs are in proportion to utilities")
def utilities_scale(lab: Laboratory) -> Saw:
    """Halve every utility and decrement and compare each person's QALYs with half of what they were."""
    half = {name: value / 2 for name, value in (lab.utilities() | lab.decrements()).items()}
    return close(lab.run(None, half).persons["qaly"], lab.run().persons["qaly"] / 2, "QALYs")


@check(AREA, "QALYs never exceed life years")
def qalys_below_life(lab: Laboratory) -> Saw:
    """Look for persons whose QALYs, not discounted, are more than their life years."""
    persons = lab.run(None, UNDISCOUNTED).persons
    return never(persons["qaly"] > persons["life_days"] / DAYS_PER_YEAR + 1e-9, "persons with more QALYs than years")


@check(AREA, "Every higher utility can only add QALYs")
def utilities_add(lab: Laboratory) -> Saw:
    """Raise each utility by 0.05 and look whether anybody loses QALYs, and whether anybody gains."""
    base = lab.run().persons["qaly"]
    more = {name: lab.run(None, {name: value + 0.05}).persons["qaly"] - base for name, value in lab.utilities().items()}
    wrong = [name for name, change in more.items() if (change < 0).any() or not (change > 0).any()]
    return Saw(not wrong, f"{len(more)} utilities raised" + (f"; not so for {', '.join(wrong)}" if wrong else ""))


@check(AREA, "Time in hospital lowers QALYs, and only of people who were there")
def hospital_decrement(lab: Laboratory) -> Saw:
    """Raise every hospital decrement by 0.1 and compare the people who lose QALYs with those who were in hospital."""
    worse = {name: value + 0.1 for name, value in lab.decrements().items()}
    before, after = lab.run().persons, lab.run(None, worse).persons
    lost = (after["qaly"] < before["qaly"] - 1e-12).to_numpy()
    stayed = (before["hospital_days"] > 0).to_numpy()
    wrong = (lost & ~stayed) | (after["qaly"] > before["qaly"]).to_numpy()
    return Saw(bool(lost.any()) and not wrong.any(), f"{lost.sum()} lose QALYs, {stayed.sum()} were in hospital")


@check(AREA, "Utilities change neither events nor costs")
def utilities_change_nothing_else(lab: Laboratory) -> Saw:
    """Halve every utility and compare events and costs."""
    half = {name: value / 2 for name, value in (lab.utilities() | lab.decrements()).items()}
    before, after = lab.run(), lab.run(None, half)
    drop = ["qaly", *(name for name in before.persons.columns if name.startswith("dal"))]
    return together(
        same(before.events["time_days"], after.events["time_days"], "times of events"),
        same(before.persons.drop(drop).hash_rows(), after.persons.drop(drop).hash_rows(), "persons but for QALYs"),
    )


@check(AREA, "Mean QALYs of the measures are those of the persons")
def qalys_agree(lab: Laboratory) -> Saw:
    """Compare the measure `qalys` with the mean over persons."""
    one = lab.run()
    return close([one.measures["qalys"]], [float(np.mean(one.persons["qaly"].to_numpy()))], "mean QALYs")
