"""Kidney events as trials count them: a sustained loss of filtration since entry, and kidney failure.

Filtration is measured every four weeks. A loss is sustained when two measurements in a row show it, and counts from the
first of them; kidney failure is dialysis or a sustained filtration below 15 mL/min/1.73 m2 (consensus definitions of
Levin et al. Kidney Int 2020;98:849-59: sustained over at least four weeks).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within

EVERY_DAYS = 28
FAILURE_BELOW = 15.0  # mL/min/1.73 m2
LOSSES = {percent: f"kidney_loss_{percent}_day" for percent in (40, 50, 57)}  # 57% is a doubling of creatinine
FAILURE = "kidney_failure_day"
COLUMNS = (*LOSSES.values(), FAILURE)


class KidneyEvents:
    """First kidney events of a population, by the day since each person's entry.

    Args:
        population: initialised, before its first day.
    """

    def __init__(self, population: Population) -> None:
        at_entry = population["gfr_ml_min"].copy()
        self._person_id = population.person_id
        self._limits = {name: at_entry * (1.0 - percent / 100.0) for percent, name in LOSSES.items()}
        self._limits[FAILURE] = np.full_like(at_entry, FAILURE_BELOW)
        self._began = {name: np.full(len(population), np.nan) for name in COLUMNS}  # of a loss not yet sustained
        self._day = {name: np.full(len(population), np.nan) for name in COLUMNS}

    def measure(self, population: Population, day: int) -> None:
        """Record who is on dialysis on a day, and measure filtration if the day is one of EVERY_DAYS."""
        measured = (population["alive"] != 0) & (population["entry_day"] <= day)
        since = (day - population["entry_day"]).astype(np.float64)
        if day % EVERY_DAYS == 0:
            for name, limit in self._limits.items():
                below = measured & (population["gfr_ml_min"] <= limit)
                began, first = self._began[name], np.isnan(self._day[name])
                sustained = below & ~np.isnan(began) & first
                self._day[name][sustained] = began[sustained]
                self._began[name] = np.where(below, np.where(np.isnan(began), since, began), np.nan)
        dialysed = measured & (population["dialysis"] != 0) & np.isnan(self._day[FAILURE])
        self._day[FAILURE][dialysed] = since[dialysed]

    def state(self) -> NamedArrays:
        """Limits, losses begun and events so far, to go on from."""
        return within("limit", self._limits) | within("began", self._began) | within("day", self._day)

    def restore(self, state: State) -> None:
        """Go on from a state."""
        for name, values in (("limit", self._limits), ("began", self._began), ("day", self._day)):
            kept, part = values, state.part(name)
            for column, array in kept.items():
                array[:] = part.take(column, array.dtype, array.shape)

    def frame(self) -> pl.DataFrame:
        """person_id and COLUMNS, null without the event."""
        days: dict[str, NDArray[np.float64]] = self._day
        return pl.DataFrame({"person_id": self._person_id} | days).with_columns(pl.col(*COLUMNS).fill_nan(None))
