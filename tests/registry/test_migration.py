"""A registry of version 3 is refused with the command that takes it over, and taken over whole or not at all."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest
from small_registry import WEEK, registry_of, state, stream

from popsim.cli import main
from popsim.registry.database import Database
from popsim.registry.service import TwinRegistry

# The log of version 3, as popsim made it until 29 November 2026.
AUDIT = """CREATE TABLE audit (
    number INTEGER NOT NULL, twin VARCHAR NOT NULL, action VARCHAR NOT NULL, digests VARCHAR NOT NULL,
    previous VARCHAR NOT NULL, hash VARCHAR NOT NULL, PRIMARY KEY (number), UNIQUE (hash))"""


def as_version_3(path):
    """Turn a registry of today into one of version 3; returns the last hash of its log."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT number, twin, action, digests FROM audit ORDER BY number").fetchall()
        database.execute("DROP TABLE audit")
        database.execute("DROP TABLE exports")
        database.execute(AUDIT)
        previous = "0" * 64
        for row in rows:
            whole = hashlib.sha256("\n".join(map(str, (*row, previous))).encode()).hexdigest()
            database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", (*row, previous, whole))
            previous = whole
        for verb in ("UPDATE", "DELETE"):
            database.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
            )
        database.execute("PRAGMA user_version = 3")
        database.commit()
        database.execute("VACUUM")
    return previous


@pytest.fixture
def old(tmp_path):
    """A registry of version 3: its path, its twin, what it said of the twin, the last hash of its log."""
    registry, [twin] = registry_of(tmp_path, twins=1)
    registry.update(stream(*WEEK), "a.csv", twin=twin)
    said, path = state(registry, twin), registry.database.path
    registry.database.engine.dispose()
    return path, twin, said, as_version_3(path)


def test_an_earlier_registry_is_refused_with_the_command_that_takes_it_over(old, capsys):
    path, twin, *_ = old
    before = path.read_bytes()
    assert main(["twin", "show", twin, "--registry", str(path)]) == 2
    told = capsys.readouterr().err
    assert "of an earlier version of popsim; 'popsim twin migrate' takes it over, with a copy first" in told
    assert path.read_bytes() == before


def test_a_registry_is_taken_over_with_its_twins_and_its_log(old, capsys):
    path, twin, said, head = old
    before = path.read_bytes()
    assert main(["twin", "migrate", "--registry", str(path)]) == 0
    copy = path.with_name(f"{path.name}.v3")
    assert copy.read_bytes() == before and copy.stat().st_mode & 0o777 == path.stat().st_mode & 0o777 == 0o600
    assert state(TwinRegistry(path), twin) == said
    lines = Database(path).check()
    assert [(line.action, line.read) for line in lines][-1] == ("migrate", "registry of version 3")
    assert lines[-1].files == head and [line.twin for line in lines[:-1]] == [twin] * 2
    assert main(["twin", "audit", "--registry", str(path)]) == 0
    capsys.readouterr()
    assert main(["twin", "migrate", "--registry", str(path), "--copy", str(copy) + "b"]) == 2
    assert "is of this version of popsim already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE audit SET action = 'none' WHERE number = 1", "line 1 of the audit log is not as it was written"),
        ("PRAGMA user_version = 2", "of version 2, whose beliefs cannot go on; make its twins anew"),
        ("PRAGMA application_id = 7", "not a registry of twins"),
    ],
)
def test_what_cannot_be_taken_over_is_left_alone(old, capsys, sql, told):
    path = old[0]
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute(sql)
        database.commit()
    before = path.read_bytes()
    assert main(["twin", "migrate", "--registry", str(path)]) in (1, 2)
    assert told in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not path.with_name(f"{path.name}.v3").exists()


def test_a_copy_is_never_written_over(old, capsys):
    path = old[0]
    path.with_name(f"{path.name}.v3").write_text("mine")
    before = path.read_bytes()
    assert main(["twin", "migrate", "--registry", str(path)]) == 2
    assert "exists; give the name of a new file" in capsys.readouterr().err
    assert path.read_bytes() == before
