"""Health and cost of each twin as they stood some days after its entry."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.economics.columns import VALUATION_COLUMNS
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State


class InterimTotals:
    """Copies what each twin has accrued when it has been followed for some days.

    Args:
        population: before its first day.
        since_days: days since each twin's entry.
    """

    def __init__(self, population: Population, since_days: int) -> None:
        self._population, self._since = population, since_days
        names = [column.name for column in VALUATION_COLUMNS if column.name in population.schema]
        self._totals = {name: np.full(len(population), np.nan) for name in names}

    @property
    def due(self) -> set[int]:
        """The days at whose start someone's totals are to be copied."""
        return {*(np.unique(self._population["entry_day"]) + self._since).tolist()}

    def copy(self, day: int) -> None:
        """Copy the totals of those for whom today is the day."""
        rows = self._population.entering(day - self._since)
        for name, totals in self._totals.items():
            totals[rows] = self._population[name][rows]

    def state(self) -> NamedArrays:
        """The totals copied so far, to go on from."""
        return dict(self._totals)

    def restore(self, state: State) -> None:
        """Go on from a state."""
        for name, totals in self._totals.items():
            totals[:] = state.take(name, totals.dtype, totals.shape)

    def frame(self) -> pl.DataFrame:
        """person_id and the totals; final ones where the simulation ended before that day."""
        final = {name: self._population[name] for name in self._totals}
        totals = {name: np.where(np.isnan(values), final[name], values) for name, values in self._totals.items()}
        return pl.DataFrame({"person_id": self._population.person_id} | totals)
