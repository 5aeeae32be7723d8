"""A changed kernel is compiled afresh: the cache folder is named after the content of all kernel sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from popsim.kernels import cache, sources

CALLEE = """
from popsim.kernels.numerics.compiling import njit

@njit
def factor():
    return {factor}
"""

CALLER = """
from popsim.kernels.callee import factor
from popsim.kernels.numerics.compiling import njit

@njit
def scaled(x):
    return factor() * x
"""

REPORT = """
import popsim.kernels
from popsim.kernels.caller import scaled
print(scaled(10), sum(scaled.stats.cache_hits.values()), popsim.kernels.__file__, sep=chr(10))
"""


@pytest.fixture
def copied_package(tmp_path):
    """A package popsim that holds a copy of the kernels and nothing else."""
    package = tmp_path / "popsim"
    shutil.copytree(sources.SOURCE_FOLDER, package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    return package


def lines_of_new_process(package, script, **variables):
    """What a script prints, line by line, in a process of its own that sees the copied package."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "POPSIM_CACHE": str(package.parent / "cache"),
        # Sources are rewritten within the resolution of file times, on which Python's own bytecode cache relies.
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, cwd=package.parent, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def run_in_new_process(package, **variables):
    """Result of the copied kernel, and how often it came from the cache."""
    value, hits, path = lines_of_new_process(package, REPORT, **variables)
    assert Path(path).parent == package / "kernels"
    return int(value), int(hits)


def test_a_changed_callee_in_another_file_is_not_served_stale(copied_package):
    callee = copied_package / "kernels" / "callee.py"
    callee.write_text(CALLEE.format(factor=2))
    (copied_package / "kernels" / "caller.py").write_text(CALLER)
    assert run_in_new_process(copied_package) == (20, 0)
    assert run_in_new_process(copied_package) == (20, 1)  # unchanged: from the cache

    callee.write_text(CALLEE.format(factor=3))
    assert run_in_new_process(copied_package) == (30, 0)

    callee.write_text(CALLEE.format(factor=2))
    assert run_in_new_process(copied_package) == (20, 1)  # changed back: the old folder is still right


@pytest.fixture
def scaled_package(copied_package):
    """The copied package with a kernel `scaled` that calls one from another file."""
    (copied_package / "kernels" / "callee.py").write_text(CALLEE.format(factor=2))
    (copied_package / "kernels" / "caller.py").write_text(CALLER)
    return copied_package


@pytest.mark.slow
def test_watchers_hear_of_what_is_compiled_and_whether_the_cache_was_empty(scaled_package, tmp_path):
    script = """
from popsim.kernels.numerics.compiling import WATCHERS
heard = []
WATCHERS.append(heard.append)
from popsim.kernels.caller import scaled
scaled(10), scaled({})
print(heard)
"""
    elsewhere = {"TMPDIR": str(tmp_path)}
    assert lines_of_new_process(scaled_package, script.format(11), **elsewhere) == ["[True]"]  # with the callee
    assert lines_of_new_process(scaled_package, script.format(11), **elsewhere) == ["[]"]
    assert lines_of_new_process(scaled_package, script.format(1.5), **elsewhere) == ["[False]"]


def compiled(folder, name="*"):
    return list(folder.rglob(f"{name}.nbc"))


@pytest.fixture
def unwritable(tmp_path):
    """A folder that nobody can make: its parent is a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "cache"


@pytest.mark.slow
def test_where_the_cache_cannot_be_written_a_private_folder_takes_its_place(scaled_package, unwritable, tmp_path):
    elsewhere = {"POPSIM_CACHE": str(unwritable), "TMPDIR": str(tmp_path)}
    assert run_in_new_process(scaled_package, **elsewhere) == (20, 0)
    assert run_in_new_process(scaled_package, **elsewhere) == (20, 1)
    private = tmp_path / f"popsim-{os.getuid()}"
    assert len(compiled(tmp_path)) == len(compiled(private)) == 1  # nothing beside the source
    assert private.stat().st_mode & 0o777 == 0o700
    (scaled_package / "kernels" / "callee.py").write_text(CALLEE.format(factor=3))
    assert run_in_new_process(scaled_package, **elsewhere) == (30, 0)
    private.chmod(0o777)  # others can write it: no longer trusted
    assert run_in_new_process(scaled_package, **elsewhere) == (30, 0)


@pytest.mark.slow
def test_a_damaged_file_is_compiled_again(scaled_package, tmp_path):
    elsewhere = {"TMPDIR": str(tmp_path)}
    run_in_new_process(scaled_package, **elsewhere)
    for path in compiled(tmp_path):
        path.write_bytes(path.read_bytes()[:100])
    assert run_in_new_process(scaled_package, **elsewhere) == (20, 0)
    for path in compiled(tmp_path):
        path.unlink()
        (path / "within").mkdir(parents=True)  # a folder in its place
    assert run_in_new_process(scaled_package, **elsewhere) == (20, 0)
    assert run_in_new_process(scaled_package, **elsewhere) == (20, 1)


def test_a_file_with_any_byte_changed_counts_as_none(tmp_path):
    path = tmp_path / "one.nbc"
    path.write_bytes(hashlib.sha256(b"code").digest() + b"code")
    content = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "FOLDERS", [tmp_path])
        assert cache._read(path) == b"code"
        for i in range(len(content)):
            path.write_bytes(content[:i] + bytes([content[i] ^ 0x10]) + content[i + 1 :])
            assert cache._read(path) is None
        for other in (content[:-1], content + b"x", b""):
            path.write_bytes(other)
            assert cache._read(path) is None


@pytest.mark.slow
def test_code_for_another_processor_is_another(scaled_package):
    run_in_new_process(scaled_package)
    assert run_in_new_process(scaled_package, NUMBA_CPU_NAME="generic") == (20, 0)
    assert run_in_new_process(scaled_package) == (20, 1)


@pytest.mark.parametrize(("flag", "same"), [("NUMBA_OPT", False), ("NUMBA_BOUNDSCHECK", False), ("OPT", True),
                                            ("NUMBA_NUM_THREADS", True), ("NUMBA_CACHE_DIR", True)])  # fmt: skip
def test_flags_that_shape_machine_code_count(flag, same, monkeypatch):
    before = cache.code_hash()
    monkeypatch.setenv(flag, "1")
    assert (cache.code_hash() == before) is same


def test_folders_of_old_sources_are_removed_the_longest_unused_first(scaled_package, tmp_path):
    (root := tmp_path / "cache").mkdir()
    for age in range(12):
        (folder := root / f"kernels-{age:016x}").mkdir()
        os.utime(folder, (1e9 - age, 1e9 - age))
    (root / "kernels-of-mine").mkdir()
    run_in_new_process(scaled_package)
    old = sorted(path.name for path in root.glob("kernels-00000000*"))
    assert old == [f"kernels-{age:016x}" for age in range(cache.FOLDERS_KEPT - 1)]
    assert (root / "kernels-of-mine").exists()


@pytest.fixture
def hash_of_copy(copied_package, monkeypatch):
    monkeypatch.setattr(sources, "SOURCE_FOLDER", copied_package / "kernels")
    return sources.source_hash


@pytest.mark.parametrize(
    "name", sorted(path.relative_to(sources.SOURCE_FOLDER).as_posix() for path in sources.SOURCE_FOLDER.rglob("*.py"))
)
def test_hash_changes_with_every_source(name, copied_package, hash_of_copy):
    before = hash_of_copy()
    with (copied_package / "kernels" / name).open("a") as source:
        source.write("\n")
    assert hash_of_copy() != before


def test_hash_changes_with_a_new_a_removed_and_a_renamed_source(copied_package, hash_of_copy):
    folder = copied_package / "kernels"
    hashes = [hash_of_copy()]
    (folder / "another.py").write_text("")
    hashes.append(hash_of_copy())
    (folder / "another.py").rename(folder / "renamed.py")
    hashes.append(hash_of_copy())
    (folder / "numerics" / "math.py").unlink()
    hashes.append(hash_of_copy())
    (folder / "wing").mkdir()
    (folder / "renamed.py").rename(folder / "wing" / "renamed.py")
    hashes.append(hash_of_copy())
    assert len(set(hashes)) == 5


def test_hash_is_that_of_the_content_not_of_the_place(hash_of_copy, monkeypatch):
    of_copy = hash_of_copy()
    monkeypatch.undo()
    assert sources.source_hash() == of_copy


@pytest.mark.parametrize("library", ["numba", "llvmlite"])
def test_hash_changes_with_the_compiler(library, monkeypatch):
    before = sources.source_hash()
    monkeypatch.setattr(sources, "version", lambda name: "0.0.0" if name == library else version(name))
    assert sources.source_hash() != before


def test_kernels_use_the_folder_named_after_their_sources(copied_package):
    script = "from popsim.kernels import cache; print(cache.FOLDERS[0], cache.code_hash(), sep=chr(10))"
    folder, code_hash = lines_of_new_process(copied_package, script)
    assert folder == str(copied_package.parent / "cache" / f"kernels-{code_hash}")


def test_the_cache_can_be_put_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("POPSIM_CACHE", str(tmp_path))
    assert cache.cache_folder().parent == tmp_path
    monkeypatch.delenv("POPSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder().parent == tmp_path / "popsim"
