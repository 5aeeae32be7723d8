"""Backup and restore, the index of exports, and what the audit log says of the files that were read."""

import hashlib
import json
import sqlite3

import pytest
from small_registry import COHORT, RECORD, WEEK, registry_of, state, stream

from popsim.cli import main
from popsim.errors import InputError, RunError
from popsim.registry import encryption
from popsim.registry.audit import program
from popsim.registry.copies import backup, restore
from popsim.registry.exports import index_export
from popsim.registry.service import TwinRegistry


@pytest.fixture(params=["plain", "encrypted"])
def kept(request, tmp_path, monkeypatch):
    """A registry of two twins with a week of one, and their ids."""
    if request.param == "encrypted":
        monkeypatch.setenv(encryption.KEY, encryption.new_key())
    registry, ids = registry_of(tmp_path, twins=2)
    registry.update(stream(*WEEK), "a.csv", twin=ids[0])
    return registry, ids


def test_a_backup_is_a_whole_registry_of_its_own(kept, tmp_path):
    registry, [twin, other] = kept
    copy = tmp_path / "copy.db"
    lines = backup(registry.database.path, copy)
    assert [line.action for line in lines] == ["new", "new", "update", "backup"] and lines[-1].twin == ""
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (b"SQLite" in copy.read_bytes()) is not registry.database.encrypted
    expected = state(registry, twin)
    registry.forget(twin)
    assert state(TwinRegistry(copy), twin) == expected
    with pytest.raises(InputError, match=r"copy\.db: exists; give the name of a new file"):
        backup(registry.database.path, copy)
    with pytest.raises(InputError, match="exists; --replace replaces it"):
        restore(copy, registry.database.path)
    restored = restore(copy, registry.database.path, replace=True)
    assert restored[-1].action == "restore" and restored[:-1] == lines
    assert state(TwinRegistry(registry.database.path), twin) == expected
    elsewhere = tmp_path / "elsewhere.db"
    assert [line.action for line in restore(copy, elsewhere)][-1] == "restore"
    assert elsewhere.stat().st_mode & 0o777 == 0o600 and state(TwinRegistry(elsewhere), other)[0] == 0


def test_an_unsound_copy_changes_nothing(kept, tmp_path):
    registry, _ = kept
    copy, path = tmp_path / "copy.db", registry.database.path
    backup(path, copy)
    before, content = path.read_bytes(), copy.read_bytes()
    middle = len(content) // 2
    copy.write_bytes(content[:middle])
    with pytest.raises((RunError, InputError), match=r"copy\.db: .*(damaged|malformed|not a registry)"):
        restore(copy, path, replace=True)
    if registry.database.encrypted:
        copy.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        copy.write_bytes(content)
        with sqlite3.connect(copy) as file:
            file.execute("update observations set value = value * 2")
    with pytest.raises(RunError, match=r"copy\.db: .*(damaged|not as the audit log says)"):
        restore(copy, path, replace=True)
    assert path.read_bytes() == before
    with pytest.raises((RunError, InputError)):
        restore(copy, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_the_commands(kept, tmp_path, capsys):
    registry, _ = kept
    where = ["--registry", str(registry.database.path)]
    assert main(["twin", "backup", str(tmp_path / "copy.db"), *where]) == 0
    assert "copy.db: written and checked, 4 lines of the audit log, head " in capsys.readouterr().out
    assert main(["twin", "restore", str(tmp_path / "copy.db"), *where, "--replace"]) == 0
    assert "twins.db: restored and checked, 5 lines" in capsys.readouterr().out


@pytest.mark.slow
def test_forgetting_a_twin_names_the_files_that_hold_something_about_it(kept, tmp_path, capsys):
    registry, [twin, other] = kept
    where = ["--registry", str(registry.database.path)]
    page = tmp_path / "page.html"
    assert main(["twin", "show", twin, *where, "--out", str(page)]) == 0
    assert main(["twin", "show", twin, *where, "--csv", str(tmp_path / "twin.csv")]) == 0
    whole = tmp_path / "whole.json"
    assert main(["twin", "show", twin, *where, "--json", str(whole)]) == 0
    assert json.loads(whole.read_text())["twin"] == twin and whole.stat().st_mode & 0o077 == 0
    assert main(["twin", "show", twin, *where, "--json", str(tmp_path / "whole.txt")]) == 2
    bundle = tmp_path / "bundle.json"
    bundle.write_text("{}")
    with registry.database.writing() as connection:
        index_export(connection, [twin, other], "FHIR bundle", bundle)
    capsys.readouterr()
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (page, whole, bundle, *tmp_path.glob("twin*.csv"))
    }
    assert main(["twin", "exports", twin, *where, "--json", "-"]) == 0
    listed = json.loads(capsys.readouterr().out)["exports"]
    assert {one["digest"] for one in listed} == digests and {one["day"] for one in listed} == {7}
    assert {one["what"] for one in listed} == {"page", "table", "JSON", "FHIR bundle"}
    assert main(["twin", "forget", twin, *where]) == 0
    told = capsys.readouterr().out
    assert all(digest in told for digest in digests) and "popsim cannot delete these files" in told
    assert str(tmp_path) not in told and "page.html" not in told
    registry.database.check()
    content = registry.database.content()
    assert all(digest.encode() not in content for digest in digests - {listed[-1]["digest"]})
    assert main(["twin", "exports", other, *where, "--json", "-"]) == 0
    assert [one["what"] for one in json.loads(capsys.readouterr().out)["exports"]] == ["FHIR bundle"]
    assert main(["twin", "exports", twin, *where]) == 2


def test_the_log_says_what_was_read_by_which_program_and_from_which_file(tmp_path, capsys):
    where = ["--registry", str(tmp_path / "twins.db")]
    record, genes = tmp_path / "record.toml", tmp_path / "genes.csv"
    record.write_text(RECORD)
    genes.write_text("gene,diplotype\nCYP2D6,*4/*4\n")
    flags = ["--cohort", str(COHORT), "--genome", str(genes), "--members", "24", "--json", "-"]
    assert main(["twin", "new", str(record), *where, *flags]) == 0
    twin = json.loads(capsys.readouterr().out)["twin"]
    week, scale = tmp_path / "week.csv", tmp_path / "weight.csv"
    week.write_bytes(stream(*WEEK))
    scale.write_text('Date,"Weight (kg)"\n2026-03-12,81.9\n')
    assert main(["twin", "update", str(week), *where, "--twin", twin]) == 0
    assert main(["twin", "update", str(scale), *where, "--twin", twin, "--day-zero", "2026-03-01"]) == 0
    capsys.readouterr()

    def lines(*more):
        assert main(["twin", "audit", *where, "--json", "-", *more]) == 0
        return json.loads(capsys.readouterr().out)["entries"]

    found = lines()
    assert [(one["action"], one["read"]) for one in found] == [
        ("new", "record, genes"), ("update", "stream"), ("update", "CSV of a device"),
    ]  # fmt: skip
    assert {one["program"] for one in found} == {program()} and program().startswith("popsim ")
    text = json.dumps(found)
    for path in (record, genes, week, scale):
        # Keyed by the twin's salt: nobody who only has the file can find it in the log.
        assert path.name not in text and hashlib.sha256(path.read_bytes()).hexdigest() not in text
    numbers = {
        path.name: [one["number"] for one in lines("--file", str(path))] for path in (record, genes, week, scale)
    }
    assert numbers == {"record.toml": [1], "genes.csv": [1], "week.csv": [2], "weight.csv": [3]}
    week.write_bytes(stream(*WEEK[:3]))
    assert lines("--file", str(week)) == []
    assert main(["twin", "forget", twin, *where]) == 0
    capsys.readouterr()
    assert lines("--file", str(scale)) == [] and len(lines()) == 4
