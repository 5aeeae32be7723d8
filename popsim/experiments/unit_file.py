"""The file of a finished unit: a zip of Parquet tables, sealed with the SHA-256 of every byte before the seal.

    measures.parquet, persons.parquet, ...   what the unit produced, as far as the experiment keeps it
    unit.json                                the unit's key, the content hash of each table, seconds it took

The members are stored as they are (Parquet is compressed already), so `unzip` and every Parquet reader open them. The
seal is the zip's comment, the last 64 bytes of the file, and can be checked by hand: `head -c -64 FILE | sha256sum`. It
covers every other byte, and a file cut short has no seal: there is no damage that goes unnoticed.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from popsim.experiments.content import frame_hash

type Tables = Mapping[str, pl.DataFrame | pl.LazyFrame]  # lazy: written piece by piece

SEAL = 64  # hex digits of a SHA-256
BLOCK = 2**20
UNIT = "unit.json"


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What a unit's file says of itself.

    Attributes:
        key: content hash of what the unit depends on.
        contents: content hash of each table's values.
        seconds: how long the unit took when it was computed.
        seal: SHA-256 of the file up to the seal.
    """

    key: str
    contents: dict[str, str]
    seconds: float
    seal: str


def write(path: Path, key: str, tables: Tables, seconds: float) -> UnitRecord:
    """Write the file of a unit, which is whole when this returns, but not yet safe from a loss of power.

    A lazy table is written beside the file first, piece by piece, so that it need not fit into memory.

    Raises:
        OSError: the disk is full or fails; what was written so far is left to the caller.
    """
    contents: dict[str, str] = {}
    with zipfile.ZipFile(path, "w") as file:
        for name, table in tables.items():
            member = zipfile.ZipInfo(f"{name}.parquet")  # dated 1980: the same content has the same bytes
            if isinstance(table, pl.DataFrame):
                buffer = io.BytesIO()
                table.write_parquet(buffer, compression="zstd", compression_level=1)
                file.writestr(member, buffer.getbuffer())
                contents[name] = frame_hash(table)
            else:
                contents[name] = _add_lazy(file, member, table, path.with_name(f"{path.name}-part"))
        said = {"key": key, "contents": contents, "seconds": seconds}
        file.writestr(zipfile.ZipInfo(UNIT), json.dumps(said))
        file.comment = b"0" * SEAL
    return UnitRecord(key, contents, seconds, _seal(path))


def _add_lazy(file: zipfile.ZipFile, member: zipfile.ZipInfo, table: pl.LazyFrame, part: Path) -> str:
    """Write one table without ever having it whole in memory: its content hash."""
    try:
        table.sink_parquet(part, compression="zstd", compression_level=1, maintain_order=True)
        with part.open("rb") as source, file.open(member, "w", force_zip64=True) as target:
            while block := source.read(BLOCK):
                target.write(block)
        return frame_hash(pl.scan_parquet(part))
    finally:
        part.unlink(missing_ok=True)


def _seal(path: Path) -> str:
    """Put the seal in its place."""
    with path.open("r+b") as file:
        seal = _sealed_hash(file)
        file.write(seal.encode())
    return seal


def _sealed_hash(file: BinaryIO) -> str:
    """SHA-256 of a file up to its seal, where the file is left."""
    digest, left = hashlib.sha256(), file.seek(0, io.SEEK_END) - SEAL
    file.seek(0)
    while left > 0:
        block = file.read(min(BLOCK, left))
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


def read_record(path: Path, key: str) -> UnitRecord | None:
    """What the file says of itself, or None if it is missing, damaged anywhere or the file of another unit."""
    try:
        with path.open("rb") as file:
            seal = _sealed_hash(file)
            if file.read() != seal.encode():
                return None
            with zipfile.ZipFile(file) as members:
                record = UnitRecord(**json.loads(members.read(UNIT)), seal=seal)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile):
        return None
    return record if record.key == key else None


def read_table(path: Path, table: str) -> bytes:
    """One table of a unit as the bytes of a Parquet file.

    Raises:
        OSError, KeyError, zipfile.BadZipFile: the file is not there, has no such table, or is damaged.
    """
    with zipfile.ZipFile(path) as file:
        return file.read(f"{table}.parquet")


def table_size(path: Path, table: str) -> int:
    """Bytes of one table in the file of a unit; raises what `read_table` raises."""
    with zipfile.ZipFile(path) as file:
        return file.getinfo(f"{table}.parquet").file_size
