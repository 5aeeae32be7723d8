"""Targets: published figures that a simulation is compared with, each with its error, its source and its use.

A target is fitted (`calibrate`) or only compared (`validate`), never both; a figure of a baseline table (`baseline`)
only determines how severely ill the study's people are. It names a quantity
(calibration/quantities.py) and that quantity's arguments: a time horizon, causes, an endpoint, an arm.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Source, Text, real, whole
from popsim.definitions.network import Conditions
from popsim.statistics import Z_95

Scale = Literal["logit", "log", "identity"]
Endpoint = Literal[
    "death",
    "cardiovascular_death",
    "hospitalisation",
    "heart_failure_hospitalisation",
    "cardiovascular_death_or_heart_failure_hospitalisation",
    "death_or_heart_failure_hospitalisation",
    "death_or_hospitalisation",
    "infarction",
    "stroke",
    "bleeding",
]
# The scale on which errors are nearly normal, by unit; the natural scale for any other unit.
SCALE_OF_UNIT: dict[str, Scale] = {
    "proportion": "logit",
    "ratio": "log",
    "per 100 person-years": "log",
    "days": "log",
    "years": "log",
}


Number = Annotated[float, real(-1e9, 1e9)]
Stratum = Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=8)]


class Target(Definition):
    """One published figure. Its error is given by exactly one of low and high, standard_error, size, events.

    Attributes:
        name: key, unique among all targets of a validation.
        quantity: see calibration/quantities.py.
        value: as published; proportions between 0 and 1.
        low, high: 95% interval.
        standard_error: on the natural scale.
        size: people of whom `value` is a proportion (binomial error).
        events: number behind a rate (Poisson error).
        unit: "proportion", "ratio", "per 100 person-years", "days", "years" or any other.
        use: "calibrate": may be fitted; "validate": never fitted; "baseline": only determines the severity of
            the people; "context": shown only, its source is too weak.
        study: that published it, when the file has figures of several; figures of one study differ from the model
            together.
        stratum: labels of the people by which results are counted; the file's when absent.
        days: time horizon since entry, for quantities that have one.
        causes, destinations: those that count, for quantities that need them; all when empty.
        endpoint, arm: of trials; `arm` is a strategy, the comparator when empty; contrasts are against the comparator.
        where: conditions on persons' baseline.
        column: of the baseline, for quantities that are a median or a mean of it.
        group: conditions on the baseline, for the share of people who meet them.
        population, source, provenance, note: the people, where the figure was read (`seen`), worked out (`computed`) or
            remembered (`recalled`), and caveats.
    """

    name: Identifier
    quantity: Identifier
    value: Number
    low: Number | None = None
    high: Number | None = None
    standard_error: Annotated[float, real(1e-9, 1e9)] | None = None
    size: Annotated[int, whole(2, 1_000_000_000)] | None = None
    events: Annotated[float, real(1.0, 1e9)] | None = None
    unit: Label
    use: Literal["calibrate", "validate", "baseline", "context"]
    study: Identifier | Literal[""] = ""
    stratum: Stratum = ()
    days: Annotated[int, whole(1, 36_525)] | None = None
    causes: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()
    destinations: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()
    endpoint: Endpoint | None = None
    arm: str = ""
    where: Conditions = ()
    group: Conditions = ()
    column: Identifier | None = None
    population: Text = ""
    source: Source
    provenance: Literal["seen", "computed", "recalled"]
    note: Text = ""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        given = [self.low is not None or self.high is not None, self.standard_error, self.size, self.events]
        if sum(bool(one) for one in given) != 1 or (self.low is None) != (self.high is None):
            raise ValueError("its error must be given by exactly one of low and high, standard_error, size, events")
        if self.low is not None and self.high is not None and not self.low < self.value < self.high:
            raise ValueError(f"value = {self.value:g} must lie between low ({self.low:g}) and high ({self.high:g})")
        if self.scale == "logit" and not 0.0 < self.value < 1.0:
            raise ValueError(f"value = {self.value:g}: a proportion must be above 0 and below 1")
        if self.scale == "log" and (self.value <= 0.0 or (self.low is not None and self.low <= 0.0)):
            raise ValueError(f"value = {self.value:g}: a figure in '{self.unit}' and its interval must be above 0")
        if self.size is not None and self.scale != "logit":
            raise ValueError(f"size = {self.size}: only goes with a proportion")
        if self.use == "baseline" and not (self.quantity.startswith("baseline_") or self.quantity == "share_at_entry"):
            raise ValueError(
                f"quantity = '{self.quantity}': only a figure of the baseline table goes with use = 'baseline'"
            )
        if self.provenance == "recalled" and self.use != "context":
            raise ValueError("use: what is only recalled must be context")
        return self

    @property
    def scale(self) -> Scale:
        """The scale on which its error is assumed normal."""
        return SCALE_OF_UNIT.get(self.unit, "identity")

    @property
    def error_on_scale(self) -> float:
        """Standard error on its scale."""
        if self.low is not None and self.high is not None:
            return (on_scale(self.high, self.scale) - on_scale(self.low, self.scale)) / (2.0 * Z_95)
        if self.size is not None:
            return 1.0 / math.sqrt(self.size * self.value * (1.0 - self.value))
        if self.events is not None:
            return 1.0 / math.sqrt(self.events) if self.scale == "log" else self.value / math.sqrt(self.events)
        return error_on_scale(self.standard_error or 0.0, self.value, self.scale)

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval on the natural scale."""
        middle, half = on_scale(self.value, self.scale), Z_95 * self.error_on_scale
        return off_scale(middle - half, self.scale), off_scale(middle + half, self.scale)


Targets = Annotated[tuple[Target, ...], AS_TUPLE, Field(max_length=200)]


class TargetFile(Definition):
    """Figures of one population that an experiment simulates.

    Attributes:
        name, title: of the file.
        experiment: file of the experiment with this population, relative to this file.
        strategy: under which they are simulated; the experiment's comparator when empty.
        stratum: labels of the people ("reduced", "mild", "outpatient", ...) by which results are counted.
        follow_up_days, population, replications: instead of the experiment's, for these figures.
        targets: the figures.
    """

    name: Identifier
    title: Label = ""
    experiment: DefinitionPath
    strategy: str = ""
    stratum: Stratum = ()
    follow_up_days: Annotated[int, whole(1, 3653)] | None = None
    population: Annotated[int, whole(1, 1_000_000)] | None = None
    replications: Annotated[int, whole(1, 1000)] | None = None
    targets: Targets


def on_scale(value: float, scale: Scale) -> float:
    """A figure on the scale of its errors."""
    if scale == "logit":
        return math.log(value / (1.0 - value))
    return math.log(value) if scale == "log" else value


def off_scale(value: float, scale: Scale) -> float:
    """The figure itself."""
    if scale == "logit":
        return 1.0 / (1.0 + math.exp(-value))
    return math.exp(value) if scale == "log" else value


def error_on_scale(standard_error: float, value: float, scale: Scale) -> float:
    """A standard error on the scale, by the derivative at the figure."""
    if scale == "logit":
        return standard_error / (value * (1.0 - value))
    return standard_error / value if scale == "log" else standard_error
