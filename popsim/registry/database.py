"""The registry as a database: one SQLite file, tables, transactions, and an audit log that only grows.

SQLAlchemy Core (BSD, https://www.sqlalchemy.org) writes the SQL. Everything that belongs together happens in one
transaction with a rollback journal: a process that is killed leaves all of it or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from popsim.errors import InputError, RunError
from popsim.registry.privacy import check_private, create_private, shown_path

APPLICATION_ID = 0x706F7073  # "pops"
VERSION = 1
PATIENCE_S = 30.0  # for which a command waits while another one writes
AT_ONCE = 500  # ids in one question; SQLite takes 32,766
NO_HASH = "0" * 64
# Beliefs are tens of kilobytes each: large pages, and room for those of a large update, which is written once.
SETTINGS = (
    "page_size = 16384", "cache_size = -131072", "foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY",
)  # fmt: skip

metadata = sql.MetaData()
twins = sql.Table(
    "twins",
    metadata,
    sql.Column("twin", sql.String, primary_key=True),
    sql.Column("seed", sql.Integer, nullable=False),
    sql.Column("cohort", sql.String, nullable=False),
    sql.Column("physiology", sql.String, nullable=False),
    sql.Column("members", sql.Integer, nullable=False),
)


def _of_twin(*key: str) -> list[sql.Column[Any]]:
    """The column that says whose a row is."""
    return [sql.Column("twin", sql.ForeignKey("twins.twin", ondelete="CASCADE"), primary_key="twin" in key)]


ensembles = sql.Table(
    "ensembles",
    metadata,
    *_of_twin("twin"),
    sql.Column("day", sql.Integer, nullable=False),
    sql.Column("layout", sql.String, nullable=False),
    sql.Column("state", sql.LargeBinary, nullable=False),
)


def _entries(name: str) -> sql.Table:
    """What is taken in about a twin. The key is the content: what comes twice is one row."""
    return sql.Table(
        name,
        metadata,
        *_of_twin("twin"),
        sql.Column("time", sql.Float, primary_key=True),
        sql.Column("code", sql.String, primary_key=True),
        sql.Column("value", sql.Float, primary_key=True),
        sql.Column("unit", sql.String, nullable=False),
        sql.Column("used", sql.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )


observations = _entries("observations")
events = _entries("events")
bands = sql.Table(
    "bands",
    metadata,
    *_of_twin("twin"),
    sql.Column("day", sql.Integer, primary_key=True),
    sql.Column("quantiles", sql.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


def _results(name: str) -> sql.Table:
    return sql.Table(
        name,
        metadata,
        sql.Column("number", sql.Integer, primary_key=True),
        *_of_twin(),
        sql.Column("day", sql.Integer, nullable=False),
        sql.Column("result", sql.JSON, nullable=False),
    )


forecasts = _results("forecasts")
recommendations = _results("recommendations")
audit = sql.Table(
    "audit",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("twin", sql.String, nullable=False),
    sql.Column("action", sql.String, nullable=False),
    sql.Column("digest", sql.String, nullable=False),
    sql.Column("previous", sql.String, nullable=False),
    sql.Column("hash", sql.String, nullable=False, unique=True),
)
TRIGGERS = tuple(
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
    " BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
    for verb in ("UPDATE", "DELETE")
)


class Entry(NamedTuple):
    """One line of the audit log: what was done to whom; `digest` is SHA-256 of what it left, each line's hash covers
    the line before."""

    number: int
    twin: str
    action: str
    digest: str
    previous: str
    hash: str


def digest_of(*parts: bytes) -> str:
    """SHA-256 of bytes, as text."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _hash(number: int, twin: str, action: str, digest: str, previous: str) -> str:
    return digest_of("\n".join((str(number), twin, action, digest, previous)).encode())


class Database:
    """One registry file.

    Args:
        path: of the file.
        create: make it if it is not there.

    Raises:
        InputError: there is no such file, other people may read it, or it is no registry of this version.
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
        """A transaction that reads.

        Raises:
            RunError: the file is damaged or in use for too long.
        """
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it happens, or nothing; nobody else writes meanwhile.

        Raises:
            RunError: the file is damaged, in use for too long, or the disk is full.
        """
        with self._transaction(writes=True) as connection:
            yield connection

    def forget(self, twin: str) -> None:
        """Delete everything about a twin but its id in the audit log, and what the file still held of deleted rows.

        Raises:
            InputError: there is no such twin.
        """
        with self.writing() as connection:
            if not connection.execute(sql.delete(twins).where(twins.c.twin == twin)).rowcount:
                raise InputError("twin: there is none of this id in the registry")
            write_audit(connection, [(twin, "forget", digest_of())])
        self.compact()

    def compact(self) -> None:
        """Write the file anew, so that nothing remains of what was deleted.

        Raises:
            RunError: the file is in use for too long, or the disk is full.
        """
        with self.engine.connect() as connection, _explained(self.path):
            connection.connection.cursor().execute("VACUUM")

    def check(self) -> int:
        """Check the file, the chain of the audit log, and that every twin is as its last update left it.

        Returns:
            how many lines the audit log has.

        Raises:
            RunError: something is not as it was written.
        """
        name = shown_path(self.path)
        with self.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if found != "ok":
                raise RunError(f"{name}: damaged")
            entries = read_audit(connection)
            stored = {
                twin: digest_of(state)
                for twin, state in connection.execute(sql.select(ensembles.c.twin, ensembles.c.state))
            }
        previous, last = NO_HASH, {}
        for number, entry in enumerate(entries, start=1):
            whole = _hash(entry.number, entry.twin, entry.action, entry.digest, entry.previous)
            if (entry.number, entry.previous, entry.hash) != (number, previous, whole):
                raise RunError(f"{name}: line {number} of the audit log is not as it was written")
            previous = entry.hash
            if entry.action in ("new", "update", "forget"):
                last[entry.twin] = entry
        kept = {twin: entry.digest for twin, entry in last.items() if entry.action != "forget"}
        for twin in kept.keys() | stored.keys():
            if kept.get(twin) != stored.get(twin):
                raise RunError(f"{name}: twin {twin} is not as the audit log says it was left")
        return len(entries)

    def _check_or_make(self, create: bool) -> None:
        with self._transaction(writes=create) as connection:
            known = connection.exec_driver_sql("PRAGMA application_id").scalar()
            version = connection.exec_driver_sql("PRAGMA user_version").scalar()
            if create and known == version == 0 and not sql.inspect(connection).get_table_names():
                metadata.create_all(connection)
                for trigger in TRIGGERS:
                    connection.exec_driver_sql(trigger)
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


def insert_many(connection: Connection, table: sql.Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows, each with all columns in their order; one of the same key is replaced.

    Without SQLAlchemy's work on every row, which would be half the time of a day of ten thousand twins.
    """
    if rows:
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT OR REPLACE INTO {table.name} VALUES ({places})", list(rows))


def write_audit(connection: Connection, done: Iterable[tuple[str, str, str]]) -> None:
    """Add lines (twin, action, digest) to the audit log."""
    newest = connection.execute(
        sql.select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    ).first()
    number, previous = (0, NO_HASH) if newest is None else newest
    rows: list[tuple[object, ...]] = []
    for twin, action, digest in done:
        number += 1
        whole = _hash(number, twin, action, digest, previous)
        rows.append((number, twin, action, digest, previous, whole))
        previous = whole
    insert_many(connection, audit, rows)


def read_audit(connection: Connection, twin: str | None = None) -> list[Entry]:
    """Lines of the audit log, of one twin or of all, the oldest first."""
    wanted = sql.select(audit).order_by(audit.c.number)
    if twin is not None:
        wanted = wanted.where(audit.c.twin == twin)
    return [Entry(*row) for row in connection.execute(wanted)]


def in_parts(ids: list[str]) -> Iterator[list[str]]:
    """Ids in lists short enough for one question."""
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _prepare(connection: Any, _record: object) -> None:
    """Settings of a connection: transactions are begun by hand, deleted content is overwritten."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for setting in SETTINGS:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors in one line that repeats nothing of the rows."""
    try:
        yield
    except OperationalError as error:
        reason = "in use by another command" if "locked" in str(error.orig) else str(error.orig)
        raise RunError(f"--registry {shown_path(path)}: {reason}") from None
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise InputError(f"--registry {shown_path(path)}: not a registry of twins") from None
        raise RunError(f"--registry {shown_path(path)}: {error.orig}") from None
