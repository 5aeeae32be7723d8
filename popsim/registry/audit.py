"""The audit log: a chain of lines that covers every row of the registry, and the check that all is as it was written.

A line says what was done to whom, with a digest of the rows that it wrote of each table, and the hash of the line
before. A belief is written anew by each update, so the last digest of it counts; all other rows stay as they are until
the twin is forgotten. Whoever can write the file can also write a whole new chain: the hash of the last line, noted
elsewhere (`popsim twin audit --expect HASH`), tells that and a log that was cut off.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from popsim.errors import RunError
from popsim.registry.tables import OF_TWINS, audit, create_schema, ensembles, insert_many, schema_of, twins

NO_HASH = "0" * 64
FORGET = "forget"

type Rows = Mapping[sql.Table, Sequence[tuple[object, ...]]]
"""Rows by table, each with all columns in their order."""


class Entry(NamedTuple):
    """One line of the audit log: what was done to whom.

    Attributes:
        digests: "table:digest" of the rows that it wrote, by table; nothing of a twin that it forgot.
        hash: SHA-256 of the line, which holds the hash of the `previous` one.
    """

    number: int
    twin: str
    action: str
    digests: str
    previous: str
    hash: str


class Done(NamedTuple):
    """What is to be written down: an action, the twin's salt, and the rows that it wrote."""

    twin: str
    action: str
    salt: str = ""
    rows: Rows = MappingProxyType({})


def digest_of(*parts: bytes) -> str:
    """SHA-256 of bytes, as text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def write_audit(connection: Connection, done: Iterable[Done]) -> None:
    """Add lines to the audit log; their numbers are those from `next_line` on."""
    number, previous = _last(connection)
    lines: list[tuple[object, ...]] = []
    for one in done:
        number += 1
        digests = " ".join(f"{table.name}:{_digest(one.salt, rows)}" for table, rows in one.rows.items() if rows)
        whole = _hash(number, one.twin, one.action, digests, previous)
        lines.append((number, one.twin, one.action, digests, previous, whole))
        previous = whole
    insert_many(connection, audit, lines)


def next_line(connection: Connection) -> int:
    """The number of the line that will be written next."""
    return _last(connection)[0] + 1


def read_audit(connection: Connection, twin: str | None = None) -> list[Entry]:
    """Lines of the audit log, of one twin or of all, the oldest first."""
    wanted = sql.select(audit).order_by(audit.c.number)
    if twin is not None:
        wanted = wanted.where(audit.c.twin == twin)
    return [Entry(*row) for row in connection.execute(wanted)]


def check_audit(connection: Connection) -> list[Entry]:
    """Check the chain, the schema, and that every row of every table is as the log says that it was written.

    Returns:
        the lines of the log.

    Raises:
        RunError: the first thing that is not as it was written.
    """
    entries = read_audit(connection)
    _check_chain(entries)
    _check_schema(connection)
    for difference in _differences(connection, entries):
        raise RunError(difference)
    return entries


def _check_schema(connection: Connection) -> None:
    """Compare tables, indices and triggers with those of a registry made afresh."""
    with sql.create_engine("sqlite://").begin() as fresh:
        create_schema(fresh)
        expected = schema_of(fresh)
    found = schema_of(connection)
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise RunError(f"{name} was removed from the file")
        if name not in expected:
            raise RunError("the file holds a table, index or trigger that is not the registry's")
        if expected[name] != found[name]:
            raise RunError(f"{name} is not as popsim made it")


def _check_chain(entries: Sequence[Entry]) -> None:
    previous = NO_HASH
    for number, entry in enumerate(entries, start=1):
        whole = _hash(entry.number, entry.twin, entry.action, entry.digests, entry.previous)
        if (entry.number, entry.previous, entry.hash) != (number, previous, whole):
            raise RunError(f"line {number} of the audit log is not as it was written")
        previous = entry.hash


def _differences(connection: Connection, entries: Sequence[Entry]) -> Iterator[str]:
    """What of the twins is not as the log says it was left."""
    written: defaultdict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    for entry in entries:
        of_twin = written[entry.twin]
        if entry.action == FORGET:
            of_twin.clear()
        for part in entry.digests.split():
            name, _, digest = part.partition(":")
            if name == ensembles.name:  # the one before was overwritten
                of_twin = written[entry.twin] = {key: one for key, one in of_twin.items() if key[0] != name}
            of_twin[name, entry.number] = digest
    present = {
        twin for table in OF_TWINS for (twin,) in connection.exec_driver_sql(f"SELECT DISTINCT twin FROM {table.name}")
    }
    salts = {row.twin: row.salt for row in connection.execute(sql.select(twins.c.twin, twins.c.salt))}
    for twin in sorted(written.keys() | present, key=str):
        found = _digests(connection, twin, salts.get(twin, ""))
        expected = written.get(twin, {})
        for table, line in sorted(expected.keys() | found.keys(), key=str):
            if found.get((table, line)) != expected.get((table, line)):
                # An id that the log does not know may be any text.
                whose = f"twin {twin}" if twin in written else "a twin that it does not know"
                by = f"written by line {line}" if isinstance(line, int) else "written by no line"
                yield f"{whose} is not as the audit log says it was left: {table}, {by}"


def _digests(connection: Connection, twin: str, salt: str) -> dict[tuple[str, int], str]:
    """Digests of a twin's rows by table and by the line that wrote them."""
    found: defaultdict[tuple[str, int], list[tuple[object, ...]]] = defaultdict(list)
    for table in OF_TWINS:
        place = list(table.columns).index(table.c.line)
        for row in connection.exec_driver_sql(f"SELECT * FROM {table.name} WHERE twin = ?", (twin,)):
            found[table.name, row[place]].append(tuple(row))
    return {key: _digest(salt, rows) for key, rows in found.items()}


def _digest(salt: str, rows: Sequence[tuple[object, ...]]) -> str:
    """Digest of rows in any order, which nobody can guess values by who has not the salt."""
    words = sorted(repr(tuple(digest_of(one) if isinstance(one, bytes) else one for one in row)) for row in rows)
    return hmac.digest(str(salt).encode(), "\n".join(words).encode(), "sha256").hex()


def _last(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last line."""
    wanted = sql.select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    newest = connection.execute(wanted).first()
    return (0, NO_HASH) if newest is None else (newest.number, newest.hash)


def _hash(number: int, twin: str, action: str, digests: str, previous: str) -> str:
    return digest_of("\n".join(map(str, (number, twin, action, digests, previous))).encode())
