"""A changed kernel is compiled afresh: the cache folder is named after the content of all kernel sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from popsim import kernels

CALLEE = """
from numba import njit

@njit(cache=True)
def factor():
    return {factor}
"""

CALLER = """
from numba import njit
from popsim.kernels.callee import factor

@njit(cache=True)
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
    shutil.copytree(kernels.SOURCE_FOLDER, package / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    return package


def lines_of_new_process(package, script):
    """What a script prints, line by line, in a process of its own that sees the copied package."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "POPSIM_CACHE": str(package.parent / "cache"),
        # Sources are rewritten within the resolution of file times, on which Python's own bytecode cache relies.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, cwd=package.parent, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def run_in_new_process(package):
    """Result of the copied kernel, and how often it came from the cache."""
    value, hits, path = lines_of_new_process(package, REPORT)
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
def hash_of_copy(copied_package, monkeypatch):
    monkeypatch.setattr(kernels, "SOURCE_FOLDER", copied_package / "kernels")
    return kernels.source_hash


@pytest.mark.parametrize("name", sorted(path.name for path in kernels.SOURCE_FOLDER.glob("*.py")))
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
    (folder / "math.py").unlink()
    hashes.append(hash_of_copy())
    assert len(set(hashes)) == 4


def test_hash_is_that_of_the_content_not_of_the_place(hash_of_copy, monkeypatch):
    of_copy = hash_of_copy()
    monkeypatch.undo()
    assert kernels.source_hash() == of_copy


@pytest.mark.parametrize("library", ["numba", "llvmlite"])
def test_hash_changes_with_the_compiler(library, monkeypatch):
    before = kernels.source_hash()
    monkeypatch.setattr(getattr(kernels, library), "__version__", "0.0.0")
    assert kernels.source_hash() != before


def test_kernels_use_the_folder_named_after_their_sources(copied_package):
    script = "from popsim import kernels; print(kernels.numba.config.CACHE_DIR, kernels.source_hash(), sep=chr(10))"
    folder, source_hash = lines_of_new_process(copied_package, script)
    assert folder == str(copied_package.parent / "cache" / f"kernels-{source_hash}")


def test_the_cache_can_be_put_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("POPSIM_CACHE", str(tmp_path))
    assert kernels.cache_folder().parent == tmp_path
    monkeypatch.delenv("POPSIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernels.cache_folder().parent == tmp_path / "popsim"
