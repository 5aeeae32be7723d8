"""Emulators: predictions of a simulator's outputs where it was not run, one Gaussian process per output.

The kernel is a linear function of the parameters, plus a smooth one with a length scale per parameter, plus noise;
hyperparameters by maximum likelihood (scikit-learn). The error comes from leave-one-out cross-validation in closed form
with fixed hyperparameters (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, equations 5.10 to
5.12); it includes the Monte Carlo error of the point left out, so it is, if anything, too large.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from popsim.evidence.distributions import Floats

LENGTHS = (0.3, 100.0)  # in standard deviations of the prior
SIZES = (1e-4, 1e3)  # variances, for standardised figures
NOISE = (1e-8, 2.0)
MIN_POINTS = 5  # points at which a figure must be known


@dataclass(frozen=True)
class Emulator:
    """One target's figure as a function of the parameters.

    Attributes:
        points: x[point, parameter] of the fit.
        weights: of the points in a prediction.
        linear, constant, smooth: variances of the kernel's parts.
        lengths: length scale of the smooth part, by parameter.
        centre, spread: of the figure.
        left_out: leave-one-out error at each point, in the figure's unit.
        luck: Monte Carlo standard deviation of one simulation, in the figure's unit.
        inverse: of the standardised covariance of the points, including Monte Carlo error.
    """

    points: Floats
    weights: Floats
    linear: float
    constant: float
    smooth: float
    lengths: Floats
    centre: float
    spread: float
    left_out: Floats
    monte_carlo_sd: float
    inverse: Floats

    @property
    def error(self) -> float:
        """Root mean square of the leave-one-out errors, in the figure's unit."""
        return float(np.sqrt(np.nanmean(self.left_out**2)))

    def __call__(self, x: Floats) -> Floats:
        """The figure expected at x[point, parameter]."""
        return self.centre + self.spread * (self._kernel(x) @ self.weights)

    def sd(self, x: Floats) -> Floats:
        """Standard deviation of the expected figure at x[point, parameter], without Monte Carlo error."""
        known = self._kernel(x)
        alone = self.linear * (self.constant + (x**2).sum(axis=1)) + self.smooth
        left = alone - ((known @ self.inverse) * known).sum(axis=1)
        return np.asarray(self.spread * np.sqrt(np.maximum(left, 0.0)))

    def _kernel(self, x: Floats) -> Floats:
        here, there = x / self.lengths, self.points / self.lengths
        apart = (here**2).sum(axis=1)[:, np.newaxis] + (there**2).sum(axis=1) - 2.0 * here @ there.T
        smooth = self.smooth * np.exp(-0.5 * np.maximum(apart, 0.0))
        together: Floats = self.linear * (self.constant + x @ self.points.T) + smooth
        return together


def fit(x: Floats, y: Floats) -> Emulator:
    """Fit an emulator to x[point, parameter] and the figure y[point]; points where y is NaN are left out."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    known = np.isfinite(y)
    points, figures = x[known], y[known]
    centre, spread = float(figures.mean()), max(float(figures.std()), 1e-9)
    kernel = (
        ConstantKernel(0.5, SIZES) * DotProduct(1.0, "fixed")
        + ConstantKernel(0.1, SIZES) * RBF(np.full(x.shape[1], 5.0), LENGTHS)
        + WhiteKernel(0.1, NOISE)
    )
    process = GaussianProcessRegressor(kernel, alpha=1e-10)
    with warnings.catch_warnings():  # a length scale at its bound is a parameter without influence, not a fault
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points, (figures - centre) / spread)
    inverse = np.linalg.inv(process.L_ @ process.L_.T)
    weights = np.asarray(process.alpha_).ravel()
    fitted = process.kernel_.get_params()
    left_out = np.full(len(y), np.nan)
    left_out[known] = spread * weights / np.diag(inverse)
    return Emulator(
        points,
        weights,
        float(fitted["k1__k1__k1__constant_value"]),
        1.0,
        float(fitted["k1__k2__k1__constant_value"]),
        np.asarray(fitted["k1__k2__k2__length_scale"], np.float64).ravel(),
        centre,
        spread,
        left_out,
        spread * float(np.sqrt(fitted["k2__noise_level"])),
        inverse,
    )


@dataclass(frozen=True)
class Emulators:
    """Emulators of several figures.

    Attributes:
        each: in the order of the targets.
        error: leave-one-out error of each over the points of the last wave, where the posterior lies.
        explained: share of the variance over all points that each predicts in leave-one-out cross-validation.
    """

    each: tuple[Emulator, ...]
    error: Floats
    explained: Floats

    def __call__(self, x: Floats) -> Floats:
        """Figures[point, target] expected at x[point, parameter]."""
        return np.stack([emulator(x) for emulator in self.each], axis=1)


def fit_all(x: Floats, y: Floats, waves: Sequence[int]) -> Emulators:
    """Emulators of y[point, target]; `waves` says for each point in which wave it was simulated."""
    each = tuple(fit(x, y[:, i]) for i in range(y.shape[1]))
    last = np.asarray(waves) == max(waves)
    left_out = np.stack([emulator.left_out for emulator in each], axis=1)
    error = np.sqrt(np.nanmean(left_out[last] ** 2, axis=0))
    explained = 1.0 - np.nanmean(left_out**2, axis=0) / np.maximum(np.nanvar(y, axis=0), 1e-18)
    return Emulators(each, error, explained)
