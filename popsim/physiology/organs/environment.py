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
from popsim.population.traits import LATEST_CALENDAR
from popsim.units import DAYS_PER_YEAR

CALENDARS = 2 * LATEST_CALENDAR + 1


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
        self.environment_series = series = environment_series or EnvironmentSeries.read()
        self._start = own["start_day_of_year"]
        constants = own.fill(kernel.EnvironmentParameters)
        heat, season = np.empty((2, len(series.day_of_year)))
        kernel.effects_of_days(
            series.temperature_celsius, series.pm25_ug_m3, series.virus_activity, heat, season, constants
        )
        winter = np.cos(2.0 * np.pi * (series.day_of_year - own["season_peak_day_of_year"]) / DAYS_PER_YEAR)
        self._heat, self._effects = heat, tuple(map(_repeated, (heat, season, winter)))
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            heat_at_entry=self._heat_at_entry,
            weather=self._weather,
            latest_calendar=LATEST_CALENDAR,
            p=constants,
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise: baseline pressure and fluid refer to the weather of each twin's day of entry."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)

    def _heat_at_entry(self, population: Population, clock: Clock) -> NDArray[np.float64]:
        """Degrees of heat on each twin's day of entry, by its own calendar."""
        days = population["entry_day"].astype(np.float64) + population["calendar_shift_days"]
        return self._heat[self.environment_series.row(days, self._start)]

    def _weather(self, _: Population, clock: Clock) -> kernel.Weather:
        """Today's weather by calendar, from the furthest behind the simulation's to the furthest ahead."""
        (first,) = self.environment_series.row(np.array([clock.time_days - LATEST_CALENDAR]), self._start)
        return kernel.Weather(*(effect[first : first + CALENDARS] for effect in self._effects))


def _repeated(effect_of_day: NDArray[np.float64]) -> NDArray[np.float32]:
    """An effect of all days of a series, followed by as many as there are calendars."""
    return np.resize(effect_of_day.astype(np.float32), len(effect_of_day) + CALENDARS)
