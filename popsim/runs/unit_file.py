"""The file of a finished unit: a zip of Parquet tables, sealed with the SHA-256 of every byte before the seal.

    measures.parquet, persons.parquet, ...   what the unit produced, as far as the experiment keeps it
    unit.json                                the unit's key, the content hash of each table, its run time in seconds

The members are not compressed again (Parquet is), so `unzip` and every Parquet reader open them. The seal is the zip's
comment, the last 64 bytes of the file: `head -c -64 FILE | sha256sum` checks it. It covers every other byte, and a
truncated file has none, so no damage goes unnoticed. As anyone who alters a file can seal it again, content hashes are
computed from the values on reading, and a file whose values differ from its record counts as damaged.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from popsim.studies.content import Tables, frame_hash

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "statistics": False}  # tables are read whole
SEAL = 64  # hex digits of a SHA-256
BLOCK = 2**20
UNIT = "unit.json"
MAX_RECORD_BYTES = 2**20
MEMBER = re.compile(r"[a-z][a-z0-9_]{0,40}\.parquet|unit\.json")
MIN_FREE_BYTES = 2**16  # bytes; a disk with less is full
MAX_CELLS, MAX_CELLS_PER_BYTE = 2**24, 64  # of a table, whichever is more: far above what people's lives compress to
DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
)
"""What reading a damaged or forged file may raise."""


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """The record in a unit's file.

    Attributes:
        key: hash of everything that the unit depends on.
        contents: content hash of each table's values.
        seconds: how long the unit took when it was computed.
        seal: SHA-256 of the file up to the seal.
    """

    key: str
    contents: dict[str, str]
    seconds: float
    seal: str


def write(path: Path, key: str, tables: Tables, seconds: float) -> UnitRecord:
    """Write the file of a unit; on return it is complete, but not yet safe from a loss of power.

    A lazy table is first written beside the file in pieces, so that it need not fit into memory.

    Raises:
        OSError: the disk is full or fails; the caller has to remove what was written.
    """
    contents: dict[str, str] = {}
    with zipfile.ZipFile(path, "w") as file:
        for name, table in tables.items():
            member = zipfile.ZipInfo(f"{name}.parquet")  # dated 1980: the same content has the same bytes
            if isinstance(table, pl.DataFrame):
                buffer = io.BytesIO()
                table.write_parquet(buffer, **PARQUET)
                file.writestr(member, buffer.getbuffer())
                contents[name] = frame_hash(table)
            else:
                contents[name] = _add_lazy(file, member, table, path.with_name(f"{path.name}-part"))
        said = {"key": key, "contents": contents, "seconds": seconds}
        file.writestr(zipfile.ZipInfo(UNIT), json.dumps(said))
        file.comment = b"0" * SEAL
    return UnitRecord(key, contents, seconds, seal(path))


def _add_lazy(file: zipfile.ZipFile, member: zipfile.ZipInfo, table: pl.LazyFrame, part: Path) -> str:
    """Write one table without holding all of it in memory; returns its content hash."""
    try:
        part.touch(mode=0o600)
        sink(table, part)
        with part.open("rb") as source, file.open(member, "w", force_zip64=True) as target:
            while block := source.read(BLOCK):
                target.write(block)
        return frame_hash(pl.scan_parquet(part))
    finally:
        part.unlink(missing_ok=True)


def sink(table: pl.LazyFrame, path: Path) -> None:
    """Write a table as a Parquet file, in pieces.

    Raises:
        OSError: the disk is full or fails, which Polars reports in several ways.
    """
    try:
        table.sink_parquet(path, maintain_order=True, **PARQUET)
    except pl.exceptions.PolarsError as error:
        said = re.search(r"\(os error (\d+)\)", str(error))
        number = int(said[1]) if said else errno.ENOSPC if shutil.disk_usage(path.parent).free < MIN_FREE_BYTES else 0
        if not number:
            raise
        raise OSError(number, os.strerror(number), str(path)) from None


def seal(path: Path) -> str:
    """Write the seal over the comment of a zip."""
    with path.open("r+b") as file:
        digest = sealed_hash(file)
        file.write(digest.encode())
    return digest


def sealed_hash(file: BinaryIO) -> str:
    """SHA-256 of a file up to its seal, which becomes the reading position."""
    digest, left = hashlib.sha256(), file.seek(0, io.SEEK_END) - SEAL
    file.seek(0)
    while left > 0:
        block = file.read(min(BLOCK, left))
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


def read_record(path: Path, key: str, *, values: bool = True) -> UnitRecord | None:
    """The record of a file; None if it is missing, damaged, of another unit, or its values differ from its record.

    values: whether to read them; if not, each byte is still as it was written.
    """
    try:
        with path.open("rb") as file:
            return _checked(file, key) if values else _sealed(file, key)
    except DAMAGE:
        return None


def read_frames(file: BinaryIO, key: str) -> dict[str, pl.DataFrame]:
    """All tables of a unit, checked like `read_record`.

    Raises:
        ValueError: the file is of another unit, or its values differ from its record.
        OSError, KeyError, zipfile.BadZipFile ...: as DAMAGE.
    """
    names = _checked(file, key).contents
    with _opened(file) as members:
        return {name: pl.read_parquet(members.read(f"{name}.parquet")) for name in names}


def _checked(file: BinaryIO, key: str) -> UnitRecord:
    """The record of a unit whose values are those of the record; raises some of DAMAGE."""
    record = _sealed(file, key)
    with _opened(file) as members:
        contents = {
            name.removesuffix(".parquet"): frame_hash(_bounded(members.read(name)))
            for name in members.namelist()
            if name != UNIT
        }
    if record.contents != contents:
        raise ValueError("its values are not those of its record")
    return record


def _sealed(file: BinaryIO, key: str) -> UnitRecord:
    """The record of a unit whose seal is that of its bytes; raises some of DAMAGE."""
    seal = sealed_hash(file)
    if file.read() != seal.encode():
        raise ValueError("its checksum is wrong")
    with _opened(file) as members:
        record = UnitRecord(**json.loads(members.read(UNIT)), seal=seal)
    if record.key != key or not (isinstance(record.seconds, int | float) and math.isfinite(record.seconds)):
        raise ValueError("is of another unit, or has no run time")
    return record


def read_table(path: Path, table: str) -> bytes:
    """One table of a unit as the bytes of a Parquet file.

    Raises:
        OSError, KeyError, zipfile.BadZipFile: the file is missing, has no such table, or is damaged.
    """
    with path.open("rb") as file, _opened(file) as members:
        return members.read(f"{table}.parquet")


def _opened(file: BinaryIO) -> AbstractContextManager[zipfile.ZipFile]:
    """The members of a unit, checked: only tables and the record."""
    return opened_members(file, MEMBER, UNIT, MAX_RECORD_BYTES)


@contextmanager
def opened_members(
    file: BinaryIO, names: re.Pattern[str], record: str, max_record_bytes: int
) -> Iterator[zipfile.ZipFile]:
    """The members of a zip, checked before any is read: each once, of these names, not compressed.

    Args:
        file: the zip.
        names: that members may have.
        record: name of the one that must be there.
        max_record_bytes: its largest size.

    Raises:
        zipfile.BadZipFile: anything else.
    """
    with zipfile.ZipFile(file) as members:
        found = {info.filename: info for info in members.infolist()}
        stored = all(
            one.compress_type == zipfile.ZIP_STORED and one.file_size == one.compress_size for one in found.values()
        )
        named = len(found) == len(members.infolist()) and all(map(names.fullmatch, found)) and record in found
        whole = sum(one.file_size for one in found.values()) <= file.seek(0, io.SEEK_END)
        if not (stored and named and whole and found[record].file_size <= max_record_bytes):
            raise zipfile.BadZipFile("other members than it should have")
        yield members


def _bounded(content: bytes) -> pl.DataFrame | pl.LazyFrame:
    """A Parquet file as a frame; a lazy one if it is large.

    Raises:
        ValueError: it claims more values than its size allows.
    """
    frame = pl.scan_parquet(content)
    cells = frame.select(pl.len()).collect().item() * len(frame.collect_schema())
    if cells <= MAX_CELLS:
        return frame.collect()
    if cells > MAX_CELLS_PER_BYTE * len(content):
        raise ValueError(f"{cells} values in {len(content)} bytes")
    return frame
