"""Distributions of parameters against scipy.stats, textbook tables and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from popsim.definitions import distributions as given
from popsim.evidence.distributions import (
    BetaDistribution,
    GammaDistribution,
    LognormalDistribution,
    NormalDistribution,
    UniformDistribution,
    distribution_of,
)

P = np.array([1e-9, 0.001, 0.025, 0.3, 0.5, 0.9, 0.975, 1 - 1e-9])
PEERS = [
    (BetaDistribution(7.0, 3.0), stats.beta(7, 3)),
    (BetaDistribution(0.4, 2.0), stats.beta(0.4, 2)),
    (GammaDistribution(4.5, 26.4), stats.gamma(4.5, scale=26.4)),
    (LognormalDistribution(-0.236, 0.057), stats.lognorm(0.057, scale=math.exp(-0.236))),
    (NormalDistribution(-3.0, 0.7), stats.norm(-3, 0.7)),
    (UniformDistribution(-2.0, 6.0), stats.uniform(-2, 8)),
]


@pytest.mark.parametrize(("ours", "peer"), PEERS)
def test_quantiles_and_moments_are_those_of_scipy_stats(ours, peer):
    np.testing.assert_allclose(ours.quantile(P), peer.ppf(P), rtol=1e-9)
    assert ours.mean == pytest.approx(peer.mean(), rel=1e-12)
    assert ours.standard_error == pytest.approx(peer.std(), rel=1e-12)


@pytest.mark.parametrize(("ours", "peer"), PEERS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.5, 5.0), (0.2, 100.0), (-1e12, 1e12), (-9.0, -2.0)])
def test_probability_outside_is_that_of_scipy_stats(ours, peer, low, high):
    assert ours.outside(low, high) == pytest.approx(peer.cdf(low) + peer.sf(high), rel=1e-9, abs=1e-15)


def test_an_empirical_distribution_is_its_values():
    even = distribution_of(given.Empirical(distribution="empirical", values=(3.0, 1.0, 2.0, 2.0)), 0.0)
    assert even.quantile(np.array([0.1, 0.24, 0.26, 0.74, 0.76, 0.99])).tolist() == [1, 1, 2, 2, 3, 3]
    assert (even.mean, even.standard_error) == (2.0, pytest.approx(math.sqrt(0.5)))
    weighted = distribution_of(given.Empirical(distribution="empirical", values=(1.0, 5.0), weights=(3.0, 1.0)), 0.0)
    assert (weighted.mean, weighted.outside(0.0, 4.0)) == (2.0, 0.25)
    assert weighted.quantile(np.array([0.749, 0.751, 1 - 2**-53])).tolist() == [1, 5, 5]


@pytest.mark.parametrize("family", [given.Beta, given.Gamma, given.Lognormal, given.Normal, given.Uniform])
@pytest.mark.parametrize("mean", [None, 0.42])
def test_by_mean_and_standard_error_it_has_both(family, mean):
    name = family.__name__.lower()
    found = distribution_of(family(distribution=name, mean=mean, standard_error=0.05), 0.4)
    assert found.mean == pytest.approx(mean or 0.4, rel=1e-12)
    assert found.standard_error == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize(
    ("family", "low", "high", "coverage"),
    [
        (given.Beta, 0.6, 0.79, 0.95),
        (given.Beta, 0.5, 0.95, 0.8),
        (given.Beta, 0.6999, 0.7001, 0.95),
        (given.Gamma, 0.2, 1.6, 0.95),
        (given.Gamma, 0.69, 0.71, 0.5),
        (given.Normal, 0.5, 0.9, 0.9),
    ],
)
def test_by_interval_the_mean_is_kept_and_the_width_is_met(family, low, high, coverage):
    uncertainty = family(distribution=family.__name__.lower(), low=low, high=high, coverage=coverage)
    found = distribution_of(uncertainty, 0.7)
    peers = {
        "beta": lambda d: stats.beta(d.alpha, d.beta),
        "gamma": lambda d: stats.gamma(d.shape, scale=d.scale),
        "normal": lambda d: stats.norm(d.mean, d.standard_error),
    }
    peer = peers[uncertainty.distribution](found)
    assert peer.mean() == pytest.approx(0.7, rel=1e-12)
    assert np.diff(peer.interval(coverage))[0] == pytest.approx(high - low, rel=1e-8)


def test_the_uniform_between_0_and_1_is_the_beta_with_its_interval():
    found = distribution_of(given.Beta(distribution="beta", low=0.025, high=0.975), 0.5)
    assert (found.alpha, found.beta) == (pytest.approx(1.0), pytest.approx(1.0))


def test_chi_square_with_ten_degrees_of_freedom_is_the_gamma_with_its_interval():
    """3.247 and 20.483 are the printed percentage points (2.5 and 97.5%) of any table of chi-square, mean 10."""
    found = distribution_of(given.Gamma(distribution="gamma", low=3.247, high=20.483), 10.0)
    assert (found.shape, found.scale) == (pytest.approx(5.0, rel=2e-4), pytest.approx(2.0, rel=2e-4))


def test_a_hazard_ratio_by_its_interval():
    """PARADIGM-HF, 0.79 (0.71 to 0.89): the standard error of log(HR) is log(0.89 / 0.71) / (2 x 1.959964).

    The mean 0.79 lies a little below the middle of the interval on the logarithmic scale, 0.795, and so does the fit.
    """
    found = distribution_of(given.Lognormal(distribution="lognormal", low=0.71, high=0.89), 0.79)
    assert found.sdlog == pytest.approx(0.225958 / 3.919928, rel=1e-4)
    assert found.mean == pytest.approx(0.79, rel=1e-12)
    np.testing.assert_allclose(found.quantile(np.array([0.025, 0.975])), [0.71, 0.89], atol=0.007)


@pytest.mark.parametrize(
    ("uncertainty", "value", "reason"),
    [
        (given.Beta(distribution="beta", standard_error=0.6), 0.5, "has less than 0.5"),
        (given.Beta(distribution="beta", standard_error=0.1), 1.2, "mean between 0 and 1, not 1.2"),
        (given.Beta(distribution="beta", low=0.1, high=1.4), 0.5, "no beta with mean 0.5 has an interval 1.3 wide"),
        (given.Beta(distribution="beta", low=0.6, high=0.8), 0.5, "the mean 0.5 must lie between low = 0.6"),
        (given.Gamma(distribution="gamma", standard_error=0.6), -0.5, "mean above 0"),
        (given.Gamma(distribution="gamma", low=0.01, high=90.0), 1.0, "too wide for a gamma with mean 1 (up to 3.66"),
        (given.Lognormal(distribution="lognormal", low=0.0, high=2.0), 1.0, "a lognormal lies above 0"),
        (given.Lognormal(distribution="lognormal", standard_error=1.0), 0.0, "mean above 0"),
    ],
)
def test_what_does_not_exist_is_refused(uncertainty, value, reason):
    with pytest.raises(ValueError, match=r".") as caught:
        distribution_of(uncertainty, value)
    assert reason in str(caught.value)
