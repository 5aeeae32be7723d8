"""Content hashes: of values, never of file bytes, so that they depend on nothing but the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SHOWN = 16  # hex digits in folder names and messages: 64 bits, enough against accident


def json_hash(value: Any) -> str:
    """Hex digest of something that JSON can say; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def frame_hash(frame: pl.DataFrame | pl.LazyFrame) -> str:
    """Hex digest of a frame's values, bit for bit: rows in their order, columns in the order of their names.

    Of a lazy frame one column at a time is in memory.
    """
    table = frame.lazy()
    digest = hashlib.sha256(str(table.select(pl.len()).collect().item()).encode())
    for name in sorted(table.collect_schema().names()):
        digest.update(f"\n{name}\n".encode())
        _add(digest, table.select(name).collect()[name])
    return digest.hexdigest()


def combined_hash(parts: Mapping[str, str]) -> str:
    """One digest of many named ones."""
    return json_hash(dict(parts))


def _add(digest: Any, series: pl.Series) -> None:
    """Feed one column: its type, where it is null, and its values in their own bits."""
    if series.null_count():
        digest.update(series.is_null().to_numpy().tobytes())
    if isinstance(series.dtype, pl.Enum | pl.Categorical):
        digest.update("\n".join(map(str, series.dtype.categories)).encode())
        series = series.to_physical()
    if isinstance(series.dtype, pl.List):
        _add(digest, series.list.len())
        _add(digest, series.explode())
        return
    if series.dtype == pl.String:
        digest.update(json.dumps(series.to_list()).encode())
        return
    if series.dtype == pl.Boolean:
        series = series.cast(pl.UInt8)
    digest.update(str(series.dtype).encode())
    values = np.ascontiguousarray(series.fill_null(0).to_numpy())
    digest.update(values.view(np.uint8))
