"""The observation model of care: which signals show a column, with which error, and when laboratory results arrive."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.signal import Signal, SignalFile
from popsim.errors import DefinitionError
from popsim.kernels.care import records
from popsim.kernels.care.observation import read_rows, sample_laboratory
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import COLUMNS as ORGAN_COLUMNS
from popsim.physiology.columns import COLUMNS as PHYSIOLOGY_COLUMNS
from popsim.population.columns import Column, Schema
from popsim.population.population import Population

FILE = Path(__file__).parents[1] / "evidence" / "devices" / "signals.toml"


def _result(name: str, unit: str, high: float, meaning: str) -> tuple[Column, Column]:
    seen = Column(f"seen_{name}", "real", unit, 0.0, high, f"Last known result: {meaning}.", "monitoring")
    return seen, Column(f"pending_{name}", "real", unit, 0.0, high, f"Result under way: {meaning}.", "monitoring")


COLUMNS: tuple[Column, ...] = (
    *_result("potassium_mmol_l", "mmol/L", 30.0, "serum potassium"),
    *_result("gfr_ml_min", "mL/min/{1.73_m2}", 1000.0, "glomerular filtration rate"),
)


@cache
def _shipped() -> SignalFile:
    """The signals that popsim comes with, read once."""
    return SignalFile.read(FILE)


class Signals:
    """The signals of a population.

    Args:
        schema: the population's columns; without columns of laboratory results, care observes the true state.
        key: of the random numbers.
        file: definition of the signals.

    Raises:
        DefinitionError: the file names an unknown column or gives another unit.
    """

    def __init__(self, schema: Schema, *, key: RandomKey = RandomKey(), file: Path = FILE) -> None:
        self._key = key
        known = COLUMNS[0].name in schema
        definition = _shipped() if file == FILE else SignalFile.read(file)
        self.signals: tuple[Signal, ...] = definition.signals if known else ()
        self.signals = tuple(signal for signal in self.signals if signal.measures in schema)
        for signal in self.signals:
            if signal.stored is not None and signal.stored not in schema:
                raise DefinitionError(file, "signals.stored", signal.stored, "must be a column of results")
            if schema[signal.measures].unit != signal.unit:
                allowed = f"must be '{schema[signal.measures].unit}'"
                raise DefinitionError(file, f"signals.{signal.measures}.unit", signal.unit, allowed)
        self._laboratory = [signal for signal in self.signals if signal.stored is not None]

    def observations(self, schema: Schema) -> tuple[NDArray[Any], NDArray[Any]]:
        """For the care kernels: the observation of each real and each code column, by its index in its block."""
        reals = np.zeros(len(schema.names("real")), records.OBSERVATION)
        codes = np.zeros(len(schema.names("code")), records.CODE_OBSERVATION)
        reals["stored"] = reals["row"] = -1
        for signal in self.signals:
            column, place = schema[signal.measures], schema.index(signal.measures)
            if column.kind == "code":
                codes[place] = (1, schema.number(signal.measures), signal.error, column.low, column.high)
                continue
            stored = -1 if signal.stored is None else schema.index(signal.stored)
            errors = (signal.noise_sd, signal.noise_share, signal.bias_sd, signal.drift_per_day)
            device = (signal.adjusted_every_days, *errors, column.low, column.high)
            reals[place] = (1, schema.number(signal.measures), stored, *device, -1, 0, 0.0, 0.0)
        return reals, codes

    @property
    def key(self) -> RandomKey:
        """Of the random numbers of their errors."""
        return self._key

    def look(self, population: Population, day: int, name: str, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """A column of some rows as care observes it on a day; classes and columns without a signal without error."""
        values = population[name][rows].astype(np.float64)
        signal = next((one for one in self.signals if one.measures == name), None)
        column = population.schema[name]
        if signal is None or column.kind != "real":
            return values
        if signal.stored is not None:
            return population[signal.stored][rows].astype(np.float64)
        errors = (signal.noise_sd, signal.noise_share, signal.bias_sd, signal.drift_per_day)
        device = (*errors, signal.adjusted_every_days, column.low, column.high)
        number, person = population.schema.number(name), population.person_id[rows]
        read_rows(day, self._key, number, person, values.copy(), *device, values)
        return values

    def sample(self, population: Population, day: int, entered: int) -> None:
        """Update laboratory results of the first `entered` rows; before entry, set the hospital's results."""
        rows = slice(0, entered)
        shared = [population[name][rows] for name in ("entry_day", "alive", "care_level", "adherence_lapse", "frailty")]
        for word, signal in enumerate(self._laboratory):
            stored = str(signal.stored)
            pending = stored.replace("seen_", "pending_")
            columns = [population[name][rows] for name in (signal.measures, pending, stored)]
            errors = (signal.noise_sd, signal.noise_share, signal.bias_sd)
            schedule = (signal.interval_days, signal.delay_days)
            missing = (signal.missed, signal.missed_more_in_lapse, signal.missed_more_when_frail)
            sample_laboratory(
                day, *(self._key, word, population.person_id[rows], *shared, *columns, *errors, *schedule, *missing)
            )


SEEN = frozenset(signal.measures for signal in SignalFile.read(FILE).signals)
# Columns that physiology writes and care knows: reason for presenting, past events, reported reactions.
RECORDED = frozenset({"acute_cause", "reaction", "dialysis", "onset"})
STATE = frozenset(column.name for column in (*PHYSIOLOGY_COLUMNS, *ORGAN_COLUMNS) if column.writer == "physiology")


def hidden(name: str, known: Container[str]) -> bool:
    """Whether a column is part of the hidden state, which no signal shows, in populations where care acts on signals.

    Args:
        name: of the column.
        known: names of all columns of the population.
    """
    return COLUMNS[0].name in known and name in STATE - SEEN - RECORDED
