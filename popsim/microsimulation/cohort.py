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
    """Totals and people in each state, of a cohort that starts with so many people in each.

    Args:
        tables: as `kernels.microsimulation.walk_tables` takes them after the number of cycles, of one unit.
        initial: (states,) people.
        cycles: T.

    Returns:
        (OUTCOMES,) cost, QALYs and life years of all together, and (T + 1, states) people.
    """
    origin, target, restarts, first, last, stays_first, stays_last, reward, one_off = tables
    moves, stays = _probabilities(first, last), _probabilities(stays_first, stays_last)
    times, states = max(moves.shape[1], reward.shape[2], one_off.shape[2]), len(initial)
    here = np.zeros((times, states))  # by time in state, the last for that and longer
    here[0] = initial
    later = np.minimum(np.arange(times) + 1, times - 1)
    arrives = np.where(restarts.astype(bool), 0, later[:, None])
    totals, people = np.zeros(OUTCOMES), np.empty((cycles + 1, states))
    for point in range(cycles + 1):
        if point > 0:
            row = min(point - 1, len(moves) - 1)
            flow = here[:, origin] * moves[row]
            stay = here * stays[row]
            here = np.zeros((times, states))
            np.add.at(here, later, stay)
            np.add.at(here, (arrives, np.broadcast_to(target, arrives.shape)), flow)
            once = one_off[:, point]
            totals[:2] += (once * (flow if once.shape[1] > 1 else flow.sum(axis=0))).sum(axis=(1, 2))
        totals += (reward[:, point] * (here if reward.shape[2] > 1 else here.sum(axis=0))).sum(axis=(1, 2))
        people[point] = here.sum(axis=0)
    return totals, people


def _probabilities(first: NDArray[np.uint32], last: NDArray[np.uint32]) -> Floats:
    """The share of all random words that are in a range."""
    return (last.astype(np.float64) - first + 1.0) / TWO_TO_32
