"""Alerts by risk: whom the source of risks assesses today, and who is alerted, highest risk first."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from popsim.care.monitoring import HomeReadings
from popsim.definitions.guidance import Guidance
from popsim.errors import InputError
from popsim.kernels.care.monitoring import ALERT_RISK
from popsim.kernels.codes import LEVEL_COMMUNITY, STREAM_ALERTS
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within

ADOPTION_INDEX = 0  # within STREAM_ALERTS; the indices of days begin at 1


class RiskSource(ABC):
    """A source of the risk that a person presents with heart failure within the horizon."""

    @property
    def ready(self) -> bool:
        """Whether it can predict yet; until then the limits raise alerts."""
        return True

    @abstractmethod
    def update(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Take in this morning's readings; called once a day."""

    @abstractmethod
    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Risk of each of these rows, all monitored, at home and under risk-based alerting."""

    def acts_on(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these alerts care may act on: all, unless the source withholds some people to learn from them."""
        return np.ones(len(rows), np.bool_)

    def state(self) -> NamedArrays:
        """What it remembers, to go on from.

        Raises:
            InputError: it cannot be kept, as long as a source does not say how.
        """
        raise InputError(f"guidance: what {type(self).__name__} remembers cannot be saved")

    def restore(self, state: State) -> None:
        """Go on from a state.

        Raises:
            InputError: it is of another source, or was not kept.
        """
        self.state()


class AlertsByRisk:
    """Raises alerts by risk; the `AlertSource` of Monitoring.

    Args:
        guidance: from the strategy.
        source: of risks.
        population: at the start.
        alerts_per_day: maximum number of alerts a day for this population; None: no limit.
        key: of the random numbers.
    """

    def __init__(
        self,
        guidance: Guidance,
        source: RiskSource,
        population: Population,
        *,
        alerts_per_day: int | None,
        key: RandomKey,
    ) -> None:
        self._guidance, self._source = guidance, source
        self._most = len(population) if alerts_per_day is None else alerts_per_day
        self._uses = uses_risk_alerting(guidance, population, key)
        self._last_alert = population["last_alert_day"].copy()

    def alert(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Take in the morning's readings and replace the alerts by limits with alerts by risk where risk is used."""
        self._source.update(population, clock, readings)
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

    def state(self) -> NamedArrays:
        """The days of the last alerts, and what the source remembers, to go on from."""
        return {"last": self._last_alert} | within("source", self._source.state())

    def restore(self, state: State, population: Population) -> None:
        """Go on from a state; where there is none, nobody has been monitored so far."""
        twins = (len(population),)
        known = "last" in state
        self._last_alert[:] = state.take("last", np.float32, twins) if known else population["last_alert_day"]
        self._source.restore(state.part("source"))

    def _assessed(self, population: Population, day: int, days_between_alerts: float) -> NDArray[np.int64]:
        """Rows that are monitored, at home, due for assessment today and not alerted too recently."""
        due = (day + population.person_id) % self._guidance.every_days == 0
        monitored = (population["alive"] != 0) & (population["telemonitored"] != 0)
        home = population["care_level"] == LEVEL_COMMUNITY
        rested = day - population["last_alert_day"] >= days_between_alerts
        return np.flatnonzero(self._uses & due & monitored & home & rested)

    def _chosen(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows to alert: the highest risks above the limit."""
        if len(rows) == 0 or self._most == 0:
            return rows[:0]
        risks = self._source.risks(population, clock, rows)
        order = np.lexsort((population.person_id[rows], -risks))
        order = order[risks[order] >= self._guidance.alert_from_risk]
        return np.asarray(rows[order[: self._most]])


def uses_risk_alerting(guidance: Guidance, population: Population, key: RandomKey) -> NDArray[np.bool_]:
    """Who is under risk-based alerting, (rows,): the same people in every strategy; higher adoption adds people."""
    u = keyed(key, population.person_id, STREAM_ALERTS, ADOPTION_INDEX)
    return np.asarray(u < guidance.adoption)
