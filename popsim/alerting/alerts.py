"""Alerts by risk: who is assessed today, and for whom the desk is alerted, the highest risks first."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from popsim.care.monitoring import HomeReadings
from popsim.definitions.guidance import Guidance
from popsim.kernels.care.monitoring import ALERT_RISK
from popsim.kernels.codes import LEVEL_COMMUNITY, STREAM_ALERTS
from popsim.kernels.numerics.sampling import keyed_uniforms
from popsim.population.clock import Clock
from popsim.population.population import Population

ADOPTION_INDEX = 0  # within STREAM_ALERTS; those of days begin at 1


class RiskSource(ABC):
    """Whatever says how likely somebody is to present with heart failure within the horizon."""

    @property
    def ready(self) -> bool:
        """Whether it can say anything yet; limits raise alerts until then."""
        return True

    @abstractmethod
    def live(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Take in the morning of everybody; called once a day."""

    @abstractmethod
    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Risk of each of some rows, all of which are monitored, at home and use guidance."""

    def acts_on(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """On whom of those chosen for an alert care may act: everybody, where nobody is withheld to learn from."""
        return np.ones(len(rows), np.bool_)


class AlertsByRisk:
    """Guidance at work: the `Guide` of Monitoring.

    Args:
        guidance: as the strategy says.
        source: of risks.
        population: at the start.
        alerts_per_day: most alerts a day for these people; None: no limit.
        seed, replication: key of the random numbers.
    """

    def __init__(
        self,
        guidance: Guidance,
        source: RiskSource,
        population: Population,
        *,
        alerts_per_day: int | None,
        seed: int,
        replication: int = 0,
    ) -> None:
        self._guidance, self._source = guidance, source
        self._most = len(population) if alerts_per_day is None else alerts_per_day
        self._uses = uses_guidance(guidance, population, seed, replication)
        self._last_alert = population["last_alert_day"].copy()

    def alert(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Take in the morning, take back alerts by limits of those for whom guidance is used, and raise its own."""
        self._source.live(population, clock, readings)
        alert, last = population["alert"], population["last_alert_day"]
        if self._source.ready:
            alert[self._uses] = 0
            last[self._uses] = self._last_alert[self._uses]
            if readings.rules is not None:
                due = self._assessed(population, clock.day, readings.rules.days_between_alerts)
                rows = self._chosen(population, clock, due)
                rows = rows[self._source.acts_on(population, clock, rows)]
                alert[rows] = ALERT_RISK
                last[rows] = clock.day
        self._last_alert[:] = last

    def _assessed(self, population: Population, day: int, days_between_alerts: float) -> NDArray[np.int64]:
        """Rows that are monitored, at home, due today and not alerted too recently."""
        due = (day + population.person_id) % self._guidance.every_days == 0
        monitored = (population["alive"] != 0) & (population["telemonitored"] != 0)
        home = population["care_level"] == LEVEL_COMMUNITY
        rested = day - population["last_alert_day"] >= days_between_alerts
        return np.flatnonzero(self._uses & due & monitored & home & rested)

    def _chosen(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some rows who are alerted: the highest risks above the limit."""
        if len(rows) == 0 or self._most == 0:
            return rows[:0]
        risks = self._source.risks(population, clock, rows)
        order = np.lexsort((population.person_id[rows], -risks))
        order = order[risks[order] >= self._guidance.alert_from_risk]
        return np.asarray(rows[order[: self._most]])


def uses_guidance(guidance: Guidance, population: Population, seed: int, replication: int) -> NDArray[np.bool_]:
    """For whom guidance is used, (rows,): the same people in every strategy with this adoption, more with a higher."""
    u = np.empty(len(population))
    keyed_uniforms(seed, replication, population.person_id, STREAM_ALERTS, u, ADOPTION_INDEX)
    return np.asarray(u < guidance.adoption)
