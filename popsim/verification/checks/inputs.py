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
from popsim.verification.checking import Saw, check, never, same, together
from popsim.verification.test_bench import Laboratory

AREA = "People and inputs"


@check(AREA, "The same command gives the same bits")
def repeatable(lab: Laboratory) -> Saw:
    """Run the comparator a second time from nothing and compare everything."""
    one, again = lab.run(), Laboratory(lab.full, len(lab.run().persons)).run()
    return together(
        same(one.events.hash_rows(), again.events.hash_rows(), "events"),
        same(one.persons.hash_rows(), again.persons.hash_rows(), "persons"),
    )


@check(AREA, "Another replication has other people and random numbers")
def replications_differ(lab: Laboratory) -> Saw:
    """Compare ages and days of life of two replications."""
    first, second = lab.run(), lab.run(replication=1)
    ages = (first.start["age_years"] != second.start["age_years"]).mean()
    lives = (first.persons["life_days"] != second.persons["life_days"]).mean()
    assert isinstance(ages, float) and isinstance(lives, float)
    return Saw(ages > 0.5 or lives > 0.0, f"{ages:.0%} have another age, {lives:.0%} another length of life")


@check(AREA, "Another seed has other people and random numbers")
def seeds_differ(lab: Laboratory) -> Saw:
    """Compare two seeds."""
    first, second = lab.run(), lab.run(seed=lab.experiment.seed ^ 1)
    differ = int(np.count_nonzero(first.persons.hash_rows().to_numpy() != second.persons.hash_rows().to_numpy()))
    return Saw(differ > len(first.persons) // 2, f"{differ} of {len(first.persons)} persons differ")


@check(AREA, "Adding people changes nobody")
def adding_people(lab: Laboratory) -> Saw:
    """Sample the population and twice as many, and compare the first people's baselines."""
    size, experiment = lab.experiment.population, lab.experiment
    few, many = (
        sample(lab.study.cohort, lab.study.schema, n, RandomKey(experiment.seed)).frame().sort("person_id").head(size)
        for n in (size, 2 * size)
    )
    return same(few.hash_rows(), many.hash_rows(), "baselines")


@check(AREA, "A single person can be simulated")
def one_person(lab: Laboratory) -> Saw:
    """Run the comparator with a population of one."""
    persons = lab.run(population=1).persons
    return same([len(persons)], [1], "persons")


@check(AREA, "Every column stays within its bounds")
def bounds(lab: Laboratory) -> Saw:
    """Compare the state of all twins at the start and at the end with the bounds of the columns."""
    one = lab.run()
    outside = {
        name: int(((frame[name] < column.low) | (frame[name] > column.high)).sum())
        for frame in (one.start, one.population.frame())
        for name, column in lab.study.schema.columns.items()
        if name in frame.columns
    }
    wrong = [name for name, count in outside.items() if count]
    return Saw(not wrong, f"{len(outside)} columns" + (f"; outside: {', '.join(wrong)}" if wrong else ""))


@check(AREA, "No number is missing or infinite")
def finite(lab: Laboratory) -> Saw:
    """Look for NaN and infinity in the state of all twins and in their totals."""
    one = lab.run()
    frames = (one.start, one.population.frame(), one.persons.drop("death_day"))
    broken = [name for f in frames for name in f.columns if f[name].dtype.is_float() and not f[name].is_finite().all()]
    return Saw(not broken, f"columns with such a number: {', '.join(broken) or 'none'}")


@check(AREA, "Impossible inputs are refused")
def refused(lab: Laboratory) -> Saw:
    """Offer a population of 0, a negative price, a rate above 1, an unknown key and a strategy named twice."""
    experiment = lab.experiment
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
    return Saw(not taken, f"{len(wrong)} offered" + (f"; accepted: {'; '.join(taken)}" if taken else ", all refused"))


@check(AREA, "Every parameter has a unit and a source, and lies within its bounds")
def sources(lab: Laboratory) -> Saw:
    """Read every parameter set."""
    records = [values.of(name) for values in lab.study.parameters.values() for name in values]
    bad = [not (r.unit and r.source and r.low <= r.value <= r.high) for r in records]
    assumed = sum(r.source.startswith("assumption") for r in records)
    found = never(np.array(bad), "parameters without")
    return Saw(found.holds, f"{found.text}; {assumed} of {len(records)} are assumptions")


@check(AREA, "People who enter are the cohort's")
def baseline_unchanged(lab: Laboratory) -> Saw:
    """Compare the baseline columns at entry with those at the end: fixed traits do not change."""
    one = lab.run()
    fixed = [
        c for c in ("age_years", "female", "deprivation_quintile", "dry_weight_kg", "diabetes") if c in lab.study.schema
    ]
    end = one.population.frame().select(pl.col(fixed)).hash_rows()
    return same(one.start.select(fixed).hash_rows(), end, f"persons ({', '.join(fixed)})")
