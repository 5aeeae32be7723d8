"""The population: one row per twin, one array per variable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import array
from popsim.errors import InputError, did_you_mean
from popsim.population.columns import DTYPE, Kind, Schema
from popsim.population.state import NamedArrays, State


class Population:
    """Twins as a struct of arrays: `population["systolic_mmhg"]` is a contiguous array with one element per twin.

    Rows never move; death clears `alive`. `person_id` (int64) identifies the twin and keys all its random numbers. Rows
    are ordered by `entry_day`, so those who entered by a given day are the first rows.

    A model changes its twins, and no other model can use them: a second model needs a `copy` made before the first
    model, or a new sample.
    """

    __slots__ = ("__weakref__", "_blocks", "_parts", "_taken", "person_id", "schema")

    def __init__(self, schema: Schema, person_id: NDArray[np.int64]) -> None:
        self.schema = schema
        self.person_id: NDArray[np.int64] = array("person_id", person_id, np.int64, (None,))
        if len(np.unique(self.person_id)) != len(self.person_id):
            raise InputError("person_id: the same person appears twice")
        self._taken = np.zeros(len(self.person_id), np.bool_)
        self._parts: dict[int, tuple[NDArray[np.int64], Population]] = {}
        self._blocks: dict[Kind, NDArray[Any]] = {
            kind: np.zeros((len(schema.names(kind)), len(self.person_id)), dtype) for kind, dtype in DTYPE.items()
        }

    def __len__(self) -> int:
        return len(self.person_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.schema

    def block(self, kind: Kind) -> NDArray[Any]:
        """All columns of one kind, shape (columns, twins); row order is `schema.names(kind)`."""
        return self._blocks[kind]

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.schema.places:
            raise InputError(f"no column '{name}': {did_you_mean(name, self.schema.columns)}")
        kind, place = self.schema.places[name]
        column: NDArray[Any] = self._blocks[kind][place]
        return column

    def __setitem__(self, name: str, values: Any) -> None:
        self[name][:] = values

    def entered(self, day: float) -> int:
        """Number of twins that have entered by a day: the first rows."""
        return int(self["entry_day"].searchsorted(np.int32(math.floor(day)), side="right"))

    def entering(self, day: int) -> NDArray[np.int64]:
        """Rows of those who enter on a day."""
        return np.arange(self.entered(day - 1), self.entered(day))

    def alive_and_entered(self, day: float) -> NDArray[np.int64]:
        """Rows of those who have entered by a day and are alive."""
        return np.flatnonzero(self["alive"][: self.entered(day)])

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
        """Rows [start, stop) as a population that shares memory with this one.

        The same object as at the last call with these rows: what somebody looked up in it stays valid.
        """
        of, part = self._parts.get(start, (None, self))
        if of is not self.person_id or len(part) != stop - start:
            part = self._of(lambda array: array[..., start:stop])
            self._parts[start] = (self.person_id, part)
        return part

    def chosen(self, rows: NDArray[np.int64]) -> Population:
        """Some rows as an independent population."""
        return self._of(lambda array: np.ascontiguousarray(array[..., rows]))

    def copy(self, schema: Schema | None = None) -> Population:
        """An independent population with the same twins in the same state, or with only the columns of a schema."""
        if schema is None:
            return self._of(np.copy)
        people = Population(schema, self.person_id.copy())
        people._taken[:] = self._taken
        for kind, block in people._blocks.items():
            block[:] = self._blocks[kind][[self.schema.index(name) for name in schema.names(kind)]]
        return people

    @classmethod
    def joined(cls, parts: Sequence[Population], order: NDArray[np.int64] | slice = slice(None)) -> Population:
        """The people of several populations of one schema as an independent one that no model has claimed.

        Args:
            parts: at least one.
            order: rows of the result, in the people's order; all of them, part after part, by default.
        """
        people = cls(parts[0].schema, np.concatenate([part.person_id for part in parts])[order])
        for kind, block in people._blocks.items():
            block[:] = np.concatenate([part._blocks[kind] for part in parts], axis=1)[:, order]
        return people

    def _of(self, pick: Callable[[NDArray[Any]], NDArray[Any]]) -> Population:
        """A population from `pick` applied to every array; their last axis is the rows."""
        some = Population.__new__(Population)
        some.schema, some.person_id, some._taken = self.schema, pick(self.person_id), pick(self._taken)
        some._blocks, some._parts = {kind: pick(block) for kind, block in self._blocks.items()}, {}
        return some

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Copies have parts of their own, which share memory with them."""
        kept = ("_blocks", "_taken", "person_id", "schema")
        return None, {name: getattr(self, name) for name in kept} | {"_parts": {}}

    def claim(self) -> None:
        """Claim all twins for a model, for good; later copies are claimed as well.

        Raises:
            InputError: a model has claimed some of them.
        """
        if self._taken.any():
            raise InputError(
                "population: another model has used these twins and changes them; "
                "sample them again, or give each model a copy() made before the first"
            )
        self._taken[:] = True

    def state(self) -> NamedArrays:
        """Every column and the ids, to go on from."""
        return {"person_id": self.person_id} | {name: self[name] for name in self}

    def restore(self, state: State) -> None:
        """Take every column from a state, which may have more of them.

        Raises:
            InputError: a column is absent.
        """
        for name, (kind, _) in self.schema.places.items():
            self[name] = state.take(name, DTYPE[kind], (len(self),))

    @property
    def nbytes(self) -> int:
        """Bytes held by all columns."""
        return self.person_id.nbytes + sum(block.nbytes for block in self._blocks.values())
