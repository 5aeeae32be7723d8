"""Targets: published figures that a simulation is compared with, each with its error, its source and its use.

A target is fitted (`calibrate`) or only compared (`validate`), never both; a figure of a baseline table (`baseline`)
only determines how severely ill the study's people are. It names a quantity (calibration/quantities.py) and that
quantity's arguments: a time horizon, causes, an endpoint, an arm, groups.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.conditions import Conditions
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Source, Text, real, whole
from popsim.statistics import Z_95

Scale = Literal["logit", "log", "identity"]
# Person-years in the denominator of a rate, by unit.
PERSON_YEARS_OF_UNIT = {
    "per 100 person-years": 100.0, "per 1000 person-years": 1000.0, "per person-year": 1.0,
    "per 100 person-months": 100.0 / 12.0,
}  # fmt: skip
ROUNDING = 0.05  # by which a printed value may differ from that of its numbers
# The scale on which errors are nearly normal, by unit; the natural scale for any other unit.
SCALE_OF_UNIT: dict[str, Scale] = {
    "proportion": "logit",
    **dict.fromkeys(("ratio", *PERSON_YEARS_OF_UNIT, "per person", "per 100 persons", "days", "years"), "log"),
}
BASELINE_QUANTITY = "baseline_"  # names of quantities of the baseline table begin with it
Number = Annotated[float, real(-1e9, 1e9)]
Names = Annotated[tuple[Identifier, ...], AS_TUPLE]
Stratum = Annotated[tuple[Identifier, ...], AS_TUPLE, Field(max_length=8)]


class Target(Definition):
    """One published figure. Its error is given by exactly one of low and high, standard_error, size, events.

    Attributes:
        name: key, unique among all targets of a validation.
        quantity: see calibration/quantities.py.
        value: as published; proportions between 0 and 1. It may be left out where `events` with `size` (a proportion)
            or with `person_years` (a rate) give it.
        low, high: 95% interval.
        standard_error: on the natural scale.
        size: people of whom `value` is a proportion (binomial error).
        events: number behind a rate or a proportion (Poisson error of a rate).
        person_years: in which the events of a rate occurred.
        unit: "proportion", "ratio", "days", "years", "per 100 person-years" or another unit of the quantity.
        use: "calibrate": may be fitted; "validate": never fitted; "baseline": only determines the severity of
            the people; "context": shown only, its source is too weak.
        study: that published it, when the file has figures of several; figures of one study differ from the model
            together.
        stratum: labels of the people by which results are counted; the file's when absent.
        days: time horizon since entry, or since the discharge for quantities after a discharge.
        from_day: first day on which events count; those without an event before are at risk from then on.
        by_day: day of a distribution over the days until `days`.
        times: number of admissions that a person must have at least.
        causes, destinations, deaths: causes of admission, destinations and causes of death that count; for causes and
            destinations all when empty.
        index_causes: causes of the stays after whose discharge days count; the discharge at entry when empty.
        endpoint, arm: of trials; `arm` is a strategy, the comparator when empty; contrasts are against the comparator.
        contrast: the difference, ratio or odds ratio of the quantity in the arm against the comparator's.
        group, reference_group: conditions on persons' baseline; a contrast then compares people of the same arm: those
            of the group against those of the reference group, all others when it is empty.
        column, per, transform, adjusted_for: of a gradient or a baseline figure: the column at entry, the number of its
            units, its logarithm instead (`log`, or `log2` for a doubling), and further columns of the regression.
        where: conditions on persons' baseline, or on `index_destination`, where they went after the stay of entry.
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
    person_years: Annotated[float, real(1e-3, 1e12)] | None = None
    unit: Label
    use: Literal["calibrate", "validate", "baseline", "context"]
    study: Identifier | Literal[""] = ""
    stratum: Stratum = ()
    days: Annotated[int, whole(1, 36_525)] | None = None
    from_day: Annotated[int, whole(0, 36_525)] = 0
    by_day: Annotated[int, whole(0, 36_525)] | None = None
    times: Annotated[int, whole(1, 1000)] = 1
    causes: Names = ()
    destinations: Names = ()
    deaths: Names = ()
    index_causes: Names = ()
    endpoint: Label | None = None
    arm: str = ""
    contrast: Literal["difference", "ratio", "odds_ratio"] | None = None
    group: Conditions = ()
    reference_group: Conditions = ()
    column: Identifier | None = None
    per: Annotated[float, real(-1e6, 1e6)] = 1.0
    transform: Literal["log", "log2"] | None = None
    adjusted_for: Names = ()
    where: Conditions = ()
    population: Text = ""
    source: Source
    provenance: Literal["seen", "computed", "recalled"]
    note: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _value_of_numbers(cls, said: object) -> object:
        """Work out the value from its numbers where it is left out."""
        if not isinstance(said, dict) or said.get("value") is not None:
            return said
        value = _from_numbers(*(said.get(key) for key in ("events", "size", "person_years", "unit")))
        if value is None:
            raise ValueError("value: must be given, or events with size (a proportion) or with person_years (a rate)")
        return said | {"value": value}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        of_numbers = _from_numbers(self.events, self.size, self.person_years, self.unit)
        counted = self.size or self.events
        given = [self.low is not None or self.high is not None, self.standard_error, counted]
        if sum(bool(one) for one in given) != 1 or (self.low is None) != (self.high is None):
            raise ValueError("its error must be given by exactly one of low and high, standard_error, size, events")
        if of_numbers is None and (self.person_years is not None or (self.size and self.events)):
            raise ValueError("events: goes with size for a proportion, with person_years for a rate per person-time")
        if of_numbers is not None and abs(self.value - of_numbers) > ROUNDING * of_numbers:
            raise ValueError(f"value = {self.value:g}: its numbers give {of_numbers:.4g}")
        if self.by_day is not None and self.days is not None and self.by_day >= self.days:
            raise ValueError(f"by_day = {self.by_day} must be below days ({self.days})")
        if self.days is not None and self.from_day >= self.days:
            raise ValueError(f"from_day = {self.from_day} must be below days ({self.days})")
        if self.reference_group and not self.group:
            raise ValueError("reference_group: only goes with group")
        if self.contrast in ("ratio", "odds_ratio") and self.unit != "ratio":
            raise ValueError(f"unit = '{self.unit}': must be 'ratio' with contrast = '{self.contrast}'")
        if self.low is not None and self.high is not None and not self.low < self.value < self.high:
            raise ValueError(f"value = {self.value:g} must lie between low ({self.low:g}) and high ({self.high:g})")
        if self.scale == "logit" and not 0.0 < self.value < 1.0:
            raise ValueError(f"value = {self.value:g}: a proportion must be above 0 and below 1")
        if self.scale == "log" and (self.value <= 0.0 or (self.low is not None and self.low <= 0.0)):
            raise ValueError(f"value = {self.value:g}: a figure in '{self.unit}' and its interval must be above 0")
        if self.size is not None and self.scale != "logit":
            raise ValueError(f"size = {self.size}: only goes with unit = 'proportion'")
        if self.use == "baseline" and not self.quantity.startswith(BASELINE_QUANTITY):
            raise ValueError(
                f"quantity = '{self.quantity}': only a figure of the baseline table goes with use = 'baseline'"
            )
        if self.provenance == "recalled" and self.use != "context":
            raise ValueError("use: what is only recalled must be context")
        return self

    @property
    def scale(self) -> Scale:
        """The scale on which its error is assumed normal; differences may be negative."""
        return "identity" if self.contrast == "difference" else SCALE_OF_UNIT.get(self.unit, "identity")

    @property
    def error_on_scale(self) -> float:
        """Standard error on its scale."""
        if self.low is not None and self.high is not None:
            return (on_scale(self.high, self.scale) - on_scale(self.low, self.scale)) / (2.0 * Z_95)
        if self.scale == "logit" and (people := self.size or (self.events or 0.0) / self.value):
            return 1.0 / math.sqrt(people * self.value * (1.0 - self.value))
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
        cohort: file of the people, relative to this file; the experiment's when absent.
        follow_up_days, population, replications: instead of the experiment's, for these figures.
        targets: the figures.
    """

    name: Identifier
    title: Label = ""
    experiment: DefinitionPath
    strategy: str = ""
    stratum: Stratum = ()
    cohort: DefinitionPath | None = None
    follow_up_days: Annotated[int, whole(1, 3653)] | None = None
    population: Annotated[int, whole(1, 1_000_000)] | None = None
    replications: Annotated[int, whole(1, 1000)] | None = None
    targets: Targets


def _from_numbers(events: Any, size: Any, person_years: Any, unit: Any) -> float | None:
    """The value of a proportion or a rate from its numbers; None where they do not give it."""
    if not all(isinstance(number, int | float | None) for number in (events, size, person_years)) or not events:
        return None
    if unit == "proportion" and size and person_years is None:
        return float(events / size)
    if unit in PERSON_YEARS_OF_UNIT and person_years and size is None:
        return float(events / person_years * PERSON_YEARS_OF_UNIT[unit])
    return None


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
