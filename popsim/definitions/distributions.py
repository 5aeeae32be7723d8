"""Distributions in files, by their use. Keys and meanings are shared; bounds depend on the use.

    *Marginal      of a column of the population: mean and sd are those of the variable itself, so after truncation
    *Duration      of a stay or of waiting before reneging: mean and sd in days (definitions/durations.py)
    Beta, ...      of a parameter: what its true value may be; the mean is its own value unless `mean` is given

    uncertainty = { distribution = "beta", standard_error = 0.02 }                by moments
    uncertainty = { distribution = "gamma", low = 89.48, high = 138.97 }           by an interval
    uncertainty = { distribution = "lognormal", meanlog = -0.2, sdlog = 0.05 }     natively

Sampling: `popsim.population.pieces` and `popsim.evidence.distributions`, both by one quantile function,
`popsim.kernels.numerics.distributions`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import (
    AS_TUPLE,
    MAX_VALUE,
    Identifier,
    Label,
    Number,
    Positive,
    Source,
    check_moments,
    check_rising,
    check_sum,
    check_weights,
    real,
)  # fmt: skip
from popsim.definitions.uncertainty import INTERVAL, MOMENTS, Beside, Uncertain, Ways

MAX_WEIGHT = 1e9
USUAL_COVERAGE = 0.95

Coverage = Annotated[float, real(0.01, 0.9999)]
Spread = Annotated[float, real(1e-9, MAX_VALUE)]
Probability = Annotated[float, real(0, 1)]
Pair = Annotated[tuple[Number, Number], AS_TUPLE]
Numbers = Annotated[tuple[Number, ...], AS_TUPLE, Field(min_length=1, max_length=10_000)]
Probabilities = Annotated[tuple[Probability, ...], AS_TUPLE, Field(min_length=1, max_length=10_000)]


class Marginal(Definition):
    """The common part of all distributions of a column: the `unit` of the numbers and their source."""

    unit: Label = "1"
    source: Source


class FixedMarginal(Marginal):
    """The same value for everybody."""

    distribution: Literal["fixed"]
    value: Number


class _Moments(Definition):
    """A distribution with this mean and sd, between `bounds` if there are any."""

    mean: Number
    sd: Spread
    bounds: Pair | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_moments(self.mean, self.sd, self.bounds)
        return self


class NormalMarginal(_Moments, Marginal):
    """Normal; with `bounds`, truncated to them. Mean and sd are those after truncation."""

    distribution: Literal["normal"]


class LognormalMarginal(_Moments, Marginal):
    """Lognormal; mean and sd are of the variable, not of its log, after truncation to `bounds` if given."""

    distribution: Literal["lognormal"]
    mean: Spread

    @model_validator(mode="after")
    def _above_zero(self) -> Self:
        if self.bounds is not None and self.bounds[0] < 0:
            raise ValueError("bounds of a lognormal must not be negative")
        return self


class UniformMarginal(Marginal):
    """Uniform between `low` and `high`."""

    distribution: Literal["uniform"]
    low: Number
    high: Number

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        return self


class Bernoulli(Marginal):
    """1 with this probability, else 0."""

    distribution: Literal["bernoulli"]
    probability: Probability


class Categorical(Marginal):
    """One of `values` (ascending, so that a correlation has a direction) with these probabilities, which sum to 1."""

    distribution: Literal["categorical"]
    values: Numbers
    probabilities: Probabilities

    @model_validator(mode="after")
    def _matched(self) -> Self:
        check_rising(self.values, "values")
        if len(self.values) != len(self.probabilities):
            raise ValueError(f"{len(self.values)} values but {len(self.probabilities)} probabilities")
        check_sum(self.probabilities, "probabilities")
        return self


class EmpiricalMarginal(Marginal):
    """One of the observed `values`, each as probable as the others; a value may occur several times."""

    distribution: Literal["empirical"]
    values: Numbers


class Quantiles(Marginal):
    """Published quantiles, interpolated linearly: a value is below `values[i]` with probability `at[i]`, 0 to 1."""

    distribution: Literal["quantiles"]
    at: Probabilities
    values: Numbers

    @model_validator(mode="after")
    def _matched(self) -> Self:
        if len(self.at) != len(self.values) or len(self.at) < 2:
            raise ValueError(f"{len(self.at)} probabilities in `at` but {len(self.values)} values: as many, at least 2")
        check_rising(self.at, "at")
        check_rising(self.values, "values")
        if self.at[0] != 0 or self.at[-1] != 1:
            raise ValueError("`at` must begin with 0 and end with 1")
        return self


class Stratum(_Moments):
    """A part of a population: its share, and a normal truncated to `bounds` with this mean and sd after truncation."""

    share: Probability
    bounds: Pair


class Strata(Marginal):
    """A mixture of adjacent parts (phenotypes by range), in ascending order; shares sum to 1."""

    distribution: Literal["strata"]
    parts: Annotated[tuple[Stratum, ...], AS_TUPLE, Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _side_by_side(self) -> Self:
        check_sum(tuple(part.share for part in self.parts), "shares")
        for below, above in pairwise(self.parts):
            if below.bounds[1] > above.bounds[0]:
                raise ValueError(f"parts must not overlap: {list(below.bounds)} and {list(above.bounds)}")
        return self


class SameAs(Marginal):
    """The value of another column of this cohort, for a state that starts at its set point."""

    distribution: Literal["same_as"]
    column: Identifier


type AnyMarginal = Annotated[
    FixedMarginal | NormalMarginal | LognormalMarginal | UniformMarginal | Bernoulli | Categorical | EmpiricalMarginal
    | Quantiles | Strata | SameAs,
    Field(discriminator="distribution"),
]  # fmt: skip


class Listed(Definition):
    """One of the `values`, with `weights` if given (else equally likely)."""

    values: Annotated[tuple[Number, ...], AS_TUPLE, Field(min_length=1, max_length=100_000)]
    weights: Annotated[tuple[Annotated[float, real(0.0, MAX_VALUE)], ...], AS_TUPLE] = ()

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        check_weights(self.weights, self.values)
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Probability of each value; they sum to 1."""
        weights = self.weights or (1.0,) * len(self.values)
        total = math.fsum(weights)
        return tuple(weight / total for weight in weights)

    @property
    def mean(self) -> float:
        """Expectation."""
        return math.fsum(value * share for value, share in zip(self.values, self.shares, strict=True))


class _WithMoments(Uncertain):
    """Distributions determined by a mean and a standard error, or by two ends."""

    mean: Number | None = None
    standard_error: Positive | None = None
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low = {self.low:g} must be below high ({self.high:g})")
        return self


class _WithInterval(_WithMoments):
    """Distributions whose two ends are an interval with a coverage probability."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL)

    coverage: Coverage = USUAL_COVERAGE


class Beta(_WithInterval):
    """Between 0 and 1: probabilities, shares, utilities. Natively `alpha`, `beta`."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("alpha", "beta"))

    distribution: Literal["beta"]
    alpha: Positive | None = None
    beta: Positive | None = None


class Gamma(_WithInterval):
    """Above 0: costs, times. Natively `shape`, `scale` (mean = shape x scale)."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("shape", "scale"))

    distribution: Literal["gamma"]
    shape: Positive | None = None
    scale: Positive | None = None


class Lognormal(_WithInterval):
    """Above 0: ratios, costs, rates. Natively `meanlog`, `sdlog`, mean and sd of the natural logarithm."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("meanlog", "sdlog"))

    distribution: Literal["lognormal"]
    meanlog: Number | None = None
    sdlog: Positive | None = None


class Normal(_WithInterval):
    """Anywhere: differences, coefficients."""

    distribution: Literal["normal"]


class Uniform(_WithMoments):
    """Uniform between `low` and `high`, its whole range; or by mean and standard error."""

    WAYS: ClassVar[Ways] = (INTERVAL, MOMENTS)
    BESIDE: ClassVar[Beside] = {MOMENTS: ("mean",)}

    distribution: Literal["uniform"]


class Empirical(Listed, Uncertain):
    """One of the listed `values` (a bootstrap sample, a posterior), with `weights` if given, else equally likely."""

    distribution: Literal["empirical"]


class Fixed(Uncertain):
    """Known for certain: the parameter's value."""

    distribution: Literal["fixed"]


Uncertainty = Annotated[
    Beta | Gamma | Lognormal | Normal | Uniform | Empirical | Fixed, Field(discriminator="distribution")
]
