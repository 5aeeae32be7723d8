"""Files that inherit from another file of their kind: `inherits`, its path relative to the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict

from popsim.definitions.base import Definition, read_toml, validate
from popsim.definitions.fields import DefinitionPath
from popsim.errors import DefinitionError


class _Inheriting(Definition):
    """The key itself; the others are checked where they are used."""

    model_config = ConfigDict(extra="ignore")

    inherits: DefinitionPath | None = None


class TableInFile(NamedTuple):
    """What a file says."""

    file: Path
    table: dict[str, Any]


def lineage(path: Path | str) -> list[TableInFile]:
    """A file and those that it inherits from, the oldest first.

    Raises:
        DefinitionError: a file cannot be read, or the files inherit in a circle.
    """
    line = [TableInFile(Path(path), read_toml(Path(path)))]
    while (inherits := validate(line[-1].table, _Inheriting, line[-1].file).inherits) is not None:
        base = line[-1].file.parent / str(inherits)
        if base.resolve() in {one.file.resolve() for one in line}:
            raise DefinitionError(line[-1].file, "inherits", inherits, "must not lead back to the file itself")
        line.append(TableInFile(base, read_toml(base)))
    return line[::-1]


def merged_by_name(base: dict[str, Any], heir: dict[str, Any]) -> dict[str, Any]:
    """An inherited table with what its heir says: key by key, and item by item in lists whose items have names."""
    return base | {key: _with_named(base.get(key), value) for key, value in heir.items()}


def _with_named(base: Any, heir: Any) -> Any:
    """The heir's value; of named tables, the inherited ones, each replaced by the heir's, before the heir's others."""
    if not (_are_named(base) and _are_named(heir)):
        return heir
    own = {item["name"]: item for item in heir}
    inherited = [item["name"] for item in base]
    return [*(own.get(item["name"], item) for item in base), *(item for item in heir if item["name"] not in inherited)]


def _are_named(items: Any) -> bool:
    """Whether these are tables with names."""
    return isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
    )
