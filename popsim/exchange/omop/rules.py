"""The rules of the OMOP CDM 5.4 for the tables that popsim writes, and their types in polars and in SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import polars as pl

from popsim.population.csv_table import read_csv

FILE = Path(__file__).with_name("cdm_fields.csv")
_VARCHAR = re.compile(r"varchar\((\d+|max)\)")
_TYPES: dict[str, pl.DataType] = {
    "integer": pl.Int64(), "float": pl.Float64(), "date": pl.Date(), "datetime": pl.Datetime("us"),
}  # fmt: skip
_SQL = {"integer": "INTEGER", "float": "DOUBLE PRECISION", "date": "DATE", "datetime": "TIMESTAMP"}


@dataclass(frozen=True, slots=True)
class CdmField:
    """One field of a table.

    Attributes:
        required: must have a value.
        type: integer, float, date, datetime or varchar(length).
        key: is the key of its table.
        foreign_table, foreign_field: where its value must be found; empty: nowhere.
        domain: that its concept must have, unless it is 0; empty: any.
        standard: its concept must be a standard one, or 0.
        in_life: must not be after death.
        not_after: field of the same row that must not be earlier; empty: none.
        in_visit: must lie within the dates of the row's visit.
    """

    table: str
    name: str
    required: bool
    type: str
    key: bool
    foreign_table: str
    foreign_field: str
    domain: str
    standard: bool
    in_life: bool
    not_after: str
    in_visit: bool

    @property
    def length(self) -> int | None:
        """The greatest number of characters of a text; None: no limit, or no text."""
        found = _VARCHAR.fullmatch(self.type)
        return int(found[1]) if found and found[1] != "max" else None

    @property
    def dtype(self) -> pl.DataType:
        """The type in polars."""
        return _TYPES.get(self.type, pl.String())

    @property
    def sql(self) -> str:
        """The column of a CREATE TABLE."""
        kind = _SQL.get(self.type, f"VARCHAR({self.length})" if self.length else "VARCHAR")
        return f"{self.name} {kind}{' NOT NULL' if self.required else ''}{' PRIMARY KEY' if self.key else ''}"


@cache
def cdm_fields() -> Mapping[str, tuple[CdmField, ...]]:
    """The fields of every table that popsim writes, in their order."""
    found: dict[str, list[CdmField]] = {}
    for row in read_csv(FILE).frame.iter_rows(named=True):
        flags = {name: row[name] == "yes" for name in ("required", "key", "standard", "in_life", "in_visit")}
        words = {name: row[name] for name in ("type", "foreign_table", "foreign_field", "domain", "not_after")}
        found.setdefault(row["table"], []).append(CdmField(row["table"], row["field"], **flags, **words))
    return MappingProxyType({table: tuple(fields) for table, fields in found.items()})


def every_field() -> Iterator[CdmField]:
    """All fields of all tables."""
    for fields in cdm_fields().values():
        yield from fields


def cdm_schema(table: str) -> dict[str, pl.DataType]:
    """The columns of a table with their types in polars."""
    return {field.name: field.dtype for field in cdm_fields()[table]}


def cdm_table(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with exactly the columns of a table, in their order; those that it lacks are null."""
    schema = cdm_schema(table)
    if frame.is_empty():
        return pl.DataFrame(schema=schema)
    have = set(frame.columns)
    return frame.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in schema.items()
    )


def create_statements() -> Iterator[str]:
    """CREATE TABLE of every table, in the SQL that DuckDB and SQLite share."""
    for table, fields in cdm_fields().items():
        yield f"CREATE TABLE {table} ({', '.join(field.sql for field in fields)})"
