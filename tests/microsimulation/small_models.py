"""Models small enough for closed forms."""

from __future__ import annotations

import numpy as np

from popsim.kernels.numerics.math import exp, power
from popsim.microsimulation import Discounting, KernelModel, StateTransitionModel, Timing

UNDISCOUNTED = Discounting(costs=0.0, effects=0.0)


def leaving(**changes):
    """Healthy people die with probability q a cycle; a year of health costs c and has utility u."""
    given = {
        "states": ["healthy", "dead"],
        "dead": ["dead"],
        "timing": Timing(10),
        "discounting": UNDISCOUNTED,
        "parameters": {"q": 0.1, "c": 100.0, "u": 0.8},
        "strategies": {"only": {}},
        "transitions": lambda p: {"healthy": {"dead": p.q}},
        "costs": lambda p: {"healthy": p.c},
        "utilities": lambda p: {"healthy": p.u},
    }
    return StateTransitionModel(**given | changes)


def leave(state, time_in_state, cycle, u, p, x):
    return 1 if u >= 1.0 - p.q or state == 1 else 0


def worth_of_health(state, time_in_state, cycle, p, x):
    return (p.c if state == 0 else 0.0), (p.u if state == 0 else 0.0)


def leaving_kernel(**changes):
    """The same as a kernel."""
    given = {
        "states": ["healthy", "dead"],
        "dead": ["dead"],
        "timing": Timing(10),
        "discounting": UNDISCOUNTED,
        "parameters": {"q": 0.1, "c": 100.0, "u": 0.8},
        "strategies": {"only": {}},
        "next_state": leave,
        "rewards": worth_of_health,
    }
    return KernelModel(**given | changes)


WEIBULL = {"onset": 0.2, "shape": 1.7, "scale": 6.0}
WEIBULL_CYCLES = 24


def weibull_tables(**changes):
    """Onset with a fixed probability a cycle; from onset to death Weibull, by time in state."""

    def transitions(p, time_in_state):
        hazard = ((time_in_state + 1) / p.scale) ** p.shape - (time_in_state / p.scale) ** p.shape
        return {"well": {"ill": p.onset}, "ill": {"dead": 1.0 - np.exp(-hazard)}}

    given = {
        "states": ["well", "ill", "dead"],
        "dead": ["dead"],
        "timing": Timing(WEIBULL_CYCLES, correction="start"),
        "discounting": UNDISCOUNTED,
        "parameters": WEIBULL,
        "strategies": {"only": {}},
        "transitions": transitions,
        "costs": lambda p, time_in_state: {"ill": 1000.0 * (time_in_state == 0)},  # the first year of illness
        "utilities": lambda p: {"well": 1.0, "ill": 1.0},
    }
    return StateTransitionModel(**given | changes)


def fall_ill_or_die(state, time_in_state, cycle, u, p, x):
    hazard = power((time_in_state + 1) / p.scale, p.shape) - power(time_in_state / p.scale, p.shape)
    from_well = 0 if u < 1.0 - p.onset else 1
    from_ill = 1 if u < exp(-hazard) else 2
    alive = from_well if state == 0 else from_ill
    return 2 if state == 2 else alive


def first_year_costs(state, time_in_state, cycle, p, x):
    first_year = 1000.0 if time_in_state == 0 else 0.0
    return (first_year if state == 1 else 0.0), (1.0 if state < 2 else 0.0)


def weibull_kernel(**changes):
    """The same as a kernel."""
    given = {
        "states": ["well", "ill", "dead"],
        "dead": ["dead"],
        "timing": Timing(WEIBULL_CYCLES, correction="start"),
        "discounting": UNDISCOUNTED,
        "parameters": WEIBULL,
        "strategies": {"only": {}},
        "next_state": fall_ill_or_die,
        "rewards": first_year_costs,
    }
    return KernelModel(**given | changes)
