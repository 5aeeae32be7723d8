"""Stored lines of twins, and the salts that key their digests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from popsim.registry.database import in_parts
from popsim.registry.stream import StreamRow
from popsim.registry.tables import events, observations, twins
from popsim.registry.vocabulary import Vocabulary


def salts(connection: Connection, ids: Sequence[str]) -> list[str]:
    """The salts that key the digests of twins' rows, in order."""
    found: dict[str, str] = {}
    for part in in_parts(list(ids)):
        wanted = sql.select(twins.c.twin, twins.c.salt).where(twins.c.twin.in_(part))
        found.update((twin, salt) for twin, salt in connection.execute(wanted))
    return [found[twin] for twin in ids]


def table_of(row: StreamRow) -> sql.Table:
    """The table that holds a line of a stream."""
    return observations if row.kind == "observation" else events


def stored_rows(connection: Connection, table: sql.Table, twin: str, vocabulary: Vocabulary) -> Iterator[StreamRow]:
    """Stored lines of a twin from one of the two tables, in order of time."""
    wanted = sql.select(table.c.time, table.c.code, table.c.value, table.c.unit).where(table.c.twin == twin)
    for time, code, value, unit in connection.execute(wanted.order_by(table.c.time)):
        kind = "observation" if table is observations else "medication" if code in vocabulary.medications else "event"
        yield StreamRow(twin, time, kind, code, value, unit, 0)
