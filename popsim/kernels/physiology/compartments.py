"""Amounts of a drug in the body over a day, of all people on it: the passes between `take` and `delay`.

One compartment or two, fed by doses at once or through a depot, from day to day or at steady state; with elimination
that is proportional to the amount (kinetics.py) or saturates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp
from popsim.kernels.physiology.kinetics import (
    exponential_quotient,
    one_compartment,
    two_compartments,
    two_steady,
)
from popsim.kernels.physiology.pharmacology import (
    CENTRAL,
    CLEARANCE,
    DEPOT,
    EXPOSURE,
    GIVEN,
    HOURS_PER_DAY,
    OTHER,
    WEIGHT,
)

SUBSTEPS, SUBSTEP = 24, 1.0 / 24.0  # of a step, where elimination saturates: how many, and the length of one
STEPS_TO_STEADY_STATE = 60  # where elimination saturates; a dose above what can be eliminated has no steady state


class CarryConstants(NamedTuple):
    """What `carry_one`, `carry_two` and `carry_saturable` need; times in h, volumes in L/kg."""

    usual_mg_l: float
    second_half: float  # part of the day's dose that is taken twelve hours later
    absorption: float
    absorbed: float  # exp(-absorption t), t half of the step
    keeps_depot: float
    volume: float
    exchange: float  # L/h/kg
    peripheral_volume: float
    oral: float  # whether the dose reaches two compartments through a depot
    half_saturation: float  # mg/L at which half of the highest rate of elimination is reached; 0: it never saturates


@njit(forceinline=True)
def day_of_doses(depot, central, given, decay, absorbed, quotient, d):
    """Depot and central amount after a day with the dose in one part or, half a day apart, in two.

    decay, absorbed, quotient: exp(-k t), exp(-ka t) and ka (decay - absorbed) / (ka - k) of half a day t.
    """
    depot = depot + given * (1.0 - d.second_half)
    central, depot = central * decay + depot * quotient, depot * absorbed
    depot = depot + given * d.second_half
    central, depot = central * decay + depot * quotient, depot * absorbed
    moved = (1.0 - d.keeps_depot) * depot
    return depot - moved, central + moved


@njit(forceinline=True)
def _carry_one(work, people, hours, at_steady_state, d):
    half, absorbed = 0.5 * hours, d.absorbed
    for k in range(people):
        given = np.float64(work[GIVEN + k]) * (hours * (1.0 / HOURS_PER_DAY))
        clearance, weight = np.float64(work[CLEARANCE + k]), np.float64(work[WEIGHT + k])
        slowness = 1.0 / (clearance * d.volume * weight)
        elimination = clearance * clearance * slowness
        decay = exp(-elimination * half)
        quotient = d.absorption * exponential_quotient(elimination, d.absorption, half, decay, absorbed)
        depot_before, central_before = np.float64(work[OTHER + k]), np.float64(work[CENTRAL + k])
        if at_steady_state:
            depot_before, _ = day_of_doses(0.0, 0.0, given, decay, absorbed, quotient, d)
            depot_before /= 1.0 - absorbed * absorbed
            _, central_before = day_of_doses(depot_before, 0.0, given, decay, absorbed, quotient, d)
            central_before /= 1.0 - decay * decay
        depot_after, central_after = day_of_doses(depot_before, central_before, given, decay, absorbed, quotient, d)
        left = depot_before + central_before + given - depot_after - central_after
        work[OTHER + k] = depot_after
        work[CENTRAL + k] = central_after
        work[EXPOSURE + k] = left * (slowness * d.volume * weight) * (1.0 / (hours * d.usual_mg_l))


@njit
def carry_one(work, people, hours, at_steady_state, d):
    """A day (`hours`) of amounts in one compartment fed by a depot, which is in OTHER: both, and the exposure.

    settles: set amounts to the steady state under the dose taken, at the start; by linearity it follows from a day that
    begins with zero amounts.
    """
    if at_steady_state:
        _carry_one(work, people, hours, True, d)
    else:
        _carry_one(work, people, hours, False, d)


@njit(forceinline=True)
def _carry_two(work, people, hours, at_steady_state, d):
    for k in range(people):
        given = np.float64(work[GIVEN + k]) * (hours * (1.0 / HOURS_PER_DAY))
        clearance = np.float64(work[CLEARANCE + k])
        k10, k12 = clearance / (d.volume * np.float64(work[WEIGHT + k])), d.exchange / d.volume
        k21 = d.exchange / d.peripheral_volume
        central_before, peripheral_before = np.float64(work[CENTRAL + k]), np.float64(work[OTHER + k])
        if at_steady_state:
            _, central_before, peripheral_before = two_steady(given, 0.0, 1.0, k10, k12, k21, hours)
        _, central_after, peripheral_after = two_compartments(
            0.0, central_before + given, peripheral_before, 0.0, 1.0, k10, k12, k21, hours
        )
        left = central_before + peripheral_before + given - central_after - peripheral_after
        work[CENTRAL + k] = central_after
        work[OTHER + k] = peripheral_after
        work[EXPOSURE + k] = left / (clearance * hours * d.usual_mg_l)


@njit
def carry_two(work, people, hours, at_steady_state, d):
    """Like `carry_one` for two compartments, whose dose reaches the central one at the start of the day."""
    if at_steady_state:
        _carry_two(work, people, hours, True, d)
    else:
        _carry_two(work, people, hours, False, d)


@njit(forceinline=True)
def _day_of_two(depot, central, peripheral, given, k10, k12, k21, half, d):
    """Depot, central and peripheral amount after a day with the dose in one part or, half a day apart, in two."""
    depot += given * (1.0 - d.second_half)
    depot, central, peripheral = two_compartments(depot, central, peripheral, 0.0, d.absorption, k10, k12, k21, half)
    depot += given * d.second_half
    depot, central, peripheral = two_compartments(depot, central, peripheral, 0.0, d.absorption, k10, k12, k21, half)
    moved = (1.0 - d.keeps_depot) * depot
    return depot - moved, central + moved, peripheral


@njit
def carry_two_oral(work, people, hours, at_steady_state, d):
    """Like `carry_two` for a dose that reaches the central compartment through a depot, which is in DEPOT.

    The start of a linear day in the steady state is (1 - day)**-1 of what a day leaves that starts with nothing.
    """
    half = 0.5 * hours
    for k in range(people):
        given = np.float64(work[GIVEN + k]) * (hours * (1.0 / HOURS_PER_DAY))
        clearance = np.float64(work[CLEARANCE + k])
        k10, k12 = clearance / (d.volume * np.float64(work[WEIGHT + k])), d.exchange / d.volume
        k21 = d.exchange / d.peripheral_volume
        depot, central, peripheral = (
            np.float64(work[DEPOT + k]), np.float64(work[CENTRAL + k]), np.float64(work[OTHER + k]),
        )  # fmt: skip
        if at_steady_state:
            depot, v, w = _day_of_two(0.0, 0.0, 0.0, given, k10, k12, k21, half, d)
            depot /= 1.0 - d.absorbed * d.absorbed
            _, v, w = _day_of_two(depot, 0.0, 0.0, given, k10, k12, k21, half, d)
            _, a, c = two_compartments(0.0, 1.0, 0.0, 0.0, d.absorption, k10, k12, k21, hours)
            _, b, e = two_compartments(0.0, 0.0, 1.0, 0.0, d.absorption, k10, k12, k21, hours)
            determinant = (1.0 - a) * (1.0 - e) - b * c
            central, peripheral = ((1.0 - e) * v + b * w) / determinant, (c * v + (1.0 - a) * w) / determinant
        before = depot + central + peripheral + given
        depot, central, peripheral = _day_of_two(depot, central, peripheral, given, k10, k12, k21, half, d)
        work[DEPOT + k] = depot
        work[CENTRAL + k] = central
        work[OTHER + k] = peripheral
        work[EXPOSURE + k] = (before - depot - central - peripheral) / (clearance * hours * d.usual_mg_l)


@njit(forceinline=True)
def _saturable_day(depot, central, given, clearance, volume, hours, d):
    """Depot and central amount after a day, and the area under the concentration, mg h/L.

    clearance: of a little of the drug. A step is linear, with the clearance at the concentration in its middle.
    """
    step, area = hours * SUBSTEP, 0.0
    for part in range(SUBSTEPS):
        depot += given * (1.0 - d.second_half) if part == 0 else 0.0
        depot += given * d.second_half if part == SUBSTEPS // 2 else 0.0
        slow = clearance / (volume + central / d.half_saturation)
        _, middle = one_compartment(depot, central, 0.0, d.absorption, slow, 0.5 * step)
        slow = clearance / (volume + middle / d.half_saturation)
        before = depot + central
        depot, central = one_compartment(depot, central, 0.0, d.absorption, slow, step)
        area += (before - depot - central) / (slow * volume)
    moved = (1.0 - d.keeps_depot) * depot
    return depot - moved, central + moved, area


@njit
def carry_saturable(work, people, hours, at_steady_state, d):
    """Like `carry_one` where elimination saturates: highest rate / (half saturation + concentration)."""
    for k in range(people):
        given = np.float64(work[GIVEN + k]) * (hours * (1.0 / HOURS_PER_DAY))
        volume = d.volume * np.float64(work[WEIGHT + k])
        clearance = np.float64(work[CLEARANCE + k]) * (1.0 + d.usual_mg_l / d.half_saturation)
        depot, central = np.float64(work[OTHER + k]), np.float64(work[CENTRAL + k])
        if at_steady_state:
            spare = clearance * d.half_saturation * hours - given
            central = given * d.half_saturation / spare * volume if spare > 0.0 else 0.0
            for _ in range(STEPS_TO_STEADY_STATE):
                depot, central, _ = _saturable_day(depot, central, given, clearance, volume, hours, d)
        depot, central, area = _saturable_day(depot, central, given, clearance, volume, hours, d)
        work[OTHER + k] = depot
        work[CENTRAL + k] = central
        work[EXPOSURE + k] = area / (hours * d.usual_mg_l)
