"""Builds what raises alerts from a strategy's settings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from popsim.alerting.alerts import AlertsByRisk, RiskSource, uses_risk_alerting
from popsim.alerting.belief import TwinRisks
from popsim.alerting.oracle import Oracle
from popsim.alerting.risk import ModelRisks
from popsim.care.network import CareNetwork
from popsim.care.policy import telemonitoring_by_day
from popsim.care.signals import Signals
from popsim.definitions.guidance import Guidance
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.kernels.codes import STREAM_UPTAKE
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.learning.features import Record
from popsim.physiology import Physiology
from popsim.population.cohort import CohortSource
from popsim.population.event_log import EventLog
from popsim.population.population import Population


def alert_source_of(
    strategy: Strategy,
    network: CareNetwork,
    population: Population,
    *,
    cohort: CohortSource | None,
    body: Callable[[], Physiology],
    observation: Signals,
    events: EventLog,
    parameters: Parameters,
    key: RandomKey,
) -> AlertsByRisk | None:
    """What raises alerts by risk under a strategy; None if limits raise them.

    Args:
        strategy: with all that it inherits.
        network: not scaled.
        population: initialised at steady state, before the first day.
        cohort: the cohort that the population was sampled from, for beliefs.
        body: makes the physiology that advances copies and members.
        sight: what care observes.
        events: the log that care writes.
        parameters: sets by name.
        key: of the random numbers.

    Raises:
        InputError: the strategy needs beliefs and no cohort is given.
    """
    guidance = strategy.guidance
    if guidance is None:
        return None
    reference = network.definition.reference_population or len(population)
    most = scaled(guidance.alerts_per_day, len(population) / reference)
    source: RiskSource
    if guidance.kind == "oracle":
        source = Oracle(body(), guidance.horizon_days, parameters)
    elif guidance.kind == "risk_model":
        record = Record(events, {one.name: one.setting_class for one in network.settings}, key=key)
        source = ModelRisks(record, guidance.horizon_days, guidance.every_days, parameters["learning"], key=key)
    else:
        if cohort is None:
            raise InputError("guidance of kind 'twin': the model must be given the cohort that beliefs start from")
        programmes = [one for one in telemonitoring_by_day(strategy).values() if one is not None]
        rows = who_may_be_monitored(guidance, max(one.uptake for one in programmes), population, key)
        if len(rows) == 0:  # nobody uses it: the limits raise all alerts
            return None
        source = TwinRisks(
            guidance,
            population,
            rows,
            cohort=cohort,
            physiology=body(),
            home=programmes[0],
            observation=observation,
            parameters=parameters,
            key=key,
        )
    return AlertsByRisk(guidance, source, population, alerts_per_day=most, key=key)


def who_may_be_monitored(
    guidance: Guidance, uptake: float, population: Population, key: RandomKey
) -> NDArray[np.int64]:
    """Rows of people who would take up telemonitoring and are under risk-based alerting."""
    u = keyed(key, population.person_id, STREAM_UPTAKE)
    return np.flatnonzero((u < uptake) & uses_risk_alerting(guidance, population, key))


def scaled(alerts_per_day: int | None, factor: float) -> int | None:
    """Alerts a day scaled to another population, like slots: rounded half up, at least 1 if there are any."""
    if not alerts_per_day:
        return alerts_per_day
    return max(1, math.floor(alerts_per_day * factor + 0.5))
