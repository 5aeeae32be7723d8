"""The simulated individuals: identities, initial states and traits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import whole_number
from popsim.errors import InputError, did_you_mean, one_line

MAX_PEOPLE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Individuals:
    """Columns of the individuals.

    Attributes:
        person_id: (people,) identity, which indexes their random stream.
        initial: (people,) number of the initial state.
        columns: (people,) traits by name.
    """

    person_id: NDArray[np.int64]
    initial: NDArray[np.int32]
    columns: Mapping[str, NDArray[Any]]

    @classmethod
    def of(
        cls, given: int | pl.DataFrame | Mapping[str, Any], states: Sequence[str], initial: str, traits: Sequence[str]
    ) -> Self:
        """From a number of people or a table of their traits.

        Args:
            given: how many; or columns, among which `person_id` and `state` have a special meaning.
            states: names in their order.
            initial: initial state, where there is no column `state`.
            traits: columns that the model needs.

        Raises:
            InputError: no people, a missing column, an unknown state, a repeated person, or a trait that is no number.
        """
        table = _table(given)
        people = whole_number("individuals", given if table is None else len(table), 1, MAX_PEOPLE)
        table = pl.DataFrame() if table is None else table
        for name in traits:
            if name not in table.columns:
                raise InputError(f"individuals: no column '{name}', {did_you_mean(name, table.columns)}")
            column = table[name]
            if (
                not (column.dtype.is_numeric() or column.dtype == pl.Boolean)
                or not column.cast(pl.Float64).is_finite().all()
            ):
                raise InputError(f"individuals: column '{name}' must be numbers, without gaps, NaN and infinity")
        person_id = np.arange(people)
        if "person_id" in table.columns:
            whole = table["person_id"].dtype.is_integer()
            ids = table["person_id"].cast(pl.Int64, strict=False)  # null for what Int64 does not hold
            if not whole or ids.has_nulls() or ids.n_unique() < people:
                raise InputError("individuals: person_id must be whole numbers below 2**63, each only once")
            person_id = ids.to_numpy(writable=True)
        start = np.full(people, list(states).index(initial), np.int32)
        if "state" in table.columns:
            unknown = set(table["state"].unique()) - set(states)
            if unknown:
                name = str(unknown.pop())
                raise InputError(f"individuals: unknown state '{name}', {did_you_mean(name, states)}")
            places = {name: place for place, name in enumerate(states)}
            start = table["state"].replace_strict(places, return_dtype=pl.Int32).to_numpy(writable=True)
        columns = {name: table[name].to_numpy() for name in traits}
        return cls(person_id, start, columns)

    def rows(self, rows: NDArray[np.intp]) -> Individuals:
        """Some of them."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Individuals(self.person_id[rows], self.initial[rows], columns)

    def matrix(self, names: Sequence[str]) -> NDArray[np.float64]:
        """(traits, people); one empty trait where there is none."""
        if not names:
            return np.zeros((1, 0))
        return np.array([self.columns[name] for name in names], np.float64)

    def __len__(self) -> int:
        return len(self.person_id)


def _table(given: object) -> pl.DataFrame | None:
    """A table of traits, from Polars, pandas or a mapping of columns; None for anything else.

    Raises:
        InputError: its columns do not fit together.
    """
    if not isinstance(given, Mapping) and not hasattr(given, "columns"):
        return None
    try:
        return pl.DataFrame(given)  # type: ignore[arg-type]  # whatever Polars can read
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InputError(one_line(f"individuals: not a table with a row for each: {error}")) from None
