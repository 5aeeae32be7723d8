"""The registry as a database: one SQLite file and its transactions.

SQLAlchemy Core (BSD, https://www.sqlalchemy.org) writes the SQL. Related changes happen in one transaction with a
rollback journal: a process that is killed leaves all of them or none. An encrypted registry (encryption.py) is a
database in memory, decrypted at the beginning of a transaction and written as a new file at its end, under a lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from popsim.errors import InputError, RunError
from popsim.registry.audit import FORGET, Entry, LoggedAction, check_audit, write_audit
from popsim.registry.encryption import KEY, KEY_FILE, decrypt, encrypt, is_encrypted, key_from_environment
from popsim.registry.exports import IndexedExport, exports_of
from popsim.registry.locks import locked
from popsim.registry.privacy import check_private, create_private, read_private, shown_path, write_private
from popsim.registry.tables import create_schema, twins

APPLICATION_ID = 0x706F7073  # "pops"
VERSION = 4
MIGRATES_FROM = 3  # the version that migration.py takes over
PATIENCE_S = 30.0  # for which a command waits while another command writes
AT_ONCE = 500  # ids per query; SQLite's limit is 32,766
# Beliefs are tens of kilobytes each: large pages, and a cache for those of a large update, which is written once.
PAGE_BYTES = 16_384
SETTINGS = (
    f"page_size = {PAGE_BYTES}", "cache_size = -131072", "foreign_keys = ON", "secure_delete = ON",
    "temp_store = MEMORY",
)  # fmt: skip


class KeyOf(Enum):
    """Where the key of a registry comes from, if it is not given."""

    ENVIRONMENT = "environment"


class Database:
    """One registry file.

    Args:
        path: of the file.
        create: create the file if it does not exist.
        key: of an encrypted file; None: it is not encrypted.

    Raises:
        InputError: there is no such file, other people may read it, it is not a registry of this version, or the
            environment gives no key, or a key where there is none or another.
    """

    def __init__(
        self, path: Path | str, *, create: bool = False, key: bytes | KeyOf | None = KeyOf.ENVIRONMENT
    ) -> None:
        self.path = Path(path)
        (create_private if create else check_private)(self.path)
        given = key_from_environment() if isinstance(key, KeyOf) else key
        self._key = self._checked_key(given, create)
        self.engine = sql.create_engine(
            sql.URL.create("sqlite", database=str(self.path)),
            connect_args={"timeout": PATIENCE_S},
            hide_parameters=True,  # errors of SQLAlchemy must not repeat what is in the rows
        )
        _listen(self.engine)
        self._check_or_make(create)

    @property
    def encrypted(self) -> bool:
        """Whether the file is encrypted."""
        return self._key is not None

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

    def forget(self, twin: str) -> list[IndexedExport]:
        """Delete everything about a twin except its id in the audit log, and remnants of deleted rows in the file.

        Returns:
            the files that were exported with something about it, which popsim cannot delete.

        Raises:
            InputError: there is no such twin.
        """
        with self.writing() as connection:
            gone = exports_of(connection, twin)
            if not connection.execute(sql.delete(twins).where(twins.c.twin == twin)).rowcount:
                raise InputError("twin: there is none of this id in the registry")
            write_audit(connection, [LoggedAction(twin, FORGET)])
        self.compact()
        return gone

    def log(self, action: str) -> None:
        """Add a line about the whole registry to the audit log.

        Raises:
            RunError: the file is damaged, locked for too long, or the disk is full.
        """
        with self.writing() as connection:
            write_audit(connection, [LoggedAction("", action)])

    def compact(self) -> None:
        """Rewrite the file, so that nothing remains of deleted rows.

        Raises:
            RunError: the file is locked for too long, or the disk is full.
        """
        with self._engine(writes=True) as engine, engine.connect() as connection, _explained(self.path):
            connection.connection.cursor().execute("VACUUM")

    def content(self) -> bytes:
        """The database as the bytes of a SQLite file, not encrypted.

        Raises:
            RunError: the file is damaged, or locked for too long.
        """
        with self.reading() as connection:
            return bytes(connection.connection.driver_connection.serialize())  # type: ignore[union-attr]

    def sealed(self, content: bytes) -> bytes:
        """Content as the file holds it: encrypted with the registry's key, if it has one."""
        return content if self._key is None else encrypt(content, self._key)

    def replace(self, content: bytes) -> None:
        """Take the place of the content, all of it or nothing, also while other processes wait.

        Args:
            content: a registry as the bytes of a SQLite file, not encrypted.

        Raises:
            RunError: the file is locked for too long, or the disk is full.
        """
        if self._key is not None:
            with locked(self.path, PATIENCE_S, alone=True):
                write_private(self.path, self.sealed(content))
            return
        with closing(sqlite3.connect(":memory:")) as source, closing(sqlite3.connect(self.path)) as target:
            source.deserialize(content)
            target.execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000)}")
            try:
                source.backup(target)
            except sqlite3.OperationalError as error:
                raise RunError(f"--registry {shown_path(self.path)}: {_reason(str(error))}") from None

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
            elif (known, version) == (APPLICATION_ID, MIGRATES_FROM):
                say = "of an earlier version of popsim; 'popsim twin migrate' takes it over, with a copy first"
                raise InputError(f"--registry {shown_path(self.path)}: {say}")
            elif (known, version) != (APPLICATION_ID, VERSION):
                raise InputError(
                    f"--registry {shown_path(self.path)}: not a registry of twins of this version of popsim"
                )

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        with (
            self._engine(writes=writes) as engine,
            _explained(self.path),
            engine.connect().execution_options(writes=writes) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _engine(self, *, writes: bool) -> Iterator[Engine]:
        """The file, or what it holds encrypted, as a database; what was written is encrypted at the end."""
        if self._key is None:
            yield self.engine
            return
        with locked(self.path, PATIENCE_S, alone=writes), closing(sqlite3.connect(":memory:")) as memory:
            content, name = read_private(self.path), f"--registry {shown_path(self.path)}"
            if content:
                memory.deserialize(decrypt(content, self._key, name))
            engine = sql.create_engine(
                "sqlite://", creator=lambda: memory, poolclass=sql.StaticPool, hide_parameters=True
            )
            _listen(engine)
            yield engine
            if writes:
                write_private(self.path, encrypt(memory.serialize(), self._key))

    def _checked_key(self, key: bytes | None, create: bool) -> bytes | None:
        """The key, if the file is encrypted or is to be."""
        name = f"--registry {shown_path(self.path)}"
        if is_encrypted(self.path):
            if key is None:
                raise InputError(f"{name}: is encrypted; give its key by {KEY_FILE} or {KEY}")
            return key
        if key is not None and not (create and self.path.stat().st_size == 0):
            raise InputError(f"{name}: is not encrypted, but a key is given; 'popsim twin encrypt' encrypts it")
        return key


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


def _listen(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors in one line, without content of the rows."""
    try:
        yield
    except OperationalError as error:
        raise RunError(f"--registry {shown_path(path)}: {_reason(str(error.orig))}") from None
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise InputError(f"--registry {shown_path(path)}: not a registry of twins") from None
        raise RunError(f"--registry {shown_path(path)}: {error.orig}") from None


def _reason(error: str) -> str:
    return "in use by another command or program" if "locked" in error else error
