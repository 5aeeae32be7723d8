"""Monitoring: noisy signals from home, turned into alerts by the strategy's limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from popsim.care.signals import Signals
from popsim.definitions.interventions import Telemonitoring
from popsim.evidence.parameters import ParameterSet, load_parameters
from popsim.kernels.monitoring import measure_day
from popsim.population.clock import Clock
from popsim.population.population import Population


class Rules(NamedTuple):
    """Errors of the signals and limits of the alerts, as the kernel takes them."""

    weight_error_kg: float
    systolic_error_mmhg: float
    heart_rate_error_bpm: float
    reference_share_per_day: float
    weight_gain_kg: float
    systolic_low_mmhg: float
    systolic_high_mmhg: float
    heart_rate_low_bpm: float
    heart_rate_high_bpm: float
    days_between_alerts: float


class Monitoring:
    """Telemonitoring under one strategy; does nothing when the strategy has none.

    Args:
        telemonitoring: the strategy's programme on the first day, or None.
        seed, replication: key of the random numbers.
        signals: errors of home measurements (evidence/home_signals.toml).
        later: programmes that replace the one before, by the day from which they do.
        sight: the signals on which care acts, whose laboratory works every morning.
    """

    def __init__(
        self,
        telemonitoring: Telemonitoring | None,
        *,
        seed: int,
        replication: int = 0,
        signals: ParameterSet | None = None,
        later: Mapping[int, Telemonitoring | None] | None = None,
        sight: Signals | None = None,
    ) -> None:
        self._seed, self._replication = seed, replication
        self._errors = dict(signals or load_parameters("home_signals"))
        self._later = dict(later or {})
        self._rules = self._rules_of(telemonitoring)
        self._sight = sight

    def observe(self, population: Population, clock: Clock) -> None:
        """The laboratory's morning, today's measurements of everybody who is monitored, and the alerts they raise."""
        entered = int(np.searchsorted(population["entry_day"], clock.day, side="left"))
        if self._sight is not None:
            here = int(np.searchsorted(population["entry_day"], clock.day, side="right"))
            self._sight.sample(population, clock.day, here)
        if clock.day in self._later:
            self._rules = self._rules_of(self._later[clock.day])
        if self._rules is None:
            return
        measure_day(
            entered,
            clock.day,
            self._seed,
            self._replication,
            population.person_id,
            self._rules,
            population["alive"],
            population["telemonitored"],
            population["care_level"],
            population["weight_kg"],
            population["systolic_mmhg"],
            population["heart_rate_bpm"],
            population["measured_weight_kg"],
            population["measured_systolic_mmhg"],
            population["measured_heart_rate_bpm"],
            population["reference_weight_kg"],
            population["last_alert_day"],
            population["alert"],
        )

    def _rules_of(self, telemonitoring: Telemonitoring | None) -> Rules | None:
        if telemonitoring is None:
            return None
        limits = {key: float(value) for key, value in telemonitoring if key in Rules._fields}
        return Rules(**(self._errors | limits))
