"""Emulators: predictions of a simulator's outputs where it was not run, one quadratic function per output.

Constant, linear and quadratic terms have normal priors: the variance of a linear term is its parameter's relevance,
that of a product of two parameters the product of their relevances times a common factor (a Gaussian process with the
kernel k(x, x') = 1 + g + q g^2, g the inner product of x and x' weighted by relevance). Relevances, factor and noise
are found by maximum likelihood, so that parameters without influence drop out. The error comes from leave-one-out
cross-validation in closed form (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equations 5.10 to
5.12); it includes the Monte Carlo error of the point left out, so it is, if anything, too large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from popsim.evidence.distributions import Floats

MIN_POINTS = 5  # points at which a figure must be known
BOUNDS = (-14.0, 3.0)  # of the logarithms of relevances, factor and noise, for standardised figures
START_RELEVANCE, START_FACTOR, START_NOISE = -2.0, -4.0, -2.0
STEPS = 60  # of the search for the maximum


@dataclass(frozen=True)
class Emulators:
    """Several figures as functions of the parameters: constant + linear x + x' quadratic x.

    Attributes:
        constant, linear, quadratic: terms by [figure], [figure, parameter] and [figure, parameter, parameter].
        error: root mean square of the leave-one-out errors over the points of the last wave, by figure.
        explained: share of the variance over all points that each predicts in leave-one-out cross-validation.
    """

    constant: Floats
    linear: Floats
    quadratic: Floats
    error: Floats
    explained: Floats

    @cached_property
    def _side_by_side(self) -> Floats:
        """The quadratic terms as one matrix [parameter, figure and parameter]."""
        return np.ascontiguousarray(self.quadratic.transpose(1, 0, 2).reshape(self.quadratic.shape[1], -1))

    def __call__(self, x: Floats) -> Floats:
        """Figures[point, figure] expected at x[point, parameter]."""
        size = x.shape[1]
        products = (x @ self._side_by_side).reshape(len(x), -1, size)
        expected: Floats = self.constant + x @ self.linear.T + np.matmul(products, x[:, :, np.newaxis])[:, :, 0]
        return expected


def fit_all(x: Floats, y: Floats, waves: Sequence[int], inputs: Floats | None = None) -> Emulators:
    """Emulators of y[point, figure] at x[point, parameter]; points where y is NaN are left out.

    Args:
        x, y: of the points.
        waves: for each point, in which wave it was simulated.
        inputs: whether a figure may depend on a parameter, [figure, parameter]; on all when None.
    """
    figures, size = y.shape[1], x.shape[1]
    constant, linear, quadratic = np.zeros(figures), np.zeros((figures, size)), np.zeros((figures, size, size))
    left_out = np.full(y.shape, np.nan)
    for i in range(figures):
        known = np.isfinite(y[:, i])
        used = np.arange(size) if inputs is None else np.flatnonzero(inputs[i])
        constant[i], linear[i, used], quadratic[np.ix_([i], used, used)], left_out[known, i] = _fit(
            x[np.ix_(known, used)], y[known, i]
        )
    last = np.asarray(waves) == max(waves)
    error = np.sqrt(np.nanmean(left_out[last] ** 2, axis=0))
    explained = 1.0 - np.nanmean(left_out**2, axis=0) / np.maximum(np.nanvar(y, axis=0), 1e-18)
    return Emulators(constant, linear, quadratic, error, explained)


def _fit(x: Floats, y: Floats) -> tuple[float, Floats, Floats, Floats]:
    """Constant, linear[parameter] and quadratic[parameter, parameter] terms, and the leave-one-out errors."""
    centre, spread = float(y.mean()), max(float(y.std()), 1e-12)
    z, size = (y - centre) / spread, x.shape[1]

    def covariance(logs: Floats) -> tuple[Floats, Floats, Floats]:
        relevance, factor = np.exp(logs[:size]), np.exp(logs[size])
        inner = (x * relevance) @ x.T
        inverse = cho_solve(
            cho_factor(1.0 + inner + factor * inner**2 + np.exp(logs[-1]) * np.eye(len(z))), np.eye(len(z))
        )
        return inner, inverse, inverse @ z

    def misfit(logs: Floats) -> tuple[float, Floats]:
        """Minus the log likelihood and its gradient."""
        inner, inverse, weights = covariance(logs)
        relevance, factor = np.exp(logs[:size]), np.exp(logs[size])
        slope = 0.5 * (np.outer(weights, weights) - inverse)
        by_relevance = relevance * np.einsum("ai,ai->i", x, (slope * (1.0 + 2.0 * factor * inner)) @ x)
        gradient = [*by_relevance, factor * (slope * inner**2).sum(), np.exp(logs[-1]) * np.trace(slope)]
        determinant = np.linalg.slogdet(inverse)[1]
        return float(0.5 * z @ weights - 0.5 * determinant), -np.array(gradient)

    start = np.array([*np.full(size, START_RELEVANCE - np.log(size)), START_FACTOR, START_NOISE])
    found = minimize(
        misfit, start, jac=True, method="L-BFGS-B", bounds=[BOUNDS] * len(start), options={"maxiter": STEPS}
    )
    relevance, factor = np.exp(found.x[:size]), np.exp(found.x[size])
    _, inverse, weights = covariance(found.x)
    linear = spread * relevance * (x.T @ weights)
    quadratic = spread * factor * np.outer(relevance, relevance) * ((x.T * weights) @ x)
    return centre + spread * float(weights.sum()), linear, quadratic, spread * weights / np.diag(inverse)
