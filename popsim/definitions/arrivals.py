"""External patients of a care network: when they come, and who is there on the first day.

Demand that varies is given by weights, which count relative to their mean: counts of a year's attendances by hour, by
day of the week and by month can be entered as they are. `per_day` is the mean of the first year without its growth.
"""

from __future__ import annotations

import csv
import datetime
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from popsim.definitions.base import Definition, read_text, validate
from popsim.definitions.durations import MAX_DAYS
from popsim.definitions.fields import AS_TUPLE, Identifier, real, whole
from popsim.errors import DefinitionError

HOURS_A_DAY = 24
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_OF_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MAX_CENSUS_ROWS = 10_000
MAX_WAITING = 1_000_000

Level = Annotated[int, whole(1, 5)]
Weights = Annotated[tuple[Annotated[float, real(0.0, 1e9)], ...], AS_TUPLE]


def _date(value: object) -> object:
    """A date of TOML, or one in ISO format, as text."""
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("must be a date like 2026-01-31") from None
    return value.isoformat() if type(value) is datetime.date else value


StartDate = Annotated[str, BeforeValidator(_date)]


class ArrivalSource(Definition):
    """External patients who use the same capacity: a Poisson stream of `per_day`, on average.

    Attributes:
        patient_class: their class of patient (`class` in files), which may have stays and routes of its own.
        by_hour: weights of the 24 hours of the day, the hour after midnight first; none: all alike.
        by_weekday: weights of the 7 days of the week, Monday first.
        by_month: weights of a day in each of the 12 months, January first.
        growth_per_year: yearly growth of demand, 0.02 for 2%; compounded, from day 0 on.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: Identifier
    to: str
    per_day: Annotated[float, real(0.0, 1e6)]
    priority: Level = 3
    patient_class: Identifier | None = Field(default=None, alias="class")
    by_hour: Weights = ()
    by_weekday: Weights = ()
    by_month: Weights = ()
    growth_per_year: Annotated[float, real(-0.5, 1.0)] = 0.0

    @property
    def varies(self) -> bool:
        """Whether its rate depends on the time."""
        return bool(self.by_hour or self.by_weekday or self.by_month or self.growth_per_year)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key, number in (("by_hour", HOURS_A_DAY), ("by_weekday", len(WEEKDAYS)), ("by_month", len(DAYS_OF_MONTHS))):
            weights = getattr(self, key)
            if len(weights) not in (0, number):
                raise ValueError(f"{key} has {len(weights)} weights, must have {number}")
            if weights and not sum(weights) > 0.0:
                raise ValueError(f"{key}: at least one weight must be above 0")
        return self


class CensusRow(Definition):
    """External patients who are in a setting on the morning of day 0, or wait for it.

    Attributes:
        setting: where they are, or what they wait for.
        state: `present` or `waiting`.
        patient_class: their class of patient (`class` in files).
        number: of the reference population.
        days: how long they have been there, or have waited; their stay or patience goes on from there.
        priority: their triage level where they wait.
    """

    model_config = ConfigDict(populate_by_name=True)

    setting: Identifier
    state: Literal["present", "waiting"] = "present"
    patient_class: Identifier | None = Field(default=None, alias="class")
    number: Annotated[int, whole(0, MAX_WAITING)]
    days: Annotated[float, real(0.0, MAX_DAYS)]
    priority: Level = 3


Census = Annotated[tuple[CensusRow, ...], AS_TUPLE, Field(max_length=MAX_CENSUS_ROWS)]


def scaled_census(rows: Sequence[CensusRow], factor: float) -> tuple[CensusRow, ...]:
    """A census for a population of another size: rounded so that the sums of rows of one kind are right."""
    whole: dict[tuple[str, str, str | None, int], int] = {}
    found = []
    for row in rows:
        kind = (row.setting, row.state, row.patient_class, row.priority)
        before = whole.get(kind, 0)
        whole[kind] = before + row.number
        number = math.floor(whole[kind] * factor + 0.5) - math.floor(before * factor + 0.5)
        found.append(row.model_copy(update={"number": number}))
    return tuple(found)


def read_census(path: Path) -> list[dict[str, Any]]:
    """The rows of a census in a CSV: setting, number and days, and if there are such, state, class and priority.

    Raises:
        DefinitionError: the file cannot be read, or a row is refused; rows are counted from 1 after the header.
    """
    try:
        header, *lines = list(csv.reader(read_text(path).splitlines())) or [[]]
    except csv.Error as error:
        raise DefinitionError(path, "file", None, f"not a CSV: {error}") from None
    header = [name.strip() for name in header]
    known = {field.alias or name: name for name, field in CensusRow.model_fields.items()}
    for name in header:
        if name not in known or header.count(name) > 1:
            raise DefinitionError(path, "columns", name, "unknown or repeated", known)
    for name in ("setting", "number", "days"):
        if name not in header:
            raise DefinitionError(path, "columns", None, f"column '{name}' is missing")
    return [dict(_row(path, number, header, cells)) for number, cells in enumerate(lines, 1) if any(cells)]


def _row(path: Path, number: int, header: list[str], cells: list[str]) -> Iterator[tuple[str, Any]]:
    """The cells of a row that are not empty, by column; all of them together make a row of a census."""
    where = f"row {number}"
    if len(cells) != len(header):
        raise DefinitionError(path, where, None, f"has {len(cells)} cells, the header has {len(header)}")
    found: dict[str, Any] = {}
    for name, cell in zip(header, map(str.strip, cells), strict=True):
        if cell:
            found[name] = _number(cell) if name in ("number", "days", "priority") else cell
    try:
        validate(found, CensusRow, path)
    except DefinitionError as error:
        raise DefinitionError(path, f"{where}: {error.key}", error.value, error.allowed) from None
    yield from found.items()


def _number(cell: str) -> int | float | str:
    """A cell as a number, or as it is, which is then refused."""
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell
