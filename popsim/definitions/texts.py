"""Reading a file's text and TOML table, within bounds, so that no small file can exhaust the machine."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from popsim.errors import DefinitionError

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_TOML_MARKS = 200_000  # commas, lines and the like: the parser's time is proportional to them
MAX_KEY_PARTS = 64  # of a dotted key: the parser's time and memory grow with their square
FEW_KEY_PARTS = 5
MAX_KEY_WORK = 500_000  # squares of all keys' parts together
MAX_INTEGER = 10**100
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_NOT_KEY = re.compile(r"[,={}\[\]]")


def read_text(path: Path, largest: int = MAX_FILE_BYTES) -> str:
    """The text of a file, without a byte order mark; a CR alone ends a line, too.

    Raises:
        DefinitionError: the file is missing, a folder, too large or not UTF-8.
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
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DefinitionError(path, "file", None, "not UTF-8 but UTF-16: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DefinitionError(path, "file", None, f"not UTF-8 (byte {error.start})") from None
    return text.replace("\r", "\n") if "\n" not in text else text


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
