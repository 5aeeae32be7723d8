"""What moments alone accept is what the fitted distribution accepts, by its shapes and tail probabilities."""

from itertools import product

import pytest

from popsim.definitions.parameter import Parameter
from popsim.evidence.distributions import distribution_of
from popsim.evidence.support import check_support, plainly_sound

MEANS = {"beta": (1e-4, 0.002, 0.02, 0.1, 0.5, 0.8, 0.97, 0.999), "gamma": (1e-3, 0.3, 2.0, 5.0)}
RELATIVE_ERRORS = (2e-6, 5e-5, 0.01, 0.1, 0.3, 0.5, 0.6, 0.66, 0.9)  # over the distance from the mean to the nearer end
SKEWS = (0.02, 0.3, 0.5, 0.9)  # share of an interval below the mean
Z = {0.5: 0.674490, 0.8: 1.281552, 0.95: 1.959964, 0.99: 2.575829}  # two-sided normal quantiles


def records(kind):
    """Records of a parameter, by moments and by intervals of all widths and coverages."""
    for mean, relative in product(MEANS[kind], RELATIVE_ERRORS):
        error = relative * (min(mean, 1.0 - mean) if kind == "beta" else mean)
        for shift in (-0.99, 0.0, 0.99):
            yield mean + shift * error, {"mean": mean, "standard_error": error}
        for skew, (coverage, z) in product(SKEWS, Z.items()):
            width = 2.0 * z * error
            if mean > width * skew:
                ends = {"low": mean - width * skew, "high": mean + width * (1.0 - skew)}
                yield mean, {**ends, "coverage": coverage}


@pytest.mark.parametrize(("kind", "high"), [("beta", 1.0), ("gamma", 10.0), ("gamma", 1e3)])
def test_moments_accept_only_what_the_fitted_distribution_accepts(kind, high):
    accepted = 0
    for value, numbers in records(kind):
        uncertainty = {"distribution": kind, **numbers, "source": "assumption: of the test"}
        record = Parameter(
            value=value, unit="1", low=0.0, high=high, source="assumption: of the test", uncertainty=uncertainty
        )
        if plainly_sound(record):
            accepted += 1
            check_support("set.name", record, distribution_of(record.uncertainty, value), "file")
    assert accepted > 50


@pytest.mark.parametrize("mean", [0.001, 0.01, 0.02, 0.98])
def test_an_interval_of_a_rare_event_determines_a_beta(mean):
    half = 0.4 * min(mean, 1.0 - mean)
    uncertainty = {"distribution": "beta", "low": mean - half, "high": mean + half, "source": "assumption: of the test"}
    record = Parameter(
        value=mean, unit="1", low=0.0, high=1.0, source="assumption: of the test", uncertainty=uncertainty
    )
    found = distribution_of(record.uncertainty, mean)
    low, high = found.quantile([0.025, 0.975])
    assert found.mean == pytest.approx(mean)
    assert high - low == pytest.approx(2.0 * half)
