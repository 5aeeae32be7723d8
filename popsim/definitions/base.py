"""The base of all definitions: strict, frozen, no unknown keys, bounded files, and one-line errors.

Definitions are TOML files or Python objects. `Model.read(path)` is the only way from a file to a definition; any
mistake in the file raises one `DefinitionError` with file, key, value and what is allowed.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from popsim.definitions.descriptions import described
from popsim.definitions.problems import first_problem
from popsim.errors import DefinitionError

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_TOML_MARKS = 200_000  # commas, lines and the like: the parser's time is proportional to them
MAX_KEY_PARTS = 64  # of a dotted key: the parser's time and memory grow with their square
FEW_KEY_PARTS = 5
MAX_KEY_WORK = 500_000  # squares of all keys' parts together
MAX_INTEGER = 10**100
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_NOT_KEY = re.compile(r"[,={}\[\]]")


class Definition(BaseModel):
    """Base of all definitions: immutable, no coercion, no unknown keys, no NaN or infinity.

    A dump has the keys of a file, so that it can be read again. `LEFT_OUT` has keys that it once
    had, each with what to do; `REPLACES` has keys that take the place of others when a definition is changed.
    """

    LEFT_OUT: ClassVar[Mapping[str, str]] = {}
    REPLACES: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        serialize_by_alias=True,
        defer_build=True,  # a schema is built when it is first used: most commands use few
    )

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a TOML file.

        Raises:
            DefinitionError: the file or what it says is refused.
        """
        return validate(read_toml(Path(path)), cls, path)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy in which some fields have other values, checked as if the definition had been read with them.

        Raises:
            DefinitionError: a field is unknown, or the whole does not hold together.
        """
        if not update:
            return super().model_copy(deep=deep)
        return self.changed(update, type(self).__name__)

    def changed(self, update: Mapping[str, Any], file: object) -> Self:
        """As `model_copy`; `file` is named in the error. What was left open before remains open."""
        replaced = {name for key in update for name in self.REPLACES.get(key, ())}
        said = {name: value for name, value in self if name in self.model_fields_set - replaced}
        return validate(by_alias(type(self), {**said, **update}), type(self), file)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema with the docstring's description of each key (`Attributes:`)."""
        found = handler(schema)
        keys = handler.resolve_ref_schema(found).get("properties", {})
        for name, told in described(cls).items():
            alias = cls.model_fields[name].alias if name in cls.model_fields else None
            if (key := keys.get(alias or name)) is not None:
                key.setdefault("description", told)
        return found


def by_alias(model: type[BaseModel], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields under the keys that files use for them."""
    aliases = {name: field.alias or name for name, field in model.model_fields.items()}
    return {aliases.get(name, name): value for name, value in fields.items()}


def validate[D: Definition](table: dict[str, Any], model: type[D], file: object) -> D:
    """Turn a table into a definition; `file` is named in the error.

    Raises:
        DefinitionError: for the first mistake in the table.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise first_problem(error, model, file, table) from None


def read_text(path: Path, largest: int = MAX_FILE_BYTES) -> str:
    """The text of a file, without a byte order mark; a CR alone ends a line, too.

    Raises:
        DefinitionError: the file is missing, a folder, too large or not UTF-8.
    """
    content = read_bytes(path, largest)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DefinitionError(path, "file", None, "not UTF-8 but UTF-16: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DefinitionError(path, "file", None, f"not UTF-8 (byte {error.start})") from None
    return text.replace("\r", "\n") if "\n" not in text else text


def read_bytes(path: Path, largest: int = MAX_FILE_BYTES) -> bytes:
    """The content of a file.

    Raises:
        DefinitionError: the file is missing, a folder or too large.
    """
    if not path.exists():
        raise DefinitionError(path, "file", None, "no such file")
    if not path.is_file():
        raise DefinitionError(path, "file", None, "not a file")
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise DefinitionError(path, "file", None, str(error.strerror)) from None
    if len(content) > largest:
        raise DefinitionError(path, "file", None, f"larger than {largest // 1024**2} MiB")
    return content


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        DefinitionError: the file cannot be read, is not TOML, or is larger or deeper than any definition.
    """
    text = read_text(path)
    _check_size(text, path)
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise DefinitionError(path, "file", None, "nested too deeply") from None
    except ValueError as error:  # also a number of thousands of digits
        raise DefinitionError(path, "file", None, f"not valid TOML: {error}") from None
    for key, value in _numbers(table, ""):
        if abs(value) > MAX_INTEGER:
            raise DefinitionError(path, key, value, "is too large a number")
    return table


def _check_size(text: str, path: Path) -> None:
    """Refuse what would keep the parser busy: too many values, or too many parts in a key."""
    if sum(text.count(mark) for mark in ",=\n\\[{") > MAX_TOML_MARKS:
        raise DefinitionError(path, "file", None, f"more than {MAX_TOML_MARKS} values and lines")
    work = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") < FEW_KEY_PARTS:
            continue
        bare = _QUOTED.sub("", line).partition("#")[0]
        dots = [part.count(".") for part in _NOT_KEY.split(bare)]
        work += sum(count**2 for count in dots if count >= FEW_KEY_PARTS)
        if max(dots) > MAX_KEY_PARTS or work > MAX_KEY_WORK:
            raise DefinitionError(path, f"line {number}", line, f"more than {MAX_KEY_PARTS} dots in a key, or too many")


def _numbers(value: object, key: str) -> Iterator[tuple[str, int]]:
    """Every whole number in a table, with its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _numbers(inner, f"{key}.{place}")
    elif isinstance(value, int):
        yield key, value
