"""The audit log: a hash chain of lines that covers every row of the registry, and its verification.

A line records an action on a twin, the program that did it, the kinds and digests of the files that it read, a digest
of the rows that it wrote in each table, and the hash of the previous line. Digests are keyed by the twin's salt: with
the twin goes the possibility to tell which files were read for it.
Each update replaces the belief, so its last digest counts; all other rows stay unchanged until the twin is deleted.
Anybody who can write the file can also write a whole new chain: the hash of the last line, noted elsewhere
(`popsim twin audit --expect HASH`), reveals this and a truncated log.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter
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
    """One line of the audit log.

    Attributes:
        twin: its id; empty for an action on the whole registry.
        program: that did it, with its version.
        read: the kinds of file that were read.
        files: keyed digests of these files, in their order.
        digests: "table:digest" of the rows that it wrote, by table; empty for a deletion.
        hash: SHA-256 of the line, which includes the hash of the `previous` one.
    """

    number: int
    twin: str
    action: str
    program: str
    read: str
    files: str
    digests: str
    previous: str
    hash: str


class FileRead(NamedTuple):
    """A file that was read: its kind in words, and the SHA-256 of its content."""

    what: str
    digest: str


class LoggedAction(NamedTuple):
    """An action to log: the twin's salt, the rows that it wrote, and the files that it read."""

    twin: str
    action: str
    salt: str = ""
    rows: Rows = MappingProxyType({})
    read: tuple[FileRead, ...] = ()


def digest_of(*parts: bytes) -> str:
    """SHA-256 of bytes, as text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def write_audit(connection: Connection, done: Iterable[LoggedAction]) -> None:
    """Add lines to the audit log, numbered from `next_line` on."""
    number, previous = _last(connection)
    lines: list[tuple[object, ...]] = []
    for one in done:
        number += 1
        digests = " ".join(f"{table.name}:{_digest(one.salt, rows)}" for table, rows in one.rows.items() if rows)
        read = ", ".join(file.what for file in one.read)
        files = " ".join(keyed_digest(one.salt, file.digest) for file in one.read)
        line = (number, one.twin, one.action, program(), read, files, digests, previous)
        whole = hash_of_line(*line)
        lines.append((*line, whole))
        previous = whole
    insert_many(connection, audit, lines)


def next_line(connection: Connection) -> int:
    """The number of the next line."""
    return _last(connection)[0] + 1


def read_audit(connection: Connection, twin: str | None = None) -> list[Entry]:
    """Lines of the audit log, for one twin or all, the oldest first."""
    wanted = sql.select(audit).order_by(audit.c.number)
    if twin is not None:
        wanted = wanted.where(audit.c.twin == twin)
    return [Entry(*row) for row in connection.execute(wanted)]


def check_audit(connection: Connection) -> list[Entry]:
    """Check the chain, the schema, and every row of every table against the log.

    Returns:
        the lines of the log.

    Raises:
        RunError: the first difference.
    """
    entries = read_audit(connection)
    _check_chain(entries)
    _check_schema(connection)
    for difference in _differences(connection, entries):
        raise RunError(difference)
    return entries


def _check_schema(connection: Connection) -> None:
    """Compare tables, indices and triggers with those of a new registry."""
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
        whole = hash_of_line(*entry[:-1])
        if (entry.number, entry.previous, entry.hash) != (number, previous, whole):
            raise RunError(f"line {number} of the audit log is not as it was written")
        previous = entry.hash


def _differences(connection: Connection, entries: Sequence[Entry]) -> Iterator[str]:
    """The differences between the twins' rows and the log."""
    written = _written(entries)
    salts = {row.twin: row.salt for row in connection.execute(sql.select(twins.c.twin, twins.c.salt))}
    for table in OF_TWINS:
        whose, by = (list(table.columns.keys()).index(name) for name in ("twin", "line"))
        rows = connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY twin")
        for twin, mine in groupby(map(tuple, rows), key=itemgetter(whose)):
            found: defaultdict[object, list[tuple[object, ...]]] = defaultdict(list)
            for row in mine:
                found[row[by]].append(row)
            for line, some in found.items():
                if written.get(twin, {}).pop((table.name, line), None) != _digest(salts.get(twin, ""), some):
                    # An id that the log does not know may be any text.
                    name = f"twin {twin}" if twin in written else "a twin that it does not know"
                    yield _difference(name, table.name, line)
    for twin, missing in written.items():
        for table_name, line in missing:
            yield _difference(f"twin {twin}", table_name, line)


def _difference(whose: str, table: str, line: object) -> str:
    by = f"line {line}" if isinstance(line, int) else "no line"
    return f"{whose} is not as the audit log says it was left: {table}, written by {by}"


def _written(entries: Sequence[Entry]) -> dict[str, dict[tuple[str, object], str]]:
    """The digests that a twin's rows must have, by twin, table and line."""
    written: dict[str, dict[tuple[str, object], str]] = {}
    belief: dict[str, tuple[str, object]] = {}  # replaced by the next update
    for entry in entries:
        of_twin = written.setdefault(entry.twin, {})
        if entry.action == FORGET:
            of_twin.clear()
        for part in entry.digests.split():
            name, _, digest = part.partition(":")
            if name == ensembles.name:
                of_twin.pop(belief.get(entry.twin, ("", 0)), None)
                belief[entry.twin] = name, entry.number
            of_twin[name, entry.number] = digest
    return written


def _digest(salt: str, rows: Sequence[tuple[object, ...]]) -> str:
    """Digest of rows in any order; without the salt, nobody can test guesses of values against it."""
    words = sorted(repr(tuple(digest_of(one) if isinstance(one, bytes) else one for one in row)) for row in rows)
    return hmac.digest(str(salt).encode(), "\n".join(words).encode(), "sha256").hex()


def _last(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last line."""
    wanted = sql.select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    newest = connection.execute(wanted).first()
    return (0, NO_HASH) if newest is None else (newest.number, newest.hash)


def hash_of_line(*parts: object) -> str:
    """The hash of a line of the log: of all its columns but the hash, in their order."""
    return digest_of("\n".join(map(str, parts)).encode())


def keyed_digest(salt: str, digest: str) -> str:
    """The digest of a file as a line has it: without the twin's salt, nobody can tell of which file it is."""
    return hmac.digest(salt.encode(), digest.encode(), "sha256").hex()


def lines_that_read(connection: Connection, digest: str) -> set[int]:
    """The lines of the log that read a file, of twins that are still there."""
    salts = {row.twin: row.salt for row in connection.execute(sql.select(twins.c.twin, twins.c.salt))}
    return {
        entry.number
        for entry in read_audit(connection)
        if entry.twin in salts and keyed_digest(salts[entry.twin], digest) in entry.files.split()
    }


@cache
def program() -> str:
    """This program and its version."""
    return f"popsim {version('popsim')}"
