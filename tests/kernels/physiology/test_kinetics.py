"""Closed forms of drug kinetics against independent closed forms, superposition and a numerical integrator."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from popsim.kernels.physiology.kinetics import (
    mean_concentration,
    one_compartment,
    one_steady,
    two_compartments,
    two_rates,
    two_steady,
)

EXACT = 1e-9  # relative
# Closed form, computed independently. One compartment: 100 mg, V 20 L, CL 4 L/h, ka 1.2 /h, F 0.8, interval 12 h.
BOLUS = {
    1: 4.093653765389909, 2: 3.351600230178197, 4: 2.246644820586108, 8: 1.009482589973277, 12: 0.45358976644706234,
    24: 0.04114873524510011,
}  # fmt: skip
ORAL = {
    0.5: 1.7089237533212789, 1: 2.4841753975957426, 2: 2.782090045181889, 4: 2.1172762419273674,
    8: 0.9687781884391897, 12: 0.4354435003154074, 24: 0.03950278583380483,
}  # fmt: skip
INFUSION = {1: 0.45317311730504545, 2: 0.8241998849109017, 4: 1.376677589706946}  # 10 mg/h for 4 h
INFUSION_OVER = {6: 0.9228145853085931, 12: 0.27794641176310725}
STEADY_ORAL = {0: 0.4788874305863771, 1: 2.876256648935521, 2: 3.1030994404095003, 4: 2.3324554151915464,
               8: 1.0654644331739198, 12: 0.4788874305863778}  # fmt: skip
# Two compartments: 100 mg, V1 15 L, k10 0.3, k12 0.5, k21 0.25 /h.
TWO_BOLUS = {
    0.5: 4.54569483865585, 1: 3.224816194909379, 2: 1.8715616680386322, 4: 1.0551674192572134, 8: 0.6967524759054444,
    12: 0.510272545507647, 24: 0.2023091923578132,
}  # fmt: skip
V, CL, K, KA, F, DOSE = 20.0, 4.0, 0.2, 1.2, 0.8, 100.0
V1, K10, K12, K21 = 15.0, 0.3, 0.5, 0.25


def test_one_compartment_matches_independent_closed_forms():
    for hours, expected in BOLUS.items():
        assert one_compartment(0.0, DOSE, 0.0, KA, K, hours)[1] / V == pytest.approx(expected, rel=EXACT)
    for hours, expected in ORAL.items():
        assert one_compartment(F * DOSE, 0.0, 0.0, KA, K, hours)[1] / V == pytest.approx(expected, rel=EXACT)
    for hours, expected in INFUSION.items():
        assert one_compartment(0.0, 0.0, 10.0, KA, K, hours)[1] / V == pytest.approx(expected, rel=EXACT)
    at_the_end = one_compartment(0.0, 0.0, 10.0, KA, K, 4.0)[1]
    for hours, expected in INFUSION_OVER.items():
        assert one_compartment(0.0, at_the_end, 0.0, KA, K, hours - 4.0)[1] / V == pytest.approx(expected, rel=EXACT)


def test_peak_and_area_match_independent_closed_forms():
    peak = one_compartment(F * DOSE, 0.0, 0.0, KA, K, 1.791759469228055)[1] / V
    assert peak == pytest.approx(2.795308475086317, rel=EXACT)
    for moment in (1.78, 1.80):
        assert one_compartment(F * DOSE, 0.0, 0.0, KA, K, moment)[1] / V < peak
    for depot, central, area in ((0.0, DOSE, 25.0), (F * DOSE, 0.0, 20.0)):
        left = sum(one_compartment(depot, central, 0.0, KA, K, 400.0))
        assert 400.0 * mean_concentration(depot + central, 0.0, left, CL, 400.0) == pytest.approx(area, rel=EXACT)


def test_steady_state_matches_independent_closed_forms():
    trough = one_steady(DOSE, 0.0, KA, K, 12.0)[1]
    assert trough / V == pytest.approx(0.4988438604808767, rel=EXACT)
    assert (trough + DOSE) / V == pytest.approx(5.498843860480877, rel=EXACT)
    depot, central = one_steady(0.0, F * DOSE, KA, K, 12.0)
    for hours, expected in STEADY_ORAL.items():
        got = one_compartment(depot + F * DOSE, central, 0.0, KA, K, hours)[1] / V
        assert got == pytest.approx(expected, rel=EXACT)
    mean = mean_concentration(depot + central, F * DOSE, depot + central, CL, 12.0)
    assert mean == pytest.approx(1.6666666666666667, rel=EXACT)


def test_two_compartments_match_independent_closed_forms():
    assert two_rates(K10, K12, K21) == pytest.approx((0.9729118216792227, 0.07708817832077708), rel=EXACT)
    for hours, expected in TWO_BOLUS.items():
        central = two_compartments(0.0, DOSE, 0.0, 0.0, 1.0, K10, K12, K21, hours)[1]
        assert central / V1 == pytest.approx(expected, rel=EXACT)
    left = sum(two_compartments(0.0, DOSE, 0.0, 0.0, 1.0, K10, K12, K21, 500.0))
    area = 500.0 * mean_concentration(DOSE, 0.0, left, K10 * V1, 500.0)
    assert area == pytest.approx(22.22222222222222, rel=EXACT)


def bateman(dose: float, ka: float, k: float, hours: float) -> float:
    """Central amount from one swallowed dose, the textbook formula; its limit where the rates coincide."""
    if ka == k:
        return dose * k * hours * math.exp(-k * hours)
    return dose * ka / (ka - k) * (math.exp(-k * hours) - math.exp(-ka * hours))


@pytest.mark.parametrize("ka", [1.2, 0.2, 0.2001, 0.19])
def test_days_of_irregular_doses_are_their_superposition(ka):
    random = np.random.default_rng(4)
    doses = random.uniform(0.0, 100.0, 60) * (random.random(60) < 0.7)
    depot = central = 0.0
    for day, dose in enumerate(doses, 1):
        depot, central = one_compartment(depot + dose, central, 0.0, ka, K, 24.0)
        expected = sum(bateman(given, ka, K, 24.0 * (day - taken)) for taken, given in enumerate(doses[:day]))
        assert central == pytest.approx(expected, rel=EXACT)


def integrated(start, rate, ka, k10, k12, k21, hours):
    """Amounts and the integral of the central one, by a Runge-Kutta method of order eight."""

    def change(_, x):
        flow = k12 * x[1] - k21 * x[2]
        return [-ka * x[0], ka * x[0] + rate - k10 * x[1] - flow, flow, x[1]]

    done = solve_ivp(change, (0.0, hours), [*start, 0.0], method="DOP853", rtol=1e-13, atol=1e-13)
    return done.y[:, -1]


@pytest.mark.parametrize("ka", [0.9, 0.3, 0.9729118216792227, 0.07708817832077708, 0.0770881])
@pytest.mark.parametrize("hours", [0.25, 6.0, 24.0])
def test_both_models_match_a_numerical_integrator(ka, hours):
    start, rate = (30.0, 12.0, 7.0), 4.0
    after = two_compartments(*start, rate, ka, K10, K12, K21, hours)
    expected = integrated(start, rate, ka, K10, K12, K21, hours)
    assert after == pytest.approx(expected[:3], rel=EXACT)
    mean = mean_concentration(sum(start), rate * hours, sum(after), K10 * V1, hours)
    assert mean == pytest.approx(expected[3] / hours / V1, rel=EXACT)
    one = one_compartment(30.0, 12.0, rate, ka, K10, hours)
    assert one == pytest.approx(integrated((30.0, 12.0, 0.0), rate, ka, K10, 0.0, 1.0, hours)[:2], rel=EXACT)


def test_two_compartment_steady_state_is_where_repeated_doses_end():
    depot = central = peripheral = 0.0
    for _ in range(200):
        depot, central, peripheral = two_compartments(
            depot + 40.0, central + 60.0, peripheral, 0.0, 0.8, K10, K12, K21, 12.0
        )
    assert two_steady(60.0, 40.0, 0.8, K10, K12, K21, 12.0) == pytest.approx((depot, central, peripheral), rel=EXACT)


def test_mass_is_conserved_and_half_an_interval_twice_is_the_whole():
    start = (10.0, 20.0, 5.0)
    half = two_compartments(*start, 1.0, 0.5, K10, K12, K21, 12.0)
    twice = two_compartments(*half, 1.0, 0.5, K10, K12, K21, 12.0)
    assert twice == pytest.approx(two_compartments(*start, 1.0, 0.5, K10, K12, K21, 24.0), rel=EXACT)
    nothing_leaves = two_compartments(*start, 0.0, 0.5, 1e-12, K12, K21, 24.0)
    assert sum(nothing_leaves) == pytest.approx(sum(start), rel=EXACT)
