"""Risks from a statistical model of observed features, trained and retrained on what happens during the run."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.alerting.alerts import RiskSource
from popsim.care.monitoring import HomeReadings
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.numerics.random import RandomKey
from popsim.learning.features import Landmarks, Record
from popsim.learning.loop import LearningLoop
from popsim.population.clock import Clock
from popsim.population.population import Population

OUTCOME = "hf_presentation"


class ModelRisks(RiskSource):
    """Risks from a learning loop.

    Each assessment of a person at home is a landmark; the loop learns its outcome when the horizon has passed. Nobody
    acts on the share of people whom the loop withholds, so that it still observes outcomes without its own alerts.

    Args:
        record: source of features and outcomes.
        horizon_days, every_days: from the strategy.
        parameters: the set learning.
        key: of the random numbers.
    """

    def __init__(
        self, record: Record, horizon_days: int, every_days: int, parameters: ParameterSet, *, key: RandomKey
    ) -> None:
        self._record, self._every_days = record, every_days
        self._landmarks = Landmarks(record, horizon_days)
        self.loop = LearningLoop(OUTCOME, horizon_days, parameters=parameters, key=key)
        self._today = pl.DataFrame()

    @property
    def ready(self) -> bool:
        """Whether a model has been fitted; until then the limits raise alerts."""
        return self.loop.model.is_fitted

    def update(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Learn from landmarks whose horizon has passed, and assess the people who are due today."""
        self.loop.learn(clock.day, self._landmarks.complete(clock.day))
        frame = self._record.features(population, clock.day)
        due = (clock.day + pl.col("person_id")) % self._every_days == 0
        self._today = frame.filter(due)
        self._landmarks.add(self._today)

    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Risk of each of these rows, all due for assessment."""
        asked = pl.DataFrame({"person_id": population.person_id[rows]})
        frame = asked.join(self._today, on="person_id", how="left", maintain_order="left")
        return self.loop.risk(frame)

    def acts_on(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these alerts care may act on."""
        return self.loop.flag(clock.day, population.person_id[rows])
