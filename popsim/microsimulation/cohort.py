"""A state-transition model evaluated exactly: the share of a cohort in each state, with no random numbers.

It reads the tables that the simulation reads, so both have the same expected values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.microsimulation import OUTCOMES
from popsim.microsimulation.tables import TWO_TO_32

type Floats = NDArray[np.float64]


def evaluate(tables: tuple[NDArray[Any], ...], initial: Floats, cycles: int) -> tuple[Floats, Floats]:
    """Totals and people in each state, of a cohort that starts with so many people in each; all units at once.

    Args:
        tables: as `kernels.microsimulation.walk_tables` takes them after the number of cycles.
        initial: (states,) people.
        cycles: T.

    Returns:
        (units, OUTCOMES) cost, QALYs and life years of all together, and (units, T + 1, states) people.
    """
    origin, target, restarts, first, last, stays_first, stays_last, reward, one_off = tables
    moves, stays = _probabilities(first, last), _probabilities(stays_first, stays_last)
    units, times, states = len(moves), max(moves.shape[2], reward.shape[3], one_off.shape[3]), len(initial)
    here = np.zeros((units, times, states))  # by time in state, the last for that and longer
    here[:, 0] = initial
    totals, people = np.zeros((units, OUTCOMES)), np.empty((units, cycles + 1, states))
    for point in range(cycles + 1):
        if point > 0:
            row = min(point - 1, moves.shape[1] - 1)
            flow = here[:, :, origin] * moves[:, row]
            here = _later(here * stays[:, row])
            for arc, goal in enumerate(target):
                if restarts[arc]:
                    here[:, 0, goal] += flow[:, :, arc].sum(axis=1)
                else:
                    here[:, :, goal] += _later(flow[:, :, arc])
            totals[:, :2] += _worth(one_off[:, :, point], flow)
        totals += _worth(reward[:, :, point], here)
        people[:, point] = here.sum(axis=1)
    return totals, people


def _later(people: Floats) -> Floats:
    """People (units, times, ...) a cycle later in the same state."""
    later = np.zeros_like(people)
    later[:, 1:] = people[:, :-1]
    later[:, -1] += people[:, -1]
    return later


def _worth(values: Floats, people: Floats) -> Floats:
    """(units, outcomes) of values (units, outcomes, times or 1, n) of people (units, times, n)."""
    counted = people if values.shape[2] > 1 else people.sum(axis=1, keepdims=True)
    return np.asarray((values * counted[:, None]).sum(axis=(2, 3)))


def _probabilities(first: NDArray[np.uint32], last: NDArray[np.uint32]) -> Floats:
    """The share of all random words that are in a range."""
    return (last.astype(np.float64) - first + 1.0) / TWO_TO_32
