"""Each marginal has the distribution its file says: against scipy, and against the mean and sd asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from cohorts import cohort, column, schema
from popsim.definitions.distributions import NormalMarginal
from popsim.kernels.numerics.random import RandomKey
from popsim.population.pieces import (
    lognormal_parameters,
    pieces_of,
    truncated_lognormal_parameters,
    truncated_normal_parameters,
)
from popsim.population.sampling import sample

N = 40_000
# Kolmogorov-Smirnov: a right sampler fails one of these checks in 1000 seeds; the seed is fixed.
FALSE_ALARM = 1e-3
SEED = 12


def drawn(marginal: dict[str, Any], n: int = N, seed: int = SEED) -> NDArray[np.float64]:
    people = sample(cohort({"x": marginal}), schema(column("x")), n, RandomKey(seed))
    return people["x"].astype(np.float64)


def truncnorm(low: float, high: float, location: float, scale: float) -> Any:
    return stats.truncnorm((low - location) / scale, (high - location) / scale, location, scale)


CONTINUOUS = [
    ({"distribution": "normal", "mean": 3.0, "sd": 2.0}, stats.norm(3.0, 2.0)),
    ({"distribution": "uniform", "low": -1.0, "high": 4.0}, stats.uniform(-1.0, 5.0)),
    (
        {"distribution": "normal", "mean": 80.7, "sd": 8.2, "bounds": [65.0, 105.0]},
        truncnorm(65, 105, *truncated_normal_parameters(80.7, 8.2, (65.0, 105.0))),
    ),
    (
        # A published lognormal: mean and sd of the log by the textbook formula.
        {"distribution": "lognormal", "mean": 56.0, "sd": 22.0},
        stats.lognorm(np.sqrt(np.log(1 + (22 / 56) ** 2)), scale=56.0 / np.sqrt(1 + (22 / 56) ** 2)),
    ),
    (
        {"distribution": "quantiles", "at": [0.0, 0.25, 0.5, 1.0], "values": [0, 10, 12, 40]},
        stats.rv_histogram((np.array([0.25 / 10, 0.25 / 2, 0.5 / 28]), np.array([0, 10, 12, 40])), density=True),
    ),
]


@pytest.mark.parametrize(("marginal", "expected"), CONTINUOUS, ids=lambda value: str(value)[:40])
def test_continuous_marginals_follow_scipy(marginal: dict[str, Any], expected: Any) -> None:
    assert stats.kstest(drawn(marginal), expected.cdf).pvalue > FALSE_ALARM


def test_truncated_lognormal_follows_scipy() -> None:
    location, scale = truncated_lognormal_parameters(56.0, 22.0, (10.0, 120.0))
    whole = stats.lognorm(scale, scale=np.exp(location))
    inside = whole.cdf(120) - whole.cdf(10)
    values = drawn({"distribution": "lognormal", "mean": 56.0, "sd": 22.0, "bounds": [10.0, 120.0]})
    assert stats.kstest(values, lambda x: (whole.cdf(x) - whole.cdf(10)) / inside).pvalue > FALSE_ALARM
    assert values.min() >= 10 and values.max() <= 120


@pytest.mark.parametrize(
    ("mean", "sd", "bounds"),
    [(80.7, 8.2, (65.0, 105.0)), (0.83, 0.13, (0.25, 1.0)), (1.0, 0.8, (-0.5, 5.0)), (95.0, 4.5, (0.0, 100.0))],
)
def test_truncated_normal_has_the_moments_asked_for(mean: float, sd: float, bounds: tuple[float, float]) -> None:
    """scipy's moments of the solved distribution; the parameters are rounded to 10 digits."""
    location, scale = truncated_normal_parameters(mean, sd, bounds)
    got_mean, got_variance = truncnorm(*bounds, location, scale).stats("mv")
    assert got_mean == pytest.approx(mean, abs=1e-6 * sd)
    assert got_variance == pytest.approx(sd**2, rel=1e-6)


@pytest.mark.parametrize(("mean", "sd", "bounds"), [(56.0, 22.0, (10.0, 120.0)), (77.0, 18.0, (38.0, 170.0))])
def test_truncated_lognormal_has_the_moments_asked_for(mean: float, sd: float, bounds: tuple[float, float]) -> None:
    """Moments by numerical integration of scipy's density."""
    location, scale = truncated_lognormal_parameters(mean, sd, bounds)
    whole = stats.lognorm(scale, scale=np.exp(location))
    first, second = (whole.expect(lambda x, k=k: x**k, lb=bounds[0], ub=bounds[1], conditional=True) for k in (1, 2))
    assert first == pytest.approx(mean, rel=1e-6)
    assert second - first**2 == pytest.approx(sd**2, rel=1e-5)


def test_lognormal_parameters_are_the_textbook_ones() -> None:
    """Mean 1 and sd sqrt(e - 1): log-mean -1/2, log-sd 1."""
    assert lognormal_parameters(1.0, float(np.sqrt(np.e - 1))) == pytest.approx((-0.5, 1.0), abs=1e-12)


def test_moments_that_no_truncated_normal_has_are_refused() -> None:
    """A uniform on [0, 1] has sd 0.2887; a normal truncated to it cannot exceed that around the middle."""
    marginal = NormalMarginal(
        distribution="normal", mean=0.5, sd=0.3, bounds=(0.0, 1.0), source="assumption: for tests"
    )
    with pytest.raises(ValueError, match="widen the bounds or lower the sd"):
        pieces_of(marginal)


def test_discrete_marginals_have_their_probabilities() -> None:
    """Chi-square of counts, false alarm 1 in 1000; a category of probability 0 never occurs."""
    values = drawn({"distribution": "categorical", "values": [0, 1, 2, 5], "probabilities": [0.1, 0.2, 0.0, 0.7]})
    counts = [int(np.sum(values == level)) for level in (0, 1, 5)]
    assert sum(counts) == N
    assert stats.chisquare(counts, N * np.array([0.1, 0.2, 0.7])).pvalue > FALSE_ALARM
    ones = drawn({"distribution": "bernoulli", "probability": 0.182})
    assert set(np.unique(ones)) == {0.0, 1.0}
    assert abs(ones.mean() - 0.182) < 3.3 * np.sqrt(0.182 * 0.818 / N)
    assert np.all(drawn({"distribution": "bernoulli", "probability": 0.0}) == 0)
    assert np.all(drawn({"distribution": "bernoulli", "probability": 1.0}) == 1)
    assert np.all(drawn({"distribution": "fixed", "value": 4.5}) == 4.5)


def test_empirical_draws_observed_values_as_often_as_they_occur() -> None:
    values = drawn({"distribution": "empirical", "values": [3.0, 1.0, 3.0, 7.0]})
    counts = [int(np.sum(values == level)) for level in (1, 3, 7)]
    assert sum(counts) == N
    assert stats.chisquare(counts, N * np.array([0.25, 0.5, 0.25])).pvalue > FALSE_ALARM


def test_strata_have_their_shares_and_each_its_own_normal() -> None:
    parts = [
        {"share": 0.46, "mean": 28.0, "sd": 7.0, "bounds": [10.0, 41.0]},
        {"share": 0.08, "mean": 45.0, "sd": 2.4, "bounds": [41.0, 50.0]},
        {"share": 0.46, "mean": 58.5, "sd": 5.0, "bounds": [50.0, 75.0]},
    ]
    values = drawn({"distribution": "strata", "parts": parts})
    for part in parts:
        low, high = part["bounds"]  # type: ignore[misc]
        inside = values[(values > low) & (values < high)]
        share = float(part["share"])  # type: ignore[arg-type]
        assert abs(len(inside) / N - share) < 3.3 * np.sqrt(share * (1 - share) / N)
        solved = truncated_normal_parameters(part["mean"], part["sd"], (low, high))  # type: ignore[arg-type]
        assert stats.kstest(inside, truncnorm(low, high, *solved).cdf).pvalue > FALSE_ALARM
