"""Parameter sets: named constants with value, unit and source, one TOML file per set in this folder.

[fluid_retention_per_gram_salt]
value = 0.1
unit = "L/g"
source = "author year, where it was read"     or  "assumption: the reasoning"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition, read_toml, validate
from popsim.errors import DefinitionError, did_you_mean

FOLDER = Path(__file__).parent
PARAMETER_SETS = ("heart_failure", "care_practice", "home_signals", "nhs_prices", "griffiths_2014")  # of the model


class Parameter(Definition):
    """A constant: `value` in `unit`, where it comes from, and the interval [low, high] that it may be set to."""

    value: float
    unit: str
    source: str = Field(min_length=8)
    low: float = float("-1e12")
    high: float = float("1e12")

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"value {self.value} must lie between {self.low} and {self.high}")
        return self


class ParameterSet(Mapping[str, float]):
    """Constants by name. `parameters["x"]` is the value, `parameters.of("x")` the whole record."""

    def __init__(self, name: str, records: Mapping[str, Parameter]) -> None:
        self.name, self._records = name, dict(records)

    def __getitem__(self, key: str) -> float:
        return self.of(key).value

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def of(self, key: str) -> Parameter:
        """The record: value, unit, source, bounds."""
        if key not in self._records:
            raise DefinitionError(self.name, key, None, f"unknown parameter, {did_you_mean(key, self._records)}")
        return self._records[key]

    def with_values(self, changes: Mapping[str, float], file: object = "parameters") -> ParameterSet:
        """A copy in which some values differ.

        Raises:
            DefinitionError: a name is unknown or a value is outside its bounds.
        """
        records = dict(self._records)
        for key, value in changes.items():
            table = self.of(key).model_dump() | {"value": value}
            try:
                records[key] = validate(table, Parameter, file)
            except DefinitionError as error:
                raise DefinitionError(file, f"{self.name}.{key}", value, error.allowed) from None
        return ParameterSet(self.name, records)

    def fill[T](self, kind: type[T]) -> T:
        """The NamedTuple that a kernel takes, each field filled with the parameter of that name."""
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        return kind(*(float(self[field]) for field in fields))


def load_parameters(name: str, folder: Path = FOLDER) -> ParameterSet:
    """Read `<folder>/<name>.toml`.

    Raises:
        DefinitionError: the file is missing or one of its records is refused.
    """
    path = folder / f"{name}.toml"
    records: dict[str, Any] = read_toml(path)
    parameters: dict[str, Parameter] = {}
    for key, table in records.items():
        if not isinstance(table, dict):
            raise DefinitionError(path, key, table, "must be a table with value, unit and source")
        try:
            parameters[key] = validate(table, Parameter, path)
        except DefinitionError as error:
            raise DefinitionError(path, f"{key}.{error.key}", error.value, error.allowed) from None
    return ParameterSet(name, parameters)
