"""Disability-adjusted life years (DALYs): years lived with disability plus years of life lost by dying early.

Years lived with disability are accrued day by day with the disability weight of the symptom class (kernels/accrual.py).
Years of life lost are the remaining life expectancy of the standard life table at the age of death, as in the Global
Burden of Disease study, without weights for age. Both are discounted at the rate for QALYs to each person's entry;
deaths after the end of follow-up do not count.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from popsim.economics.checks import check_finite, check_number
from popsim.economics.discounting import Steps, discount_at, pieces
from popsim.elementary import exp, expm1, power
from popsim.population.life_table import LifeTable
from popsim.units import DAYS_PER_YEAR

STANDARD_LIFE_TABLE = "us_2019"  # assumption: one standard for everybody, the packaged table (source in its file)


def discounted_expectancy(
    table: LifeTable, age_years: ArrayLike, female: ArrayLike, rate_per_year: float
) -> NDArray[np.float64]:
    """Expected remaining years of life, each year weighted by (1 + rate) ** -t at t years from now.

    The hazard is constant within a year of age, so each year has a closed form: the integral of exp(-(m + d) t) with
    m the death rate and d = log(1 + rate).

    Args:
        table: death rates.
        age_years: exact ages, shape (persons,).
        female: 1 for women, same shape.
        rate_per_year: of discounting; 0 gives the life expectancy.
    """
    if np.size(age_years):  # nobody may have died
        check_finite(age_years=age_years, female=female)
    check_number("discount rate", rate_per_year, 0.0, 1.0)
    force = table.rate + math.log1p(rate_per_year)  # (2, ages) at which worth decays: death and discounting together
    whole = 1.0 / force  # the last age holds for ever
    for age in reversed(range(table.oldest)):
        whole[:, age] = -expm1(-force[:, age]) / force[:, age] + exp(-force[:, age]) * whole[:, age + 1]
    exact = np.maximum(np.asarray(age_years, np.float64), 0.0)
    sex = np.asarray(female).astype(np.int64)
    year = np.minimum(np.floor(exact), table.oldest).astype(np.int64)
    left = np.maximum(year + 1 - exact, 0.0)
    decay = force[sex, year]
    following = whole[sex, np.minimum(year + 1, table.oldest)]
    within = -expm1(-decay * left) / decay + exp(-decay * left) * following
    return np.asarray(np.where(year == table.oldest, whole[sex, year], within))


def life_years_lost(
    people: pl.DataFrame, age_years: ArrayLike, female: ArrayLike, rate_per_year: float, steps: Steps = ()
) -> NDArray[np.float64]:
    """Discounted years of life lost by each person: 0 for those alive at the end of follow-up.

    Args:
        people: `follow_up(...)`: entry_day and death_time_days, null for survivors.
        age_years: exact ages at entry, shape (persons,).
        female: 1 for women, same shape.
        rate_per_year, steps: of discounting, from entry.
    """
    died = people["death_time_days"].is_not_null().to_numpy()
    years = (people["death_time_days"] - people["entry_day"]).to_numpy()[died] / DAYS_PER_YEAR
    age, sex = np.asarray(age_years, np.float64)[died] + years, np.asarray(female)[died]
    lost = np.zeros(len(people))
    lost[died] = years_lost(LifeTable.read(STANDARD_LIFE_TABLE), age, sex, years, rate_per_year, steps)
    return lost


def years_lost(
    table: LifeTable, age_years: ArrayLike, female: ArrayLike, years: ArrayLike, rate_per_year: float, steps: Steps = ()
) -> NDArray[np.float64]:
    """Discounted years of life that are lost by deaths.

    Args:
        table: death rates of those who do not die.
        age_years: exact ages at death.
        female: 1 for women, same shape.
        years: since entry, at death.
        rate_per_year, steps: of discounting, from entry.
    """
    given = (np.asarray(age_years, np.float64), np.asarray(female), np.asarray(years, np.float64))
    age, sex, died = np.broadcast_arrays(*given)
    lost = np.zeros(age.shape)
    for start, end, rate in pieces(rate_per_year, steps):
        first, last = np.maximum(died, start) - died, np.maximum(died, end) - died
        alive = exp(table.integral(age, sex) - table.integral(age + first, sex))
        weight = alive * discount_at(rate_per_year, died + first, steps)
        life = discounted_expectancy(table, age + first, sex, rate)
        if np.isfinite(end):
            surviving = exp(table.integral(age + first, sex) - table.integral(age + last, sex))
            after = power(1.0 + rate, first - last) * discounted_expectancy(table, age + last, sex, rate)
            life -= surviving * after
        lost += life * weight
    return lost
