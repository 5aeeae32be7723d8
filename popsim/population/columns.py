"""Columns: what a twin's state consists of.

A column is declared once, by the module that writes it, with its unit, bounds and meaning. Columns of one kind live
side by side in one block (a contiguous matrix, one row per column, one element per twin), so that kernels can take a
column as a plain array or a rule can look any column up by its place in the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from popsim.errors import InputError

Kind = Literal["real", "code", "total", "count"]
DTYPE: dict[Kind, type] = {"real": np.float32, "code": np.int8, "total": np.float64, "count": np.int32}


@dataclass(frozen=True, slots=True)
class Column:
    """One variable of every twin.

    Attributes:
        name: how it is called everywhere; carries its unit where that is not obvious.
        kind: `real` (float32 state), `code` (int8 class or flag), `total` (float64 sum), `count` (int32).
        unit: SI or clinical unit; "1" when it has none.
        low, high: bounds that the value keeps while the model runs.
        meaning: one sentence.
        writer: the one subsystem that changes it while the model runs: cohort (constant), physiology, monitoring,
            care or valuation.
        loinc: LOINC code of the measurement, if there is one.
        at_entry: the value where a cohort gives none, or "required" where it must give one. None: it must if the cohort
            is the writer; else the writer works the value out when the model is made, and no cohort may give it.
        codes: what people call each code, for tables, figures and reports; none where the number says it.
    """

    name: str
    kind: Kind
    unit: str
    low: float
    high: float
    meaning: str
    writer: Literal["cohort", "physiology", "monitoring", "care", "valuation"]
    loinc: str | None = None
    at_entry: float | Literal["required"] | None = None
    codes: Mapping[int, str] = field(default_factory=dict, hash=False)

    @property
    def required(self) -> bool:
        """Whether a cohort must give it: nobody else knows it, and physiology, care or an outcome reads it."""
        return self.at_entry == "required" or (self.at_entry is None and self.writer == "cohort")

    @property
    def settable(self) -> bool:
        """Whether a cohort may give it."""
        return self.required or self.at_entry is not None


class Schema:
    """The columns of a population, each name declared once."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self.columns: dict[str, Column] = {}
        for column in columns:
            if column.name in self.columns:
                raise InputError(f"column '{column.name}' is declared twice: it must have one writer")
            self.columns[column.name] = column
        self._place: dict[str, int] = {}
        for kind in DTYPE:
            for place, name in enumerate(self.names(kind)):
                self._place[name] = place

    def names(self, kind: Kind) -> list[str]:
        """Names of the columns of one kind, in the order of their rows in the block."""
        return [c.name for c in self.columns.values() if c.kind == kind]

    def place(self, name: str) -> int:
        """Row of the column in the block of its kind."""
        return self._place[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]
