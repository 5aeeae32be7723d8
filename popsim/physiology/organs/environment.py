"""Environment and lifestyle: looks up the day's weather and binds its kernels to the columns."""

from __future__ import annotations

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
        self._start = own["start_day_of_year"]
        constants = own.fill(kernel.EnvironmentParameters)
        series = self.environment_series
        seasons = np.zeros(len(series.virus_activity))
        kernel.set_seasons(series.virus_activity, series.pm25_ug_m3, seasons, constants)
        self._temperatures, self._seasons = series.temperature_celsius.astype(np.float32), seasons.astype(np.float32)
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            temperature_at_entry=self._temperature_at_entry,
            temperature_celsius=self._temperature,
            season=self._season,
            p=constants,
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise: baseline pressure and fluid refer to the weather of each twin's day of entry."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)

    def _temperature_at_entry(self, population: Population, clock: Clock) -> NDArray[np.float64]:
        """The temperature on each twin's day of entry, by its own calendar."""
        days = population["entry_day"].astype(np.float64) + population["calendar_shift_days"]
        rows = self.environment_series.row(days, self._start)
        return self.environment_series.temperature_celsius[rows]

    def _temperature(self, population: Population, clock: Clock) -> NDArray[np.float32]:
        """Today's temperature, by each twin's calendar."""
        return self._temperatures[self._rows(population, clock)]

    def _season(self, population: Population, clock: Clock) -> NDArray[np.float32]:
        """Today's log factor of the rate of infections, by each twin's calendar."""
        return self._seasons[self._rows(population, clock)]

    def _rows(self, population: Population, clock: Clock) -> NDArray[np.int64]:
        """Row of the series on this day of each twin's calendar."""
        return self.environment_series.row(clock.time_days + population["calendar_shift_days"], self._start)
