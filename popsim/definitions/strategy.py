"""Strategies: what is done differently for the same people, as an experiment file says it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Text, real, whole

LARGEST_CAPACITY = 10_000_000
LARGEST_COST = 1e7

Share = Annotated[float, real(0.0, 1.0)]
Cost = Annotated[float, real(0.0, LARGEST_COST)]
Pressure = Annotated[float, real(40.0, 300.0)]
HeartRate = Annotated[float, real(20.0, 250.0)]


class FollowUp(Definition):
    """A contact booked at entry and at every discharge home, or to a facility, from an inpatient setting.

    Attributes:
        setting: contact setting of the network.
        within_days: the visit is due that many days after discharge.
        uptake: share of discharges for which it is booked.
    """

    setting: Identifier
    within_days: Annotated[int, whole(1, 365)]
    uptake: Share = 1.0


class Telemonitoring(Definition):
    """Daily home measurement of weight, systolic pressure and pulse; alerts go to a desk with limited slots.

    Attributes:
        desk: contact setting of the network whose slots per day answer the alerts.
        uptake: share of people who take part.
        duration_days: how long from entry.
        weight_gain_kg: alert when the weight is that far above its own slow reference.
        systolic_low_mmhg, systolic_high_mmhg, heart_rate_low_bpm, heart_rate_high_bpm: alert outside these limits.
        days_between_alerts: fewest days between two alerts of one person.
        cost_per_day: equipment and service per person and day, in the experiment's currency.
    """

    desk: Identifier
    uptake: Share
    duration_days: Annotated[int, whole(1, 3653)]
    weight_gain_kg: Annotated[float, real(0.1, 20.0)]
    systolic_low_mmhg: Pressure
    systolic_high_mmhg: Pressure
    heart_rate_low_bpm: HeartRate
    heart_rate_high_bpm: HeartRate
    days_between_alerts: Annotated[int, whole(1, 365)]
    cost_per_day: Cost

    @model_validator(mode="after")
    def _limits_are_ordered(self) -> Self:
        for low, high in (("systolic_low_mmhg", "systolic_high_mmhg"), ("heart_rate_low_bpm", "heart_rate_high_bpm")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} = {getattr(self, low):g} must be below {high} ({getattr(self, high):g})")
        return self


class Strategy(Definition):
    """One way of caring for the cohort.

    Attributes:
        name: key in files, frames and folders.
        label: how tables call it.
        description: what is done.
        follow_up: contacts booked after every discharge.
        telemonitoring: the programme, or None.
        capacity: places, or slots a day, that replace the network's, by setting (for its reference population).
        cost_per_person: programme cost once at entry, in the experiment's currency.
    """

    name: Identifier
    label: Label = ""
    description: Text = ""
    follow_up: Annotated[tuple[FollowUp, ...], AS_TUPLE, Field(max_length=16)] = ()
    telemonitoring: Telemonitoring | None = None
    capacity: dict[Identifier, Annotated[int, whole(1, LARGEST_CAPACITY)]] = Field(default_factory=dict)
    cost_per_person: Cost = 0.0

    @property
    def title(self) -> str:
        """The label, or the name in words."""
        return self.label or self.name.replace("_", " ").capitalize()
