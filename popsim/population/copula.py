"""The Gaussian copula: checks a correlation matrix and computes its Cholesky factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.cohort import Correlation
from popsim.errors import DefinitionError
from popsim.evidence.correlation import cholesky

# Below this the Cholesky factor loses its accuracy: columns are then nearly functions of each other.
MIN_EIGENVALUE = 1e-6


def correlation_matrix(names: Sequence[str], correlations: Sequence[Correlation]) -> NDArray[np.float64]:
    """Matrix of the given pairs; pairs that are not given are uncorrelated."""
    index = {name: i for i, name in enumerate(names)}
    matrix = np.eye(len(names))
    for pair in correlations:
        i, j = index[pair.a], index[pair.b]
        matrix[i, j] = matrix[j, i] = pair.value
    return matrix


def cholesky_factor(names: Sequence[str], correlations: Sequence[Correlation], file: object) -> NDArray[np.float64]:
    """Lower triangular factor of the correlation matrix.

    Raises:
        DefinitionError: the matrix is not positive definite; names its smallest eigenvalue and the pair that
            contributes most. Nothing is repaired: a nearest matrix would silently change other people's numbers.
    """
    matrix = correlation_matrix(names, correlations)
    if not names:
        return matrix
    eigenvalues, vectors = np.linalg.eigh(matrix)
    if eigenvalues[0] < MIN_EIGENVALUE:
        worst = _most_responsible(matrix, vectors[:, 0])
        a, b = names[worst[0]], names[worst[1]]
        raise DefinitionError(
            file,
            f"correlations {a}, {b}",
            float(matrix[worst]),
            f"no such people exist: the correlation matrix is not positive definite (smallest eigenvalue "
            f"{eigenvalues[0]:.4g}, must be at least {MIN_EIGENVALUE:g}); this pair does most to make it so",
        )
    return cholesky(matrix)


def _most_responsible(matrix: NDArray[np.float64], direction: NDArray[np.float64]) -> tuple[int, int]:
    """The pair whose term 2 rho v_i v_j lowers the smallest eigenvalue (v its eigenvector) most."""
    terms = np.triu(matrix * np.outer(direction, direction), k=1)
    i, j = np.unravel_index(int(np.argmin(terms)), terms.shape)
    return int(i), int(j)
