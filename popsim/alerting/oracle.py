"""The oracle: simulates the true state ahead with the same random streams. No service can do this: it is a ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.alerting.alerts import RiskSource
from popsim.assimilation.hazards import hazards_of_presenting
from popsim.care.monitoring import HomeReadings
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import CAUSE_HEART_FAILURE
from popsim.physiology import Physiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State


class Oracle(RiskSource):
    """Risks from copies of the twins, simulated ahead through the same shocks as the twins will have.

    It does not know the last draw (whether a person presents, given the hazard of the day) or what care will do.

    Args:
        physiology: of the twins; an instance used for nothing else.
        horizon_days: from the strategy.
        parameters: sets by name.
    """

    def __init__(self, physiology: Physiology, horizon_days: int, parameters: Parameters) -> None:
        self._physiology, self._horizon, self._parameters = physiology, horizon_days, parameters

    def update(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Does nothing: the oracle reads the true state."""

    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability that each of these rows presents within the horizon under unchanged care."""
        copies = population.chosen(rows)
        return chance_of_presenting(copies, self._physiology, clock.day, self._horizon, self._parameters)

    def state(self) -> NamedArrays:
        """Nothing: it reads the true state."""
        return {}

    def restore(self, state: State) -> None:
        """Does nothing."""


def chance_of_presenting(
    people: Population, physiology: Physiology, day: int, horizon_days: int, parameters: Parameters
) -> NDArray[np.float64]:
    """Probability of presenting with heart failure in the days after `day` under unchanged care, (rows,).

    The people are simulated ahead with the random streams of their ids and unchanged doses; they neither present nor
    die. The probability is 1 - exp(-sum of the daily hazards).

    Args:
        people: on the evening of `day`; changed.
        physiology: advances them.
        day: today.
        horizon_days: number of days to simulate.
        parameters: sets by name.
    """
    total = np.zeros(len(people))
    clock = Clock(day)
    for _ in range(horizon_days):
        clock.tick()
        influences = Influences(len(people))
        physiology.advance(people, clock, influences)
        people["acute_cause"] = 0
        people["onset"] = 0
        total += hazards_of_presenting(influences, people, parameters, clock.day)[CAUSE_HEART_FAILURE - 1]
    return np.asarray(-np.expm1(-total))
