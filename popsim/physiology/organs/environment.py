"""Environment and lifestyle of the clinical twin: finds the day's weather and unwraps the habits for the kernel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.physiology import environment as kernel
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.population.surroundings import Surroundings

READS = ("smoking", "alcohol_g_day", "activity_met_h_week", "deprivation_quintile")


class Environment:
    """Season, viruses, particles, heat and habits; limits of validity in its kernel. Has no columns.

    Args:
        parameters: sets by name; uses environment.
        surroundings: series of a year or more; the temperate year when None.
        seed, replication: as of all organ systems; nothing is drawn here.
    """

    def __init__(
        self,
        parameters: Mapping[str, ParameterSet],
        *,
        surroundings: Surroundings | None = None,
        seed: int = 0,
        replication: int = 0,
    ) -> None:
        own = parameters["environment"]
        self.surroundings = surroundings or Surroundings.read()
        self._start = own["start_day_of_year"]
        self._constants = own.fill(kernel.EnvironmentParameters)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Baseline pressure and fluid hold in the weather of the day on which each twin enters."""
        rows = self.surroundings.row(population["entry_day"].astype(np.float64), self._start)
        kernel.settle(*(self.surroundings.temperature_celsius[rows], influences.of(population), self._constants))

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Live through the day that `clock` shows."""
        around = self.surroundings
        row = int(around.row(np.array([clock.time_days]), self._start)[0])
        day = (around.temperature_celsius[row], around.pm25_ug_m3[row], around.virus_activity[row])
        columns = [population[name] for name in READS]
        kernel.advance_day(*(*columns, influences.of(population), *(float(value) for value in day), self._constants))
