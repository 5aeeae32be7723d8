"""Parameter sets: named constants with value, unit and source, one TOML file per set in this folder.

[fluid_retention_per_gram_salt]
value = 0.1
unit = "L/g"
source = "author year, where it was read"     or  "assumption: the reasoning"
low = 0.0                                     where the value must be bounded
high = 1.0
price_year = 2023                             of a price; at the head of the file: of all that do not say it
uncertainty = { distribution = "beta", standard_error = 0.02 }     see popsim.definitions.distributions

[[parameter_groups]]                          for parameters of this set that are uncertain together
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from popsim.definitions.base import read_toml, validate
from popsim.definitions.distributions import Fixed
from popsim.definitions.parameter import Parameter, ParameterChange, ParameterFile
from popsim.definitions.uncertainty import ParameterGroup
from popsim.errors import DefinitionError, did_you_mean
from popsim.html import html_table

FOLDER = Path(__file__).parent


class ParameterSet(Mapping[str, float]):
    """Constants by name. `parameters["x"]` is the value, `parameters.of("x")` the whole record.

    `groups` are groups of parameters that are uncertain together, by their names within the set.
    """

    def __init__(self, name: str, records: Mapping[str, Parameter], groups: tuple[ParameterGroup, ...] = ()) -> None:
        self.name, self._records, self.groups = name, dict(records), groups

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

    @property
    def dotted_groups(self) -> tuple[ParameterGroup, ...]:
        """The groups with dotted names of their parameters: "set.parameter"."""
        names = ((group, tuple(f"{self.name}.{key}" for key in group.parameters)) for group in self.groups)
        return tuple(group.model_copy(update={"parameters": dotted}) for group, dotted in names)

    def _repr_html_(self) -> str:
        """For notebooks: every parameter with its unit and source."""
        rows = [(name, f"{record.value:g}", record.unit, record.source) for name, record in self._records.items()]
        return html_table(f"Parameter set '{self.name}'", ["Parameter", "Value", "Unit", "Source"], rows)

    def with_values(self, changes: Mapping[str, float | ParameterChange], file: object = "parameters") -> ParameterSet:
        """A copy with some parameters changed: a number is a value known for certain, a table holds changed fields.

        Raises:
            DefinitionError: a name is unknown or a value is outside its bounds.
        """
        records = dict(self._records)
        for key, change in changes.items():
            certain = {"value": change, "uncertainty": Fixed(distribution="fixed")}
            said = change.given() if isinstance(change, ParameterChange) else certain
            try:
                records[key] = validate(dict(self.of(key)) | said, Parameter, file)
            except DefinitionError as error:
                raise DefinitionError(file, f"{self.name}.{key}", said.get("value"), error.allowed) from None
        return ParameterSet(self.name, records, self.groups)

    def without_uncertainty(self, keys: Iterable[str]) -> ParameterSet:
        """A copy in which these parameters have no uncertainty of their own."""
        bare = {key: self.of(key).model_copy(update={"uncertainty": None}) for key in keys}
        return ParameterSet(self.name, self._records | bare, self.groups)

    def fill[T](self, kind: type[T]) -> T:
        """The NamedTuple that a kernel reads, each field filled with the parameter of its name."""
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        return kind(*(float(self[field]) for field in fields))


def load_parameters(name: str, folder: Path | str = FOLDER) -> ParameterSet:
    """Read `<folder>/<name>.toml`.

    Raises:
        DefinitionError: the file is missing or one of its records is refused.
    """
    path = Path(folder) / f"{name}.toml"
    records: dict[str, Any] = read_toml(path)
    said = {key: records.pop(key) for key in ParameterFile.model_fields if key in records}
    head = validate(said, ParameterFile, path)
    usual = {"price_year": head.price_year, "price_index": head.price_index}
    parameters: dict[str, Parameter] = {}
    for key, table in records.items():
        if not isinstance(table, dict):
            raise DefinitionError(path, key, table, "must be a table with value, unit and source")
        try:
            found = validate(table, Parameter, path)
            if found.currency is not None:
                lacking = {name: value for name, value in usual.items() if getattr(found, name) is None}
                found = found.model_copy(update=lacking)
            parameters[key] = found
        except DefinitionError as error:
            raise DefinitionError(path, f"{key}.{error.key}", error.value, error.allowed) from None
    return ParameterSet(name, parameters, head.parameter_groups)
