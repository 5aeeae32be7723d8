"""Discounting to each twin's own entry, so that people who are enrolled later are valued like those enrolled first.

A rate may change with the years since entry (HM Treasury's Green Book: 3.5% for 30 years, then 3.0%, from year 75 on
2.5%). The rates then hold one after the other: with 3.5% for 30 years and 3.0% afterwards, what happens 40 years after
entry is weighted by 1.035 ** -30 * 1.03 ** -10. Later rates are kept as shares of the first one, so that a parameter
draw or a sensitivity analysis that moves the first rate moves all in proportion, as the Green Book's lower rates for
health are (1.5%, 1.29%, 1.07%).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.definitions.horizon import DiscountRate
from popsim.elementary import exp, power
from popsim.errors import InputError
from popsim.units import DAYS_PER_YEAR

MAX_RATE = 1.0

type Steps = tuple[tuple[float, float], ...]  # of (years since entry, share of the first rate), without the first one
NO_STEPS: tuple[Steps, Steps] = ((), ())  # of costs, and of QALYs


def first_rate(rate: DiscountRate) -> float:
    """The rate at entry."""
    return next(iter(rate.values())) if isinstance(rate, dict) else rate


def steps_of(rate: DiscountRate | None) -> Steps:
    """The later rates of a table from year to rate; none of a single rate."""
    if not isinstance(rate, dict):
        return ()
    return tuple((float(year), later / first_rate(rate)) for year, later in [*rate.items()][1:])


def pieces(rate_per_year: float, steps: Steps) -> Iterator[tuple[float, float, float]]:
    """(from year, to year, rate) of the times during which a rate holds."""
    starts = [0.0, *(year for year, _ in steps), np.inf]
    rates = [rate_per_year, *(rate_per_year * share for _, share in steps)]
    yield from zip(starts, starts[1:], rates, strict=False)


def discount_factors(rate_per_year: float, days: int, steps: Steps = ()) -> NDArray[np.float64]:
    """Weights of day 0, 1, ..., days - 1 since entry: (1 + rate) ** -(day / 365.25) with a constant rate.

    Each weight is the previous one times the same daily factor, so that the bits do not depend on a vector library; the
    relative rounding error is below `days` * 1.2e-16.

    Raises:
        InputError: the rate is negative, above 1 (100% a year) or not a number.
    """
    if not 0.0 <= rate_per_year <= MAX_RATE:
        raise InputError(f"discount rate = {rate_per_year}: must lie between 0 and {MAX_RATE:g} a year")
    if days < 1:
        raise InputError(f"days = {days}: must be 1 or more")
    daily = np.full(days, (1.0 + rate_per_year) ** (-1.0 / DAYS_PER_YEAR))
    for year, share in steps:
        until = year * DAYS_PER_YEAR
        changing, later = int(until) + 1, (1.0 + rate_per_year * share) ** (-1.0 / DAYS_PER_YEAR)
        daily[changing : changing + 1] **= until - int(until)  # the part of a day before the rate changes
        daily[changing : changing + 1] *= later ** (int(until) + 1 - until)
        daily[changing + 1 :] = later
    daily[:1] = 1.0
    return np.cumprod(daily)


def discount_at(rate_per_year: float, years: ArrayLike, steps: Steps = ()) -> NDArray[np.float64]:
    """Weights at exact times, in years since entry."""
    at = np.asarray(years, np.float64)
    if not steps:
        return power(1.0 + rate_per_year, -at)
    parts = pieces(rate_per_year, steps)
    logs = [math.log1p(rate) * np.clip(at - start, 0.0, end - start) for start, end, rate in parts]
    return exp(-np.sum(logs, axis=0))


def rates_in_words(rate: DiscountRate) -> str:
    """ "3.5% a year", or with steps "3.5% a year, 3% from year 30"."""
    if not isinstance(rate, dict):
        return f"{100.0 * rate:g}% a year"
    later = (f"{100.0 * each:g}% from year {year}" for year, each in [*rate.items()][1:])
    return ", ".join([rates_in_words(first_rate(rate)), *later])
