"""Within-cycle corrections and discounting, against closed forms; through the public API where people are needed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_models import leaving

from popsim.errors import InputError
from popsim.microsimulation import Discounting, Timing


@pytest.mark.parametrize(
    ("correction", "weights"),
    [
        ("half_cycle", [1 / 2, 1, 1, 1, 1 / 2]),
        ("simpson", [1 / 3, 4 / 3, 2 / 3, 4 / 3, 1 / 3]),
        ("start", [1, 1, 1, 1, 0]),
        ("end", [0, 1, 1, 1, 1]),
        ("none", [1, 1, 1, 1, 1]),
        ("simpson_darth", [1 / 3, 2 / 3, 4 / 3, 2 / 3, 1 / 3]),
    ],
)
def test_weights_of_points(correction, weights):
    assert Timing(4, correction=correction).point_weights() == pytest.approx(weights, rel=1e-15)


def test_quadrature():
    """Trapezoids are exact for straight lines, Simpson's rule for cubics; with weights exchanged it is not."""
    t = np.arange(9.0)
    assert Timing(8).point_weights() @ (3 * t + 1) == pytest.approx(3 * 32 + 8, rel=1e-14)
    assert Timing(8, correction="simpson").point_weights() @ t**3 == pytest.approx(8**4 / 4, rel=1e-14)
    assert Timing(8, correction="simpson_darth").point_weights().sum() == pytest.approx(22 / 3)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("half_cycle", "half_cycle"), ("none", "none"), ("simpson_darth", "simpson")]
)
def test_weights_of_heormodel(ours, theirs):
    from heormodel.models.markov import gen_wcc  # noqa: PLC0415

    for cycles in (4, 75):
        weights = Timing(cycles, correction=ours).point_weights()
        assert weights == pytest.approx(gen_wcc(cycles, theirs), rel=1e-15)


def immortal(timing, discounting):
    """Cost and QALYs of somebody who lives in one state throughout, a year of which costs 100 and is worth 0.8."""
    model = leaving(timing=timing, discounting=discounting, parameters={"q": 0.0, "c": 100.0, "u": 0.8})
    cost, qaly, life_years = model.run(3, seed=1).means[0, 0]
    return cost / 100.0, qaly / 0.8, life_years


@pytest.mark.parametrize("cycle_years", [1.0, 1 / 12])
def test_annuity_by_cycle(cycle_years):
    """The sum of v**t over the starts of 120 cycles is (1 - v**120) / (1 - v), each worth a cycle's length."""
    cost, qaly, life_years = immortal(Timing(120, cycle_years, "start"), Discounting(0.05, 0.015))
    for value, rate in ((cost, 0.05), (qaly, 0.015)):
        v = (1 + rate) ** -cycle_years
        assert value == pytest.approx(cycle_years * (1 - v**120) / (1 - v), rel=1e-12)
    assert life_years == pytest.approx(120 * cycle_years, rel=1e-12)


@pytest.mark.parametrize("correction", ["half_cycle", "start", "end"])
@pytest.mark.parametrize("cycle_years", [1.0, 1 / 12])
def test_annuity_in_continuous_time(correction, cycle_years):
    """The integral of exp(-r t) over the horizon is (1 - exp(-r T)) / r, whatever the cycle."""
    discounting = Discounting(0.05, 0.015, "continuous")
    cost, qaly, _ = immortal(Timing(120, cycle_years, correction), discounting)
    for value, rate in ((cost, 0.05), (qaly, 0.015)):
        assert value == pytest.approx(-math.expm1(-rate * 120 * cycle_years) / rate, rel=1e-12)


def test_annuity_in_continuous_time_by_simpson():
    """The error of Simpson's rule is at most T h**4 max|f''''| / 180, here 120 x 0.05**4 / 180 = 4e-6."""
    cost, _, _ = immortal(Timing(120, 1.0, "simpson"), Discounting(0.05, 0.0, "continuous"))
    assert cost == pytest.approx(-math.expm1(-0.05 * 120) / 0.05, abs=4.2e-6)


def test_without_discounting_a_year_is_a_year():
    for time in ("cycle", "continuous"):
        assert immortal(Timing(7, 2.0), Discounting(0.0, 0.0, time)) == pytest.approx((14, 14, 14), rel=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Timing(0), "cycles = 0"),
        (lambda: Timing(1.5), "cycles = 1.5"),
        (lambda: Timing(10, 0.0), "cycle_years = 0.0: must be above 0"),
        (lambda: Timing(10, correction="half-cycle"), "did you mean 'half_cycle'"),
        (lambda: Timing(75, correction="simpson"), "must be even, it is 75"),
        (lambda: Discounting(3.0, 0.03), "costs = 3.0"),
        (lambda: Discounting(0.03, -0.01), "effects = -0.01"),
        (lambda: Discounting(0.03, math.nan), "effects = nan"),
        (lambda: Discounting(0.03, 0.03, "continous"), "did you mean 'continuous'"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
