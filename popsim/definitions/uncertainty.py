"""Uncertainty in files: exactly one of the forms that a distribution allows, for one parameter or several jointly.

A group names jointly uncertain parameters, in the file of their set or in the experiment:

    [[parameter_groups]]
    distribution = "correlated"
    parameters = ["griffiths_2014.utility_nyha_1", "griffiths_2014.utility_nyha_2"]
    correlation = [[1.0, 0.5], [0.5, 1.0]]

Distributions of single parameters: `popsim.definitions.distributions`. The exact meaning of the numbers, and how an
interval determines a distribution: `popsim.evidence.distributions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Label, Number, Positive, Text, real

MAX_TOGETHER = 200
MAX_NAME_LENGTH = 100

Concentration = Annotated[float, real(0.1, 1e9)]  # smaller ones would underflow: shares of 0 / 0
Row = Annotated[tuple[Number, ...], AS_TUPLE]
Matrix = Annotated[tuple[Row, ...], AS_TUPLE]
DottedName = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
Names = Annotated[tuple[DottedName, ...], AS_TUPLE, Field(min_length=2, max_length=MAX_TOGETHER)]

type Ways = tuple[tuple[str, ...], ...]
type Beside = dict[tuple[str, ...], tuple[str, ...]]

MOMENTS = ("standard_error",)
INTERVAL = ("low", "high")


class Uncertain(Definition):
    """The common part: `source` of the uncertainty, if it differs from the value's, and one way to give it.

    `WAYS` are the sets of keys that determine the distribution; the keys of `BESIDE` are optional with each.
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
        return ", ".join(way) + (f" (with {', '.join(beside)} if needed)" if beside else "")


class _Group(Uncertain):
    """Jointly uncertain parameters, by name ("set.parameter"; within a set's file "parameter")."""

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
    """Shares that sum to one, by `concentrations` or `sample_size` (concentrations: sample_size times the values)."""

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
    """Parameters with their own distributions and a Gaussian copula with this correlation (on the normal scale)."""

    distribution: Literal["correlated"]
    correlation: Matrix

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._correlations(self.correlation)
        return self


ParameterGroup = Annotated[Dirichlet | MultivariateNormal | Correlated, Field(discriminator="distribution")]
InformationGroups = dict[
    Label, Annotated[tuple[DottedName, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_TOGETHER)]
]
"""Parameters that one study would inform together, by a name for the group."""
ParameterGroups = Annotated[tuple[ParameterGroup, ...], AS_TUPLE, Field(max_length=100)]
