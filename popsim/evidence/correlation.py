"""Correlation matrices: smallest eigenvalue and Cholesky factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def smallest_eigenvalue(matrix: NDArray[np.float64]) -> float:
    """The smallest eigenvalue of a symmetric matrix."""
    return float(np.linalg.eigvalsh(matrix)[0])


def cholesky(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower triangular factor (Cholesky-Banachiewicz); sums in a fixed order give the same bits on every machine."""
    factor = np.zeros_like(matrix).tolist()  # Python's numbers: several times as fast as those of an array
    for i, row in enumerate(matrix.tolist()):
        for j in range(i + 1):
            rest = row[j]
            for k in range(j):
                rest -= factor[i][k] * factor[j][k]
            factor[i][j] = rest**0.5 if i == j else rest / factor[j][j]
    return np.array(factor, np.float64).reshape(matrix.shape)
