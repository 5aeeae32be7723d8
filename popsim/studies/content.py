"""Content hashes: of values, never of file bytes, so that they depend only on the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from popsim.kernels.sources import source_hash

type Tables = Mapping[str, pl.DataFrame | pl.LazyFrame]  # of a unit, by name; lazy ones are written in pieces

BLOCK = 2**16  # texts converted to Python at a time
PACKAGE = Path(__file__).parent.parent
# Packages on which no result of a unit depends; whole packages, so that no module elsewhere is excluded by its name.
WITHOUT_INFLUENCE = {
    "cli",
    "dashboard",
    "examples",
    "exchange",
    "surface",
    "reporting",
    "verification",
    "calibration",
    "search",
    "analyses",
    "runs",
    "registry",
    "microsimulation",
}
SHOWN = 16  # hex digits in folder names and messages: 64 bits, enough against accident


def json_hash(value: Any) -> str:
    """Hex digest of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_hash() -> str:
    """Hash of all popsim code and evidence that a result can depend on, and of the compiler of the kernels.

    Computed once: a process runs the code that it has loaded.
    """
    digest = hashlib.sha256(source_hash().encode())
    for path in sorted(PACKAGE.rglob("*")):
        relative = path.relative_to(PACKAGE)
        if path.suffix in (".py", ".toml", ".csv") and relative.parts[0] not in WITHOUT_INFLUENCE:
            digest.update(f"{relative.as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def frame_hash(frame: pl.DataFrame | pl.LazyFrame) -> str:
    """Hex digest of a frame's values, bit for bit: rows in their order, columns in the order of their names.

    A lazy frame is read one column at a time.
    """
    if isinstance(frame, pl.LazyFrame):
        rows, names = frame.select(pl.len()).collect().item(), frame.collect_schema().names()
    else:
        rows, names = len(frame), frame.columns
    digest = hashlib.sha256(str(rows).encode())
    for name in sorted(names):
        digest.update(f"\n{name}\n".encode())
        _add(digest, frame.select(name).collect()[name] if isinstance(frame, pl.LazyFrame) else frame[name])
    return digest.hexdigest()


def combined_hash(parts: Mapping[str, str]) -> str:
    """One digest of many named digests."""
    return json_hash(dict(parts))


def _add(digest: Any, series: pl.Series) -> None:
    """Add one column: its type, its nulls, and the bits of its values."""
    missing = series.null_count()
    if missing:
        digest.update(series.is_null().to_numpy().tobytes())
    if series.dtype == pl.String:
        for first in range(0, len(series), BLOCK):
            digest.update(_texts(series[first : first + BLOCK]).encode())
        return
    if isinstance(series.dtype, pl.Enum):
        digest.update(json.dumps(series.dtype.categories.to_list()).encode())
        series = series.to_physical()
    if isinstance(series.dtype, pl.List):
        _add(digest, series.list.len())
        _add(digest, series.explode())
        return
    if series.dtype == pl.Boolean:
        series = series.cast(pl.UInt8)
    digest.update(str(series.dtype).encode())
    values = np.ascontiguousarray((series.fill_null(0) if missing else series).to_numpy())
    digest.update(values.view(np.uint8))


def _texts(block: pl.Series) -> str:
    """Texts as JSON, after their number; a text that all rows share, like a strategy's name, is written once."""
    first = block[0]
    alike = first is not None and (block == first).all()
    return f"{len(block)} {json.dumps([first] if alike else block.to_list())}"
