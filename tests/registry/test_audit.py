"""The audit log covers every row of every table, the schema and the log's triggers; a head noted elsewhere the rest."""

import json
import sqlite3

import pytest
from small_registry import WEEK, registry_of, stream

from popsim.cli import main
from popsim.errors import RunError
from popsim.registry import database
from popsim.registry.advice import compare_options, make_forecast
from popsim.registry.service import TwinRegistry
from popsim.registry.tables import TRIGGERS


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A registry of two twins with an update, a forecast and a comparison of one; only read. And the ids."""
    registry, ids = registry_of(tmp_path_factory.mktemp("lived"), twins=2)
    registry.update(stream(*WEEK, "4,reviewed,,,event", "5,furosemide,80,mg/d,medication"), "a.csv", twin=ids[0])
    make_forecast(registry, ids[0], 5)
    compare_options(registry, ids[0], days=5)
    return registry, ids


def copied(registry, folder):
    path = folder / "copy.db"
    with sqlite3.connect(registry.database.path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    path.chmod(0o600)
    return path


DROP = "drop trigger audit_no_delete;"
TAMPERS = [
    ("update observations set value = value * 2", "observations, written by line"),
    ("update observations set used = 0 where time = 7.3", "observations, written by line 3"),
    ("update observations set unit = 'g' where time = 7.3", "observations, written by line 3"),
    ("insert into observations values ('test0001', 1.0, '29463-7', 80.0, 'kg', 1, 3)", "twin test0001"),
    ("delete from events", "events, written by line 3"),
    ("update events set time = 5.5 where code = 'furosemide'", "events, written by line 3"),
    ("update bands set quantiles = zeroblob(length(quantiles))", "bands, written by line"),
    ("update bands set day = 30 where day = 3", "bands, written by line 3"),
    ('update forecasts set result = \'{"days":90,"signals":{},"risks":[]}\'', "forecasts, written by line 4"),
    ("delete from forecasts", "forecasts, written by line 4"),
    ("update recommendations set day = 6", "recommendations, written by line 5"),
    ("update recommendations set line = 4", "recommendations, written by line"),
    ("update twins set seed = 99", "twins, written by line"),
    ("update twins set salt = 'x'", "test0000 is not as"),
    ("update ensembles set day = 400", "ensembles, written by line"),
    ("update ensembles set state = zeroblob(length(state))", "ensembles, written by line"),
    ("update ensembles set line = 'Quenby'", "ensembles, written by"),
    ("delete from twins where twin = 'test0001'", "twin test0001"),  # and, by the foreign keys or not, what is its
    (
        "insert into twins select 'Quenby', seed, cohort, members, known, salt, line from twins limit 1",
        "not know",
    ),
    (f"{DROP} delete from audit where number = 5", "audit_no_delete was removed"),
    (f"{DROP} delete from audit where number = 5; {TRIGGERS[1]}", "recommendations, written by"),
    (f"{DROP} drop trigger audit_no_update", "was removed from the file"),
    ("create trigger more after insert on events begin delete from bands; end", "is not the registry's"),
    ("create view v as select 1", "is not the registry's"),
    (f"{DROP} create trigger audit_no_delete before delete on audit begin select 1; end", "audit_no_delete is not as"),
    ("alter table bands add column note text", "bands is not as popsim made it"),
]


@pytest.mark.parametrize(("statement", "said"), TAMPERS, ids=[one[:50] for one, _ in TAMPERS])
def test_whatever_is_altered_is_found_in_one_line(lived, tmp_path, capsys, statement, said):
    path = copied(lived[0], tmp_path)
    with sqlite3.connect(path) as file:
        file.executescript(statement)
    assert main(["twin", "audit", "--registry", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert said in err and "Quenby" not in err


@pytest.mark.slow
def test_what_nobody_altered_passes_and_has_a_head(lived, tmp_path, capsys):
    registry, (twin, other) = lived
    path = copied(registry, tmp_path)

    def audit(*flags):
        code = main(["twin", "audit", "--registry", str(path), *flags])
        return code, *capsys.readouterr()

    code, out, _ = audit("--json", "-")
    found = json.loads(out)
    head = found["head"]
    assert code == 0 and [entry["action"] for entry in found["entries"]] == [
        "new",
        "new",
        "update",
        "forecast",
        "compare",
    ]
    assert f"Head: {head}" in audit("--expect", head)[1]
    assert audit("--expect", "0" * 64)[0] == 1
    assert audit("--expect", "Quenby") == (
        2, "", "popsim: command line: --expect: must be a hash as this command prints it, 64 digits 0-9 and a-f\n"
    )  # fmt: skip
    # Taken back to an earlier state, rows and all, a file is sound in itself: the head that was noted tells.
    TwinRegistry(path).update(stream("8,29463-7,81,kg,observation"), "a.csv", twin=twin)
    assert audit("--expect", head)[0] == 0  # the log has grown from there
    newer = json.loads(audit("--json", "-")[1])["head"]
    older = copied(registry, tmp_path)
    assert older == path and audit()[0] == 0
    code, out, err = audit("--expect", newer)
    assert (code, out) == (1, "") and "has no line of the expected hash" in err
    TwinRegistry(path).forget(other)
    assert audit("--expect", head)[0] == 0


def test_digests_of_a_forgotten_twin_cannot_be_tried_against_values(lived, tmp_path):
    """The digest of a row is keyed by a salt that goes with the twin."""
    registry, (twin, _) = lived
    path = copied(registry, tmp_path)
    with sqlite3.connect(path) as file:
        [(salt,)] = file.execute("select salt from twins where twin = ?", (twin,)).fetchall()
    assert len(salt) == 32 and salt.encode() in path.read_bytes()
    TwinRegistry(path).forget(twin)
    assert salt.encode() not in path.read_bytes()


def test_forgetting_beside_a_write_ahead_log_is_refused_or_leaves_nothing(lived, tmp_path, monkeypatch):
    registry, (twin, _) = lived
    path = copied(registry, tmp_path)
    monkeypatch.setattr(database, "PATIENCE_S", 0.05)
    with sqlite3.connect(path) as file:
        [(salt,)] = file.execute("select salt from twins where twin = ?", (twin,)).fetchall()
        assert file.execute("pragma journal_mode = wal").fetchone() == ("wal",)
    file.close()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from twins").fetchone()
    with pytest.raises(RunError, match="in use by another command or program"):
        TwinRegistry(path).forget(twin)
    reader.close()
    TwinRegistry(path).forget(twin)
    left = [one for one in tmp_path.iterdir() if one.name.startswith(path.name)]
    assert left == [path]
    raw = path.read_bytes()
    assert salt.encode() not in raw and raw.count(twin.encode()) > 0
    assert len(TwinRegistry(path).database.check()) == 6
