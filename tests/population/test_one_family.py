"""One distribution said three ways (of a column, of a stay, of a parameter) has the same quantiles, those of scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from popsim.definitions import distributions as given
from popsim.definitions import durations
from popsim.evidence.distributions import distribution_of
from popsim.kernels.care.records import NO_TIME
from popsim.kernels.numerics.distributions import quantiles
from popsim.population.pieces import pieces_of

P = np.array([1e-6, 0.01, 0.249, 0.251, 0.5, 0.7, 0.97, 1 - 1e-6])
SOURCE = "assumption: for tests"
MEAN, SD = 4.0, 3.0
SDLOG = math.sqrt(math.log1p((SD / MEAN) ** 2))


def of_pieces(distribution: given.AnyMarginal | durations.Duration) -> NDArray[np.float64]:
    out = np.empty(P.shape)
    quantiles(pieces_of(distribution), P, out)
    return out


def of_parameter(uncertainty: given.Uncertainty) -> NDArray[np.float64]:
    found = distribution_of(uncertainty, MEAN)
    assert found is not None
    return found.quantile(P)


LOGNORMAL = {"distribution": "lognormal", "mean": MEAN}
UNIFORM = {"distribution": "uniform", "low": 1.0, "high": 6.5}
LISTED = {"distribution": "empirical", "values": (1.0, 2.0, 2.0, 9.0)}
GAMMA = {"distribution": "gamma", "mean": MEAN}
NORMAL = {"distribution": "normal", "mean": MEAN}


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (
            stats.lognorm(SDLOG, scale=MEAN * math.exp(-(SDLOG**2) / 2)),
            [
                given.LognormalMarginal(**LOGNORMAL, sd=SD, source=SOURCE),
                durations.LognormalDuration(**LOGNORMAL, sd=SD),
                given.Lognormal(**LOGNORMAL, standard_error=SD),
            ],
        ),
        (
            stats.uniform(1.0, 5.5),
            [
                given.UniformMarginal(**UNIFORM, source=SOURCE),
                durations.UniformDuration(**UNIFORM),
                given.Uniform(**UNIFORM),
            ],
        ),
        (
            stats.rv_discrete(values=((1, 2, 9), (0.25, 0.5, 0.25))),
            [
                given.EmpiricalMarginal(**LISTED, source=SOURCE),
                durations.EmpiricalDuration(**LISTED),
                given.Empirical(**LISTED),
            ],
        ),
        (
            stats.gamma((MEAN / SD) ** 2, scale=SD**2 / MEAN),
            [durations.GammaDuration(**GAMMA, sd=SD), given.Gamma(**GAMMA, standard_error=SD)],
        ),
        (
            stats.norm(MEAN, SD),
            [given.NormalMarginal(**NORMAL, sd=SD, source=SOURCE), given.Normal(**NORMAL, standard_error=SD)],
        ),
        (stats.expon(scale=MEAN), [durations.Exponential(distribution="exponential", mean=MEAN)]),
    ],
    ids=["lognormal", "uniform", "empirical", "gamma", "normal", "exponential"],
)
def test_every_way_to_say_a_distribution_has_its_quantiles(expected: Any, said: list[Any]) -> None:
    for one in said:
        found = of_parameter(one) if isinstance(one, given.Uncertain) else of_pieces(one)
        np.testing.assert_allclose(found, expected.ppf(P), rtol=1e-9, err_msg=type(one).__name__)


def test_weights_and_stays_without_end() -> None:
    weighted = durations.EmpiricalDuration(distribution="empirical", values=(5.0, 1.0, 3.0), weights=(1.0, 0.0, 3.0))
    assert of_pieces(weighted).tolist() == [5, 5, 5, 3, 3, 3, 3, 3]
    assert (weighted.mean, weighted.shares) == (3.5, (0.25, 0.0, 0.75))
    assert set(of_pieces(durations.Forever(distribution="forever"))) == {NO_TIME}
