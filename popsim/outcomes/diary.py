"""The diary of selected twins: every column at the end of every day, so that their course can be explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError
from popsim.population.columns import DTYPE, Kind
from popsim.population.population import Population


class Diary:
    """Stores all columns of a few rows of a population, day by day."""

    def __init__(self) -> None:
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._days: list[int] = []
        self._pages: list[dict[Kind, NDArray[Any]]] = []

    def follow(self, rows: NDArray[np.int64]) -> None:
        """Add rows to the diary.

        Raises:
            InputError: days have been written already, so the diary of these rows would start later than others.
        """
        new = np.union1d(self.rows, rows)
        if self._days and len(new) > len(self.rows):
            raise InputError("a diary begins on the first day: name the twins to follow before the first step")
        self.rows = new

    def write(self, population: Population, day: int) -> None:
        """Store the day."""
        if len(self.rows):
            self._days.append(day)
            self._pages.append({kind: population.block(kind)[:, self.rows].copy() for kind in DTYPE})

    def frame(self, population: Population, row: int) -> pl.DataFrame | None:
        """One row per day of one twin: day and every column; None if the twin is not followed."""
        index = np.flatnonzero(self.rows == row)
        if not len(index):
            return None
        columns: dict[str, Any] = {"day": np.array(self._days, np.int64)}
        for kind, dtype in DTYPE.items():
            names = population.schema.names(kind)
            pages = [page[kind][:, index[0]] for page in self._pages]
            values: NDArray[Any] = np.array(pages, dtype).reshape(-1, len(names))
            columns |= {name: values[:, i] for i, name in enumerate(names)}
        return pl.DataFrame(columns)
