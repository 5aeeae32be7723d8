"""A plain table without identifiers: only the columns of a list of one's own, each by its kind.

    [columns.age_years]
    from = "Age at admission"
    kind = "age"
    [columns.sex]
    kind = "category"
    values = ["F", "M"]

Nothing about columns is guessed: a heading or a cell may itself be an identifier.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from popsim.errors import InputError, did_you_mean
from popsim.exchange.privacy.values import Values, age, country, number, state

KINDS = {
    "person": "a record number: a new random number; whose row it is",
    "number": "a number of at most six digits",
    "age": "years; over 89 as 90",
    "category": "one of `values`",
    "date": "by the mode of dates",
    "birth": "a date or year of birth: the year, none for people of 90 or older",
    "death": "a date of death: by the mode of dates",
    "zip": "a US ZIP code: its first three digits, 000 where few live",
    "state": "a US state",
    "country": "US or USA",
}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
MAX_VALUES = 100
KEYS = {"from", "kind", "values"}


@dataclass(frozen=True)
class KeptColumn:
    """A column of the output.

    Attributes:
        name: in the output.
        source: its heading in the table.
        kind: a key of KINDS.
        allowed: of a category.
    """

    name: str
    source: str
    kind: str
    allowed: frozenset[str] = frozenset()


def read_list(path: Path) -> list[KeptColumn]:
    """The columns to keep.

    Raises:
        InputError: the list cannot be read or is wrong; the message names the key, and no heading of the table.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError("--keep: is not a readable TOML file with [columns.NAME] tables") from None
    columns = said.get("columns")
    if not isinstance(columns, dict) or not columns or set(said) != {"columns"}:
        raise InputError("--keep: must have [columns.NAME] tables and nothing else")
    return [_column(place, name, entry) for place, (name, entry) in enumerate(columns.items(), start=1)]


def _column(place: int, name: str, entry: Any) -> KeptColumn:
    where = f"--keep: columns, number {place}"
    if not NAME.fullmatch(name):
        raise InputError(f"{where}: the name must be letters, digits and _, and begin with a letter")
    if not isinstance(entry, dict) or set(entry) - KEYS:
        raise InputError(f"{where}: takes {', '.join(sorted(KEYS))}")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{where}: kind: {did_you_mean(str(kind), KINDS)}")
    values = entry.get("values", [])
    listed = isinstance(values, list) and all(isinstance(one, str | int) for one in values)
    if not listed or len(values) > MAX_VALUES or (kind == "category") != bool(values):
        raise InputError(f"{where}: values: at most {MAX_VALUES} words, for the kind 'category' and only for it")
    source = entry.get("from", name)
    if not isinstance(source, str):
        raise InputError(f"{where}: from: must be the heading of a column")
    return KeptColumn(name, source, kind, frozenset(map(str, values)))


@dataclass
class TablePeople:
    """The rows of one table."""

    values: Values
    columns: Sequence[KeptColumn]
    persons: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self, headings: Sequence[str]) -> None:
        """Refuse a table that lacks a column of the list.

        Raises:
            InputError: one is missing; the message gives its number in the list.
        """
        for place, column in enumerate(self.columns, start=1):
            if headings.count(column.source) != 1:
                raise InputError(
                    f"--keep: columns, number {place}: the table has not exactly one column of this heading"
                )

    def see(self, place: int, row: Mapping[str, Any]) -> None:
        """Note the dates of a row."""
        person = self._person(place, row)
        for column in self.columns:
            value = row.get(column.source)
            if column.kind in ("date", "death"):
                self.values.calendar.see(person, value)
            if column.kind == "death":
                self.values.calendar.see_death(person, value)

    def written(self, place: int, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it may leave."""
        person, made = self._person(place, row), {}
        for column in self.columns:
            value = row.get(column.source)
            blank = value is None or str(value).strip() == ""
            kept = None if blank else self._kept(column, value, person)
            made[column.name] = kept if blank else self.values.count(kept, f"{column.kind} not recognised")
        self.persons[str(place)] = {name: "" if value is None else str(value) for name, value in made.items()}
        return made

    def _person(self, place: int, row: Mapping[str, Any]) -> str:
        key = next((column.source for column in self.columns if column.kind == "person"), None)
        return f"row {place}" if key is None else f"person {row.get(key)}"

    def _kept(self, column: KeptColumn, value: Any, person: str) -> Any:  # noqa: PLR0911 a case for each kind
        calendar, text = self.values.calendar, str(value).strip()
        match column.kind:
            case "person":
                return self.values.number_id("person", text)
            case "age":
                return age(value)
            case "number":
                return number(value)
            case "date" | "death":
                return calendar.written(person, text)
            case "birth":
                if calendar.old(person, text):
                    return "90 or older"
                return calendar.born(person, text)
            case "zip":
                return self.values.zip(f"{int(value):05d}" if isinstance(value, int) else text)
            case "state":
                return state(text)
            case "country":
                return country(text)
        return text if text in column.allowed else None
