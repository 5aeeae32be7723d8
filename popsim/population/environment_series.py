"""The environment: daily temperature, fine particles and activity of respiratory viruses, from a CSV file.

A file has the columns `temperature_celsius` (daily mean), `pm25_ug_m3` and `virus_activity` (1 = mean of a year), and
the day of each row: `day_of_year` (1 to 365, one year that repeats) or `date` (2019-01-01; whole years without gaps,
which then repeat). Lines that begin with # hold the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import DefinitionError
from popsim.population.csv_table import read_csv

FOLDER = Path(__file__).parents[1] / "evidence" / "environment"
USUAL = FOLDER / "temperate.csv"
BOUNDS: Final = {  # plausible range of a measurement in this unit
    "temperature_celsius": (-40.0, 45.0),
    "pm25_ug_m3": (0.0, 1000.0),
    "virus_activity": (0.0, 20.0),
}
DAYS = 365
MAX_YEARS = 100


@dataclass(frozen=True, eq=False)
class EnvironmentSeries:
    """Daily series of equal length, which repeat.

    Attributes:
        temperature_celsius, pm25_ug_m3, virus_activity: shape (days,).
        day_of_year: of every row, from 1.
        source: comments of the file.
    """

    temperature_celsius: NDArray[np.float64]
    pm25_ug_m3: NDArray[np.float64]
    virus_activity: NDArray[np.float64]
    day_of_year: NDArray[np.int64]
    source: str = ""

    def row(self, time_days: NDArray[np.float64], start_day_of_year: float) -> NDArray[np.int64]:
        """Row of each time; the clock's day 0 is the first row with this day of the year."""
        first = int(np.argmax(self.day_of_year == int(start_day_of_year)))
        days: NDArray[np.int64] = (first + np.floor(time_days).astype(np.int64)) % len(self.day_of_year)
        return days

    @classmethod
    def read(cls, path: Path | str = USUAL) -> EnvironmentSeries:
        """Read a file.

        Raises:
            DefinitionError: a column is missing or unknown, a day is missing, or a value is not plausible in its unit.
        """
        path = Path(path)
        table = read_csv(path)
        frame = table.frame
        days = [name for name in ("day_of_year", "date") if name in frame.columns]
        if len(days) != 1:
            raise DefinitionError(path, "columns", None, "must have one of the columns day_of_year and date")
        for name in frame.columns:
            if name not in BOUNDS and name not in days:
                raise DefinitionError(path, "columns", name, "unknown column", BOUNDS)
        numbers = {name: table.numbers(name) for name in frame.columns if name != "date"}
        series = {name: _checked_series(name, numbers, frame, path) for name in BOUNDS}
        day_of_year = _checked_dates(frame, path) if days == ["date"] else _checked_days(numbers, path)
        return cls(**series, day_of_year=day_of_year, source=" ".join(table.comments))


def _checked_series(
    name: str, numbers: Mapping[str, NDArray[np.float64]], frame: pl.DataFrame, path: Path
) -> NDArray[np.float64]:
    """One column, all of it within its bounds."""
    if name not in numbers:
        raise DefinitionError(path, "columns", None, f"must have the column {name}")
    series = numbers[name]
    low, high = BOUNDS[name]
    fits = (series >= low) & (series <= high)
    if not fits.all():
        row = int(np.argmin(fits))
        raise DefinitionError(
            path, f"{name}, row {row + 1}", frame[name][row], f"must be a number, {low:g} to {high:g}"
        )
    return series


def _checked_days(numbers: Mapping[str, NDArray[np.float64]], path: Path) -> NDArray[np.int64]:
    if numbers["day_of_year"].tolist() != list(range(1, DAYS + 1)):
        raise DefinitionError(path, "day_of_year", None, f"must run 1, 2, ... {DAYS} without gaps")
    return np.arange(1, DAYS + 1)


def _checked_dates(frame: pl.DataFrame, path: Path) -> NDArray[np.int64]:
    dates = frame["date"].str.to_date("%Y-%m-%d", strict=False)
    if dates.null_count():
        row = int(np.argmax(dates.is_null().to_numpy()))
        raise DefinitionError(path, f"date, row {row + 1}", frame["date"][row], "must be a date like 2019-12-31")
    steps = dates.diff().dt.total_days().drop_nulls()
    if (steps != 1).any():
        row = int(np.argmax((steps != 1).to_numpy())) + 1
        raise DefinitionError(path, f"date, row {row + 1}", str(dates[row]), f"must be the day after {dates[row - 1]}")
    whole = [dates.dt.offset_by(f"{years}y")[0] for years in range(1, MAX_YEARS + 1)] if len(dates) else []
    after = dates.dt.offset_by("1d")[-1] if len(dates) else None
    if after not in whole:
        raise DefinitionError(path, "date", None, f"must be 1 to {MAX_YEARS} whole years, to begin again after them")
    days: NDArray[np.int64] = dates.dt.ordinal_day().to_numpy().astype(np.int64)
    return days
