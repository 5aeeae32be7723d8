"""Utility norms of a general population by age and sex, and utilities that are multiplied by them.

A table has the columns `age`, `male` and `female`: the mean utility of people from that age to the next in the table;
ages below the first and above the last have theirs. Lines that begin with # hold the source.

Multiplied by norms, the utility of a person is that of the state x norm(age, sex) / norm of those who were asked about
the state (Ara, Wailoo, NICE Decision Support Unit Technical Support Document 12): what the disease leaves of the health
of a person of that age and sex.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DefinitionError
from popsim.evidence.parameters import ParameterSet
from popsim.population.csv_table import read_csv

FOLDER: Final = Path(__file__).parents[1] / "evidence"
COLUMNS: Final = ("age", "male", "female")


@dataclass(frozen=True, eq=False)
class UtilityNorms:
    """Mean utility by age and sex.

    Attributes:
        ages: (rows,) from which a row holds, ascending.
        values: (2, rows), row 0 men, row 1 women.
        source: comments of the file.
    """

    ages: NDArray[np.float64]
    values: NDArray[np.float64]
    source: str = ""

    @classmethod
    def read(cls, path: Path) -> UtilityNorms:
        """Read a table.

        Raises:
            DefinitionError: a column is missing or unknown, ages do not ascend, or a value is not above 0 and up to 1.
        """
        table = read_csv(path)
        if {*table.frame.columns} != {*COLUMNS}:
            raise DefinitionError(path, "columns", ", ".join(table.frame.columns), f"must be {', '.join(COLUMNS)}")
        ages, *values = (table.numbers(column) for column in COLUMNS)
        if not len(ages) or not np.all(np.isfinite(ages)) or not np.all(np.diff(ages) > 0):
            raise DefinitionError(path, "age", None, "must be ages in ascending order")
        for column, found in zip(COLUMNS[1:], values, strict=True):
            wrong = np.flatnonzero(~((found > 0.0) & (found <= 1.0)))
            if len(wrong):
                row = int(wrong[0])
                where, word = f"{column}, row {row + 1}", table.frame[column][row]
                raise DefinitionError(path, where, word, "must be above 0, up to 1")
        return cls(ages, np.array(values), "; ".join(table.comments))

    def at(self, age_years: ArrayLike, female: ArrayLike) -> NDArray[np.float64]:
        """The norm of each person (female: 1)."""
        row = np.searchsorted(self.ages, np.asarray(age_years, np.float64), side="right") - 1
        return np.asarray(self.values[np.asarray(female).astype(np.int64), np.maximum(row, 0)])

    def of_respondents(self, utilities: ParameterSet) -> float:
        """The norm of those who were asked for a set of utilities."""
        men, women = self.at(utilities["respondents_age"], (0, 1))
        share = utilities["respondents_male"]
        return float(share * men + (1.0 - share) * women)
