"""The store of an experiment: finished units of work, shared by all its runs, and a folder for each run.

    results/<experiment>/
        units/<key>.zip              what one unit produced, sealed with a checksum (see `unit_file`)
        quarantine/<key>.json        why a unit could not be finished
        latest                       a symbolic link to the newest finished run, or a file with its id
        <run id>/begun.json          what is being run, until it is finished
        <run id>/<table>.parquet     all units of a run together, and summaries
        <run id>/manifest.json       what was run, with what, the content hash of the results, the hash of each table
                                     and, as its seal, that of all the manifest says

A file is renamed once it is on the disk: a killed process leaves a finished file, or a leftover that the next run
removes. Several runners may work in one folder: a unit has the same content whoever computes it. If people come from a
table, only the owner can read what is written.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from popsim.errors import InputError, RunError, one_line
from popsim.runs import unit_file
from popsim.runs.unit_file import UnitRecord
from popsim.studies.content import Tables, file_hash, json_hash

MANIFEST = "manifest.json"
BEGUN = "begun.json"
LATEST = "latest"
TEMPORARY = ".tmp-"
RUNNER = ".runner-"
BATCH_BYTES = 2**23  # of Parquet in memory while many units are read
BATCH_ROWS = 2**17
PRIVATE = 0o600  # mode of a file that only its owner can read


@dataclass(frozen=True, slots=True)
class Written:
    """A complete file of a unit, which does not have its final name yet and may not be on the disk."""

    path: Path
    record: UnitRecord


class UnitStore:
    """The finished units of an experiment; worker processes get a copy and write for it.

    Args:
        folder: results/<experiment>.
        private: only the owner may read what is written, whatever the umask.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder / "units"
        self.quarantine = folder / "quarantine"
        self.folder_mode, self.file_mode = (0o700, PRIVATE) if private else (0o777, 0o666)
        self.owner = new_owner()

    def path(self, key: str) -> Path:
        """Path of the file of a finished unit."""
        return self.folder / f"{key}.zip"

    @contextmanager
    def opened(self) -> Iterator[bool]:
        """Make the folders and remove leftovers of dead processes of this machine; at the end, those of this one.

        Yields:
            Whether another runner is working here.

        Raises:
            InputError: the folders cannot be made or written.
        """
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(self.folder_mode, parents=True, exist_ok=True)
            sweep(self.folder)
            sweep(self.quarantine)
            others = any(self.folder.glob(f"{RUNNER}*"))
            (self.folder / f"{RUNNER}{self.owner}").touch()
        except OSError as error:
            raise InputError(f"--out {self.folder.parent}: cannot be written: {error.strerror}") from None
        try:
            yield others
        finally:
            for prefix in (RUNNER, TEMPORARY):
                for leftover in self.folder.glob(f"{prefix}{self.owner}*"):
                    leftover.unlink(missing_ok=True)
            with suppress(OSError):  # unless a unit is there, or the folder was never made
                self.quarantine.rmdir()

    def finished(self, key: str) -> UnitRecord | None:
        """The record of a finished unit, whose bytes and values have been checked; None if it must be computed."""
        return unit_file.read_record(self.path(key), key)

    def is_done(self, key: str) -> bool:
        """Whether a unit's file is there and every byte of it is as it was written; its values are not read."""
        return unit_file.read_record(self.path(key), key, values=False) is not None

    def write(self, key: str, tables: Tables, seconds: float) -> Written:
        """Write a unit's file under a temporary name.

        Raises:
            OSError: the disk is full or fails.
        """
        path = self._new()
        try:
            return Written(path, unit_file.write(path, key, tables, seconds))
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def receive(self, record: UnitRecord, content: bytes) -> Written:
        """Write the file of a unit that another machine computed; raises what `write` raises."""
        path = self._new()
        try:
            path.write_bytes(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Written(path, record)

    def publish(self, written: Written) -> UnitRecord:
        """Flush a unit's file to the disk and give it its name: from here on the unit is done.

        Raises:
            OSError: the disk is full or fails; the file is removed.
        """
        try:
            _flush(written.path)
            written.path.replace(self.path(written.record.key))
            _flush(self.folder)
        except BaseException:
            written.path.unlink(missing_ok=True)
            raise
        self.quarantined(written.record.key).unlink(missing_ok=True)
        return written.record

    def quarantined(self, key: str) -> Path:
        """Path of the quarantine record of a failed unit."""
        return self.quarantine / f"{key}.json"

    def quarantine_record(self, key: str, why: Mapping[str, Any]) -> None:
        """Record why a unit failed."""
        self.quarantine.mkdir(self.folder_mode, exist_ok=True)
        with taking(self.quarantined(key), self.owner, self.file_mode) as temporary:
            temporary.write_text(json.dumps(why, indent=2) + "\n", encoding="utf-8")

    def scan(self, table: str, keys: Sequence[str]) -> pl.LazyFrame:
        """One table of many finished units, concatenated in the order of `keys`.

        The frame is lazy and reads a few units at a time.

        Raises:
            RunError: a file is damaged or missing.
        """
        paths = [self.path(key) for key in keys]

        def pieces(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            for batch in _batches(paths, table):
                for frame in _in_slices(pl.scan_parquet(batch), columns, rows):
                    yield frame if predicate is None else frame.filter(predicate)
                    rows = None if rows is None else rows - len(frame)

        first = pl.scan_parquet(_read(paths[0], table))
        return register_io_source(pieces, schema=first.collect_schema())

    def _new(self) -> Path:
        """A new temporary file, whose name contains its owner."""
        path = self.folder / f"{TEMPORARY}{self.owner}-{secrets.token_hex(4)}"
        path.touch(self.file_mode)
        return path


class RunStore:
    """The folder of one run, and the units of its experiment.

    Args:
        folder: results/<experiment>/<run id>.
        private: as for `UnitStore`.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder
        self.units = UnitStore(folder.parent, private=private)
        self._hashes: dict[str, str] = {}  # SHA-256 of each table's file

    def write_table(self, table: str, frame: pl.DataFrame | pl.LazyFrame) -> None:
        """Write `<table>.parquet` of the run; a lazy frame is never held in memory as a whole."""
        with self._replacing(f"{table}.parquet") as temporary:
            unit_file.sink(frame.lazy(), temporary)
            self._hashes[table] = file_hash(temporary)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write `manifest.json`, the last file of a finished run, with the hashes of the tables written before it."""
        self._seal(dict(manifest) | {"tables": self._hashes})
        (self.folder / BEGUN).unlink(missing_ok=True)

    def annotate(self, key: str, value: Any) -> None:
        """Keep something that was found out about a finished run in its manifest.

        Raises:
            InputError: the run was altered.
        """
        self._seal(self.read_manifest() | {key: value})

    def _seal(self, said: Mapping[str, Any]) -> None:
        with self._replacing(MANIFEST) as temporary:
            text = json.dumps({**said, "seal": json_hash(dict(said))}, indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")

    def write_begun(self, flags: Mapping[str, object], units: Mapping[str, str]) -> None:
        """Write `begun.json`: the flags of a run that is not finished, and the name of each unit by its key."""
        with self._replacing(BEGUN) as temporary:
            temporary.write_text(json.dumps({"flags": dict(flags), "units": dict(units)}) + "\n", encoding="utf-8")

    def make_latest(self) -> None:
        """Let `latest` lead to this run, in one step.

        Raises:
            RunError: something else has that name.
        """
        latest = self.folder.with_name(LATEST)
        temporary = latest.with_name(f"{TEMPORARY}{self.units.owner}-{secrets.token_hex(4)}")
        try:
            if latest.is_dir() and not latest.is_symlink() and (latest / MANIFEST).is_file():
                shutil.rmtree(latest)  # results were copied, and the link with them as a folder
            try:
                temporary.symlink_to(self.folder.name, target_is_directory=True)
            except OSError:
                temporary.write_text(f"{self.folder.name}\n", encoding="utf-8")
            temporary.replace(latest)
        except OSError as error:
            raise RunError(f"{latest}: cannot be replaced: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)

    def read_manifest(self) -> dict[str, Any]:
        """The content of `manifest.json`, after every byte of it and of every table has been checked.

        Raises:
            InputError: it cannot be read, or it or a table was altered.
        """
        path = self.folder / MANIFEST
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            seal = said.pop("seal")
            hashes = {path: seal} | {self.folder / f"{name}.parquet": value for name, value in said["tables"].items()}
            complete = said["units"] and said["experiment"] and said["run_id"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            complete = False
        if not complete:
            raise InputError(f"{path}: is not the manifest of a finished run")
        for file, digest in hashes.items():
            if (json_hash(said) if file == path else _digest(file)) != digest:
                say = "is damaged or was altered; the same 'popsim run' rebuilds it"
                raise InputError(f"{file}: {say}")
        return dict(said)

    @contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        """A file to write, which is then renamed into the run's folder in one step.

        Raises:
            RunError: the disk is full or fails, or a unit that the file is made from is damaged.
        """
        try:
            for folder in (self.folder.parent, self.folder):
                folder.mkdir(self.units.folder_mode, parents=True, exist_ok=True)
            sweep(self.folder)
            with taking(self.folder / name, self.units.owner, self.units.file_mode) as temporary:
                yield temporary
        except (OSError, pl.exceptions.PolarsError) as error:
            raise RunError(one_line(f"{self.folder / name}: {error}; the same command tries again")) from None


def new_owner() -> str:
    """A name for what this process writes."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def records(folder: Path, *names: str) -> list[Path]:
    """The files of these names in the folder of a run, or of all runs of an experiment; newest last."""
    folder = followed(folder)
    found = [file for name in names for pattern in (name, f"*/{name}") for file in folder.glob(pattern)]
    return sorted((one for one in found if one.parent.name != LATEST), key=lambda file: file.stat().st_mtime_ns)


def followed(path: Path) -> Path:
    """The folder that `latest` leads to; any other path as it is."""
    if path.name != LATEST or not (path.is_symlink() or path.is_file()):
        return path
    try:
        return path.parent / (path.readlink() if path.is_symlink() else path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return path


@contextmanager
def taking(path: Path, owner: str, mode: int) -> Iterator[Path]:
    """A file to write, renamed once it is on the disk; on failure nothing remains."""
    temporary = path.with_name(f"{TEMPORARY}{owner}-{secrets.token_hex(4)}")
    try:
        temporary.touch(mode)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _batches(paths: Sequence[Path], table: str) -> Iterator[list[bytes]]:
    """One table of many units as Parquet in memory, a bounded number of bytes (or one unit) at a time."""
    batch: list[bytes] = []
    for path in paths:
        content = _read(path, table)
        if batch and sum(map(len, batch)) + len(content) > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(content)
    if batch:
        yield batch


def _read(path: Path, table: str) -> bytes:
    try:
        return unit_file.read_table(path, table)
    except unit_file.DAMAGE as error:
        raise RunError(f"{path}: damaged or missing ({one_line(str(error))}); 'popsim run' makes it again") from None


def _in_slices(frame: pl.LazyFrame, columns: list[str] | None, rows: int | None) -> Iterator[pl.DataFrame]:
    """A frame in pieces; `rows`: only this many of the first rows."""
    total = frame.select(pl.len()).collect().item()
    stop = total if rows is None else min(rows, total)
    wanted = frame if columns is None else frame.select(columns)
    for first in range(0, stop, BATCH_ROWS):
        yield wanted.slice(first, min(BATCH_ROWS, stop - first)).collect()


def _digest(path: Path) -> str:
    """SHA-256 of a file; empty if it cannot be read."""
    try:
        return file_hash(path)
    except OSError:
        return ""


def sweep(folder: Path) -> None:
    """Remove leftovers of dead processes of this machine."""
    for prefix in (TEMPORARY, RUNNER):
        for leftover in folder.glob(f"{prefix}*"):
            if _abandoned(leftover.name.removeprefix(prefix)):
                leftover.unlink(missing_ok=True)


def _abandoned(owner: str) -> bool:
    """Whether a name begins with an owner (host, process, ...) of this machine that no longer exists."""
    here = f"{socket.gethostname()}-"
    pid = owner.removeprefix(here).partition("-")[0]
    if not owner.startswith(here) or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _flush(path: Path) -> None:
    """Flush a file, or a folder's directory entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
