"""Period life tables: the death rate of the general population by exact age and sex.

The hazard is constant within a year of age (the central death rate mx), so that survival is exp(-sum of mx over time
lived in each year of age). Beyond the last age of the table, the rate is constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DefinitionError
from popsim.population.csv_table import read_csv
from popsim.units import DAYS_PER_YEAR

FOLDER = Path(__file__).parents[1] / "evidence"
COLUMNS = ("age", "male_mx", "female_mx", "male_ex", "female_ex")


@dataclass(frozen=True)
class LifeTable:
    """Death rates of one population and calendar year.

    Attributes:
        name: as in `life_table_<name>.csv`.
        rate: deaths per person-year, shape (2, ages), row 0 men, row 1 women; age runs from 0.
        published_life_expectancy: as printed with the table, years, same shape; for checks only.
        source: citation and licence.
    """

    name: str
    rate: NDArray[np.float64]
    published_life_expectancy: NDArray[np.float64]
    source: str

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> LifeTable:
        """Read `life_table_<name>.csv` (columns age, female_mx, female_ex, male_mx, male_ex; comments hold the source).

        Raises:
            DefinitionError: there is no such table or it is damaged.
        """
        path = folder / f"life_table_{name}.csv"
        if not path.exists():
            known = [found.stem.removeprefix("life_table_") for found in folder.glob("life_table_*.csv")]
            raise DefinitionError(path, "life_table", name, known=known)
        table = read_csv(path)
        for column in COLUMNS:
            if column not in table.frame.columns:
                raise DefinitionError(path, "header", None, f"not a life table: must have the column {column}")
        ages, *others = (table.numbers(column) for column in COLUMNS)
        rate, expectancy = np.array(others[:2]), np.array(others[2:])
        if ages.tolist() != list(range(len(ages))) or not np.all((rate > 0) & np.isfinite(rate)):
            raise DefinitionError(path, "age", None, "ages must run 0, 1, 2, ... and all rates must be above 0")
        return cls(name, np.ascontiguousarray(rate), expectancy, "; ".join(table.comments))

    @property
    def oldest(self) -> int:
        """The last age of the table, which applies to everybody of that age and older."""
        return int(self.rate.shape[1]) - 1

    def hazard_per_day(self, age_years: ArrayLike, female: ArrayLike) -> NDArray[np.float64]:
        """Deaths per person-day at the exact age (years) and sex (1 = female) of each person."""
        age = np.clip(np.floor(np.asarray(age_years, np.float64)), 0, self.oldest).astype(np.int64)
        return np.asarray(self.rate[np.asarray(female).astype(np.int64), age] / DAYS_PER_YEAR)

    def cumulative_hazard(self, age_years: float, years: float, female: bool) -> float:
        """Expected deaths per person over `years` from the exact age on (the integral of the hazard)."""
        boundaries = np.arange(self.oldest + 1, dtype=np.float64)
        ends = np.append(boundaries[1:], np.inf)
        lived = np.clip(np.minimum(ends, age_years + years) - np.maximum(boundaries, age_years), 0.0, None)
        return float(lived @ self.rate[int(female)])

    def integral(self, age_years: ArrayLike, female: ArrayLike) -> NDArray[np.float64]:
        """Expected deaths per person from birth to the exact age (years) of each person."""
        age, sex = np.maximum(np.asarray(age_years, np.float64), 0.0), np.asarray(female).astype(np.int64)
        year = np.minimum(np.floor(age), self.oldest).astype(np.int64)
        before = np.concatenate([np.zeros((2, 1)), np.cumsum(self.rate[:, :-1], axis=1)], axis=1)
        return np.asarray(before[sex, year] + (age - year) * self.rate[sex, year])

    def survival(self, age_years: float, years: float, female: bool) -> float:
        """Probability of living `years` longer at the exact age."""
        return float(np.exp(-self.cumulative_hazard(age_years, years, female)))

    def life_expectancy(self, age_years: float, female: bool) -> float:
        """Expected remaining years at the exact age: the integral of survival, closed form in each year of age."""
        expectancy, alive, age = 0.0, 1.0, float(age_years)
        while age < self.oldest:
            rate = self.rate[int(female), int(age)]
            width = int(age) + 1 - age
            expectancy += alive * float(-np.expm1(-rate * width)) / rate
            alive *= float(np.exp(-rate * width))
            age = float(int(age) + 1)
        return float(expectancy + alive / self.rate[int(female), self.oldest])
