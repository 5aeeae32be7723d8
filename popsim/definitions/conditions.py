"""Rules on the columns of a person: conditions that hold or not, and factors on a stay, odds or a hazard."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, PlainValidator, model_validator

from popsim.arguments import is_real
from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, real

MAX_NUMBER = 1e9


def _operand(value: object) -> float | str:
    """The value that `is` compares a column with: a number or a name."""
    if isinstance(value, str):
        return value
    if not is_real(value) or not abs(value) <= MAX_NUMBER:
        raise ValueError("must be a number or a name")
    return float(value)


Bound = Annotated[float, real(-MAX_NUMBER, MAX_NUMBER)]


class Condition(Definition):
    """A test of one column of the person: exactly one of `at_least`, `below` and `is` (here `equals`)."""

    model_config = ConfigDict(populate_by_name=True)

    column: Identifier
    at_least: Bound | None = None
    below: Bound | None = None
    equals: Annotated[float | str, PlainValidator(_operand, json_schema_input_type=float | str)] | None = Field(
        default=None, alias="is"
    )

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        given = sum(x is not None for x in (self.at_least, self.below, self.equals))
        if given != 1:
            raise ValueError(f"the condition on '{self.column}' must have exactly one of at_least, below, is")
        return self


Conditions = Annotated[tuple[Condition, ...], AS_TUPLE, Field(max_length=8)]


class ColumnFactor(Definition):
    """Multiplies a stay, the odds of a delay or a hazard by exp(log_change_per_unit x (column - reference))."""

    column: Identifier
    reference: Bound
    log_change_per_unit: Annotated[float, real(-10.0, 10.0)]


Factors = Annotated[tuple[ColumnFactor, ...], AS_TUPLE, Field(max_length=4)]
