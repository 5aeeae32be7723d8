"""Correlation matrices: smallest eigenvalue and Cholesky factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smallest_eigenvalue(matrix: NDArray[np.float64]) -> float:
    """The smallest eigenvalue of a symmetric matrix."""
    return float(np.linalg.eigvalsh(matrix)[0])


def cholesky(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower triangular factor (Cholesky-Banachiewicz); sums in a fixed order give the same bits on every machine."""
    size = len(matrix)
    factor = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= float(factor[i, k]) * float(factor[j, k])
            factor[i, j] = rest**0.5 if i == j else rest / float(factor[j, j])
    return factor
