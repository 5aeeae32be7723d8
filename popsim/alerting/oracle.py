"""The oracle: the true state lived forward with the luck to come. Nobody can have it; it is the ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.alerting.alerts import RiskSource
from popsim.assimilation.hazards import presentation_hazards
from popsim.care.monitoring import HomeReadings
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.codes import CAUSE_HEART_FAILURE
from popsim.physiology import OrganSystem
from popsim.population.clock import Clock
from popsim.population.population import Population


class Oracle(RiskSource):
    """Risks from copies of the twins themselves, which live through the same shocks as the twins will.

    What it does not know is the last draw, whether somebody presents at the hazard of the day, and what care will do.

    Args:
        physiology: of the truth, an instance of its own.
        horizon_days: as the guidance says.
        hazards: the set heart_failure.
    """

    def __init__(self, physiology: OrganSystem, horizon_days: int, hazards: ParameterSet) -> None:
        self._physiology, self._horizon, self._hazards = physiology, horizon_days, hazards

    def live(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Nothing to learn for who knows the truth."""

    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Chance of each of some rows to present within the horizon if care goes on as it is."""
        copies = population.chosen(rows)
        return chance_of_presenting(copies, self._physiology, clock.day, self._horizon, self._hazards)


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
