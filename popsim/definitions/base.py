"""What every definition has in common: strict, frozen, no unknown keys, and errors of one line.

Definitions are TOML files or Python objects. `read(path, Model)` is the one way from a file to a definition; whatever
is wrong with the file ends as one `DefinitionError` naming file, key, value and what is allowed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from popsim.errors import DefinitionError, did_you_mean

LARGEST_FILE_BYTES = 16 * 1024 * 1024


class Definition(BaseModel):
    """Base of all definitions: immutable, no coercion, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def read_text(path: Path) -> str:
    """The text of a definition file.

    Raises:
        DefinitionError: the file is missing, a folder, too large or not UTF-8.
    """
    if not path.exists():
        raise DefinitionError(path, "file", None, "no such file")
    if not path.is_file():
        raise DefinitionError(path, "file", None, "not a file")
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise DefinitionError(path, "file", None, f"larger than {LARGEST_FILE_BYTES // 1024**2} MiB")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError(path, "file", None, f"not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise DefinitionError(path, "file", None, str(error.strerror)) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        DefinitionError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(path, "file", None, f"not valid TOML: {error}") from None


def read[D: Definition](path: Path | str, model: type[D]) -> D:
    """Read a TOML file into a definition.

    Raises:
        DefinitionError: the file or what it says is refused.
    """
    return validate(read_toml(Path(path)), model, path)


def validate[D: Definition](table: dict[str, Any], model: type[D], file: object) -> D:
    """Turn a table into a definition; `file` is named in the error.

    Raises:
        DefinitionError: the first thing wrong with the table.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise _explained(error.errors()[0], model, file) from None


def _explained(problem: ErrorDetails, model: type[BaseModel], file: object) -> DefinitionError:
    """pydantic's first problem in popsim's words."""
    where = ".".join(str(part) for part in problem["loc"])
    value = problem.get("input")
    if problem["type"] == "extra_forbidden":
        allowed = did_you_mean(str(problem["loc"][-1]), _keys_at(model, problem["loc"][:-1]))
        return DefinitionError(file, where, None, f"unknown key, {allowed}")
    if problem["type"] == "missing":
        return DefinitionError(file, where, None, "missing, this key is required")
    message = problem["msg"].removeprefix("Value error, ")
    shown = None if isinstance(value, dict | list | BaseModel) else value
    return DefinitionError(file, where or "file", shown, message[:1].lower() + message[1:])


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields allowed where an unknown key was found (all fields met on the way when it is a union)."""
    models: list[type[BaseModel]] = [model]
    for part in location:
        if not isinstance(part, str):
            continue
        found = [m for owner in models if (f := owner.model_fields.get(part)) for m in _models_in(f.annotation)]
        found += [m for m in models if m.__name__ == part]
        models = found or models
    return sorted({field.alias or name for m in models for name, field in m.model_fields.items()})


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Every definition class named in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [m for part in inner for m in _models_in(part)]
