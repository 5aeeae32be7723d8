"""Drugs at work: what was prescribed and taken today becomes influences on the body."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True, error_model="numpy")
def add_taken(dose, taken, influences, influence):
    """Add to an influence the dose that was taken; `taken` is the share of the prescribed, 0..1."""
    for i in prange(len(dose)):
        influences[influence, i] += np.float64(dose[i]) * np.float64(taken[i])
