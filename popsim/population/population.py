"""The population: one row per twin, one array per variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import array
from popsim.errors import InputError, did_you_mean
from popsim.population.columns import DTYPE, Kind, Schema


class Population:
    """Twins as a struct of arrays: `population["systolic_mmhg"]` is a contiguous array with one element per twin.

    Rows never move; death clears `alive`. `person_id` (int64) is who the twin is, wherever the row lies: it keys all
    random numbers. Rows are ordered by `entry_day`, so those who entered by a given day are the first rows.
    """

    def __init__(self, schema: Schema, person_id: NDArray[np.int64]) -> None:
        self.schema = schema
        self.person_id: NDArray[np.int64] = array("person_id", person_id, np.int64, (None,))
        if len(np.unique(self.person_id)) != len(self.person_id):
            raise InputError("person_id: the same person appears twice")
        self._blocks: dict[Kind, NDArray[Any]] = {
            kind: np.zeros((len(schema.names(kind)), len(self.person_id)), dtype) for kind, dtype in DTYPE.items()
        }

    def __len__(self) -> int:
        return len(self.person_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.columns)

    def block(self, kind: Kind) -> NDArray[Any]:
        """All columns of one kind, shape (columns, twins); row order is `schema.names(kind)`."""
        return self._blocks[kind]

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.schema:
            raise InputError(f"no column '{name}': {did_you_mean(name, self.schema.columns)}")
        column: NDArray[Any] = self._blocks[self.schema[name].kind][self.schema.place(name)]
        return column

    def __setitem__(self, name: str, values: Any) -> None:
        self[name][:] = values

    def check_codes(self, names: Iterable[str]) -> None:
        """Refuse codes beyond the bounds of their column, for kernels that look them up in a table.

        Raises:
            InputError: a column holds such a code.
        """
        for name in names:
            codes, column = self[name], self.schema[name]
            if len(codes) and not column.low <= codes.min() <= codes.max() <= column.high:
                limits = f"must be between {column.low:g} and {column.high:g}"
                raise InputError(f"column '{name}': holds {codes.min()} to {codes.max()}, {limits}")

    def frame(self) -> pl.DataFrame:
        """All columns as a Polars frame that shares memory with the population (no copy)."""
        columns = {"person_id": self.person_id} | {name: self[name] for name in self}
        return pl.DataFrame([pl.Series(name, values) for name, values in columns.items()])

    def part(self, start: int, stop: int) -> Population:
        """Rows [start, stop) as a population that shares memory with this one."""
        some = Population.__new__(Population)
        some.schema, some.person_id = self.schema, self.person_id[start:stop]
        some._blocks = {kind: block[:, start:stop] for kind, block in self._blocks.items()}
        return some

    def chosen(self, rows: NDArray[np.int64]) -> Population:
        """Some rows as a population of their own."""
        some = Population.__new__(Population)
        some.schema, some.person_id = self.schema, self.person_id[rows]
        some._blocks = {kind: np.ascontiguousarray(block[:, rows]) for kind, block in self._blocks.items()}
        return some

    def copy(self) -> Population:
        """An independent population with the same twins in the same state."""
        twin = Population.__new__(Population)
        twin.schema, twin.person_id = self.schema, self.person_id.copy()
        twin._blocks = {kind: block.copy() for kind, block in self._blocks.items()}
        return twin

    @property
    def nbytes(self) -> int:
        """Bytes held by all columns."""
        return self.person_id.nbytes + sum(block.nbytes for block in self._blocks.values())
