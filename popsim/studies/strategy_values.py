"""A strategy with some of its values replaced, each addressed by its path: keys joined by dots.

    telemonitoring.uptake    capacity.heart_failure_clinic    guidance.alert_from_risk
    follow_up.heart_failure_clinic.within_days
    interventions.sensors.eligible.nt_probnp_pg_ml.at_least

Items of lists are addressed by their name, setting or column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from popsim.definitions.base import validate
from popsim.definitions.search import Level
from popsim.definitions.strategy import Strategy
from popsim.definitions.writing import to_toml
from popsim.errors import DefinitionError, did_you_mean

NAMES = ("name", "setting", "column")  # keys that identify an item of a list


def with_values(strategy: Strategy, values: Mapping[str, Level], file: object, key: str = "path") -> Strategy:
    """The strategy with other values at some paths, within the same bounds as in a file.

    Args:
        strategy: with everything that it inherits.
        values: by path.
        file, key: origin of the paths, for errors.

    Raises:
        DefinitionError: the strategy has no such path, or a value is refused.
    """
    table = tomllib.loads(to_toml(strategy))
    table.setdefault("capacity", {})  # absent when empty
    for path, value in values.items():
        owner, last = _owner(table, path, file, key)
        owner[last] = value
    try:
        return validate(table, Strategy, file)
    except DefinitionError as error:
        path = next((path for path in values if _same(path, error.key)), next(iter(values), key))
        raise DefinitionError(file, f"{key}.{path}", values.get(path), error.allowed) from None


def value_at(strategy: Strategy, path: str, file: object, key: str = "path") -> Any:
    """The value of a strategy at a path; None if it is not set.

    Raises:
        DefinitionError: there is no such path.
    """
    owner, last = _owner(strategy.model_dump(mode="json"), path, file, key)
    return owner.get(last)


def _owner(table: dict[str, Any], path: str, file: object, key: str) -> tuple[dict[str, Any], str]:
    """The table that holds a path's last key, and that key."""
    *way, last = path.split(".")
    here: Any = table
    for part in way:
        inner = here.get(part) if isinstance(here, dict) else _item(here, part)
        if not isinstance(inner, dict | list):
            known = [*here] if isinstance(here, dict) else _names(here)
            raise DefinitionError(file, f"{key}.{path}", None, f"nothing at '{part}', {did_you_mean(part, known)}")
        here = inner
    if not isinstance(here, dict):
        raise DefinitionError(file, f"{key}.{path}", None, f"'{last}' must name a value, not an item of a list")
    return here, last


def _item(items: list[Any], name: str) -> Any:
    return next((one for one in items if any(one.get(key) == name for key in NAMES)), None)


def _names(items: list[Any]) -> list[str]:
    return [str(next((one[key] for key in NAMES if key in one), "")) for one in items]


def _same(path: str, location: str) -> bool:
    """Whether a location in a table (items of lists by index) may be that of a path."""
    parts, places = path.split("."), location.split(".")
    return len(parts) == len(places) and all(a == b or b.isdigit() for a, b in zip(parts, places, strict=True))
