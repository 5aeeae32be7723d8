"""Columns: the variables of a twin's state.

A column is declared once, by the module that writes it, with its unit, bounds and meaning. Columns of one kind form one
block (a contiguous matrix, one row per column, one element per twin), so that a kernel can read a column as an array
and a rule can find any column by its index in the block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

from popsim.errors import InputError

Kind = Literal["real", "code", "total", "count"]
DTYPE: dict[Kind, type] = {"real": np.float32, "code": np.int8, "total": np.float64, "count": np.int32}


@dataclass(frozen=True, slots=True)
class Column:
    """One variable of every twin.

    Attributes:
        name: used everywhere; includes the unit where it is not obvious.
        kind: `real` (float32 state), `code` (int8 class or flag), `total` (float64 sum), `count` (int32).
        unit: SI or clinical unit; "1" when it has none.
        low, high: bounds of the value during a run.
        meaning: one sentence.
        writer: the only subsystem that changes it during a run: cohort (constant), physiology, monitoring, care or
            valuation.
        loinc: LOINC code of a quantity of one's own; what popsim knows is in evidence/codes/signals.toml.
        at_entry: the default where a cohort gives no value, or "required" if it must give one. None: required if the
            cohort is the writer; else the writer computes the value when the model is made, and no cohort may give it.
        codes: label of each code, for tables, figures and reports; empty if the number itself is the label.
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
        """Whether a cohort must give it: nothing else can set it, and physiology, care or an outcome reads it."""
        return self.at_entry == "required" or (self.at_entry is None and self.writer == "cohort")

    @property
    def settable(self) -> bool:
        """Whether a cohort may give it."""
        return self.required or self.at_entry is not None


class Schema:
    """The columns of a population, each name declared once.

    Attributes:
        columns: those that the population has.
        left_out: names of those declared that it does without.
    """

    def __init__(self, columns: Iterable[Column], left_out: Collection[str] = ()) -> None:
        self._declared: dict[str, Column] = {}
        for column in columns:
            if column.name in self._declared:
                raise InputError(f"column '{column.name}' is declared twice: it must have one writer")
            self._declared[column.name] = column
        self.left_out = frozenset(left_out)
        self.columns = {name: column for name, column in self._declared.items() if name not in self.left_out}
        self._numbers = {
            column.name: number
            for kind in DTYPE
            for number, column in enumerate(c for c in self._declared.values() if c.kind == kind)
        }
        self.places: dict[str, tuple[Kind, int]] = {
            name: (kind, place) for kind in DTYPE for place, name in enumerate(self.names(kind))
        }

    def names(self, kind: Kind) -> list[str]:
        """Names of the columns of one kind, in the order of their rows in the block."""
        return [c.name for c in self.columns.values() if c.kind == kind]

    def index(self, name: str) -> int:
        """Row of the column in the block of its kind."""
        return self.places[name][1]

    def number(self, name: str) -> int:
        """Number of the column among those declared of its kind: the same whichever columns are left out."""
        return self._numbers[name]

    def without(self, names: Collection[str]) -> Self:
        """The same columns but some."""
        return type(self)(self._declared.values(), self.left_out.union(names))

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]
