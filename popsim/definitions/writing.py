"""From definitions back to files: TOML that reads as the same definition, and JSON Schemas for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_origin

import tomli_w
from pydantic.fields import FieldInfo

from popsim.definitions.base import Definition
from popsim.definitions.calibration import Calibrated, Calibration
from popsim.definitions.cohort import CohortDefinition
from popsim.definitions.data_value import DataValue
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.market import MarketShares
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.options import OptionFile
from popsim.definitions.parameter import ParameterFile
from popsim.definitions.score import Score
from popsim.definitions.search import Search
from popsim.definitions.signal import SignalFile
from popsim.definitions.target import TargetFile
from popsim.errors import InputError

KINDS: dict[str, type[Definition]] = {
    "experiment": ExperimentDefinition,
    "cohort": CohortDefinition,
    "network": NetworkDefinition,
    "parameters": ParameterFile,
    "calibration": Calibration,
    "calibrated": Calibrated,
    "targets": TargetFile,
    "signals": SignalFile,
    "options": OptionFile,
    "search": Search,
    "data_value": DataValue,
    "score": Score,
    "market": MarketShares,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def to_toml(definition: Definition) -> str:
    """The definition as a TOML file: keys in the order of the definition, no defaults, no comments.

    Reading it gives an equal definition: `validate(tomllib.loads(to_toml(d)), type(d), "file") == d`.

    Raises:
        InputError: a strategy sets an inherited value to None, which no file can express.
    """
    return tomli_w.dumps(_table(definition))


def json_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of a kind of file (a key of KINDS), for editors: it refuses misspelt keys and checks bounds."""
    return {"$schema": DIALECT, **_counting_items(KINDS[kind].model_json_schema(by_alias=True))}


def _counting_items(schema: Any) -> Any:
    """Correct bounds on lists with a validator: pydantic calls them minLength and maxLength, which apply to text."""
    if isinstance(schema, list):
        return [_counting_items(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {"minLength": "minItems", "maxLength": "maxItems"} if schema.get("type") == "array" else {}
    return {renamed.get(key, key): _counting_items(part) for key, part in schema.items()}


def _table(definition: Definition) -> dict[str, Any]:
    inherits = getattr(definition, "inherits", None) is not None
    table: dict[str, Any] = {}
    for name, field in sorted(type(definition).model_fields.items(), key=_rank):
        value = getattr(definition, name)
        said = inherits and name in definition.model_fields_set  # perhaps the default, overriding the parent
        if said and value is None:
            owner = getattr(definition, "name", "")
            raise InputError(f"{owner}: {name} = None cannot be written in TOML, where a missing key is inherited")
        if said or value != field.get_default(call_default_factory=True, validated_data=vars(definition)):
            table[field.alias or name] = _plain(value)
    return table | {key: _plain(value) for key, value in (definition.model_extra or {}).items()}


def _rank(item: tuple[str, FieldInfo]) -> int:
    """The name first, then the key that distinguishes a definition from its alternatives, then the rest in order."""
    name, field = item
    if name == "name":
        return 0
    return 1 if get_origin(field.annotation) is Literal and field.is_required() else 2


def _plain(value: Any) -> Any:
    """Tables, lists and simple values."""
    if isinstance(value, Definition):
        return _table(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
