"""Telemonitoring: noisy home readings, and the alerts that limits or a source of risks raise."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from popsim.care.signals import Signals
from popsim.definitions.interventions import Telemonitoring
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.care.monitoring import measure_day
from popsim.kernels.codes import ALERT_IGNORED, STREAM_ALERTS
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.population.clock import Clock
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within

MEASURED_OF = (
    "alive",
    "telemonitored",
    "care_level",
    "weight_kg",
    "systolic_mmhg",
    "heart_rate_bpm",
    "filling_pressure_mmhg",
)
KEPT = (
    "measured_weight_kg", "measured_systolic_mmhg", "measured_heart_rate_bpm", "measured_filling_pressure_mmhg",
    "reference_weight_kg", "last_alert_day", "alert",
)  # fmt: skip


class Rules(NamedTuple):
    """Errors of the signals and limits of the alerts, as the kernel reads them."""

    weight_error_kg: float
    systolic_error_mmhg: float
    heart_rate_error_bpm: float
    filling_pressure_error_mmhg: float
    reference_share_per_day: float
    weight_gain_kg: float
    systolic_low_mmhg: float
    systolic_high_mmhg: float
    heart_rate_low_bpm: float
    heart_rate_high_bpm: float
    days_between_alerts: float
    measured_every_days: float = 1.0
    missed_share: float = 0.0
    filling_pressure_low_mmhg: float = 0.0
    filling_pressure_high_mmhg: float = 0.0  # 0: no sensor


class HomeReadings(NamedTuple):
    """This morning's home readings.

    Attributes:
        of: (rows,), 1 where there are readings (in the measured_* columns).
        days_ago: age of the readings.
        rules: errors of the devices and minimum time between alerts; None: no programme is in force.
    """

    of: NDArray[np.int8]
    days_ago: int
    rules: Rules | None


class AlertSource(Protocol):
    """Anything that raises alerts by more than limits on single signals."""

    def alert(self, population: Population, clock: Clock, readings: HomeReadings) -> None:
        """Take in the morning's readings and write `alert` and `last_alert_day` of the people that it covers."""


class Monitoring:
    """Telemonitoring under one strategy; does nothing if the strategy has none.

    Args:
        telemonitoring: the strategy's programme on the first day, or None.
        key: of the random numbers.
        signals: errors of home measurements (evidence/home_signals.toml).
        later: later programmes by the day from which each is in force.
        sight: the signals on which care acts; its laboratory is updated every morning.
        guide: raises alerts instead of the limits.
    """

    def __init__(
        self,
        telemonitoring: Telemonitoring | None,
        *,
        key: RandomKey,
        signals: ParameterSet,
        later: Mapping[int, Telemonitoring | None] | None = None,
        observation: Signals | None = None,
        alert_source: AlertSource | None = None,
    ) -> None:
        self._key = key
        self._errors = dict(signals)
        self._memory_days = self._errors.pop("alert_memory_days")
        self._later = dict(later or {})
        self._observation, self._alert_source = observation, alert_source
        self._past: deque[list[NDArray[Any]]] = deque()
        self._read = np.zeros(0, np.int8)
        self._recent = np.zeros(0)
        self._begin(telemonitoring)

    def observe(self, population: Population, clock: Clock) -> None:
        """Update laboratory results, measure everybody who is monitored, and raise alerts."""
        if self._observation is not None:
            self._observation.sample(population, clock.day, population.entered(clock.day))
        if clock.day in self._later:
            self._begin(self._later[clock.day])
        if len(self._read) != len(population):
            self._read, self._recent = np.zeros(len(population), np.int8), np.zeros(len(population))
            self._past.clear()
        self._read[:] = 0
        if self._rules is not None:
            self._measure(population, clock.day, self._rules)
        if self._alert_source is not None:
            self._alert_source.alert(population, clock, self.readings)
        if self._fatigue > 0.0:
            self._tire(population, clock.day)

    @property
    def readings(self) -> HomeReadings:
        """This morning's home readings."""
        return HomeReadings(self._read, self._delay, self._rules)

    def state(self) -> NamedArrays:
        """Readings under way, recent alerts and what the source of alerts remembers, to go on from."""
        past = {
            f"{age}/{name}": column
            for age, day in enumerate(self._past)
            for name, column in zip(MEASURED_OF, day, strict=True)
        }
        alerts: Any = self._alert_source
        source = {} if alerts is None else within("alerts", alerts.state())
        return {"recent": self._recent, "days": np.int64(len(self._past))} | within("past", past) | source

    def restore(self, state: State, population: Population, day: int) -> None:
        """Go on from a state on the morning of a day.

        Raises:
            InputError: the state is of another programme.
        """
        for begun in sorted(one for one in self._later if one < day):
            self._begin(self._later[begun])
        twins = len(population)
        self._read, self._recent = np.zeros(twins, np.int8), state.take("recent", np.float64, (twins,))
        self._past = deque(
            [state.take(f"past/{age}/{name}", population[name].dtype, (twins,)) for name in MEASURED_OF]
            for age in range(state.number("days"))
        )
        alerts: Any = self._alert_source
        if alerts is not None:
            alerts.restore(state.part("alerts"), population)

    def _begin(self, telemonitoring: Telemonitoring | None) -> None:
        """Switch to a programme."""
        self._rules: Rules | None = None
        self._delay, self._fatigue = 0, 0.0
        self._past.clear()
        if telemonitoring is None:
            return
        self._rules = rules_of(telemonitoring, self._errors)
        self._delay, self._fatigue = telemonitoring.delay_days, telemonitoring.alert_fatigue

    def _measure(self, population: Population, day: int, rules: Rules) -> None:
        """Take the home readings that the telemonitoring centre has this morning, and raise alerts by the limits."""
        truth = [population[name] for name in MEASURED_OF]
        if self._delay:
            self._past.append([column.copy() for column in truth])
            population["alert"] = 0
            if len(self._past) <= self._delay:
                return
            truth, day = self._past.popleft(), day - self._delay
        kept = [population[name] if name in population.schema else None for name in KEPT]
        entered = population.entered(day - 1)
        measure_day(entered, day, *(self._key, population.person_id, rules, *truth, *kept, self._read))

    def _tire(self, population: Population, day: int) -> None:
        """Alert fatigue: alerts are ignored more often, the more alerts the person has raised recently."""
        alert = population["alert"]
        raised = np.flatnonzero(alert)
        self._recent *= math.exp(-1.0 / self._memory_days)
        u = keyed(self._key, population.person_id[raised], STREAM_ALERTS, day + 1)
        acted_on = (1.0 - self._fatigue) ** self._recent[raised]
        alert[raised[u >= acted_on]] |= ALERT_IGNORED
        self._recent[raised] += 1.0


def rules_of(telemonitoring: Telemonitoring, errors: Mapping[str, float]) -> Rules:
    """A programme as the kernel reads it.

    Args:
        telemonitoring: the programme.
        errors: of home signals, and the smoothing share of the reference weight.
    """
    factor = telemonitoring.signal_error_factor
    of_devices = {name: value * (factor if "_error_" in name else 1.0) for name, value in errors.items()}
    limits = {key: float(value) for key, value in telemonitoring if key in Rules._fields and value is not None}
    return Rules(**(of_devices | limits))
