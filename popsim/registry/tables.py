"""The tables of a registry. Every row says which line of the audit log wrote it, so that the log covers all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection

metadata = sql.MetaData()


def _line(*, key: bool = False) -> sql.Column[Any]:
    """The line of the audit log that wrote a row."""
    return sql.Column("line", sql.Integer, primary_key=key, nullable=False)


def _of_twin(*, key: bool = True) -> sql.Column[Any]:
    """The column with the twin of a row."""
    return sql.Column(
        "twin", sql.ForeignKey("twins.twin", ondelete="CASCADE"), primary_key=key, nullable=False, index=not key
    )


# `known`: columns that the record gave. `salt` keys the digests of a twin's rows: once it is deleted, nobody can test
# guesses of values against them.
twins = sql.Table(
    "twins",
    metadata,
    sql.Column("twin", sql.String, primary_key=True),
    sql.Column("seed", sql.Integer, nullable=False),
    sql.Column("cohort", sql.String, nullable=False),
    sql.Column("members", sql.Integer, nullable=False),
    sql.Column("known", sql.String, nullable=False),
    sql.Column("salt", sql.String, nullable=False),
    _line(),
)
ensembles = sql.Table(
    "ensembles",
    metadata,
    _of_twin(),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("layout", sql.String, nullable=False),
    sql.Column("state", sql.LargeBinary, nullable=False),
    _line(),
)


def _entries(name: str) -> sql.Table:
    """Lines about a twin. The key is the content: a repeated line is one row."""
    return sql.Table(
        name,
        metadata,
        _of_twin(),
        sql.Column("time", sql.Float, primary_key=True),
        sql.Column("code", sql.String, primary_key=True),
        sql.Column("value", sql.Float, primary_key=True),
        sql.Column("unit", sql.String, nullable=False),
        sql.Column("used", sql.Boolean, nullable=False),
        _line(),
        sqlite_with_rowid=False,
    )


observations = _entries("observations")
events = _entries("events")
# A day that several updates concern has a belief after each of them; the last line counts.
bands = sql.Table(
    "bands",
    metadata,
    _of_twin(),
    sql.Column("day", sql.Integer, primary_key=True),
    _line(key=True),
    sql.Column("quantiles", sql.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


def _results(name: str) -> sql.Table:
    """Results as JSON text, by the line of the audit log that made them."""
    return sql.Table(
        name,
        metadata,
        _line(key=True),
        _of_twin(key=False),
        sql.Column("day", sql.Integer, nullable=False),
        sql.Column("result", sql.String, nullable=False),
    )


forecasts = _results("forecasts")
recommendations = _results("recommendations")
# Files that were written with something about a twin: what, and the SHA-256 of the file. Names of files are not kept.
exports = sql.Table(
    "exports",
    metadata,
    _line(key=True),
    _of_twin(key=False),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("what", sql.String, nullable=False),
    sql.Column("digest", sql.String, nullable=False),
)
OF_TWINS = (twins, ensembles, observations, events, bands, forecasts, recommendations, exports)
audit = sql.Table(
    "audit",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("twin", sql.String, nullable=False),
    sql.Column("action", sql.String, nullable=False),
    sql.Column("program", sql.String, nullable=False),
    sql.Column("read", sql.String, nullable=False),
    sql.Column("files", sql.String, nullable=False),
    sql.Column("digests", sql.String, nullable=False),
    sql.Column("previous", sql.String, nullable=False),
    sql.Column("hash", sql.String, nullable=False, unique=True),
)
TRIGGERS = tuple(
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
    " BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
    for verb in ("UPDATE", "DELETE")
)


def create_schema(connection: Connection) -> None:
    """Create the tables, and the triggers that make the audit log append-only."""
    metadata.create_all(connection)
    for trigger in TRIGGERS:
        connection.exec_driver_sql(trigger)


def schema_of(connection: Connection) -> dict[str, str]:
    """The SQL of each table, index and trigger of a file, except SQLite's own, by name."""
    found = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {name: " ".join((statement or "").split()) for name, statement in found}


def insert_many(connection: Connection, table: sql.Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows, each with all columns in order; a row with the same key is replaced.

    Bypasses SQLAlchemy's work per row, which would take half the time of a day of ten thousand twins.
    """
    if rows:
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT OR REPLACE INTO {table.name} VALUES ({places})", list(rows))
