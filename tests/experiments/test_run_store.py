import json
import os
import socket
import subprocess
import sys

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from popsim.errors import InputError
from popsim.experiments.store import RunStore

TABLES = {"persons": pl.DataFrame({"a": [1.5, 2.5]}), "daily": pl.DataFrame({"day": [0, 1, 2]})}


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "study" / "run")
    store.create()
    return store


def test_what_is_written_is_read_back(store):
    record = store.write_unit("k1", TABLES, 0.5)
    assert store.finished("k1") == store.record("k1") == record
    assert_frame_equal(store.scan("persons", ["k1"]).collect(), TABLES["persons"])
    assert sorted(path.name for path in store.units_folder.iterdir()) == ["k1"]


def test_what_is_not_there_is_not_finished(store):
    assert store.finished("k1") is None


@pytest.mark.parametrize("name", ["persons.parquet", "daily.parquet", "unit.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "empty"])
def test_a_damaged_unit_is_removed_and_written_again(store, name, damage):
    whole = store.write_unit("k1", TABLES, 0.5)
    path = store.units_folder / "k1" / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
    elif damage == "remove":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncate" else b"")
    found = store.finished("k1")
    if name == "unit.json" and damage == "flip" and found is not None:
        # The flipped bit may lie in the time that the unit took, which is no result.
        assert (found.checksums, found.contents) == (whole.checksums, whole.contents)
        return
    assert found is None
    assert not (store.units_folder / "k1").exists()
    assert store.write_unit("k1", TABLES, 0.5) == whole


def test_a_unit_of_another_key_is_not_taken(store):
    store.write_unit("k1", TABLES, 0.5)
    (store.units_folder / "k1").rename(store.units_folder / "k2")
    assert store.finished("k2") is None


def test_whoever_is_first_keeps_the_unit(store):
    first = store.write_unit("k1", TABLES, 0.5)
    inode = (store.units_folder / "k1").stat().st_ino
    assert store.write_unit("k1", TABLES, 9.0) == first
    assert (store.units_folder / "k1").stat().st_ino == inode
    assert sorted(path.name for path in store.units_folder.iterdir()) == ["k1"]


def test_a_failed_write_leaves_nothing(store, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("popsim.experiments.store._flush", full)
    with pytest.raises(OSError, match="No space"):
        store.write_unit("k1", TABLES, 0.5)
    assert list(store.units_folder.iterdir()) == []


def test_leftovers_of_dead_processes_are_swept_and_those_of_others_kept(store):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, host = int(done.stdout), socket.gethostname()
    for name in (f".tmp-{host}-{dead}-aaaa", f".tmp-{host}-{os.getpid()}-bbbb", f".tmp-elsewhere-{dead}-cccc"):
        (store.units_folder / name).mkdir()
    store.create()
    assert sorted(path.name[-4:] for path in store.units_folder.iterdir()) == ["bbbb", "cccc"]


def test_combined_tables_keep_the_order_of_the_keys(store):
    for key, value in (("k1", 1), ("k2", 2), ("k3", 3)):
        store.write_unit(key, {"persons": pl.DataFrame({"a": [value] * 2})}, 0.0)
    store.write_combined("persons", ["k3", "k1", "k2"])
    assert pl.read_parquet(store.folder / "persons.parquet")["a"].to_list() == [3, 3, 1, 1, 2, 2]


def test_a_manifest_replaces_the_one_before(store):
    store.write_manifest({"a": 1})
    store.write_manifest({"a": 2})
    assert json.loads((store.folder / "manifest.json").read_text()) == {"a": 2}
    assert sorted(path.name for path in store.folder.iterdir()) == ["manifest.json", "units"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        RunStore(tmp_path / "file" / "run").create()
