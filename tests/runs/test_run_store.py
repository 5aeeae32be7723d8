import errno
import hashlib
import io
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from popsim.errors import InputError, RunError
from popsim.runs import unit_file
from popsim.runs.store import RunStore, UnitStore
from popsim.studies.content import frame_hash

TABLES = {"persons": pl.DataFrame({"a": [1.5, 2.5]}), "daily": pl.DataFrame({"day": [0, 1, 2]})}


@pytest.fixture
def store(tmp_path):
    store = UnitStore(tmp_path / "study")
    with store.opened():
        yield store


def put(store, key, tables=TABLES, seconds=0.5):
    return store.publish(store.write(key, tables, seconds))


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".runner-"))


def test_what_is_written_is_read_back(store):
    record = put(store, "k1")
    assert store.finished("k1") == record
    assert record.contents == {name: frame_hash(table) for name, table in TABLES.items()}
    assert_frame_equal(store.scan("persons", ["k1"]).collect(), TABLES["persons"])
    assert names(store.folder) == ["k1.zip"]


def test_a_unit_is_one_file_that_anybody_can_open_and_check(store, tmp_path):
    """By hand: sha256sum over all but the last 64 bytes, a zip program, a Parquet reader."""
    put(store, "k1")
    content = store.path("k1").read_bytes()
    assert content[-64:].decode() == hashlib.sha256(content[:-64]).hexdigest()
    with zipfile.ZipFile(store.path("k1")) as file:
        assert file.testzip() is None
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
        file.extractall(tmp_path / "out")
    assert names(tmp_path / "out") == ["daily.parquet", "persons.parquet", "unit.json"]
    assert_frame_equal(pl.read_parquet(tmp_path / "out" / "daily.parquet"), TABLES["daily"])
    assert json.loads((tmp_path / "out" / "unit.json").read_text())["key"] == "k1"


def test_the_same_content_has_the_same_bytes(store):
    assert put(store, "k1").seal == put(store, "k1").seal


def test_a_lazy_table_is_the_same_as_a_table(store):
    eager = put(store, "k1")
    lazy = put(store, "k1", {name: table.lazy() for name, table in TABLES.items()})
    assert lazy.contents == eager.contents
    assert names(store.folder) == ["k1.zip"]


def test_what_is_not_there_is_not_finished(store):
    assert store.finished("k1") is None


def test_no_flipped_byte_and_no_cut_goes_unnoticed(store):
    """Every 7th byte in turn and all of the end, and the file cut at every 64th length."""
    put(store, "k1")
    path = store.path("k1")
    whole = path.read_bytes()
    for place in (*range(0, len(whole), 7), *range(len(whole) - 90, len(whole))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert store.finished("k1") is None, place
    for length in range(0, len(whole), 64):
        path.write_bytes(whole[:length])
        assert store.finished("k1") is None, length
    path.write_bytes(whole + b"x")
    assert store.finished("k1") is None
    assert put(store, "k1").seal == store.finished("k1").seal


def test_a_unit_of_another_key_is_not_taken(store):
    put(store, "k1")
    store.path("k1").rename(store.path("k2"))
    assert store.finished("k2") is None


def test_a_unit_is_not_there_before_it_is_published(store):
    written = store.write("k1", TABLES, 0.5)
    assert store.finished("k1") is None
    assert store.publish(written) == store.finished("k1")


def test_a_unit_made_elsewhere_is_the_same(store, tmp_path):
    written = UnitStore(tmp_path / "elsewhere")
    with written.opened():
        there = written.write("k1", TABLES, 0.5)
        store.publish(store.receive(there.record, there.path.read_bytes()))
    assert store.finished("k1") == there.record


def resealed(path, members, compression=zipfile.ZIP_STORED):
    """A unit's file of these members (name, content), with a seal that is right."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
        file.comment = b"0" * 64
    content = path.read_bytes()[:-64]
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())


def parquet(**columns):
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_unit_that_was_altered_and_sealed_again_is_refused(store):
    """Its values are not those of its record; with the record altered too, the content hash is another."""
    record = put(store, "k1")
    path, forged = store.path("k1"), parquet(a=[1.5, 9.0])
    members = members_of(path) | {"persons.parquet": forged}
    resealed(path, members.items())
    assert store.finished("k1") is None
    said = json.loads(members["unit.json"])
    said["contents"]["persons"] = frame_hash(pl.read_parquet(forged))
    resealed(path, (members | {"unit.json": json.dumps(said)}).items())
    assert store.finished("k1").contents != record.contents


@pytest.mark.parametrize(
    "change",
    [
        lambda members: (members | {"unit.json": members["unit.json"] + b" " * 2**20}).items(),
        lambda members: (members | {"other.txt": b""}).items(),
        lambda members: (members | {"../persons.parquet": parquet(a=[1])}).items(),
        lambda members: [*members.items(), ("persons.parquet", members["persons.parquet"])],
        lambda members: (members | {"more.parquet": parquet(a=[1])}).items(),
        lambda members: [(name, content) for name, content in members.items() if name != "daily.parquet"],
        lambda members: (members | {"persons.parquet": b"no table"}).items(),
        lambda members: (members | {"unit.json": b"[" * 100_000}).items(),
        lambda members: (members | {"unit.json": b'{"key": "k1", "contents": {}, "seconds": NaN}'}).items(),
        lambda members: (members | {"unit.json": members["unit.json"].replace(b"0.5", b'"0.5"')}).items(),
    ],
    ids=(
        *("long record", "unknown member", "path", "twice", "table without hash", "table gone", "no table"),
        *("deep record", "no contents", "seconds"),
    ),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_sealed_file_with_other_members_than_those_of_a_unit_is_refused(store, change):
    put(store, "k1")
    resealed(store.path("k1"), change(members_of(store.path("k1"))))
    assert store.finished("k1") is None


@pytest.mark.slow
def test_more_values_than_can_lie_in_a_table_are_not_read():
    with pytest.raises(ValueError, match="134217728 values in"):
        unit_file._bounded(parquet(a=pl.select(a=pl.lit(0).repeat_by(2**27).explode())["a"]))


def test_a_small_file_that_would_become_a_large_one_is_refused_before_it_is_read(store):
    """Members that are compressed, and members that lie over one another: 1,000 names for the same bytes."""
    put(store, "k1")
    members = members_of(store.path("k1"))
    bomb = members | {"unit.json": members["unit.json"][:-1] + b', "x": "' + b"0" * 2**27 + b'"}'}
    resealed(store.path("k1"), bomb.items(), zipfile.ZIP_DEFLATED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert store.finished("k1") is None
    with pytest.raises(RunError, match="other members than it should have"):
        store.scan("persons", ["k1"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB
    resealed(store.path("k1"), [("unit.json", b"{}"), *((f"t{i}.parquet", b"0" * 2**16) for i in range(8))])
    content = bytearray(store.path("k1").read_bytes()[:-64])
    first = content.index(b"t0.parquet") - 30
    for i in range(8):  # every name in the list at the end leads to the first member
        entry = content.rindex(f"t{i}.parquet".encode()) - 46
        content[entry + 42 : entry + 46] = first.to_bytes(4, "little")
    del content[first + 40 + 2**16 : content.index(b"PK\x01\x02")]
    end, start = content.rindex(b"PK\x05\x06"), content.index(b"PK\x01\x02")
    content[end + 16 : end + 20] = start.to_bytes(4, "little")
    store.path("k1").write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(RunError, match="other members than it should have"):
        store.scan("t1", ["k1"])


def test_a_failed_write_leaves_nothing(store, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("popsim.runs.store._flush", full)
    with pytest.raises(OSError, match="No space"):
        put(store, "k1")
    assert names(store.folder) == []
    monkeypatch.setattr("popsim.runs.unit_file.seal", full)
    with pytest.raises(OSError, match="No space"):
        put(store, "k1")
    assert names(store.folder) == []


def test_leftovers_of_dead_processes_are_swept_and_those_of_others_kept(store):
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, host = int(done.stdout), socket.gethostname()
    for name in (f"{host}-{dead}-aaaa", f"{host}-{os.getpid()}-bbbb", f"elsewhere-{dead}-cccc"):
        (store.folder / f".tmp-{name}").touch()
    with UnitStore(store.folder.parent).opened():
        assert sorted(name[-4:] for name in names(store.folder)) == ["bbbb", "cccc"]


def test_who_opens_a_store_knows_whether_others_work_there(tmp_path):
    with UnitStore(tmp_path).opened() as first, UnitStore(tmp_path).opened() as second:
        assert (first, second) == (False, True)
    with UnitStore(tmp_path).opened() as third:
        assert not third


def test_what_a_runner_left_half_written_goes_with_it(tmp_path):
    store = UnitStore(tmp_path)
    with store.opened():
        store.write("k1", TABLES, 0.5)
        assert len(names(store.folder)) == 1
    assert list(store.folder.iterdir()) == []


def test_a_scan_keeps_the_order_of_the_keys_and_reads_what_is_asked_for(store, monkeypatch):
    monkeypatch.setattr("popsim.runs.store.BATCH_ROWS", 2)
    for key, value in (("k1", 1), ("k2", 2), ("k3", 3)):
        put(store, key, {"persons": pl.DataFrame({"a": [value] * 3, "b": [f"{value}{i}" for i in range(3)]})})
    scan = store.scan("persons", ["k3", "k1", "k2"])
    for batch in (2**26, 1):  # all units at once, and one at a time
        monkeypatch.setattr("popsim.runs.store.BATCH_BYTES", batch)
        assert scan.collect()["a"].to_list() == [3, 3, 3, 1, 1, 1, 2, 2, 2]
        assert scan.filter(pl.col("a") < 3).select("b").collect()["b"].to_list() == ["10", "11", "12", "20", "21", "22"]
        assert scan.head(4).collect()["b"].to_list() == ["30", "31", "32", "10"]


def test_a_table_that_is_damaged_when_it_is_read_is_refused(store):
    put(store, "k1")
    scan = store.scan("persons", ["k1"])
    content = bytearray(store.path("k1").read_bytes())
    content[60] ^= 1
    store.path("k1").write_bytes(content)
    with pytest.raises(RunError, match=r"k1\.zip: damaged"):
        store.scan("persons", ["k1"])
    store.path("k1").unlink()
    with pytest.raises(Exception, match="damaged or missing"):  # within Polars
        scan.collect()


def test_quarantine_ends_when_the_unit_is_done(store):
    store.quarantine_record("k1", {"problem": "no luck"})
    assert json.loads(store.quarantined("k1").read_text()) == {"problem": "no luck"}
    put(store, "k1")
    assert list(store.quarantine.iterdir()) == []


def test_there_is_no_quarantine_without_a_need(tmp_path):
    store = UnitStore(tmp_path / "study")
    with store.opened():
        assert not store.quarantine.exists()
        store.quarantine_record("k1", {"problem": "no luck"})
        put(store, "k1")
    assert not store.quarantine.exists()
    with store.opened():
        store.quarantine_record("k1", {"problem": "no luck"})
    assert store.quarantined("k1").exists()


def test_tables_and_manifest_of_a_run_replace_those_before(tmp_path):
    run = RunStore(tmp_path / "study" / "run")
    for number in (1, 2):
        run.write_table("summary", pl.DataFrame({"a": [number]}))
        run.write_manifest({"a": number})
    assert json.loads((run.folder / "manifest.json").read_text())["a"] == 2
    assert pl.read_parquet(run.folder / "summary.parquet")["a"].to_list() == [2]
    assert names(run.folder) == ["manifest.json", "summary.parquet"]


@pytest.mark.slow
def test_no_flipped_bit_of_a_table_or_of_the_manifest_goes_unnoticed(tmp_path):
    """Every bit of the manifest in turn: refused, or white space, which says the same."""
    run = RunStore(tmp_path / "study" / "run")
    run.write_table("summary", pl.DataFrame({"a": [0.1, 0.2]}))
    run.write_manifest({"run_id": "r", "units": [1], "experiment": {"b": 0.1}})
    said = run.read_manifest()
    for path in (run.folder / "summary.parquet", run.folder / "manifest.json"):
        whole = path.read_bytes()
        for place in range(8 * len(whole)):
            flipped = bytearray(whole)
            flipped[place // 8] ^= 1 << place % 8
            path.write_bytes(flipped)
            with suppress(InputError):
                assert run.read_manifest() == said, place
                assert path.name == "manifest.json" and whole[place // 8 : place // 8 + 1].isspace(), place
        path.write_bytes(whole)
    (run.folder / "summary.parquet").unlink()
    with pytest.raises(InputError, match=r"summary\.parquet: is damaged or was altered; the same 'popsim"):
        run.read_manifest()


@pytest.mark.parametrize("private", [True, False])
def test_only_the_owner_can_read_what_holds_real_people_whatever_the_umask(tmp_path, private):
    before = os.umask(0)
    try:
        run = RunStore(tmp_path / "study" / "run", private=private)
        with run.units.opened():
            put(run.units, "k1", {name: table.lazy() for name, table in TABLES.items()})
            record = run.units.receive(run.units.finished("k1"), run.units.path("k1").read_bytes())
            assert record.path.stat().st_mode & 0o777 == (0o600 if private else 0o666)
            run.units.quarantine_record("k2", {"problem": "no luck"})
            run.write_table("summary", TABLES["daily"])
            run.write_manifest({"a": 1})
    finally:
        os.umask(before)
    made = {path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in (tmp_path / "study").rglob("*")}
    files, folders = {made[path] for path in made if path.suffix}, {made[path] for path in made if not path.suffix}
    assert (files, folders) == (({0o600}, {0o700}) if private else ({0o666}, {0o777}))
    assert (tmp_path / "study").stat().st_mode & 0o777 == (0o700 if private else 0o777)


def test_a_full_disk_is_a_full_disk_whatever_polars_says(monkeypatch, tmp_path):
    """As Polars says it: a number of the system, or a file that it cannot end."""
    path = tmp_path / "t.parquet"
    for text, free in (("parquet: underlying IO error: ... (os error 28)", 2**40), ("parquet: Invalid thrift", 100)):

        def fails(*_, text=text, **__):
            raise pl.exceptions.ComputeError(text)

        monkeypatch.setattr(pl.LazyFrame, "sink_parquet", fails)
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(OSError, match="No space left on device") as refused:
            unit_file.sink(TABLES["daily"].lazy(), path)
        assert refused.value.errno == errno.ENOSPC
        with pytest.raises(RunError, match=r"t\.parquet: .*No space left on device.*; the same command tries again"):
            RunStore(tmp_path / "study" / "run").write_table("t", TABLES["daily"])


def test_a_table_for_which_there_is_no_room_is_one_line(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("popsim.runs.store._flush", full)
    run = RunStore(tmp_path / "study" / "run")
    with pytest.raises(RunError, match=r"summary.parquet: .*No space left on device; the same command tries again"):
        run.write_table("summary", TABLES["daily"])
    assert names(run.folder) == []


def test_units_need_no_more_than_their_file(store, tmp_path):
    """A store can be copied, file by file, to another machine."""
    record = put(store, "k1")
    shutil.copytree(store.folder, tmp_path / "copy" / "units")
    assert UnitStore(tmp_path / "copy").finished("k1") == record


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), UnitStore(tmp_path / "file").opened():
        pass
