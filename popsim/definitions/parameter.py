"""Parameters: in the file of their set, and as an experiment may change them."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from popsim.arguments import is_real
from popsim.definitions.base import Definition
from popsim.definitions.distributions import Uncertainty
from popsim.definitions.fields import MAX_VALUE, Number, Source, Unit, whole
from popsim.definitions.uncertainty import ParameterGroups

type PriceIndex = Literal["health", "consumer"]
type Provenance = Literal["read", "computed", "fitted", "defined", "assumed"]

PROVENANCES: tuple[Provenance, ...] = ("read", "computed", "fitted", "defined", "assumed")
BEGINNINGS: MappingProxyType[str, Provenance] = MappingProxyType(
    {"assumption": "assumed", "computed": "computed", "by definition": "defined"}
)  # of a source; any other source is a citation
# How the source of the uncertainty of a fitted parameter begins; the calibration's name follows.
FITTED = "calibration "
MONEY = re.compile(r"([A-Z]{3})(/|$)")  # a unit of money, or of money per something

MIN_PRICE_YEAR, MAX_PRICE_YEAR = 1950, 2100
PriceYear = Annotated[int, whole(MIN_PRICE_YEAR, MAX_PRICE_YEAR)]


class Parameter(Definition):
    """A constant.

    Attributes:
        value: in `unit`.
        unit: of value, bounds and uncertainty.
        source: a citation, "computed: from what", "by definition: of what", or "assumption: the reasoning".
        low, high: allowed interval; its uncertainty must lie within.
        uncertainty: distribution of the true value; without it the value is taken as certain.
        price_year: of a price, the year of its money; that of the file where absent.
        price_index: of a price, the index that brings it to another year; that of the file where absent.
    """

    value: Number
    unit: Unit
    source: Source
    low: Number = -MAX_VALUE
    high: Number = MAX_VALUE
    uncertainty: Uncertainty | None = None
    price_year: PriceYear | None = None
    price_index: PriceIndex | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"value {self.value} must lie between {self.low} and {self.high}")
        return self

    @property
    def currency(self) -> str | None:
        """Of a price, the currency in its unit."""
        found = MONEY.match(self.unit)
        return found[1] if found else None

    @property
    def provenance(self) -> Provenance:
        """Where the value comes from: a calibration, or what the beginning of its source says."""
        if self.uncertainty is not None and self.uncertainty.source.startswith(FITTED):
            return "fitted"
        return next((kind for start, kind in BEGINNINGS.items() if self.source.startswith(start)), "read")


class ParameterFile(Definition):
    """The file of a parameter set: a table for each parameter, by its name, and groups of jointly uncertain ones.

    Attributes:
        price_year, price_index: of the prices that do not say them.
        parameter_groups: jointly uncertain parameters.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Parameter] = Field(init=False)

    price_year: PriceYear | None = None
    price_index: PriceIndex = "health"
    parameter_groups: ParameterGroups = ()


class ParameterChange(Definition):
    """A table with which an experiment changes a parameter: missing keys stay as in the parameter's set."""

    value: Number | None = None
    uncertainty: Uncertainty | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_table(cls, table: Any) -> Any:
        if not isinstance(table, dict | ParameterChange):
            raise ValueError(f"must be a number up to {MAX_VALUE:g}, or a table with value, uncertainty or both")
        return table

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.value is None and self.uncertainty is None:
            raise ValueError("must have value, uncertainty or both")
        return self

    def given(self) -> dict[str, Any]:
        """The keys that are set."""
        return {key: said for key, said in dict(self).items() if said is not None}


def _number_or_table(value: Any) -> str:
    return "number" if is_real(value) and math.isfinite(value) and abs(value) <= MAX_VALUE else "ParameterChange"


ParameterEntry = Annotated[
    Annotated[Number, Tag("number")] | Annotated[ParameterChange, Tag("ParameterChange")],
    Discriminator(_number_or_table),
]
"""A number: the certain value. A table: value, uncertainty or both."""

type NestedEntries = dict[str, Number | ParameterChange | NestedEntries]
"""Forms of entries in a file: dotted names, or nested tables."""
