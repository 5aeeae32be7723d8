"""The run store: one folder per finished unit of work, written whole or not at all, checked whenever it is used.

    results/<experiment>/<run id>/
        manifest.json                      what was run, with what, and the content hash of the results
        units/<key>/unit.json              checksums of the unit's tables
        units/<key>/<table>.parquet        what the unit produced
        <table>.parquet                    all units together, and summaries

A folder under `units` appears by one rename after all its files are on the disk, so a killed process leaves either a
finished unit or a leftover that the next run sweeps away. Two runners may work in the same folder: whoever finishes a
unit first keeps it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import InputError
from popsim.experiments.content import file_hash, frame_hash

type Tables = Mapping[str, pl.DataFrame | pl.LazyFrame]  # lazy: written piece by piece

UNIT_FILE = "unit.json"
TEMPORARY = ".tmp-"


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What the store knows of a finished unit.

    Attributes:
        key: content hash of what the unit depends on.
        checksums: SHA-256 of each table's file.
        contents: content hash of each table's values.
        seconds: how long the unit took when it was computed.
    """

    key: str
    checksums: dict[str, str]
    contents: dict[str, str]
    seconds: float


class RunStore:
    """The folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.units_folder = folder / "units"

    def create(self) -> None:
        """Make the folders and sweep away what dead processes of this machine left half written.

        Raises:
            InputError: the folder cannot be made or written.
        """
        try:
            self.units_folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, self.units_folder):
                for leftover in folder.glob(f"{TEMPORARY}*"):
                    if _abandoned(leftover.name):
                        _remove(leftover)
            probe = self._temporary(self.folder)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise InputError(f"--out {self.folder}: cannot be written: {error.strerror}") from None

    def finished(self, key: str) -> UnitRecord | None:
        """The record of a unit whose files are all there and verify; a damaged unit is removed, to be done again."""
        folder = self.units_folder / key
        if not folder.is_dir():
            return None
        record = _verified(folder, key)
        if record is None:
            _remove(folder)
        return record

    def record(self, key: str) -> UnitRecord:
        """The record of a unit that was just finished or verified."""
        return UnitRecord(**json.loads((self.units_folder / key / UNIT_FILE).read_text(encoding="utf-8")))

    def write_unit(self, key: str, tables: Tables, seconds: float) -> UnitRecord:
        """Keep the tables of a unit: all of them or, if the process dies, none."""
        temporary = self._temporary(self.units_folder)
        temporary.mkdir()
        try:
            checksums: dict[str, str] = {}
            contents: dict[str, str] = {}
            for name, table in tables.items():
                path = temporary / f"{name}.parquet"
                table.lazy().sink_parquet(path, compression="zstd", compression_level=1, maintain_order=True)
                _flush(path)
                checksums[name] = file_hash(path)
                contents[name] = frame_hash(table if isinstance(table, pl.DataFrame) else pl.scan_parquet(path))
            record = UnitRecord(key, checksums, contents, seconds)
            _write_flushed(temporary / UNIT_FILE, json.dumps(asdict(record), indent=1))
            _flush(temporary)
            return self._publish(temporary, key, record)
        finally:
            _remove(temporary)

    def _publish(self, temporary: Path, key: str, record: UnitRecord) -> UnitRecord:
        """Give the finished folder its name, unless another runner was first."""
        target = self.units_folder / key
        try:
            temporary.rename(target)
        except OSError:
            already = self.finished(key)
            if already is not None:
                return already
            temporary.rename(target)
        _flush(self.units_folder)
        return record

    def scan(self, table: str, keys: Sequence[str]) -> pl.LazyFrame:
        """One table of many units, one below the other."""
        return pl.scan_parquet([self.units_folder / key / f"{table}.parquet" for key in keys])

    def write_combined(self, table: str, keys: Sequence[str]) -> None:
        """Write `<table>.parquet` with all units one below the other, in the order of `keys`, without loading them."""
        temporary = self._temporary(self.folder)
        try:
            self.scan(table, keys).sink_parquet(temporary, compression="zstd", compression_level=1, maintain_order=True)
            self._replace(temporary, f"{table}.parquet")
        finally:
            _remove(temporary)

    def write_table(self, table: str, frame: pl.DataFrame) -> None:
        """Write `<table>.parquet` of the run."""
        temporary = self._temporary(self.folder)
        try:
            frame.write_parquet(temporary)
            self._replace(temporary, f"{table}.parquet")
        finally:
            _remove(temporary)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write `manifest.json`, the last file of a finished run."""
        temporary = self._temporary(self.folder)
        _write_flushed(temporary, json.dumps(manifest, indent=2) + "\n")
        self._replace(temporary, "manifest.json")

    def _replace(self, temporary: Path, name: str) -> None:
        _flush(temporary)
        temporary.replace(self.folder / name)
        _flush(self.folder)

    @staticmethod
    def _temporary(folder: Path) -> Path:
        """A new name that says who is writing."""
        return folder / f"{TEMPORARY}{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _verified(folder: Path, key: str) -> UnitRecord | None:
    """The record in a unit's folder if it is whole and every file has its checksum."""
    try:
        record = UnitRecord(**json.loads((folder / UNIT_FILE).read_text(encoding="utf-8")))
        intact = all(file_hash(folder / f"{name}.parquet") == value for name, value in record.checksums.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return record if intact and record.key == key and record.checksums else None


def _abandoned(name: str) -> bool:
    """Whether a temporary name belongs to a process of this machine that is gone."""
    host, pid, _ = name.removeprefix(TEMPORARY).rsplit("-", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _write_flushed(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flush(path: Path) -> None:
    """Ask the disk to keep a file, or a folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
