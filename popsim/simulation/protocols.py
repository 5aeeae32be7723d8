"""Protocols of the parts of a model, and of the model as twins and the roster use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.evidence.sets import Parameters
from popsim.outcomes.narrative import SettingLabel
from popsim.physiology import Physiology
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.simulation.recorder import Occupancy, Recorder


class InterventionsPart(Protocol):
    """Starts and stops a strategy's personal interventions."""

    def apply(self, population: Population, clock: Clock) -> None:
        """Start and stop the interventions due on the morning of the day."""


class MonitoringPart(Protocol):
    """Measures twins."""

    def observe(self, population: Population, clock: Clock) -> None:
        """Take the day's measurements and raise alerts."""


class CarePart(Occupancy, Protocol):
    """Moves twins between settings and treats them."""

    @property
    def capacity(self) -> NDArray[np.int64]:
        """Capacity, or slots, per day and setting."""

    def treat(self, population: Population, clock: Clock) -> None:
        """Process the day's events in time order, writing them to the event log."""


class ValuationPart(Protocol):
    """Computes costs and QALYs."""

    def accrue(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Add the day's costs and QALYs to the twins' totals."""

    def spending(self) -> pl.DataFrame:
        """Total cost of all twins so far, not discounted, by year since entry."""


@dataclass(frozen=True)
class Parts:
    """The subsystems of one model, with the event log and the ordered settings that they share."""

    interventions: InterventionsPart
    physiology: Physiology
    monitoring: MonitoringPart
    care: CarePart
    valuation: ValuationPart
    events: EventLog
    setting_labels: Sequence[SettingLabel]


class TwinModel(Protocol):
    """The model as twins and the roster use it; `PopulationModel` documents each member."""

    population: Population
    parameters: Parameters
    clock: Clock
    events: EventLog
    setting_labels: Sequence[SettingLabel]
    recorder: Recorder
    roster: Any
