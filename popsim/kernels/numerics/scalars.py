"""Small arithmetic that every organ system uses, branch-free so that it vectorises."""

from __future__ import annotations

from popsim.kernels.numerics.compiling import njit
from popsim.units import DAYS_PER_YEAR

YEARS_PER_DAY = 1.0 / DAYS_PER_YEAR
REFERENCE_GFR_ML_MIN = 60.0  # where responses of the kidney are quoted


@njit(forceinline=True)
def clip(x, low, high):
    """x kept within [low, high]."""
    x = low if x < low else x
    return high if x > high else x


@njit(forceinline=True)
def positive(x):
    """x where it is above 0, else 0."""
    return x if x > 0.0 else 0.0


@njit(forceinline=True)
def ramp(x, start, slope):
    """0 below `start`, rising by `slope` a unit of x up to 1; with a negative slope, falling: 0 above `start`."""
    return clip((x - start) * slope, 0.0, 1.0)


@njit(forceinline=True)
def small_chance(x):
    """1 - exp(-x) for rates times steps x that are small, by its series.

    Absolute error below 3e-6 for x <= 0.2, below 0.008 up to 1, where x is cut. A fifth of the exponential's cost.
    """
    x = clip(x, 0.0, 1.0)
    return x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))))


@njit(forceinline=True)
def approach(x, target, share):
    """First-order relaxation: x moved by `share` = 1 - exp(-step / time constant) of its way to the target."""
    return x + share * (target - x)
