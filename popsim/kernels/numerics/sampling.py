"""Sampling people: correlated uniforms from a Gaussian copula, and the inverse CDF of a marginal given as pieces.

A piece covers the probabilities from the end of the piece before it to its own `end`. With t in (0, 1) the position
within the piece, its quantile is

    PIECE_VALUE      a
    PIECE_UNIFORM    a + (b - a) t
    PIECE_NORMAL     a + b inverse_normal(p_low + (p_high - p_low) t)
    PIECE_LOGNORMAL  exp of the same

clamped to [low, high]; so a truncated distribution is sampled through its own inverse CDF, without rejection.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from popsim.kernels.numerics.math import exp, inverse_normal, normal_cdf
from popsim.kernels.numerics.random import uniform

PIECE_VALUE = 0
PIECE_UNIFORM = 1
PIECE_NORMAL = 2
PIECE_LOGNORMAL = 3

# The normal quantile is evaluated inside these: exactly 0 or 1 (which u reaches by rounding beyond 8 sd) has none.
MIN_PROBABILITY = 1e-16
MAX_PROBABILITY = 1.0 - 2.0**-53


@njit(cache=True, error_model="numpy")
def keyed(key, person_id, stream, index=0):
    """One uniform in (0, 1) for each person, which depends on that person's id and the other arguments alone."""
    out = np.empty(len(person_id))
    for i in range(len(person_id)):
        out[i] = uniform(key, person_id[i], stream, index)
    return out


@njit(cache=True, error_model="numpy")
def correlate(cholesky, out):
    """Turn independent uniforms out[k, n] into those of the Gaussian copula with this Cholesky factor.

    Sums run in a fixed order for each person, so that a person does not depend on who else is sampled. Marginals that
    are not correlated with an earlier one keep their uniform.
    """
    k, n = out.shape
    z = np.empty((k, n))
    for j in range(k):
        for i in range(n):
            z[j, i] = inverse_normal(out[j, i])
    for j in range(k):
        if cholesky[j, j] == 1.0:
            continue
        total = np.zeros(n)
        for m in range(j + 1):
            weight = cholesky[j, m]
            if weight != 0.0:
                for i in range(n):
                    total[i] += weight * z[m, i]
        for i in range(n):
            out[j, i] = normal_cdf(total[i])


@njit(cache=True, error_model="numpy")
def quantiles(kind, end, a, b, p_low, p_high, low, high, u, out):
    """Inverse CDF of the marginal made of these pieces (arrays, one element each) at the probabilities u[n]."""
    last = end.shape[0] - 1
    for i in range(u.shape[0]):
        first, after = 0, last
        while first < after:  # the first piece that ends above u
            middle = (first + after) // 2
            if u[i] < end[middle]:
                after = middle
            else:
                first = middle + 1
        start = 0.0
        if first > 0:
            start = end[first - 1]
        t = (u[i] - start) / (end[first] - start)
        if kind[first] == PIECE_VALUE:
            value = a[first]
        elif kind[first] == PIECE_UNIFORM:
            value = a[first] + (b[first] - a[first]) * t
        else:
            p = p_low[first] + (p_high[first] - p_low[first]) * t
            p = min(max(p, MIN_PROBABILITY), MAX_PROBABILITY)
            value = a[first] + b[first] * inverse_normal(p)
            if kind[first] == PIECE_LOGNORMAL:
                value = exp(value)
        out[i] = min(max(value, low[first]), high[first])
