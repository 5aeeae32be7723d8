"""The index of exports: which files were written with something about a twin, so that forgetting it can name them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sql
from sqlalchemy.engine import Connection

from popsim.errors import InputError
from popsim.registry.audit import LoggedAction, next_line, write_audit
from popsim.registry.privacy import shown_path
from popsim.registry.tables import ensembles, exports, insert_many, twins

EXPORT = "export"


class IndexedExport(NamedTuple):
    """A file that holds something about a twin.

    Attributes:
        line: of the audit log.
        day: of the twin.
        what: it is.
        digest: SHA-256 of the file, as `sha256sum` prints it.
    """

    line: int
    day: int
    what: str
    digest: str


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, as text; of a folder, that of the digests of its files in the order of their names.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if path.is_dir():
            inside = (digest_of_file(each) for each in sorted(path.iterdir()) if each.is_file())
            return hashlib.sha256("".join(inside).encode()).hexdigest()
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{shown_path(path)}: {error.strerror}") from None


def exports_of(connection: Connection, twin: str) -> list[IndexedExport]:
    """The files with something about a twin."""
    columns = (exports.c.line, exports.c.day, exports.c.what, exports.c.digest)
    return [IndexedExport(*row) for row in connection.execute(sql.select(*columns).where(exports.c.twin == twin))]


def index_export(connection: Connection, ids: Sequence[str], what: str, path: Path) -> None:
    """Add a file to the index of each twin that it is about, with a line of the audit log each.

    Args:
        connection: in a writing transaction.
        ids: of the twins.
        what: the file is, in a word or two.
        path: of the file; its name is not kept.

    Raises:
        InputError: there is no such twin, or the file cannot be read.
    """
    digest = digest_of_file(path)
    wanted = sql.select(twins.c.twin, twins.c.salt, ensembles.c.day).join(ensembles)
    found = {twin: (salt, day) for twin, salt, day in connection.execute(wanted)}
    if not found.keys() >= set(ids):
        raise InputError("twin: there is none of this id in the registry")
    first, done = next_line(connection), []
    for line, twin in enumerate(ids, start=first):
        salt, day = found[twin]
        row = (line, twin, day, what, digest)
        insert_many(connection, exports, [row])
        done.append(LoggedAction(twin, EXPORT, salt, {exports: [row]}))
    write_audit(connection, done)
