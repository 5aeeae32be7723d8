"""How uncertain a parameter is: the distribution of what its true value may be, as a file says it.

    uncertainty = { distribution = "beta", standard_error = 0.02 }                by moments
    uncertainty = { distribution = "gamma", low = 89.48, high = 138.97 }           by an interval
    uncertainty = { distribution = "lognormal", meanlog = -0.2, sdlog = 0.05 }     natively

The mean is the parameter's own value unless `mean` is given. Exactly one of the ways that a distribution lists may be
used. Parameters that are uncertain together are named by a group, in the file of their set or in the experiment:

    [[parameter_groups]]
    distribution = "correlated"
    parameters = ["griffiths_2014.utility_nyha_1", "griffiths_2014.utility_nyha_2"]
    correlation = [[1.0, 0.5], [0.5, 1.0]]

What the numbers mean exactly, and how an interval is turned into a distribution: `popsim.evidence.distributions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Text, check_weights, real

LARGEST = 1e12
USUAL_COVERAGE = 0.95
MAX_TOGETHER = 200
MAX_NAME_LENGTH = 100

Number = Annotated[float, real(-LARGEST, LARGEST)]
Positive = Annotated[float, real(1e-12, LARGEST)]
Coverage = Annotated[float, real(0.01, 0.9999)]
Concentration = Annotated[float, real(0.1, 1e9)]  # smaller ones would underflow: shares of 0 / 0
Row = Annotated[tuple[Number, ...], AS_TUPLE]
Matrix = Annotated[tuple[Row, ...], AS_TUPLE]
DottedName = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
Names = Annotated[tuple[DottedName, ...], AS_TUPLE, Field(min_length=2, max_length=MAX_TOGETHER)]

type Ways = tuple[tuple[str, ...], ...]
type Beside = dict[tuple[str, ...], tuple[str, ...]]

MOMENTS = ("standard_error",)
INTERVAL = ("low", "high")


class _Uncertain(Definition):
    """What all have in common: `source` of the uncertainty, where it differs from the value's, and one way to give it.

    `WAYS` are the sets of keys that say everything; with each the keys of `BESIDE` may be given, or nothing.
    """

    WAYS: ClassVar[Ways] = ()
    BESIDE: ClassVar[Beside] = {MOMENTS: ("mean",), INTERVAL: ("mean", "coverage")}

    source: Text = ""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        keys = {key for way in self.WAYS for key in (*way, *self.BESIDE.get(way, ()))}
        given = {key for key in keys if getattr(self, key) != type(self).model_fields[key].default}
        if self.WAYS and not any({*way} <= given <= {*way, *self.BESIDE.get(way, ())} for way in self.WAYS):
            listed = "; or ".join(self._way_in_words(way) for way in self.WAYS)
            shown = ", ".join(sorted(given)) or "none of them"
            kind = str(getattr(self, "distribution", "")).replace("_", " ")
            raise ValueError(f"a {kind} is given by {listed}; here: {shown}")
        return self

    def _way_in_words(self, way: tuple[str, ...]) -> str:
        beside = self.BESIDE.get(way, ())
        return ", ".join(way) + (f" (with {', '.join(beside)} if wanted)" if beside else "")


class _WithMean(_Uncertain):
    """Distributions that a mean and a standard error or an interval can determine."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL)

    mean: Number | None = None
    standard_error: Positive | None = None
    low: Number | None = None
    high: Number | None = None
    coverage: Coverage = USUAL_COVERAGE

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low = {self.low:g} must be below high ({self.high:g})")
        return self


class Beta(_WithMean):
    """Between 0 and 1: probabilities, shares, utilities. Natively `alpha`, `beta`."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("alpha", "beta"))

    distribution: Literal["beta"]
    alpha: Positive | None = None
    beta: Positive | None = None


class Gamma(_WithMean):
    """Above 0: costs, times. Natively `shape`, `scale` (mean = shape x scale)."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("shape", "scale"))

    distribution: Literal["gamma"]
    shape: Positive | None = None
    scale: Positive | None = None


class Lognormal(_WithMean):
    """Above 0: ratios, costs, rates. Natively `meanlog`, `sdlog`, mean and sd of the natural logarithm."""

    WAYS: ClassVar[Ways] = (MOMENTS, INTERVAL, ("meanlog", "sdlog"))

    distribution: Literal["lognormal"]
    meanlog: Number | None = None
    sdlog: Positive | None = None


class Normal(_WithMean):
    """Anywhere: differences, coefficients."""

    distribution: Literal["normal"]


class Uniform(_Uncertain):
    """Anywhere between its ends `low` and `high`, which are the whole range; or by mean and standard error."""

    WAYS: ClassVar[Ways] = (INTERVAL, MOMENTS)
    BESIDE: ClassVar[Beside] = {MOMENTS: ("mean",)}

    distribution: Literal["uniform"]
    mean: Number | None = None
    standard_error: Positive | None = None
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low = {self.low:g} must be below high ({self.high:g})")
        return self


class Empirical(_Uncertain):
    """One of the listed `values` (a bootstrap sample, a posterior), with `weights` if given, else all alike."""

    distribution: Literal["empirical"]
    values: Annotated[tuple[Number, ...], AS_TUPLE, Field(min_length=1, max_length=100_000)]
    weights: Annotated[tuple[Annotated[float, real(0.0, LARGEST)], ...], AS_TUPLE] = ()

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        check_weights(self.weights, self.values)
        return self


class Fixed(_Uncertain):
    """Known for certain: the parameter's value."""

    distribution: Literal["fixed"]


Uncertainty = Annotated[
    Beta | Gamma | Lognormal | Normal | Uniform | Empirical | Fixed, Field(discriminator="distribution")
]


class _Group(_Uncertain):
    """Parameters that are uncertain together, by name ("set.parameter"; within a set's file "parameter")."""

    BESIDE: ClassVar[Beside] = {}

    parameters: Names

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = sorted({name for name in self.parameters if self.parameters.count(name) > 1})
        if twice:
            raise ValueError(f"parameters: '{twice[0]}' is named twice")
        return self

    def _one_for_each(self, key: str, values: Sequence[object] | None) -> None:
        if values is not None and len(values) != len(self.parameters):
            raise ValueError(f"{key}: {len(values)} for {len(self.parameters)} parameters, must be one for each")

    def _symmetric(self, key: str, matrix: Matrix | None) -> None:
        """Refuse a matrix that is not square, of the group's size and symmetric."""
        size = len(self.parameters)
        if matrix is None:
            return
        if len(matrix) != size or any(len(row) != size for row in matrix):
            raise ValueError(f"{key}: must have {size} rows of {size} numbers, as many as parameters")
        for i in range(size):
            for j in range(i):
                if matrix[i][j] != matrix[j][i]:
                    raise ValueError(
                        f"{key}: must be symmetric, row {i + 1} column {j + 1} is {matrix[i][j]:g} but row {j + 1} "
                        f"column {i + 1} is {matrix[j][i]:g}"
                    )

    def _correlations(self, matrix: Matrix | None) -> None:
        self._symmetric("correlation", matrix)
        for i, row in enumerate(matrix or ()):
            if row[i] != 1.0 or any(abs(value) > 1.0 for value in row):
                raise ValueError("correlation: must be 1 on the diagonal and between -1 and 1 elsewhere")


class Dirichlet(_Group):
    """Shares that sum to one. By `concentrations`, or by `sample_size`: the values of the parameters times it."""

    WAYS: ClassVar[Ways] = (("concentrations",), ("sample_size",))

    distribution: Literal["dirichlet"]
    concentrations: Annotated[tuple[Concentration, ...], AS_TUPLE] | None = None
    sample_size: Positive | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._one_for_each("concentrations", self.concentrations)
        return self


class MultivariateNormal(_Group):
    """Jointly normal about the parameters' values, by standard errors and correlation, or by `covariance`."""

    WAYS: ClassVar[Ways] = (("standard_errors", "correlation"), ("covariance",))

    distribution: Literal["multivariate_normal"]
    standard_errors: Annotated[tuple[Positive, ...], AS_TUPLE] | None = None
    correlation: Matrix | None = None
    covariance: Matrix | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._one_for_each("standard_errors", self.standard_errors)
        self._correlations(self.correlation)
        self._symmetric("covariance", self.covariance)
        if any(row[i] <= 0.0 for i, row in enumerate(self.covariance or ())):
            raise ValueError("covariance: the variances on the diagonal must be above 0")
        return self


class Correlated(_Group):
    """Each with its own distribution, joined by a Gaussian copula with this correlation (on the normal scale)."""

    distribution: Literal["correlated"]
    correlation: Matrix

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._correlations(self.correlation)
        return self


ParameterGroup = Annotated[Dirichlet | MultivariateNormal | Correlated, Field(discriminator="distribution")]
ParameterGroups = Annotated[tuple[ParameterGroup, ...], AS_TUPLE, Field(max_length=100)]
