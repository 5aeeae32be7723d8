"""DALYs against lives worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.economics.columns import COST_NAMES
from popsim.economics.disability import discounted_expectancy, life_years_lost
from popsim.economics.outcome_valuation import outcome_values, value_measures
from popsim.population.life_table import LifeTable

US_2019 = LifeTable.read("us_2019")


def test_without_discounting_it_is_the_life_expectancy():
    """Of the life table itself, computed year by year there."""
    ages, female = np.array([0.0, 64.3, 80.0, 109.5, 112.0]), np.array([1, 0, 1, 0, 1])
    expected = [US_2019.life_expectancy(age, bool(sex)) for age, sex in zip(ages, female, strict=True)]
    assert discounted_expectancy(US_2019, ages, female, 0.0) == pytest.approx(expected, rel=1e-12)


def test_constant_hazard_in_closed_form():
    """With one death rate m at all ages, a life is worth 1 / (m + log(1 + r)) at every age."""
    table = LifeTable("constant", np.full((2, 111), 0.04), np.zeros((2, 111)), "")
    expected = 1.0 / (0.04 + math.log(1.035))
    assert discounted_expectancy(table, [20.0, 71.25, 200.0], [0, 1, 0], 0.035) == pytest.approx([expected] * 3)


def test_discounting_against_numerical_integration():
    years = np.linspace(0.0, 60.0, 60_001)
    alive = np.array([US_2019.survival(70.4, t, False) for t in years])
    integral = np.trapezoid(alive * 1.035**-years, years)
    assert discounted_expectancy(US_2019, [70.4], [0], 0.035)[0] == pytest.approx(integral, rel=1e-5)


def people(deaths: list[float | None], entry: list[int]) -> pl.DataFrame:
    """Followed for a year of 365.25 days."""
    return pl.DataFrame(
        {"person_id": range(len(entry)), "entry_day": entry, "death_time_days": deaths},
        schema={"person_id": pl.Int64, "entry_day": pl.Int32, "death_time_days": pl.Float64},
    ).with_columns(end_day=pl.col("entry_day") + 365.25)


def test_years_of_life_lost():
    """A man of 70 dies two years after he entered on day 100; the other lives."""
    lost = life_years_lost(people([None, 100 + 730.5], [0, 100]), [60.0, 70.0], [1, 0], 0.0)
    assert lost.tolist() == pytest.approx([0.0, US_2019.life_expectancy(72.0, False)])
    discounted = life_years_lost(people([100 + 730.5], [100]), [70.0], [0], 0.035)
    assert discounted[0] == pytest.approx(discounted_expectancy(US_2019, [72.0], [0], 0.035)[0] / 1.035**2)


def test_dalys_are_disability_plus_years_lost():
    """Two people for one year: one lives in class III (0.072), one dies at half a year in class IV (0.179)."""
    twins = pl.DataFrame(
        {
            "person_id": [7, 8],
            "age_years": [60.0, 79.5],
            "female": [1, 0],
            "qaly": [0.64, 0.23],
            "disability_years": [0.072, 0.0895],
            **dict.fromkeys(COST_NAMES, 10.0),
        }
    )
    table = outcome_values(twins, people([None, 182.625], [0, 0]), "patient", 0.0)
    lost = US_2019.life_expectancy(80.0, False)
    assert table["daly"].to_list() == pytest.approx([0.072, 0.0895 + lost])
    assert table["life_days"].to_list() == [365.25, 182.625]
    assert table["cost_total"].to_list() == [20.0, 20.0]
    without = outcome_values(twins.drop("cost_devices"), people([None, 182.625], [0, 0]), "payer", 0.0)
    assert without["cost_devices"].to_list() == [0.0, 0.0] and without["cost_total"].to_list() == [60.0, 60.0]
    spending = pl.DataFrame({"year": [1], **dict.fromkeys(COST_NAMES, 24.0)})
    measures = value_measures(table, spending)
    assert measures["weight"].unique().to_list() == [2.0]
    value = dict(measures.select("measure", "value").rows())
    assert value["dalys"] == pytest.approx((0.072 + 0.0895 + lost) / 2)
    assert value["years_lived_with_disability"] == pytest.approx((0.072 + 0.0895) / 2)
    assert value["years_of_life_lost"] == pytest.approx(lost / 2)
    assert value["life_years"] == pytest.approx(0.75)
    assert value["qalys"] == pytest.approx(0.435)
    assert value["cost_patient"] == value["cost_total"] == 20.0
    assert value["cost_ward"] == 10.0
    assert value["spending_year_1.ward"] == 12.0
    nobody = value_measures(table.clear(), spending)
    assert nobody["value"].null_count() == len(nobody) == len(value)
