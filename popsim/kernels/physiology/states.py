"""Lasting states and drugs: their daily costs and disutilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import YEARS_PER_DAY

NO_AGENT = -1
BLOCK = 1024  # rows whose sums lie in the first-level cache


class Weighed(NamedTuple):
    """Columns that are summed with weights, each field an array (columns,).

    place, is_code: row in the block of reals or, where is_code is 1, of codes; agent_place: row of the code of the
    class's agent, or NO_AGENT, and agent: the agent of this weight; weight: per unit.
    """

    place: np.ndarray
    is_code: np.ndarray
    agent_place: np.ndarray
    agent: np.ndarray
    weight: np.ndarray


@njit(parallel=True)
def weighed_sum(reals, codes, first, weighed, total):
    """Sum of weight x column for rows first, first + 1, ...; `total` (rows,) is written.

    reals, codes: blocks (columns, twins).
    """
    rows = len(total)
    for block in prange((rows + BLOCK - 1) // BLOCK):
        start, stop = block * BLOCK, min((block + 1) * BLOCK, rows)
        part, here = total[start:stop], slice(first + start, first + stop)
        part[:] = 0.0
        for k in range(len(weighed.weight)):
            if weighed.is_code[k] != 0:
                _add(part, weighed.weight[k], codes[weighed.place[k], here])
            elif weighed.agent_place[k] == NO_AGENT:
                _add(part, weighed.weight[k], reals[weighed.place[k], here])
            else:
                agents = codes[weighed.agent_place[k], here]
                _add_of_agent(part, weighed.weight[k], reals[weighed.place[k], here], agents, weighed.agent[k])


@njit
def _add(total, weight, values):
    for i in range(len(total)):
        total[i] += weight * np.float64(values[i])


@njit
def _add_of_agent(total, weight, values, agents, agent):
    for i in range(len(total)):
        total[i] += weight * np.float64(values[i]) if agents[i] == agent else 0.0


@njit(parallel=True)
def take_off(today, step_days, follow_up_days, qaly_discount, entry_day, alive, loss, qaly):
    """Subtract a yearly disutility from the QALYs of a step, for twins alive at its end.

    Args:
        today, step_days, follow_up_days, qaly_discount, entry_day, alive: as for `accrual.accrue_time`.
        loss: (rows,) of utility a year.
        qaly: (rows,) total, written.
    """
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        lived = min(step_days, float(follow_up_days - since)) if alive[i] != 0 else 0.0
        qaly[i] -= lived * loss[i] * qaly_discount[since] * YEARS_PER_DAY
