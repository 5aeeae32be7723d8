"""Drugs in the body: closed forms of one and two compartments over an interval, and at steady state.

One compartment: depot --ka--> central --k-->; two: the central one exchanges with a peripheral one (k12, k21) besides.
Everything is linear, so amounts after an interval follow exactly from those at its start. The mean concentration comes
from the balance of mass: what has left the body is clearance times the area under the curve.

Amounts in mg, time in h, rate constants in 1/h, clearance in L/h; concentrations in mg/L. Rates that coincide (ka = k)
need no care of the caller: all responses are divided differences of exponentials, which have no singularity.
Relative error below 1e-12 where 1e-4 < k t < 100; the mean loses digits as the share that leaves becomes small.

Source: Gibaldi and Perrier (1982), Pharmacokinetics, chapters 1 and 2, for the models; written here as inverse Laplace
transforms by divided differences.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp

CLOSE = 0.1  # below, the divided difference is its Taylor series: what is left out, 0.1**10 / 11!, is 3e-18


@njit(forceinline=True)
def exponential_quotient(a, b, t, decay_a, decay_b):
    """(exp(-a t) - exp(-b t)) / (b - a), also where a = b; the two exponentials are given: decay_a, decay_b.

    The inverse Laplace transform of 1 / ((s + a)(s + b)); with a = 0 it is (1 - exp(-b t)) / b.
    """
    x = (b - a) * t
    series = 1.0 + x * (1.0 / 8.0 + x * (1.0 / 72.0 + x * (1.0 / 720.0)))
    series = 1.0 + x * (1.0 / 5.0) * (1.0 + x * (1.0 / 6.0) * (1.0 + x * (1.0 / 7.0) * series))
    series = 1.0 + x * (1.0 / 2.0) * (1.0 + x * (1.0 / 3.0) * (1.0 + x * (1.0 / 4.0) * series))
    apart = (x > CLOSE) | (x < -CLOSE)
    return (decay_a - decay_b) / (b - a if apart else 1.0) if apart else t * decay_b * series


@njit(forceinline=True)
def one_compartment(depot, central, rate, absorption, elimination, hours):
    """Amounts in depot and central compartment after `hours`, from those at the start with an infusion of `rate` mg/h.

    A bolus or a dose swallowed at the start is part of `central` or `depot`.
    """
    absorbed, eliminated = exp(-absorption * hours), exp(-elimination * hours)
    moved = absorption * exponential_quotient(elimination, absorption, hours, eliminated, absorbed)
    infused = exponential_quotient(0.0, elimination, hours, 1.0, eliminated)
    return depot * absorbed, central * eliminated + depot * moved + rate * infused


@njit(forceinline=True)
def mean_concentration(amount_before, given, amount_after, clearance, hours):
    """Mean concentration over the interval, mg/L: what left the body (all compartments, depot too) over clearance."""
    return (amount_before + given - amount_after) / (clearance * hours)


@njit(forceinline=True)
def one_steady(bolus, oral, absorption, elimination, interval):
    """Depot and central amount at the end of each interval when these doses are given at the start of every one."""
    absorbed, eliminated = exp(-absorption * interval), exp(-elimination * interval)
    depot = oral * absorbed / (1.0 - absorbed)
    moved = absorption * exponential_quotient(elimination, absorption, interval, eliminated, absorbed)
    return depot, (bolus * eliminated + (depot + oral) * moved) / (1.0 - eliminated)


@njit(forceinline=True)
def two_rates(k10, k12, k21):
    """Fast and slow rate constant (alpha, beta) of two compartments."""
    total = k10 + k12 + k21
    fast = 0.5 * (total + np.sqrt(total * total - 4.0 * k10 * k21))
    return fast, k10 * k21 / fast


@njit(forceinline=True)
def two_compartments(depot, central, peripheral, rate, absorption, k10, k12, k21, hours):
    """Amounts in depot, central and peripheral compartment after `hours`; arguments as `one_compartment`.

    An infusion is a departure from its own steady state, which decays as amounts do.
    """
    steady_central = rate / k10
    steady_peripheral = steady_central * k12 / k21
    fast, slow = two_rates(k10, k12, k21)
    decay_fast, decay_slow, absorbed = exp(-fast * hours), exp(-slow * hours), exp(-absorption * hours)
    both = exponential_quotient(slow, fast, hours, decay_slow, decay_fast)
    with_slow = exponential_quotient(slow, absorption, hours, decay_slow, absorbed)
    with_fast = exponential_quotient(fast, absorption, hours, decay_fast, absorbed)
    three = (with_slow - with_fast) / (fast - slow)
    x, y = central - steady_central, peripheral - steady_peripheral
    stays = decay_slow + (k21 - fast) * both
    returns = decay_slow + (k10 + k12 - fast) * both
    moved = depot * absorption
    after = x * stays + y * k21 * both + moved * (both + (k21 - absorption) * three) + steady_central
    behind = x * k12 * both + y * returns + moved * k12 * three + steady_peripheral
    return depot * absorbed, after, behind


@njit(forceinline=True)
def two_steady(bolus, oral, absorption, k10, k12, k21, interval):
    """Depot, central and peripheral amount at the end of each interval under repeated doses, as `one_steady`."""
    absorbed = exp(-absorption * interval)
    depot = oral * absorbed / (1.0 - absorbed)
    _, a, c = two_compartments(0.0, 1.0, 0.0, 0.0, absorption, k10, k12, k21, interval)
    _, b, d = two_compartments(0.0, 0.0, 1.0, 0.0, absorption, k10, k12, k21, interval)
    _, v, w = two_compartments(depot + oral, bolus, 0.0, 0.0, absorption, k10, k12, k21, interval)
    determinant = (1.0 - a) * (1.0 - d) - b * c
    return depot, ((1.0 - d) * v + b * w) / determinant, (c * v + (1.0 - a) * w) / determinant
