"""Emulators: predictions of a simulator's outputs where it was not run, one quadratic function per output.

Constant, linear and quadratic terms have normal priors: the variance of a linear term is its parameter's relevance,
that of a product of two parameters the product of their relevances times a common factor (a Gaussian process with the
kernel k(x, x') = 1 + g + q g^2, g the inner product of x and x' weighted by relevance). Relevances, factor and noise
are found by maximum likelihood, so that parameters without influence drop out. The error is that of the expected figure
at points that are left out (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equations 5.10 to
5.12); the noise about it is beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

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
        error: standard deviation of the expected figure at points of the last wave that are left out, by figure.
        noise: standard deviation of figures about what is expected, by figure: Monte Carlo error and misfit.
        explained: share of the variance over all points that each predicts in leave-one-out cross-validation.
    """

    constant: Floats
    linear: Floats
    quadratic: Floats
    error: Floats
    noise: Floats
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
    left_out, variance, noise = np.full(y.shape, np.nan), np.full(y.shape, np.nan), np.zeros(figures)
    for i in range(figures):
        known = np.isfinite(y[:, i])
        used = np.arange(size) if inputs is None else np.flatnonzero(inputs[i])
        fit = _fit(x[np.ix_(known, used)], y[known, i])
        constant[i], linear[i, used], quadratic[np.ix_([i], used, used)] = fit.constant, fit.linear, fit.quadratic
        left_out[known, i], variance[known, i], noise[i] = fit.left_out, fit.variance, fit.noise
    last = np.asarray(waves) == max(waves)
    error = np.sqrt(np.nanmean(variance[last], axis=0))
    explained = 1.0 - np.nanmean(left_out**2, axis=0) / np.maximum(np.nanvar(y, axis=0), 1e-18)
    return Emulators(constant, linear, quadratic, error, noise, explained)


class _Quadratic(NamedTuple):
    """Constant, linear[parameter] and quadratic[parameter, parameter] terms; leave-one-out errors[point], variances of
    the figure expected at points left out, and the standard deviation of the noise.
    """

    constant: float
    linear: Floats
    quadratic: Floats
    left_out: Floats
    variance: Floats
    noise: float


def _fit(x: Floats, y: Floats) -> _Quadratic:
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
    alone, noise = 1.0 / np.diag(inverse), float(np.exp(found.x[-1]))
    constant, variance = centre + spread * float(weights.sum()), spread**2 * np.maximum(alone - noise, 0.0)
    return _Quadratic(constant, linear, quadratic, spread * weights * alone, variance, spread * math.sqrt(noise))
