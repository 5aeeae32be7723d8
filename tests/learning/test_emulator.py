"""Emulators: leave-one-out error against refitting, coverage on analytic functions."""

import numpy as np
import pytest
from scipy.stats import qmc
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

from popsim.learning.emulator import fit


def design(points: int, seed: int) -> np.ndarray:
    return 4.0 * qmc.Sobol(2, rng=seed).random(points) - 2.0


def wavy(x: np.ndarray) -> np.ndarray:
    return np.sin(1.5 * x[:, 0]) + 0.4 * x[:, 0] * x[:, 1] + 0.3 * x[:, 1]


def test_left_out_errors_are_those_of_refitting_without_the_point():
    x = design(16, 3)
    y = wavy(x)
    found = fit(x, y)
    kernel = (
        ConstantKernel(found.linear) * DotProduct(1.0) + ConstantKernel(found.smooth) * RBF(found.lengths)
    ) + WhiteKernel((found.monte_carlo_sd / found.spread) ** 2)
    for i in range(16):
        others = np.arange(16) != i
        process = GaussianProcessRegressor(kernel, alpha=1e-10, optimizer=None)
        process.fit(x[others], (y[others] - found.centre) / found.spread)
        again = found.centre + found.spread * process.predict(x[i : i + 1])[0]
        assert found.left_out[i] == pytest.approx(y[i] - again, abs=1e-6 * found.spread)
    assert found.error == pytest.approx(np.sqrt(np.mean(found.left_out**2)))


def test_mean_and_spread_are_those_of_scikit_learn():
    x = design(32, 4)
    y = wavy(x) + 0.1 * np.random.default_rng(1).normal(size=32)
    found = fit(x, y)
    kernel = ConstantKernel(found.linear) * DotProduct(1.0) + ConstantKernel(found.smooth) * RBF(found.lengths)
    noise = (found.monte_carlo_sd / found.spread) ** 2 + 1e-10
    process = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, (y - found.centre) / found.spread)
    mean, sd = process.predict(design(64, 9), return_std=True)
    assert found(design(64, 9)) == pytest.approx(found.centre + found.spread * mean, abs=1e-6)
    assert found.sd(design(64, 9)) == pytest.approx(found.spread * sd, abs=1e-6)


def test_intervals_cover_an_analytic_function():
    """90% intervals of the expected figure, at 500 points nobody simulated, from five designs of 32 noisy simulations.

    Errors within a design hang together, so the coverages are compared with 90% by their own standard error.
    """
    coverage, spread = [], []
    for seed in range(5):
        x = design(32, seed)
        y = wavy(x) + 0.15 * np.random.default_rng(seed).normal(size=32)
        found, new = fit(x, y), np.random.default_rng(100 + seed).uniform(-2.0, 2.0, (500, 2))
        coverage.append(np.mean(np.abs(found(new) - wavy(new)) <= 1.645 * found.sd(new)))
        spread.append(found.monte_carlo_sd)
    error = np.std(coverage, ddof=1) / np.sqrt(5)
    assert abs(np.mean(coverage) - 0.9) < max(3.0 * error, 0.03)
    assert np.mean(spread) == pytest.approx(0.15, rel=0.15)  # 32 residuals, five times: 6%
