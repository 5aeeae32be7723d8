"""Sampling people: one uniform for each, and uniforms that a Gaussian copula correlates."""

from __future__ import annotations

import numpy as np

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import inverse_normal, normal_cdf
from popsim.kernels.numerics.random import uniform


@njit
def keyed(key, person_id, stream, index=0):
    """One uniform in (0, 1) for each person, which depends on that person's id and the other arguments alone."""
    out = np.empty(len(person_id))
    for i in range(len(person_id)):
        out[i] = uniform(key, person_id[i], stream, index)
    return out


@njit
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
