"""A registry of the version before, taken over into this one: the same rows, and a log that says where it came from.

Version 3 had no index of exports, and lines of the audit log without program and files. Its chain and its rows are
checked first; the lines keep their numbers, actions and digests, and get new hashes. The line of the migration holds
the last hash of the old log, so that a hash noted elsewhere can be found in the copy that is written first. Versions 1
and 2 held beliefs of an earlier physiology, which no later popsim can continue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import sqlalchemy as sql

from popsim.errors import InputError, RunError
from popsim.registry.audit import NO_HASH, Entry, hash_of_line, program
from popsim.registry.copies import refuse_existing
from popsim.registry.database import APPLICATION_ID, MIGRATES_FROM, PAGE_BYTES, PATIENCE_S, VERSION, Database
from popsim.registry.privacy import check_private, shown_path, write_private
from popsim.registry.tables import OF_TWINS, audit, create_schema, exports

MIGRATE = "migrate"


def migrate(registry: Path, copy: Path) -> list[Entry]:
    """Write a copy of a registry of version 3, then take it over in its place; all of it or nothing.

    Returns:
        the lines of the new audit log.

    Raises:
        InputError: it is not of version 3, or the copy exists or cannot be written.
        RunError: it is damaged, not as its log says, or in use for too long.
    """
    check_private(registry)
    refuse_existing(copy)
    name = f"--registry {shown_path(registry)}"
    try:
        with closing(sqlite3.connect(registry, timeout=PATIENCE_S)) as old:
            _check_version(old, name)
            seen = old.execute("PRAGMA data_version").fetchone()
            content = old.serialize()
            with closing(sqlite3.connect(":memory:")) as held, closing(sqlite3.connect(":memory:")) as new:
                held.deserialize(content)
                lines = _checked_lines(held, name)
                write_private(copy, content)
                _fill(new, held, lines)
                if old.execute("PRAGMA data_version").fetchone() != seen:
                    raise RunError(f"{name}: another process has written to it; once more, with another --copy")
                new.backup(old)
    except sqlite3.Error as error:
        raise RunError(f"{name}: cannot be taken over: {type(error).__name__}") from None
    return Database(registry).check()


def _check_version(old: sqlite3.Connection, name: str) -> None:
    known, version = (old.execute(f"PRAGMA {key}").fetchone()[0] for key in ("application_id", "user_version"))
    if known != APPLICATION_ID:
        raise InputError(f"{name}: not a registry of twins")
    if version == VERSION:
        raise InputError(f"{name}: is of this version of popsim already")
    if version != MIGRATES_FROM:
        raise InputError(f"{name}: of version {version}, whose beliefs cannot go on; make its twins anew")


def _checked_lines(old: sqlite3.Connection, name: str) -> list[tuple[int, str, str, str, str]]:
    """Number, twin, action, digests and hash of every line of the old log, whose chain is checked."""
    found, previous = [], NO_HASH
    rows = old.execute("SELECT number, twin, action, digests, previous, hash FROM audit ORDER BY number").fetchall()
    for place, (number, twin, action, digests, before, whole) in enumerate(rows, start=1):
        if (number, before, whole) != (place, previous, hash_of_line(number, twin, action, digests, previous)):
            raise RunError(f"{name}: line {place} of the audit log is not as it was written")
        found.append((number, twin, action, digests, whole))
        previous = whole
    return found


def _fill(new: sqlite3.Connection, old: sqlite3.Connection, lines: list[tuple[int, str, str, str, str]]) -> None:
    """The tables of this version with the rows of the old one."""
    new.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    engine = sql.create_engine("sqlite://", creator=lambda: new, poolclass=sql.StaticPool, hide_parameters=True)
    with engine.begin() as connection:
        create_schema(connection)
    for table in OF_TWINS:
        if table is not exports:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            rows = old.execute(f"SELECT {columns} FROM {table.name}").fetchall()
            _insert(new, table, rows)
    previous, chained = NO_HASH, []
    head = lines[-1][-1] if lines else NO_HASH
    told = [(number, twin, action, "", "", "", digests) for number, twin, action, digests, _ in lines]
    told.append((len(lines) + 1, "", MIGRATE, program(), f"registry of version {MIGRATES_FROM}", head, ""))
    for line in told:
        whole = hash_of_line(*line, previous)
        chained.append((*line, previous, whole))
        previous = whole
    _insert(new, audit, chained)
    new.commit()
    new.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    new.execute(f"PRAGMA user_version = {VERSION}")


def _insert(new: sqlite3.Connection, table: sql.Table, rows: Sequence[tuple[object, ...]]) -> None:
    new.executemany(f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})", rows)
