"""Who is simulated: identities, states at the start and traits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean

MOST_PEOPLE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Individuals:
    """Columns of the individuals.

    Attributes:
        person_id: (people,) identity, which counts their random numbers.
        initial: (people,) number of the state at the start.
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
            given: how many; or columns, of which `person_id` and `state` have a meaning of their own.
            states: names in their order.
            initial: state at the start, where no column says it.
            traits: columns that the model needs.

        Raises:
            InputError: nobody, a missing column, an unknown state, a person twice, or a trait that is not a number.
        """
        number = given if isinstance(given, int) else None
        table = pl.DataFrame(None if isinstance(given, int) else given)
        people = len(table) if number is None else number
        if not 0 < people <= MOST_PEOPLE:
            raise InputError(f"individuals: there must be 1 to {MOST_PEOPLE:,} of them, not {people:,}")
        for name in traits:
            if name not in table.columns:
                raise InputError(f"individuals: no column '{name}', {did_you_mean(name, table.columns)}")
            if not (table[name].dtype.is_numeric() or table[name].dtype == pl.Boolean) or table[name].is_null().any():
                raise InputError(f"individuals: column '{name}' must be numbers without gaps")
        person_id = np.arange(people)
        if "person_id" in table.columns:
            if not table["person_id"].dtype.is_integer() or table["person_id"].n_unique() < people:
                raise InputError("individuals: person_id must be whole numbers, each only once")
            person_id = table["person_id"].cast(pl.Int64).to_numpy(writable=True)
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
