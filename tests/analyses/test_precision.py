"""Noise and the designs that beat it. Expected: variance components by hand, and the formulas of a t interval."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.analyses.precision import Noise, TargetPrecision
from popsim.errors import InputError


def table(values):
    """draw, replication, value from a list of lists."""
    rows = [(d, r, float(v)) for d, draw in enumerate(values) for r, v in enumerate(draw)]
    return pl.DataFrame(rows, ["draw", "replication", "value"], orient="row")


def test_components_by_hand():
    """Draw means 2, 5, 11; sums of squares within 2, 2, 8 on 3 degrees of freedom: 4. Variance of means less 4/2."""
    noise = Noise.of(table([[1, 3], [4, 6], [9, 13]]), population=100)
    assert noise.within == pytest.approx(12 / 3)
    assert noise.between == pytest.approx(np.var([2, 5, 11], ddof=1) - 4 / 2)


@pytest.mark.slow
def test_components_are_unbiased():
    """True components 9 (between) and 16 (within); tolerance 4 standard errors over 400 repetitions."""
    rng = np.random.default_rng(1)
    found = [Noise.of(table(rng.normal(0, 3, (20, 1)) + rng.normal(0, 4, (20, 3))), population=10) for _ in range(400)]
    for name, truth in (("within", 16.0), ("between", 9.0)):
        values = np.array([getattr(noise, name) for noise in found])
        assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / math.sqrt(len(values))


def test_replications_alone_have_no_component_between():
    noise = Noise.of(table([[1, 2, 3, 4]]), population=10)
    assert noise.between == 0.0
    assert noise.within == pytest.approx(5 / 3)


def test_one_replication_tells_nothing():
    with pytest.raises(InputError, match="single replication"):
        Noise.of(table([[1], [2]]), population=10)


def test_half_width_is_that_of_a_t_interval():
    noise = Noise(within=4.0, between=0.0, population=100)
    expected = stats.t.ppf(0.975, 9) * math.sqrt(4.0 / 10)
    assert noise.half_width(100, 0, 10) == pytest.approx(expected)
    assert noise.half_width(400, 0, 10) == pytest.approx(expected / 2)  # four times the people, half the error
    assert noise.half_width(100, 10, 1) == pytest.approx(expected)  # no parameter uncertainty: draws are replications


@pytest.mark.parametrize("wanted", [0.03, 0.3, 1.0])
def test_the_design_found_is_the_smallest_that_does(wanted):
    noise = Noise(within=4.0, between=1.0, population=100)
    n = noise.replications_for(wanted, 100)
    assert noise.half_width(100, 0, n) <= wanted < noise.half_width(100, 0, n - 1)
    d = noise.draws_for(wanted, 100, 2)
    assert noise.half_width(100, d, 2) <= wanted < noise.half_width(100, d - 1, 2)


def test_a_population_makes_replications_precise():
    noise = Noise(within=4.0, between=0.0, population=100)
    people = noise.population_for(0.5, 10)
    assert noise.half_width(people, 0, 10) <= 0.5 < noise.half_width(people - 1, 0, 10)


def test_a_wanted_precision_is_read():
    assert TargetPrecision.read("cost_total=20", "--until") == TargetPrecision("cost_total", 20.0)
    for text in ("cost_total", "cost_total=", "=3", "cost_total=-1", "cost_total=nan", "cost_total=inf"):
        with pytest.raises(InputError, match="MEASURE=HALF_WIDTH"):
            TargetPrecision.read(text, "--until")
