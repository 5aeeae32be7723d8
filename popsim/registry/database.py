"""The registry as a database: one SQLite file and its transactions.

SQLAlchemy Core (BSD, https://www.sqlalchemy.org) writes the SQL. Related changes happen in one transaction with a
rollback journal: a process that is killed leaves all of them or none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from popsim.errors import InputError, RunError
from popsim.registry.audit import FORGET, Entry, LoggedAction, check_audit, write_audit
from popsim.registry.privacy import check_private, create_private, shown_path
from popsim.registry.tables import create_schema, twins

APPLICATION_ID = 0x706F7073  # "pops"
VERSION = 3
PATIENCE_S = 30.0  # for which a command waits while another command writes
AT_ONCE = 500  # ids per query; SQLite's limit is 32,766
# Beliefs are tens of kilobytes each: large pages, and a cache for those of a large update, which is written once.
SETTINGS = (
    "page_size = 16384", "cache_size = -131072", "foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY",
)  # fmt: skip


class Database:
    """One registry file.

    Args:
        path: of the file.
        create: create the file if it does not exist.

    Raises:
        InputError: there is no such file, other people may read it, or it is not a registry of this version.
    """

    def __init__(self, path: Path | str, *, create: bool = False) -> None:
        self.path = Path(path)
        (create_private if create else check_private)(self.path)
        self.engine = sql.create_engine(
            sql.URL.create("sqlite", database=str(self.path)),
            connect_args={"timeout": PATIENCE_S},
            hide_parameters=True,  # errors of SQLAlchemy must not repeat what is in the rows
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)
        self._check_or_make(create)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction.

        Raises:
            RunError: the file is damaged or locked for too long.
        """
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction: atomic and exclusive.

        Raises:
            RunError: the file is damaged, locked for too long, or the disk is full.
        """
        with self._transaction(writes=True) as connection:
            yield connection

    def forget(self, twin: str) -> None:
        """Delete everything about a twin except its id in the audit log, and remnants of deleted rows in the file.

        Raises:
            InputError: there is no such twin.
        """
        with self.writing() as connection:
            if not connection.execute(sql.delete(twins).where(twins.c.twin == twin)).rowcount:
                raise InputError("twin: there is none of this id in the registry")
            write_audit(connection, [LoggedAction(twin, FORGET)])
        self.compact()

    def compact(self) -> None:
        """Rewrite the file, so that nothing remains of deleted rows.

        Raises:
            RunError: the file is locked for too long, or the disk is full.
        """
        with self.engine.connect() as connection, _explained(self.path):
            connection.connection.cursor().execute("VACUUM")

    def check(self, expected: str | None = None) -> list[Entry]:
        """Check the file, its schema, the chain of the audit log, and every row against the log.

        Args:
            expected: the hash of a line that the log must hold, noted earlier; more lines may follow.

        Returns:
            the lines of the audit log.

        Raises:
            RunError: the first difference.
        """
        name = shown_path(self.path)
        with self.reading() as connection:
            if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
                raise RunError(f"{name}: damaged")
            try:
                entries = check_audit(connection)
            except RunError as error:
                raise RunError(f"{name}: {error}") from None
        if expected is not None and all(entry.hash != expected for entry in entries):
            raise RunError(
                f"{name}: the audit log has no line of the expected hash: lines were cut off or written anew"
            )
        return entries

    def _check_or_make(self, create: bool) -> None:
        with self._transaction(writes=create) as connection:
            known = connection.exec_driver_sql("PRAGMA application_id").scalar()
            version = connection.exec_driver_sql("PRAGMA user_version").scalar()
            if create and known == version == 0 and not sql.inspect(connection).get_table_names():
                create_schema(connection)
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
            elif (known, version) != (APPLICATION_ID, VERSION):
                raise InputError(
                    f"--registry {shown_path(self.path)}: not a registry of twins of this version of popsim"
                )

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        with (
            _explained(self.path),
            self.engine.connect().execution_options(writes=writes) as connection,
            connection.begin(),
        ):
            yield connection


def in_parts(ids: list[str]) -> Iterator[list[str]]:
    """Ids in lists short enough for one query."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _prepare(connection: Any, _record: object) -> None:
    """Settings of a connection: transactions begin explicitly, deleted content is overwritten.

    The journal mode is reset to DELETE: a write-ahead log or a persistent journal would keep deleted content.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in SETTINGS:
        cursor.execute(f"PRAGMA {setting}")
    (mode,) = cursor.execute("PRAGMA journal_mode = DELETE").fetchone()
    cursor.close()
    if mode not in ("delete", "memory"):
        raise sqlite3.OperationalError("database is locked")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors in one line, without content of the rows."""
    try:
        yield
    except OperationalError as error:
        reason = "in use by another command or program" if "locked" in str(error.orig) else str(error.orig)
        raise RunError(f"--registry {shown_path(path)}: {reason}") from None
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise InputError(f"--registry {shown_path(path)}: not a registry of twins") from None
        raise RunError(f"--registry {shown_path(path)}: {error.orig}") from None
