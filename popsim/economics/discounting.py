"""Discounting to each twin's own entry, so that people who are enrolled later are valued like those enrolled first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.units import DAYS_PER_YEAR

MAX_RATE = 1.0


def discount_factors(rate_per_year: float, days: int) -> NDArray[np.float64]:
    """Weights of day 0, 1, ..., days - 1 since entry: (1 + rate) ** -(day / 365.25).

    Each weight is the previous one times the same daily factor, so that the bits do not depend on a vector library; the
    relative rounding error is below `days` * 1.2e-16.

    Raises:
        InputError: the rate is negative, above 1 (100% a year) or not a number.
    """
    if not 0.0 <= rate_per_year <= MAX_RATE:
        raise InputError(f"discount rate = {rate_per_year}: must lie between 0 and {MAX_RATE:g} a year")
    if days < 1:
        raise InputError(f"days = {days}: must be 1 or more")
    steps = np.full(days, (1.0 + rate_per_year) ** (-1.0 / DAYS_PER_YEAR))
    steps[:1] = 1.0
    return np.cumprod(steps)
