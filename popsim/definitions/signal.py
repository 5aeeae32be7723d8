"""Signals: what devices, laboratories and clinicians observe of a person's true state, with measurement error.

A reading is truth x (1 + noise_share x z) + noise_sd x z + bias_sd x b + drift, with z new for every reading and b
constant for a person. Bedside readings are taken on demand; laboratory samples are taken by schedule, known after a
delay, and become outdated between samples.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.codes import has_check_digit
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Source, real, whole

Device = Literal[
    "scale", "cuff", "wearable", "pressure_sensor", "laboratory", "echo", "questionnaire", "clinical_judgement"
]
Size = Annotated[float, real(0.0, 1e4)]
Share = Annotated[float, real(0.0, 1.0)]


class Signal(Definition):
    """One observed quantity.

    Attributes:
        measures: column of the true state.
        stored: column of the last result, for signals with a schedule of their own.
        device: what measures it.
        noise_sd, noise_share: of a single reading, in the column's unit and as a share of the value.
        bias_sd: lasting bias between persons (or their devices).
        drift_per_day: of the device since it was last adjusted, in the column's unit; `adjusted_every_days`.
        error: of a class variable: probability that a reading is one class too high or too low.
        interval_days: between samples of those who are not in hospital (there: every day); `delay_days` to the result.
        missed: share of samples that are not taken; times 1 + `missed_more_in_lapse` x lapse of adherence and
            1 + `missed_more_when_frail` x frailty.
        loinc: code of the measurement; unit: of the column, UCUM.
        source: of the errors.
    """

    measures: Identifier
    stored: Identifier | None = None
    device: Device
    noise_sd: Size = 0.0
    noise_share: Share = 0.0
    bias_sd: Size = 0.0
    drift_per_day: Annotated[float, real(-10.0, 10.0)] = 0.0
    adjusted_every_days: Annotated[int, whole(1, 3653)] = 365
    error: Share = 0.0
    interval_days: Annotated[int, whole(1, 365)] | None = None
    delay_days: Annotated[int, whole(0, 30)] = 0
    missed: Share = 0.0
    missed_more_in_lapse: Annotated[float, real(0.0, 20.0)] = 0.0
    missed_more_when_frail: Annotated[float, real(0.0, 20.0)] = 0.0
    loinc: Label = ""
    unit: Label
    source: Source

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        if (self.stored is None) != (self.interval_days is None):
            raise ValueError(f"the signal of {self.measures} must have both of stored and interval_days, or neither")
        if self.interval_days is not None and self.delay_days >= self.interval_days:
            raise ValueError(f"delay_days = {self.delay_days} must be below interval_days ({self.interval_days})")
        if self.loinc and not has_check_digit(self.loinc):
            raise ValueError(f"loinc = '{self.loinc}': is not a LOINC code (wrong check digit)")
        return self


class SignalFile(Definition):
    """All signals of a population."""

    signals: Annotated[tuple[Signal, ...], AS_TUPLE, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [signal.measures for signal in self.signals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"signals: '{twice[0]}' is measured twice")
        return self
