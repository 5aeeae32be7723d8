"""Missing values of a table drawn jointly: chained equations with predictive mean matching.

Each incomplete column is regressed on all others in turn (scikit-learn's IterativeImputer, of standardised columns).
Coefficients are drawn from the normal distribution of their estimates; a missing value becomes that of one of the
DONORS people whose predicted value is nearest, so that codes remain codes and values remain within their bounds
(van Buuren, Flexible Imputation of Missing Data, 2nd ed., 2018, section 3.4, matching of type 2).

Limits: values are missing at random given the other columns of the table; one completed table, so its own uncertainty
is not shown; regressions are linear without interactions.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.codes import STREAM_COHORT
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.statistics import normal_quantile

type Array = NDArray[np.float64]

STREAM_IMPUTATION = STREAM_COHORT + 60  # index = number of the draw
DONORS = 5
ROUNDS = 10
RIDGE = 1e-5  # added to the diagonal, so that columns that say the same do no harm


@dataclass(eq=False)
class _KeyedDraws:
    """Uniforms of one key, further ones at each call; a copy of an estimator goes on with the same."""

    key: RandomKey
    calls: int = 0

    def __sklearn_clone__(self) -> _KeyedDraws:
        return self

    def uniforms(self, number: int) -> Array:
        self.calls += 1
        people = np.arange(number, dtype=np.int64)
        return np.asarray(keyed(self.key, people, STREAM_IMPUTATION, self.calls), np.float64)


def impute(columns: Mapping[str, Array], key: RandomKey) -> dict[str, Array]:
    """The columns without missing values (NaN); known values stay as they are.

    Every column needs a known value.
    """
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    class _MeanMatching(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        """Draws the value of a person with about the same predicted value."""

        def __init__(self, draws: _KeyedDraws) -> None:
            self.draws = draws

        def fit(self, others: Array, values: Array) -> _MeanMatching:
            centred = others - others.mean(axis=0)
            gram = centred.T @ centred
            inverse = np.linalg.inv(gram + np.diag(RIDGE * (1.0 + np.diag(gram))))
            coefficients = inverse @ (centred.T @ (values - values.mean()))
            residual = values - values.mean() - centred @ coefficients
            variance = residual @ residual / max(len(values) - len(coefficients) - 1, 1)
            normal = normal_quantile(self.draws.uniforms(len(coefficients)))
            self.coefficients = coefficients + _root(variance * inverse) @ normal
            self.predicted, self.known = others @ self.coefficients, values
            return self

        def predict(self, others: Array) -> Array:
            wanted = others @ self.coefficients
            return matched(self.predicted, self.known, wanted, self.draws.uniforms(len(others)))

    matrix = np.column_stack(list(columns.values()))
    if not np.isnan(matrix).any():
        return dict(columns)
    centre, scale = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
    scale[scale == 0.0] = 1.0
    imputer = IterativeImputer(_MeanMatching(_KeyedDraws(key)), max_iter=ROUNDS, tol=0.0, keep_empty_features=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # draws never stand still
        completed = imputer.fit_transform((matrix - centre) / scale) * scale + centre
    completed = np.where(np.isnan(matrix), completed, matrix)
    return {name: np.ascontiguousarray(completed[:, place]) for place, name in enumerate(columns)}


def matched(predicted: Array, known: Array, wanted: Array, uniforms: Array) -> Array:
    """For each wanted prediction, the known value of one of the DONORS whose prediction is nearest."""
    order = np.argsort(predicted, kind="stable")
    ranked = predicted[order]
    number = min(DONORS, len(ranked))
    window = np.arange(-number, number)
    place = np.searchsorted(ranked, wanted)[:, None] + window
    inside = (place >= 0) & (place < len(ranked))
    place = np.clip(place, 0, len(ranked) - 1)
    distance = np.where(inside, np.abs(ranked[place] - wanted[:, None]), np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :number]
    chosen = nearest[np.arange(len(wanted)), (uniforms * number).astype(np.int64)]
    return np.asarray(known[order[place[np.arange(len(wanted)), chosen]]], np.float64)


def _root(covariance: Array) -> Array:
    """A matrix whose product with its transpose is the covariance, also where that is singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), np.float64)
