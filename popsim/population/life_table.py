"""Period life tables: the death rate of the general population by exact age and sex.

The hazard is constant within a year of age (the central death rate mx), so that survival is exp(-sum of mx over time
lived in each year of age). Beyond the last age of the table, the rate is constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.definitions.money import PriceCountry
from popsim.elementary import log1p
from popsim.errors import DefinitionError
from popsim.population.csv_table import read_csv
from popsim.units import DAYS_PER_YEAR

FOLDER = Path(__file__).parents[1] / "evidence"
SEXES = ("male", "female")
OF_COUNTRIES: Mapping[PriceCountry, str] = MappingProxyType(  # of years before the pandemic
    {"england": "uk", "united_states": "us_2019", "netherlands": "netherlands"}
)


@dataclass(frozen=True)
class LifeTable:
    """Death rates of one population and calendar year.

    Attributes:
        name: as in `life_table_<name>.csv`.
        rate: deaths per person-year, shape (2, ages), row 0 men, row 1 women; age runs from 0.
        published_life_expectancy: as printed with the table, years, same shape; for checks only, NaN where absent.
        source: citation and licence.
    """

    name: str
    rate: NDArray[np.float64]
    published_life_expectancy: NDArray[np.float64]
    source: str

    @classmethod
    def read(cls, name: str, folder: Path | None = None) -> LifeTable:
        """Read `life_table_<name>.csv`, or a user's own file if the name ends with .csv.

        Columns: age, and of each sex (male_, female_) the death rate mx or the probability of dying qx, and the life
        expectancy ex if it is known. Comments hold the source.

        Raises:
            DefinitionError: there is no such table or it is damaged.
        """
        path = life_table_path(name, folder)
        if name.endswith(".csv") and not path.exists():
            raise DefinitionError(path, "life_table", name, "no such file")
        if not path.exists():
            known = [found.stem.removeprefix("life_table_") for found in path.parent.glob("life_table_*.csv")]
            raise DefinitionError(path, "life_table", name, known=known)
        table = read_csv(path)
        columns = table.frame.columns
        kind = "qx" if "male_qx" in columns and "male_mx" not in columns else "mx"
        for column in ("age", *(f"{sex}_{kind}" for sex in SEXES)):
            if column not in columns:
                raise DefinitionError(path, "header", None, f"not a life table: must have the column {column}")
        ages, rate = table.numbers("age"), np.array([table.numbers(f"{sex}_{kind}") for sex in SEXES])
        if ages.tolist() != list(range(len(ages))) or not np.all((rate > 0) & np.isfinite(rate)):
            raise DefinitionError(path, "age", None, "ages must run 0, 1, 2, ... and all rates must be above 0")
        if kind == "qx":
            if not np.all(rate < 1.0):
                raise DefinitionError(path, "qx", None, "probabilities of dying must be below 1")
            rate = -log1p(-rate)
        unknown = np.full(len(ages), np.nan)
        years = [table.numbers(f"{sex}_ex") if f"{sex}_ex" in columns else unknown for sex in SEXES]
        return cls(name, np.ascontiguousarray(rate), np.array(years), "; ".join(table.comments))

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
        return math.exp(-self.cumulative_hazard(age_years, years, female))

    def life_expectancy(self, age_years: float, female: bool) -> float:
        """Expected remaining years at the exact age: the integral of survival, closed form in each year of age."""
        expectancy, alive, age = 0.0, 1.0, float(age_years)
        while age < self.oldest:
            rate = self.rate[int(female), int(age)]
            width = int(age) + 1 - age
            expectancy += alive * -math.expm1(-rate * width) / rate
            alive *= math.exp(-rate * width)
            age = float(int(age) + 1)
        return float(expectancy + alive / self.rate[int(female), self.oldest])


def life_table_path(name: str, folder: Path | None = None) -> Path:
    """The file of a table that popsim has, by its name, or of a user's own, by its path from the folder."""
    return (folder or Path()) / name if name.endswith(".csv") else (folder or FOLDER) / f"life_table_{name}.csv"
