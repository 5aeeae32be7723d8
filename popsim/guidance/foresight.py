"""The next days lived forward: what twin and oracle have in common, and in which they differ by the state alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.codes import CAUSE_HEART_FAILURE
from popsim.physiology import OrganSystem
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.twinning.hazards import presentation_hazards


def chance_of_presenting(
    people: Population, physiology: OrganSystem, day: int, horizon_days: int, hazards: ParameterSet
) -> NDArray[np.float64]:
    """Chance of presenting with heart failure on one of the days after `day` if care goes on as it is, (rows,).

    The people live on with the luck of their ids, neither present nor die, and keep their doses; the chance is
    1 - exp(-sum of the daily hazards).

    Args:
        people: on the evening of `day`; changed.
        physiology: advances them.
        day: today.
        horizon_days: how many days are lived.
        hazards: the set heart_failure.
    """
    total = np.zeros(len(people))
    clock = Clock(day)
    for _ in range(horizon_days):
        clock.tick()
        physiology.advance(people, clock)
        people["acute_cause"] = 0
        people["onset"] = 0
        total += presentation_hazards(people, hazards, clock.day)[CAUSE_HEART_FAILURE - 1]
    return np.asarray(-np.expm1(-total))
