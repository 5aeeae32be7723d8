"""What the parts of a model are to one another, and what a twin and the roster need of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.outcomes.narrative import Place
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.simulation.recorder import Occupancy, Recorder


class InterventionsPart(Protocol):
    """Whatever starts and stops what a strategy does with single persons."""

    def apply(self, population: Population, clock: Clock) -> None:
        """Start and stop what begins and ends on the morning of the day."""


class MonitoringPart(Protocol):
    """Whatever measures twins."""

    def observe(self, population: Population, clock: Clock) -> None:
        """Take the day's measurements and raise alerts."""


class CarePart(Occupancy, Protocol):
    """Whatever moves twins between settings and treats them."""

    @property
    def places(self) -> NDArray[np.int64]:
        """Places, or slots, per day and setting."""

    def treat(self, population: Population, clock: Clock) -> None:
        """Process the day's events in time order, writing them to the event log."""


class ValuationPart(Protocol):
    """Whatever values a day."""

    def accrue(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Add the day's costs and QALYs to the twins' totals."""

    def spending(self) -> pl.DataFrame:
        """What all twins together have cost so far, not discounted, by year since entry."""


class TwinModel(Protocol):
    """What twins and their roster ask of the model that they live in; `PopulationModel` says what each member is."""

    population: Population
    parameters: Mapping[str, ParameterSet]
    clock: Clock
    events: EventLog
    places: Sequence[Place]
    recorder: Recorder
    roster: Any
