"""The state of a simulation as named arrays of plain bytes, from which another process goes on.

Nothing in it is code or an object: a reader says which layout and shape it expects of each array, and anything else is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import DTypeLike, NDArray

from popsim.errors import InputError

type NamedArrays = dict[str, Any]  # arrays, and NumPy's numbers

WORD = 8  # bytes
WORDS, INDEX = "words", "arrays"  # the two frames
INDEX_COLUMNS = {"name": pl.String, "layout": pl.String, "shape": pl.String, "words": pl.Int64}


class _Stored(NamedTuple):
    layout: str
    shape: tuple[int, ...]
    content: NDArray[np.uint8]


class State:
    """NamedArrays by name; names of parts are joined by slashes."""

    def __init__(self, stored: Mapping[str, _Stored], path: str = "") -> None:
        self._stored, self._path = stored, path

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> State:
        """A state that holds copies of some arrays."""
        stored = {}
        for name, values in arrays.items():
            array = _without_padding(np.asarray(values, order="C"))
            content = array.reshape(-1).view(np.uint8) if array.size else np.zeros(0, np.uint8)
            stored[name] = _Stored(_layout(array.dtype), array.shape, content)
        return cls(stored)

    def part(self, name: str) -> State:
        """The state of a part."""
        return State(self._stored, f"{self._path}{name}/")

    def __contains__(self, name: str) -> bool:
        return f"{self._path}{name}" in self._stored

    def names(self) -> list[str]:
        """Names within this part, first words alone, in their order."""
        own = (name.removeprefix(self._path) for name in self._stored if name.startswith(self._path))
        return list(dict.fromkeys(name.partition("/")[0] for name in own))

    def take(self, name: str, kind: DTypeLike, shape: tuple[int | None, ...]) -> Any:
        """A copy of an array.

        Args:
            name: of the array.
            kind: its type.
            shape: its length along each axis; None: any.

        Raises:
            InputError: it is absent, or has another type or shape.
        """
        dtype, found = np.dtype(kind), self._stored.get(f"{self._path}{name}")
        if found is None:
            raise InputError(f"saved state: no '{self._path}{name}'")
        fits = len(found.shape) == len(shape) and all(
            wanted in (None, got) for got, wanted in zip(found.shape, shape, strict=True)
        )
        if not fits or found.layout != _layout(dtype) or found.content.size != _size(found.shape) * dtype.itemsize:
            raise InputError(f"saved state: '{self._path}{name}' has another type or shape than this model's")
        array = np.empty(found.shape, dtype)
        if array.size:
            array.reshape(-1).view(np.uint8)[:] = found.content
        return array

    def number(self, name: str) -> int:
        """A whole number."""
        return int(self.take(name, np.int64, ()))

    def frames(self) -> dict[str, pl.DataFrame]:
        """All arrays as two frames: their bytes in words, and the name, layout, shape and number of words of each."""
        rows, words = [], []
        for name, one in self._stored.items():
            padded = np.zeros(-(-one.content.size // WORD) * WORD, np.uint8)
            padded[: one.content.size] = one.content
            words.append(padded.view(np.int64))
            rows.append((name, one.layout, ",".join(map(str, one.shape)), len(words[-1])))
        index = pl.DataFrame(rows, schema=INDEX_COLUMNS, orient="row")
        return {WORDS: pl.DataFrame({"word": np.concatenate(words)}), INDEX: index}

    @classmethod
    def from_frames(cls, frames: Mapping[str, pl.DataFrame]) -> State:
        """The state that `frames` wrote.

        Raises:
            InputError: the frames are not of this kind.
        """
        words, index = frames.get(WORDS), frames.get(INDEX)
        if words is None or index is None or dict(index.schema) != INDEX_COLUMNS or words.schema != {"word": pl.Int64}:
            raise InputError("saved state: not in the form of a state")
        content, first, stored = np.ascontiguousarray(words["word"].to_numpy()).view(np.uint8), 0, {}
        for name, layout, shape, length in index.rows():
            lengths = [int(one) for one in shape.split(",") if one.isdigit()]
            last = first + length * WORD
            bytes_of = content[first:last]
            item = _item_size(layout)
            if length < 0 or item is None or not 0 <= len(bytes_of) - _size(lengths) * item < WORD:
                raise InputError(f"saved state: '{name}' is cut short")
            stored[name] = _Stored(layout, tuple(lengths), bytes_of[: _size(lengths) * item])
            first = last
        return cls(stored)


def within(part: str, arrays: Mapping[str, Any]) -> NamedArrays:
    """The arrays of a part under its name."""
    return {f"{part}/{name}": values for name, values in arrays.items()}


def _without_padding(array: NDArray[Any]) -> NDArray[Any]:
    """A copy whose bytes depend on its values alone."""
    if array.dtype.names is None:
        return array.copy()
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    return clean


def _size(shape: tuple[int, ...] | list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _layout(dtype: np.dtype[Any]) -> str:
    """The type of an array's items in words: size, then every field with its place."""
    if dtype.names is None or dtype.fields is None:
        return f"{dtype.itemsize} {dtype.str}"
    fields = [f"{name}{dtype.fields[name][0].str}@{dtype.fields[name][1]}" for name in dtype.names]
    return f"{dtype.itemsize} {' '.join(fields)}"


def _item_size(layout: str) -> int | None:
    """Bytes of an item, as its layout says."""
    size = layout.partition(" ")[0]
    return int(size) if size.isdigit() and len(size) < WORD else None
