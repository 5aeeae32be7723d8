"""Durations of a stay, or of waiting before reneging, in files: mean and sd in days."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.distributions import MAX_WEIGHT, Listed
from popsim.definitions.fields import AS_TUPLE, check_moments, real

MAX_DAYS = 36_500.0
MIN_MEAN_DAYS = 1e-6

Days = Annotated[float, real(0.0, MAX_DAYS)]
MeanDays = Annotated[float, real(MIN_MEAN_DAYS, MAX_DAYS)]
DaysPair = Annotated[tuple[Days, Days], AS_TUPLE]


class Exponential(Definition):
    """Exponential duration with a mean in days."""

    distribution: Literal["exponential"]
    mean: MeanDays


class _MeanAndSd(Definition):
    mean: MeanDays
    sd: MeanDays

    @model_validator(mode="after")
    def _spread_within_reason(self) -> Self:
        if not 0.01 <= self.sd / self.mean <= 10.0:
            raise ValueError(f"sd = {self.sd:g} must be between 0.01 and 10 times the mean ({self.mean:g})")
        return self


class LognormalDuration(_MeanAndSd):
    """Lognormal duration; mean and sd of the duration itself, in days, after truncation to `bounds` if given."""

    distribution: Literal["lognormal"]
    bounds: DaysPair | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_moments(self.mean, self.sd, self.bounds)
        return self


class NormalDuration(_MeanAndSd):
    """Normal duration truncated to `bounds`, usually at 0; mean and sd in days are those after truncation."""

    distribution: Literal["normal"]
    bounds: DaysPair = (0.0, MAX_DAYS)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_moments(self.mean, self.sd, self.bounds)
        if self.sd >= self.mean - self.bounds[0]:
            raise ValueError(f"sd = {self.sd:g} must be below the mean above the lower bound, or no normal has it")
        return self


class GammaDuration(_MeanAndSd):
    """Gamma duration; mean and sd in days (shape = (mean/sd)^2)."""

    distribution: Literal["gamma"]


class UniformDuration(Definition):
    """Duration uniform between low and high, in days."""

    distribution: Literal["uniform"]
    low: Days
    high: Days

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"high = {self.high:g} must be at least low ({self.low:g})")
        return self

    @property
    def mean(self) -> float:
        """Mean in days."""
        return (self.low + self.high) / 2


class FixedDuration(Definition):
    """The same duration for all, in days."""

    distribution: Literal["fixed"]
    value: Days

    @property
    def mean(self) -> float:
        """Mean in days."""
        return self.value


class EmpiricalDuration(Listed):
    """A duration drawn from a list of days, with weights if given (else equally likely)."""

    distribution: Literal["empirical"]
    values: Annotated[tuple[Days, ...], AS_TUPLE, Field(min_length=1, max_length=10_000)]
    weights: Annotated[tuple[Annotated[float, real(0.0, MAX_WEIGHT)], ...], AS_TUPLE] = ()


class Forever(Definition):
    """A stay without an end of its own: it lasts until acute illness or death."""

    distribution: Literal["forever"]
    mean: ClassVar[None] = None


Duration = Annotated[
    Exponential
    | LognormalDuration
    | NormalDuration
    | GammaDuration
    | UniformDuration
    | FixedDuration
    | EmpiricalDuration
    | Forever,
    Field(discriminator="distribution"),
]
