"""Risks from a statistical model of what is seen, which is trained and retrained on what happens in the run."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.alerting.alerts import RiskSource
from popsim.care.monitoring import HomeReadings
from popsim.learning.features import Landmarks, Record
from popsim.learning.loop import LearningLoop
from popsim.population.clock import Clock
from popsim.population.population import Population

OUTCOME = "hf_presentation"


class ModelRisks(RiskSource):
    """Risks from a learning loop.

    Everybody at home is a landmark on each of their days of assessment; what became of them within the horizon is
    learnt when it is over. On the share of people that the loop withholds, to keep seeing what happens without its own
    alerts, nobody acts.

    Args:
        record: what features and outcomes are read from.
        horizon_days, every_days: as the guidance says.
        seed, replication: key of the random numbers.
    """

    def __init__(self, record: Record, horizon_days: int, every_days: int, *, seed: int, replication: int = 0) -> None:
        self._record, self._every_days = record, every_days
        self._landmarks = Landmarks(record, horizon_days)
        self.loop = LearningLoop(OUTCOME, horizon_days, seed=seed, replication=replication)
        self._today = pl.DataFrame()

    @property
    def ready(self) -> bool:
        """Whether there is a model; limits raise alerts until then."""
        return self.loop.model.is_fitted

    def live(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Learn from the fortnights that are over, and look at those who are due today."""
        self.loop.learn(clock.day, self._landmarks.complete(clock.day))
        frame = self._record.features(population, clock.day)
        due = (clock.day + pl.col("person_id")) % self._every_days == 0
        self._today = frame.filter(due)
        self._landmarks.add(self._today)

    def risks(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Risk of each of some rows who are due."""
        asked = pl.DataFrame({"person_id": population.person_id[rows]})
        frame = asked.join(self._today, on="person_id", how="left", maintain_order="left")
        return self.loop.risk(frame)

    def acts_on(self, population: Population, clock: Clock, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """On whom of those alerted care may act."""
        return self.loop.flag(clock.day, population.person_id[rows])
