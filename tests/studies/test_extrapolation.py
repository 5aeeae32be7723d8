"""Life, QALYs and costs after the simulated part against closed forms."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.columns import COST_NAMES
from popsim.economics.discounting import discount_factors
from popsim.economics.outcome_valuation import outcome_values, value_measures
from popsim.microsimulation.survival import Survival
from popsim.population.life_table import LifeTable
from popsim.studies.extrapolation import DiscountRates, interim_day, remaining, with_later_part

RATE = 0.035
FORCE = math.log(1.0 + RATE)
AT_35 = DiscountRates((RATE, ()), (RATE, ()))
TABLE = LifeTable("constant", np.full((2, 111), 0.1), np.zeros((2, 111)), "")
YOUNG, WOMAN = np.array([20.0, 30.0]), np.array([1, 0])


def test_constant_hazard():
    """Three years after entry, with a hazard of 0.2: exp(-3 d) / (0.2 + d); a death there loses 1 / (0.1 + d)."""
    left = remaining(Survival.exponential(0.2), TABLE, YOUNG, WOMAN, 3.0, AT_35)
    worth = math.exp(-3.0 * FORCE)
    assert left.years == pytest.approx([5.0, 5.0], rel=1e-6)
    assert left.costs == pytest.approx([worth / (0.2 + FORCE)] * 2, rel=1e-6)
    assert left.lost == pytest.approx([worth * 0.2 / (0.2 + FORCE) / (0.1 + FORCE)] * 2, rel=1e-3)


def test_rates_that_step_down():
    """Health at 3.5% for five years after entry, then at 1%; the simulated part ends after two years."""
    rates = DiscountRates((0.0, ()), (RATE, ((5.0, 0.01 / RATE),)))
    left = remaining(Survival.exponential(0.2), TABLE, YOUNG, WOMAN, 2.0, rates)
    first, later = 0.2 + FORCE, 0.2 + math.log(1.01)
    until = math.exp(-3.0 * first)
    expected = math.exp(-2.0 * FORCE) * ((1.0 - until) / first + until / later)
    assert left.health == pytest.approx([expected] * 2, rel=1e-6)
    assert left.costs == pytest.approx(left.years)


def test_nobody_dies_more_slowly_than_the_general_population():
    table = LifeTable.read("us_2019")
    left = remaining(Survival.exponential(0.0), table, np.array([60.0, 75.0]), WOMAN, 5.0, AT_35)
    assert left.years == pytest.approx(
        [table.life_expectancy(65.0, True), table.life_expectancy(80.0, False)], rel=1e-3
    )


def extrapolated(**keys) -> pl.DataFrame:
    """Two people who live for two years at 0.8 QALYs and 1000 a year, 100 of it on drugs, and do not die."""
    base = {"name": "two", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}
    experiment = validate(base | {"follow_up": "lifetime", "observed_days": 730} | keys, ExperimentDefinition, "file")
    worth = np.cumsum(discount_factors(RATE, 730)) / 365.25

    def accrued(days: int) -> pl.DataFrame:
        years = worth[days - 1]
        spent = {name: [0.0, 0.0] for name in COST_NAMES}
        spent |= {"cost_ward": [900.0 * years] * 2, "cost_drugs": [100.0 * years] * 2}
        health = {"qaly": [0.8 * years] * 2, "disability_years": [0.1 * years] * 2}
        return pl.DataFrame({"person_id": [1, 2], "age_years": YOUNG, "female": WOMAN} | health | spent)

    people = pl.DataFrame(
        {"person_id": [1, 2], "entry_day": [0, 0], "end_day": [730, 730], "death_time_days": [None, None]},
        schema_overrides={"death_time_days": pl.Float64},
    )
    twins = accrued(730)
    totals = outcome_values(twins, people, "health_system", RATE)
    return with_later_part(totals, accrued(interim_day(experiment)), people, twins, experiment, TABLE, AT_35)


def test_each_later_year_is_worth_one_of_the_window():
    """With a general population that dies at 0.1 a year, discounted life after two years is exp(-2 d) / (0.1 + d)."""
    found = extrapolated(extrapolation={"family": "exp"})
    life = math.exp(-FORCE * 730 / 365.25) / (0.1 + FORCE)
    assert found["qaly_after"].to_list() == pytest.approx([0.8 * life] * 2, rel=1e-3)
    assert found["cost_total_after"].to_list() == pytest.approx([1000.0 * life] * 2, rel=1e-3)
    assert found["life_days_after"].to_list() == pytest.approx([3652.5] * 2, rel=1e-3)
    measures = dict(value_measures(found, pl.DataFrame({"year": [1]})).select("measure", "value").iter_rows())
    assert measures["life_years"] == pytest.approx(730 / 365.25 + 10.0, rel=1e-3)
    assert measures["cost_drugs"] == pytest.approx(0.1 * measures["cost_total"], rel=1e-9)
    assert measures["qalys_after_share"] == pytest.approx(measures["qalys_after"] / measures["qalys"])
    assert measures["dalys"] == measures["years_lived_with_disability"] + measures["years_of_life_lost"]
    assert measures["years_of_life_lost"] == pytest.approx(0.1 * life / (0.1 + FORCE), rel=1e-2)


def test_what_was_simulated_after_the_observed_part():
    found = extrapolated(follow_up=None, follow_up_days=730, observed_days=365)
    observed, whole = np.cumsum(discount_factors(RATE, 730))[[364, 729]] / 365.25
    assert found["qaly_after"].to_list() == pytest.approx([0.8 * (whole - observed)] * 2)
    assert found["life_days_after"].to_list() == [365.0, 365.0]
    assert "life_days_extrapolated" not in found.columns
