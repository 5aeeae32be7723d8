"""Quantiles, intervals and estimates against scipy.stats and NumPy."""

import math

import numpy as np
import pytest
from scipy import stats

from popsim.statistics import Estimate, normal_quantile, t_quantile, weighted_quantile, wilson, z_quantile


def test_quantiles_are_those_of_scipy_stats():
    assert z_quantile() == pytest.approx(stats.norm.ppf(0.975), rel=1e-14)
    assert t_quantile(5, 0.9) == pytest.approx(stats.t.ppf(0.95, 4), rel=1e-12)
    assert math.isnan(t_quantile(1))
    p = np.array([0.01, 0.5, 0.9])
    np.testing.assert_allclose(normal_quantile(p), stats.norm.ppf(p), rtol=1e-14, atol=1e-15)


def test_the_interval_of_a_mean_is_students():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = Estimate.of(values)
    assert (found.value, found.standard_error) == pytest.approx((4.0, stats.sem(values)))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 3, 4.0, stats.sem(values)))


def test_an_estimate_without_a_sample_has_a_normal_interval():
    assert (Estimate(3.0, 0.5).low, Estimate(3.0, 0.5).high) == pytest.approx((2.02, 3.98))


def test_what_cannot_be_told_is_nan():
    assert Estimate.of(np.array([2.0])).value == 2.0 and math.isnan(Estimate.of(np.array([2.0])).low)
    assert math.isnan(Estimate().value) and math.isnan(Estimate.of(np.zeros(0)).value)


def test_wilson_interval():
    # 8 of 20, by solving (p - 0.4)^2 = 1.96^2 p (1 - p) / 20.
    ends = np.sort(np.roots([1 + 1.96**2 / 20, -(0.8 + 1.96**2 / 20), 0.16]))
    assert np.array(wilson(np.array([0.4]), np.array([20]))).ravel() == pytest.approx(ends)


def test_quantiles_of_equal_weights_are_numpys_weibull_quantiles():
    values = np.random.default_rng(1).normal(size=(7, 25))
    weights = np.full((7, 25), 1 / 25)
    for q in (0.01, 0.05, 0.5, 0.93, 0.999):
        expected = np.quantile(values, q, axis=1, method="weibull")
        np.testing.assert_allclose(weighted_quantile(values, weights, q), expected, rtol=1e-12)
