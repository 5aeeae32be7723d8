"""The reader of all CSV files: columns of text with unique names, rows of equal length, limited size.

The separator is a comma, a semicolon, a tab or a vertical bar; with any but a comma, a comma may be the decimal mark.
Blanks around values and empty lines are ignored.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.base import read_text
from popsim.errors import DefinitionError, shorten
from popsim.numbers import parse_number

MAX_BYTES = 64 * 1024 * 1024
MAX_LINES = 2_000_000
MAX_COLUMNS = 2000
MAX_LINE = 200_000
MAX_FIELD = 4000
MAX_REPORTED = 10
ROWS_AT_ONCE = 50_000
MAX_RAGGED = 1000
LINES_COMPARED = 50
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
AGAIN = " (column {})"  # ends the name of a column that has come before
_QUOTED = re.compile('"[^"]*"')
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class CsvTable:
    """A table read from a file.

    Attributes:
        frame: all columns as text.
        comments: lines that begin with #, without the mark.
        separator: between the columns.
        decimal_comma: whether a comma is the decimal mark.
        ragged: rows of another length than the header, and what is wrong with each; all their values are null.
    """

    frame: pl.DataFrame
    comments: tuple[str, ...]
    separator: str
    decimal_comma: bool
    ragged: tuple[tuple[int, str], ...] = ()

    def number(self, text: str) -> float | None:
        """A value of the table as a number, None if it is not a number."""
        if not self.decimal_comma:
            return parse_number(text)
        return None if "." in text else parse_number(text.replace(",", "."))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as numbers, NaN where a value is not a number."""
        found = (None if word is None else self.number(word) for word in self.frame[name].to_list())
        return np.array([math.nan if number is None else number for number in found], np.float64)

    def typed(self) -> pl.DataFrame:
        """The table with columns as Booleans, whole numbers, numbers or dates, where every value is one."""
        return self.frame.select(self._typed(values) for values in self.frame)

    def _typed(self, words: pl.Series) -> pl.Series:
        numbers = words.str.replace(",", ".", literal=True) if self.decimal_comma else words
        truths = words.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
        dates = words.str.to_date("%Y-%m-%d", strict=False)
        readings = (truths, numbers.cast(pl.Int64, strict=False), numbers.cast(pl.Float64, strict=False), dates)
        known = words.count()
        return next((values for values in readings if values.count() == known > 0), words)


def read_csv(path: Path, missing: frozenset[str] = frozenset()) -> CsvTable:
    """Read a table; values that are one of `missing` are null.

    Raises:
        DefinitionError: the file cannot be read, the header has a blank or repeated name, or rows are ragged.
    """
    table = parse_csv(read_text(path, MAX_BYTES), path, missing)
    if table.ragged:
        more = "; and more" if len(table.ragged) > MAX_REPORTED else ""
        told = "; ".join(f"row {row}{why}" for row, why in table.ragged[:MAX_REPORTED])
        named = SEPARATORS[table.separator]
        allowed = f"not a readable csv table ({named} separate the columns): {told}{more}"
        raise DefinitionError(path, "file", None, allowed)
    return table


def parse_csv(text: str, path: Path, missing: frozenset[str] = frozenset(), numbered: bool = False) -> CsvTable:
    """The table in a text; values that are one of `missing` are null, and so are the rows that are ragged.

    With `numbered`, a column without a name is named by its number, which is added to a name that comes again; else
    both are refused.

    Raises:
        DefinitionError: the header has a blank or repeated name, or the text is no table.
    """
    if "\0" in text:
        raise DefinitionError(path, "file", None, "not a table: it holds a zero character")
    if text.count("\n") > MAX_LINES:
        raise DefinitionError(path, "file", None, f"more than {MAX_LINES} lines")
    lines = text.splitlines(keepends=True)
    if long := next((number for number, line in enumerate(lines, start=1) if len(line) > MAX_LINE), None):
        raise DefinitionError(path, f"line {long}", None, f"longer than {MAX_LINE} characters")
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    lines = [line for line in lines if not line.startswith("#")]
    separator = _separator(lines)
    rows = _rows(lines, separator, path)
    header = next(rows, [])
    if numbered:
        header = [
            f"{name}{AGAIN.format(number)}" if name in header[: number - 1] else name or f"column {number}"
            for number, name in enumerate(header, start=1)
        ]
    names = _checked_header(header, separator, path)
    ragged: list[tuple[int, str]] = []
    parts, chunk, decimal_comma = [], [], False
    for number, row in enumerate(rows, start=1):
        long_value = next((name for name, word in zip(names, row, strict=False) if len(word) > MAX_FIELD), None)
        if len(row) != len(names):
            ragged.append((number, f" has {len(row)} values for {len(names)} columns"))
        elif long_value is not None:
            ragged.append((number, f", column {long_value}: longer than {MAX_FIELD} characters"))
        else:
            decimal_comma |= separator != "," and any(_DECIMAL_COMMA.fullmatch(word) for word in row if "," in word)
        refused = bool(ragged) and ragged[-1][0] == number
        chunk.append([None if refused or word in missing else word for word in (names if refused else row)])
        if len(chunk) == ROWS_AT_ONCE:
            parts.append(_frame(chunk, names))
            chunk = []
        if len(ragged) > MAX_RAGGED:
            break
    return CsvTable(pl.concat([*parts, _frame(chunk, names)]), comments, separator, decimal_comma, tuple(ragged))


def _separator(lines: list[str]) -> str:
    """The separator that stands outside quotation marks as often in most lines as in the header; else the commonest."""
    filled = (_QUOTED.sub("", line) for line in lines if line.strip())
    first = [*islice(filled, LINES_COMPARED)] or [""]
    counts = {separator: [line.count(separator) for line in first] for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda one: (counts[one].count(counts[one][0]) * (counts[one][0] > 0), counts[one][0]))


def _rows(lines: list[str], separator: str, path: Path) -> Iterator[list[str]]:
    """The rows that have a value, without blanks around values."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        for row in reader:
            words = [word.strip() for word in row]
            if any(words) or len(words) > 1:
                yield words
    except csv.Error as error:
        raise DefinitionError(path, f"line {reader.line_num}", None, f"not a readable csv table: {error}") from None


def _checked_header(names: list[str], separator: str, path: Path) -> list[str]:
    """The names of the columns, checked: not empty, blank, too long, repeated, or values instead of names."""

    def refuse(allowed: str, value: object = None) -> DefinitionError:
        return DefinitionError(path, "header", value, allowed)

    if not names:
        raise refuse("not a readable csv table: it is empty")
    if len(names) > MAX_COLUMNS:
        raise refuse(f"more than {MAX_COLUMNS} columns")
    blank = [str(index) for index, name in enumerate(names, start=1) if not name]
    if blank:
        ends = f" (does the line end with one of the {SEPARATORS[separator]}?)" if not names[-1] else ""
        raise refuse(f"column {', '.join(blank[:MAX_REPORTED])} has no name{ends}")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        told = ", ".join(shorten(name) for name in twice[:MAX_REPORTED])
        raise refuse(f"each column needs a name of its own, used twice: {told}")
    if all(parse_number(name) is not None for name in names):
        raise refuse("the first line must hold the names of the columns", ", ".join(names))
    return names


def _frame(rows: list[list[str | None]], names: list[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
