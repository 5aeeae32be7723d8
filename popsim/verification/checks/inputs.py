"""People, random numbers and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import DefinitionError
from popsim.kernels.numerics.random import RandomKey
from popsim.population.sampling import sample
from popsim.verification.checking import CheckResult, check, never, same, together
from popsim.verification.test_bench import ModelBench

AREA = "People and inputs"


@check(AREA, "The same command gives the same bits")
def repeatable(bench: ModelBench) -> CheckResult:
    """Run the comparator a second time from nothing and compare everything."""
    one, again = bench.run(), ModelBench(bench.full, len(bench.run().persons)).run()
    return together(
        same(one.events.hash_rows(), again.events.hash_rows(), "events"),
        same(one.persons.hash_rows(), again.persons.hash_rows(), "persons"),
    )


@check(AREA, "Another replication has other people and random numbers")
def replications_differ(bench: ModelBench) -> CheckResult:
    """Compare ages and days of life of two replications."""
    first, second = bench.run(), bench.run(replication=1)
    ages = (first.start["age_years"] != second.start["age_years"]).mean()
    lives = (first.persons["life_days"] != second.persons["life_days"]).mean()
    assert isinstance(ages, float) and isinstance(lives, float)
    return CheckResult(ages > 0.5 or lives > 0.0, f"{ages:.0%} have another age, {lives:.0%} another length of life")


@check(AREA, "Another seed has other people and random numbers")
def seeds_differ(bench: ModelBench) -> CheckResult:
    """Compare two seeds."""
    first, second = bench.run(), bench.run(seed=bench.experiment.seed ^ 1)
    differ = int(np.count_nonzero(first.persons.hash_rows().to_numpy() != second.persons.hash_rows().to_numpy()))
    return CheckResult(differ > len(first.persons) // 2, f"{differ} of {len(first.persons)} persons differ")


@check(AREA, "Adding people changes nobody")
def adding_people(bench: ModelBench) -> CheckResult:
    """Sample the population and twice as many, and compare the first people's baselines."""
    size, experiment = bench.experiment.population, bench.experiment
    few, many = (
        sample(bench.study.cohort, bench.study.schema, n, RandomKey(experiment.seed))
        .frame()
        .sort("person_id")
        .head(size)
        for n in (size, 2 * size)
    )
    return same(few.hash_rows(), many.hash_rows(), "baselines")


@check(AREA, "A single person can be simulated")
def one_person(bench: ModelBench) -> CheckResult:
    """Run the comparator with a population of one."""
    persons = bench.run(population=1).persons
    return same([len(persons)], [1], "persons")


@check(AREA, "Every column stays within its bounds")
def bounds(bench: ModelBench) -> CheckResult:
    """Compare the state of all twins at the start and at the end with the bounds of the columns."""
    one = bench.run()
    outside = {
        name: int(((frame[name] < column.low) | (frame[name] > column.high)).sum())
        for frame in (one.start, one.population.frame())
        for name, column in bench.study.schema.columns.items()
        if name in frame.columns
    }
    wrong = [name for name, count in outside.items() if count]
    return CheckResult(not wrong, f"{len(outside)} columns" + (f"; outside: {', '.join(wrong)}" if wrong else ""))


@check(AREA, "No number is missing or infinite")
def finite(bench: ModelBench) -> CheckResult:
    """Look for NaN and infinity in the state of all twins and in their totals."""
    one = bench.run()
    frames = (one.start, one.population.frame(), one.persons.drop("death_day"))
    broken = [name for f in frames for name in f.columns if f[name].dtype.is_float() and not f[name].is_finite().all()]
    return CheckResult(not broken, f"columns with such a number: {', '.join(broken) or 'none'}")


@check(AREA, "Impossible inputs are refused")
def refused(bench: ModelBench) -> CheckResult:
    """Offer a population of 0, a negative price, a rate above 1, an unknown key and a strategy named twice."""
    experiment = bench.experiment
    first = experiment.strategies[0]
    wrong: list[dict[str, Any]] = [
        {"population": 0}, {"replications": 0}, {"follow_up_days": 0}, {"willingness_to_pay": -1.0},
        {"discount_rate_costs": 1.5}, {"no_such_key": 1}, {"strategies": (first, first)}, {"comparator": "nobody"},
    ]  # fmt: skip
    taken = []
    for changes in wrong:
        try:
            validate(dict(experiment) | changes, ExperimentDefinition, "check")
            taken.append(", ".join(changes))
        except DefinitionError:
            continue
    return CheckResult(
        not taken, f"{len(wrong)} offered" + (f"; accepted: {'; '.join(taken)}" if taken else ", all refused")
    )


@check(AREA, "Every parameter has a unit and a source, and lies within its bounds")
def sources(bench: ModelBench) -> CheckResult:
    """Read every parameter set."""
    records = [values.of(name) for values in bench.study.parameters.values() for name in values]
    bad = [not (r.unit and r.source and r.low <= r.value <= r.high) for r in records]
    assumed = sum(r.source.startswith("assumption") for r in records)
    found = never(np.array(bad), "parameters without")
    return CheckResult(found.holds, f"{found.text}; {assumed} of {len(records)} are assumptions")


@check(AREA, "People who enter are the cohort's")
def baseline_unchanged(bench: ModelBench) -> CheckResult:
    """Compare the baseline columns at entry with those at the end: fixed traits do not change."""
    one = bench.run()
    fixed = [
        c
        for c in ("age_years", "female", "deprivation_quintile", "dry_weight_kg", "diabetes")
        if c in bench.study.schema
    ]
    end = one.population.frame().select(pl.col(fixed)).hash_rows()
    return same(one.start.select(fixed).hash_rows(), end, f"persons ({', '.join(fixed)})")
