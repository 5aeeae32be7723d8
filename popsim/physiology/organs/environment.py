"""Environment and lifestyle: looks up the day's weather and binds its kernels to the columns."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import environment as kernel
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.population import Population
from popsim.units import DAYS_PER_YEAR


class Environment:
    """Season, viruses, particles, heat and habits; limits of validity in its kernel. Has no columns.

    Args:
        parameters: sets by name; uses environment.
        surroundings: series of a year or more; the temperate year when None.
        key: as for all organ systems; not used, nothing is random here.
    """

    columns: ClassVar[tuple[Column, ...]] = ()
    parameter_set: ClassVar[str] = "environment"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        parameters: Parameters,
        *,
        environment_series: EnvironmentSeries | None = None,
        key: RandomKey = RandomKey(),
    ) -> None:
        own = parameters["environment"]
        self.environment_series = environment_series or EnvironmentSeries.read()
        self._start, self._peak = own["start_day_of_year"], own["season_peak_day_of_year"]
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            temperature_celsius=self._temperature_at_entry,
            weather=self._weather,
            p=own.fill(kernel.EnvironmentParameters),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise: baseline pressure and fluid refer to the weather of each twin's day of entry."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)

    def _temperature_at_entry(self, population: Population, clock: Clock) -> NDArray[np.float64]:
        """The temperature on each twin's day of entry."""
        rows = self.environment_series.row(population["entry_day"].astype(np.float64), self._start)
        return self.environment_series.temperature_celsius[rows]

    def _weather(self, population: Population, clock: Clock) -> kernel.Weather:
        """Of today."""
        series = self.environment_series
        row = int(series.row(np.array([clock.time_days]), self._start)[0])
        return kernel.Weather(
            temperature_celsius=float(series.temperature_celsius[row]),
            pm25_ug_m3=float(series.pm25_ug_m3[row]),
            virus_activity=float(series.virus_activity[row]),
            winter=math.cos(2.0 * math.pi * (float(series.day_of_year[row]) - self._peak) / DAYS_PER_YEAR),
        )
