"""What ends, prolongs or interrupts a stay in hospital, in care-network files."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.conditions import Condition, Conditions, Factors
from popsim.definitions.durations import Days, Duration, Forever
from popsim.definitions.fields import AS_TUPLE, Identifier, Source, real


def _ends(value: Duration) -> Duration:
    """A duration that ends."""
    if isinstance(value, Forever):
        raise ValueError("must end, it cannot be forever")
    return value


Ending = Annotated[Duration, AfterValidator(_ends)]
Share = Annotated[float, real(0.0, 1.0)]


class TransferDelay(Definition):
    """A delayed transfer of care: twins who are fit to leave hospital for this setting wait in their hospital bed.

    `factors` multiply the odds of a delay. The delay is not medical: a package of care, a place, transport.
    """

    probability: Share
    days: Ending
    factors: Factors = ()
    source: Source


class Escalation(Definition):
    """Patients who get worse in a setting and go to a higher level of care, whatever is left of their stay.

    The hazard is per_day x by_cause x `factors`, the last two of twins only, from the columns at the start of the stay.
    It ends when they are fit to leave, or wait for another setting.
    """

    to: Identifier
    per_day: Annotated[float, real(0.0, 10.0)]
    by_cause: dict[Identifier, Annotated[float, real(0.0, 1000.0)]] = Field(default_factory=dict)
    factors: Factors = ()
    source: Source


class Complication(Definition):
    """A complication of twins in hospital (classes inpatient and critical): prolongs the stay, and may kill.

    It comes at the hazard per_day x by_cause (the ratio for the cause of the admission, 1 if absent) x `factors`.
    Those who die of it do so at a time uniform over its `extra_days`.
    """

    name: Identifier
    per_day: Annotated[float, real(0.0, 10.0)]
    by_cause: dict[Identifier, Annotated[float, real(0.0, 1000.0)]] = Field(default_factory=dict)
    factors: Factors = ()
    extra_days: Ending
    fatality: Share = 0.0
    source: Source


class Review(Definition):
    """A daily ward round at `hour` that discharges people who meet all `discharge_when` conditions.

    Under capacity pressure, when somebody waits for the setting, the `under_pressure` conditions suffice (early
    discharge). The length of stay is between `at_least_days` and `at_most_days`.
    """

    hour: Annotated[float, real(0.0, 23.999)]
    discharge_when: Annotated[tuple[Condition, ...], AS_TUPLE, Field(min_length=1, max_length=8)]
    under_pressure: Conditions = ()
    at_least_days: Days = 1.0
    at_most_days: Annotated[float, real(0.01, 3650.0)] = 30.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.at_most_days < self.at_least_days:
            raise ValueError(f"at_most_days = {self.at_most_days:g} must be >= at_least_days = {self.at_least_days:g}")
        return self
