"""Small arithmetic that every organ system uses, branch-free so that it vectorises."""

from __future__ import annotations

from numba import njit


@njit(cache=True, error_model="numpy", forceinline=True)
def clip(x, low, high):
    """x kept within [low, high]."""
    x = low if x < low else x
    return high if x > high else x


@njit(cache=True, error_model="numpy", forceinline=True)
def positive(x):
    """x where it is above 0, else 0."""
    return x if x > 0.0 else 0.0


@njit(cache=True, error_model="numpy", forceinline=True)
def approach(x, target, share):
    """First-order relaxation: x moved by `share` = 1 - exp(-step / time constant) of its way to the target."""
    return x + share * (target - x)
