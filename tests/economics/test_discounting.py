"""Discount weights by hand, with one rate and with rates that step down."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.economics.disability import life_years_lost
from popsim.economics.discounting import discount_at, discount_factors, rates_in_words, steps_of
from popsim.population.life_table import LifeTable

# HM Treasury, Green Book (2022), table 8: 3.5% for years 0 to 30, 3.0% for 31 to 75, 2.5% for 76 to 125.
GREEN_BOOK = {"0": 0.035, "30": 0.03, "75": 0.025}
STEPS = steps_of(GREEN_BOOK)


@pytest.mark.parametrize(
    ("years", "weight"),
    [(0, 1.0), (10, 1.035**-10), (30, 1.035**-30), (40, 1.035**-30 * 1.03**-10),
     (80, 1.035**-30 * 1.03**-45 * 1.025**-5)],
)  # fmt: skip
def test_rates_hold_one_after_the_other(years, weight):
    assert discount_at(0.035, years, STEPS) == pytest.approx(weight, rel=1e-12)
    day = years * 365.25
    before, after = discount_factors(0.035, 32_000, STEPS)[[math.floor(day), math.ceil(day)]]
    assert after <= weight * (1 + 1e-9)
    assert before >= weight * (1 - 1e-9)


def test_weights_of_days_are_those_of_exact_times():
    days = np.arange(32_000)
    assert discount_factors(0.035, 32_000, STEPS) == pytest.approx(discount_at(0.035, days / 365.25, STEPS), rel=1e-11)


def test_later_rates_move_in_proportion_to_the_first():
    """The Green Book's rates for health, 1.5%, 1.29% and 1.07%, are its others times 1.5 / 3.5."""
    lower = discount_at(0.015, [40.0], STEPS)[0]
    assert lower == pytest.approx(1.015**-30 * (1 + 0.03 * 0.015 / 0.035) ** -10, rel=1e-12)
    assert lower == pytest.approx(1.015**-30 * 1.0129**-10, rel=1e-3)
    assert (discount_factors(0.0, 20_000, STEPS) == 1.0).all()


def test_a_single_rate_has_the_same_bits_as_no_steps():
    assert discount_factors(0.035, 5000, ()).tobytes() == discount_factors(0.035, 5000).tobytes()


def test_words():
    assert rates_in_words(0.035) == "3.5% a year"
    assert rates_in_words(GREEN_BOOK) == "3.5% a year, 3% from year 30, 2.5% from year 75"


@pytest.mark.slow
def test_years_of_life_lost_across_a_step():
    """Died ten years after entry at 60, against numerical integration over the life table with a step at year 20."""
    table, steps = LifeTable.read("us_2019"), steps_of({"0": 0.05, "20": 0.01})
    people = pl.DataFrame({"entry_day": [0], "death_time_days": [3652.5]})
    years = np.linspace(0.0, 70.0, 70_001)
    alive = np.array([table.survival(60.0, t, True) for t in years])
    expected = np.trapezoid(alive * discount_at(0.05, years + 10.0, steps), years)
    assert life_years_lost(people, [50.0], [1], 0.05, steps)[0] == pytest.approx(expected, rel=1e-5)
