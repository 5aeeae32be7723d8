"""What a cohort file may say: who the study population is, with a source for every number.

    name = "heart_failure_discharge"
    size = 10000
    life_table = "us_2019"
    [columns.age_years]
    distribution = "normal"
    mean = 80.7
    sd = 8.5
    bounds = [65.0, 103.0]
    unit = "years"
    source = "..."

Mean and sd are always those of the variable itself, so after truncation to `bounds`. The order of the columns numbers
their random streams: put new columns last and nobody's other values change.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Source, Text, real, whole

MAX_SIZE = 50_000_000
MAX_COLUMNS = 60
SUM_TOLERANCE = 1e-9


type Name = Identifier
type Number = Annotated[float, real(-1e12, 1e12)]
type Positive = Annotated[float, real(1e-9, 1e12)]
type Probability = Annotated[float, real(0, 1)]
type Pair = Annotated[tuple[Number, Number], AS_TUPLE]
type Numbers = Annotated[tuple[Number, ...], AS_TUPLE, Field(min_length=1, max_length=10_000)]
type Probabilities = Annotated[tuple[Probability, ...], AS_TUPLE, Field(min_length=1, max_length=10_000)]


class Marginal(Definition):
    """What all distributions of a column share: the `unit` of the numbers and where they come from."""

    unit: Label = "1"
    source: Source


class Fixed(Marginal):
    """The same value for everybody."""

    distribution: Literal["fixed"]
    value: Number


class Normal(Marginal):
    """Normal with this mean and sd; with `bounds`, truncated to them and still of this mean and sd."""

    distribution: Literal["normal"]
    mean: Number
    sd: Positive
    bounds: Pair | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        _check_moments(self.mean, self.sd, self.bounds)
        return self


class Lognormal(Marginal):
    """Lognormal; mean and sd are of the variable, not of its log, after truncation to `bounds` if given."""

    distribution: Literal["lognormal"]
    mean: Positive
    sd: Positive
    bounds: Pair | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        _check_moments(self.mean, self.sd, self.bounds)
        if self.bounds is not None and self.bounds[0] < 0:
            raise ValueError("bounds of a lognormal must not be negative")
        return self


class Uniform(Marginal):
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
    """One of `values` (rising, so that a correlation has a direction) with these probabilities, which sum to 1."""

    distribution: Literal["categorical"]
    values: Numbers
    probabilities: Probabilities

    @model_validator(mode="after")
    def _matched(self) -> Self:
        _check_rising(self.values, "values")
        if len(self.values) != len(self.probabilities):
            raise ValueError(f"{len(self.values)} values but {len(self.probabilities)} probabilities")
        _check_sum(self.probabilities, "probabilities")
        return self


class Empirical(Marginal):
    """One of the observed `values`, each as probable as the others; a value may occur several times."""

    distribution: Literal["empirical"]
    values: Numbers


class Quantiles(Marginal):
    """Published quantiles, straight lines between them: probability `at[i]` lies below `values[i]`; `at` runs 0..1."""

    distribution: Literal["quantiles"]
    at: Probabilities
    values: Numbers

    @model_validator(mode="after")
    def _matched(self) -> Self:
        if len(self.at) != len(self.values) or len(self.at) < 2:
            raise ValueError(f"{len(self.at)} probabilities in `at` but {len(self.values)} values: as many, at least 2")
        _check_rising(self.at, "at")
        _check_rising(self.values, "values")
        if self.at[0] != 0 or self.at[-1] != 1:
            raise ValueError("`at` must begin with 0 and end with 1")
        return self


class Stratum(Definition):
    """A part of a population: its share and a normal truncated to `bounds`, of this mean and sd."""

    share: Probability
    mean: Number
    sd: Positive
    bounds: Pair

    @model_validator(mode="after")
    def _inside(self) -> Self:
        _check_moments(self.mean, self.sd, self.bounds)
        return self


class Strata(Marginal):
    """A mixture of parts that lie side by side (phenotypes by range), in rising order; shares sum to 1."""

    distribution: Literal["strata"]
    parts: Annotated[tuple[Stratum, ...], AS_TUPLE, Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _side_by_side(self) -> Self:
        _check_sum(tuple(part.share for part in self.parts), "shares")
        for below, above in pairwise(self.parts):
            if below.bounds[1] > above.bounds[0]:
                raise ValueError(f"parts must not overlap: {list(below.bounds)} and {list(above.bounds)}")
        return self


class SameAs(Marginal):
    """The value of another column given or sampled in this cohort, for a state that starts at its set point."""

    distribution: Literal["same_as"]
    column: Name


type AnyMarginal = Annotated[
    Fixed | Normal | Lognormal | Uniform | Bernoulli | Categorical | Empirical | Quantiles | Strata | SameAs,
    Field(discriminator="distribution"),
]


class Correlation(Definition):
    """Correlation of two columns on the normal scale of the Gaussian copula."""

    a: Name
    b: Name
    value: Annotated[float, real(-0.999, 0.999)]
    source: Source


class Filter(Definition):
    """Keeps the rows of a table whose `column` fulfils the condition; exactly one condition."""

    column: Annotated[str, Field(min_length=1, max_length=200)]
    equals: float | str | None = None
    at_least: float | None = None
    below: float | None = None
    above_column: str | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if sum(value is not None for value in (self.equals, self.at_least, self.below, self.above_column)) != 1:
            raise ValueError("give exactly one of equals, at_least, below, above_column")
        return self


class TableColumn(Definition):
    """Where a column of the population is found in the table and how it is turned into popsim's unit and codes."""

    from_: Annotated[str, Field(alias="from", min_length=1, max_length=200)]
    unit: Label | None = None
    substance: Label | None = None
    formula: Literal["ckd_epi_2021", "weight_from_bmi", "usual_heart_rate", "usual_systolic"] | None = None
    codes: Annotated[dict[str, Number], Field(max_length=1000)] = Field(default_factory=dict)
    missing: Literal["refuse", "sample"] = "refuse"


class Table(Definition):
    """People from a table. `path` is relative to the cohort file, or inside the Python package `package`."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    package: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    format: Literal["csv", "parquet", "arff"]
    source: Source
    where: Annotated[tuple[Filter, ...], AS_TUPLE, Field(max_length=20)] = ()
    columns: Annotated[dict[Name, TableColumn], Field(min_length=1, max_length=MAX_COLUMNS)]

    @model_validator(mode="after")
    def _inside_package(self) -> Self:
        if self.package is not None and (self.path.startswith("/") or ".." in self.path.split("/")):
            raise ValueError("path inside a package must not be absolute or contain '..'")
        if "\0" in self.path:
            raise ValueError("path must not contain a zero character")
        return self


class CohortDefinition(Definition):
    """A study population: default size, life table, marginals, correlations, perhaps a table of people.

    A file may begin with `inherits`, the path of another cohort file relative to it: that file's keys stand unless this
    one has them, column by column and correlation by correlation. Own columns get their random streams after the
    inherited ones.
    """

    inherits: DefinitionPath | None = None
    name: Name
    label: Label = ""
    description: Text
    source: Source
    size: Annotated[int, whole(1, MAX_SIZE)]
    life_table: Name | None = None
    columns: Annotated[dict[Name, AnyMarginal], Field(max_length=MAX_COLUMNS)] = Field(default_factory=dict)
    correlations: Annotated[tuple[Correlation, ...], AS_TUPLE, Field(max_length=2000)] = ()
    table: Table | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.inherits is not None:
            return self  # what it says is whole only together with that file (population/cohort.py)
        if not self.columns and self.table is None:
            raise ValueError("give [columns] to sample, a [table] of people, or both")
        seen: set[frozenset[str]] = set()
        for pair in self.correlations:
            for name in (pair.a, pair.b):
                marginal = self.columns.get(name)
                if marginal is None:
                    raise ValueError(f"correlations: '{name}' is not one of the sampled columns of this cohort")
                if isinstance(marginal, Fixed | SameAs):
                    raise ValueError(f"correlations: '{name}' is {marginal.distribution}, it cannot be correlated")
            key = frozenset((pair.a, pair.b))
            if len(key) == 1 or key in seen:
                raise ValueError(
                    f"correlations: the pair '{pair.a}', '{pair.b}' is a column with itself or given twice"
                )
            seen.add(key)
        for name in self.table.columns if self.table else ():
            if (name in self.columns) != (self.table is not None and self.table.columns[name].missing == "sample"):
                raise ValueError(
                    f'table.columns.{name}: a marginal in [columns.{name}] goes with missing = "sample", '
                    "and only with it"
                )
        return self


def _check_moments(mean: float, sd: float, bounds: tuple[float, float] | None) -> None:
    """Refuse a mean or sd that no distribution between the bounds can have."""
    if bounds is None:
        return
    low, high = bounds
    if not low < mean < high:
        raise ValueError(f"mean {mean} must lie inside the bounds [{low}, {high}], low first")
    largest = ((mean - low) * (high - mean)) ** 0.5
    if sd >= largest:
        raise ValueError(f"sd {sd} is impossible: with this mean and these bounds it is below {largest:.6g}")


def _check_rising(values: tuple[float, ...], name: str) -> None:
    """Refuse values that do not rise strictly."""
    if any(above <= below for below, above in pairwise(values)):
        raise ValueError(f"{name} must rise strictly")


def _check_sum(shares: tuple[float, ...], name: str) -> None:
    """Refuse shares that do not sum to 1."""
    total = sum(shares)
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to 1, they sum to {total:.12g}")
