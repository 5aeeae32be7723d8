"""A strategy's capacities and policies, compiled for the care network, by the day on which they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.care.compiled import clinician_code, condition_rows
from popsim.care.network import CareNetwork
from popsim.definitions.interventions import Capacity, PolicyIntervention, Telemonitoring
from popsim.definitions.rota import Rota
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError, did_you_mean
from popsim.kernels.care import records
from popsim.population.columns import Schema

NO_TELEMONITORING = records.ScheduleRecord(
    desk=-1, uptake=0.0, duration_days=0.0, clinician=records.NO_CLINICIAN, may_change=records.ADVICE,
    answer_after_days=0.0, filling_pressure_low_mmhg=0.0, filling_pressure_high_mmhg=0.0,
    condition_first=0, condition_last=0,
)  # fmt: skip
MAY_CHANGE = {"nothing": records.ADVICE, "diuretics": records.DIURETICS, "all": records.ALL_DRUGS}


def switch_days(strategy: Strategy) -> tuple[int, ...]:
    """Days after the first on which a capacity or a policy starts or stops, in order."""
    dated = [one for one in strategy.composed if isinstance(one, Capacity | PolicyIntervention)]
    return tuple(sorted({day for one in dated for day in (one.from_day, one.until_day) if day}))


def networks_by_day(network: CareNetwork, strategy: Strategy, population: int | None = None) -> dict[int, CareNetwork]:
    """The network with the capacities in force, by the day from which they are; the first day is 0.

    Args:
        network: for its reference population.
        strategy: with all that it inherits.
        population: number of twins to scale to; None: not scaled.

    Raises:
        DefinitionError: the network refuses these capacities.
    """
    found: dict[int, CareNetwork] = {}
    before: dict[str, tuple[int, Rota | None]] | None = None
    for day in (0, *switch_days(strategy)):
        capacities = [one for one in strategy.composed if isinstance(one, Capacity) and one.in_force(day)]
        now = {one.setting: (one.places, one.rota) for one in capacities}
        if now != before:
            changed = _with_capacity(network, capacities, f"strategies.{strategy.name}, from day {day}")
            found[day] = changed if population is None else changed.scaled(population)
        before = now
    return found


def _with_capacity(network: CareNetwork, capacities: Sequence[Capacity], key: str) -> CareNetwork:
    """The network with other capacities; errors name the strategy."""
    places = {one.setting: one.places for one in capacities}
    rotas = {one.setting: one.rota for one in capacities if one.rota is not None}
    try:
        return network.with_capacity(places, rotas=rotas)
    except DefinitionError as error:
        raise DefinitionError(network.file, f"{key}: {error.key}", error.value, error.allowed) from None


def telemonitoring_by_day(strategy: Strategy) -> dict[int, Telemonitoring | None]:
    """The telemonitoring programme in force, by the day from which it is; the first day is 0."""
    return {day: programme(telemonitoring_policy(strategy, day)) for day in (0, *switch_days(strategy))}


def telemonitoring_policy(strategy: Strategy, day: int) -> PolicyIntervention | None:
    """The policy whose telemonitoring is in force on a day."""
    policies = [one for one in strategy.composed if isinstance(one, PolicyIntervention) and one.in_force(day)]
    return next((one for one in reversed(policies) if one.telemonitoring), None)


def programme(policy: PolicyIntervention | None) -> Telemonitoring | None:
    """The telemonitoring of a policy, if it has any."""
    return policy.telemonitoring if policy else None


class Policies:
    """The policies of one strategy, compiled.

    Args:
        strategy: with all that it inherits.
        network: of the strategy.
        schema: columns of the population.
        first_condition: number of conditions in the network itself.

    Attributes:
        conditions: rows to append to the network's table of conditions.

    Raises:
        DefinitionError: a setting is not a contact setting of the network.
    """

    def __init__(self, strategy: Strategy, network: CareNetwork, schema: Schema, first_condition: int) -> None:
        self._strategy, self._network = strategy, network
        self._policies = [one for one in strategy.composed if isinstance(one, PolicyIntervention)]
        self._spans: dict[str, tuple[int, int]] = {}
        self.conditions: list[tuple[Any, ...]] = []
        for policy in self._policies:
            first = first_condition + len(self.conditions)
            self.conditions += condition_rows(policy.eligible, schema, network.file)
            self._spans[policy.name] = (first, first_condition + len(self.conditions))

    def follow_ups(self, day: int) -> NDArray[Any]:
        """Follow-up contacts in force on a day, as a table.

        A contact within n days is booked for day n/2 (rounded down, at least 1), which leaves time for a full clinic.
        """
        rows = [
            (
                plan.uptake,
                self._contact(plan.setting, "follow_up.setting"),
                max(1, plan.within_days // 2),
                plan.every_days or 0,
                *span,
            )
            for policy, span in ((policy, self._spans[policy.name]) for policy in self._policies)
            if policy.in_force(day)
            for plan in policy.follow_up
        ]
        return np.array(rows, records.FOLLOW_UP)

    def telemonitoring(self, day: int) -> records.ScheduleRecord:
        """Telemonitoring in force on a day."""
        policy = telemonitoring_policy(self._strategy, day)
        if policy is None or policy.telemonitoring is None:
            return NO_TELEMONITORING
        tele = policy.telemonitoring
        desk = self._contact(tele.desk, "telemonitoring.desk")
        clinician = clinician_code(self._network, tele.answered_by or self._network.settings[desk].clinician)
        may_change = MAY_CHANGE[tele.may_change] if tele.may_change else records.ALL_DRUGS
        if tele.may_change == "all" and clinician == records.NURSE:
            clinician = records.SPECIALIST  # the nurse prescribes by the specialist's rules
        sensor = (tele.filling_pressure_low_mmhg or 0.0, tele.filling_pressure_high_mmhg or 0.0)
        quality = (clinician, may_change, tele.answer_after_days, *sensor)
        return records.ScheduleRecord(desk, tele.uptake, tele.duration_days, *quality, *self._spans[policy.name])

    def _contact(self, name: str, key: str) -> int:
        """Number of a contact setting."""
        contacts: Sequence[str] = [s.name for s in self._network.settings if s.setting_class == "outpatient"]
        if name not in contacts:
            allowed = f"must be a contact setting, {did_you_mean(name, contacts)}"
            raise DefinitionError("strategy", f"strategies.{self._strategy.name}.{key}", name, allowed)
        return self._network.index(name)
