"""People from a table: find and read it, filter rows, convert columns to popsim's units and codes, check all values.

Columns that the table lacks are sampled from the cohort's marginals, independently of the person's other values: a
conditional copula is not attempted.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.cohort import Filter, Table, TableColumn
from popsim.errors import DefinitionError, InputError, did_you_mean, one_line, shorten
from popsim.evidence.sets import Parameters
from popsim.numbers import parse_number
from popsim.population.columns import Column, Schema
from popsim.population.csv_table import MAX_REPORTED, read_csv
from popsim.population.formulas import FORMULAS
from popsim.units import canonical, convert

EXTRAS = {"sksurv": "pip install 'popsim[data]'"}
ROW = "__row__"
MISSING_WORDS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", ".", "?"})


type Number = Callable[[str], float | None]
"""Parses a number as the table writes it; None if it is not a number."""


class Problem(NamedTuple):
    """A value of a table that is refused."""

    row: int
    column: str
    value: object
    why: str

    @property
    def where(self) -> str:
        """Row and column."""
        return f"row {self.row}, column {self.column}"


@dataclass(frozen=True)
class People:
    """Rows of a table as columns of a population, in popsim's units and codes; NaN = sample the value.

    Attributes:
        values: by column name, one value per person.
        row_number: row of each person in the table; the first row of data is 1.
    """

    values: dict[str, NDArray[np.float64]]
    row_number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row_number)

    @property
    def lacking(self) -> dict[str, int]:
        """Number of people for whom each incomplete column has to be sampled."""
        counts = {name: int(np.isnan(values).sum()) for name, values in self.values.items()}
        return {name: count for name, count in counts.items() if count}


def table_path(table: Table, cohort_file: Path) -> Path:
    """The path of the table.

    Raises:
        DefinitionError: the file, or the package that holds it, does not exist.
    """
    if table.package is None:
        path = cohort_file.parent / table.path
    else:
        found = importlib.util.find_spec(table.package)
        if found is None or not found.submodule_search_locations:
            how = EXTRAS.get(table.package, f"install the Python package '{table.package}'")
            raise DefinitionError(cohort_file, "table.package", table.package, f"is not installed: {how}")
        path = Path(found.submodule_search_locations[0]) / table.path
    if not path.is_file():
        raise DefinitionError(cohort_file, "table.path", table.path, f"no such file ({path.name})")
    return path


def read_people(table: Table, schema: Schema, cohort_file: Path, parameters: Parameters) -> People:
    """The table's people, checked against the bounds of the population's columns.

    Raises:
        DefinitionError: anything wrong with the table, with row number and column, in one line.
    """
    path = table_path(table, cohort_file)
    source, number = _read(table, path)
    frame = source.with_row_index(ROW, offset=1)
    for index, condition in enumerate(table.where):
        frame = frame.filter(_kept(condition, f"table.where.{index}", frame, number, path, cohort_file))
    if frame.is_empty():
        raise DefinitionError(cohort_file, "table.where", None, "no row of the table is left")
    rows = frame[ROW].to_numpy().astype(np.int64)
    values: dict[str, NDArray[np.float64]] = {}
    plain = {name: entry for name, entry in table.columns.items() if entry.formula is None}
    problems: list[Problem] = []
    for name, entry in [*plain.items(), *(item for item in table.columns.items() if item[0] not in plain)]:
        reader = _ColumnReader(name, entry, schema[name], frame, rows, number, cohort_file, problems, parameters)
        values[name] = reader.read(values)
    if problems:
        raise _refusal(path, problems)
    return People(values, rows)


def _refusal(path: Path, problems: list[Problem]) -> DefinitionError:
    """One error for all bad values of a table, row by row, the first few in full."""
    first, *others = sorted(problems, key=lambda problem: problem.row)
    told = [f"; {other.where} = {shorten(other.value)}: {other.why}" for other in others[: MAX_REPORTED - 1]]
    more = f"; and {len(others) - len(told)} more" if len(others) > len(told) else ""
    return DefinitionError(path, first.where, first.value, f"{first.why}{''.join(told)}{more}")


def _read(table: Table, path: Path) -> tuple[pl.DataFrame, Number]:
    """The whole table as a frame, text unchanged, and the parser of its numbers."""
    try:
        match table.format:
            case "csv":
                read = read_csv(path, MISSING_WORDS)
                return read.frame, read.number
            case "parquet":
                return pl.read_parquet(path), parse_number
            case "arff":
                return _read_arff(path), parse_number
    except (pl.exceptions.PolarsError, OSError, ValueError, NotImplementedError) as error:
        reason = one_line(str(error) or type(error).__name__)[:120]
        raise DefinitionError(path, "file", None, f"not a readable {table.format} table: {reason}") from None


def _read_arff(path: Path) -> pl.DataFrame:
    """A table in Weka's format; the slow import of the reader is here because few cohorts need it."""
    from scipy.io import arff  # noqa: PLC0415

    try:
        data, _ = arff.loadarff(path)
    except (arff.ArffError, StopIteration, IndexError) as error:  # the last two: the reader met the end of the file
        raise ValueError(str(error) or "it ends before its data") from None
    return pl.DataFrame({name: _decoded(data[name]) for name in data.dtype.names})


def _decoded(column: NDArray[Any]) -> pl.Series:
    """An ARFF column: nominal values come as bytes, a missing one as '?'."""
    if column.dtype.kind != "S":
        return pl.Series(column)
    return pl.Series([None if word in MISSING_WORDS else word for word in (raw.decode() for raw in column.tolist())])


def _kept(condition: Filter, key: str, frame: pl.DataFrame, number: Number, path: Path, cohort_file: Path) -> pl.Series:
    """Whether each row is kept; a row with a missing value is not."""
    for field, name in (("column", condition.column), ("above_column", condition.above_column)):
        if name is not None and (name not in frame.columns or name == ROW):
            raise DefinitionError(cohort_file, f"{key}.{field}", name, _no_column(name, frame))

    def numbers(name: str) -> NDArray[np.float64]:
        found, bad = _as_numbers(frame[name], number)
        problems = [Problem(frame[ROW][i], name, frame[name][i], "not a number") for i in np.flatnonzero(bad).tolist()]
        if problems and condition.equals is None:
            raise _refusal(path, problems)
        return found

    column = frame[condition.column]
    if column.dtype.is_nested():
        raise DefinitionError(cohort_file, f"{key}.column", condition.column, "holds no single values")
    if isinstance(condition.equals, str):
        return (column.cast(pl.String) == condition.equals).fill_null(False)
    if condition.equals is not None:
        kept = numbers(condition.column) == condition.equals
    elif condition.at_least is not None:
        kept = numbers(condition.column) >= condition.at_least
    elif condition.above_column is not None:
        kept = numbers(condition.column) > numbers(condition.above_column)
    else:
        kept = numbers(condition.column) < (condition.below or 0.0)
    return pl.Series(kept)


def _as_numbers(series: pl.Series, number: Number) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A column as numbers (NaN where missing or not a number), and where it holds something that is not a number."""
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        numbers = series.cast(pl.Float64)
    else:
        found = [number(word) if isinstance(word, str) else None for word in series.to_list()]
        numbers = pl.Series(found, dtype=pl.Float64)
    bad = (numbers.is_null() & series.is_not_null()).to_numpy()
    return np.asarray(numbers.fill_null(math.nan).to_numpy(), np.float64), np.asarray(bad)


def _no_column(name: str, frame: pl.DataFrame) -> str:
    known = [column for column in frame.columns if column != ROW]
    return f"the table has no such column, {did_you_mean(name, known)}"


@dataclass(frozen=True)
class _ColumnReader:
    """Reads one column of the population out of the table."""

    name: str
    entry: TableColumn
    column: Column
    frame: pl.DataFrame
    rows: NDArray[np.int64]
    number: Number
    cohort_file: Path
    problems: list[Problem]
    parameters: Parameters

    def read(self, people: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Values in popsim's unit, NaN where they have to be sampled."""
        if self.entry.from_ not in self.frame.columns:
            allowed = _no_column(self.entry.from_, self.frame)
            raise DefinitionError(self.cohort_file, f"table.columns.{self.name}.from", self.entry.from_, allowed)
        series = self.frame[self.entry.from_]
        numbers = self._coded(series) if self.entry.codes else self._numbers(series)
        if self.entry.missing == "refuse":
            self._refuse(np.isnan(numbers), series, 'missing, give missing = "sample" to have it sampled')
        with np.errstate(all="ignore"):
            values = self._converted(numbers, people)
        lost = np.isnan(values) & ~np.isnan(numbers) & ~np.isin(self.rows, [problem.row for problem in self.problems])
        self._refuse(lost, series, f"no {self.name} follows from it: impossible, or what the formula needs is missing")
        impossible = ~np.isnan(values) & ((values < self.column.low) | (values > self.column.high))
        bounds = f"between {self.column.low:g} and {self.column.high:g} {canonical(self.column.unit)}"
        self._refuse(impossible, series, f"impossible, {self.name} must lie {bounds}", values)
        if self.column.kind in ("code", "count"):
            self._refuse(~np.isnan(values) & (values != np.floor(values)), series, "must be a whole number")
        return values

    def _numbers(self, series: pl.Series) -> NDArray[np.float64]:
        """The column as numbers; text that is not a number is refused."""
        numbers, bad = _as_numbers(series, self.number)
        self._refuse(bad, series, "not a number; words need a map: codes = { word = number }")
        return numbers

    def _coded(self, series: pl.Series) -> NDArray[np.float64]:
        """Words replaced by their codes; "1" also stands for 1.0."""
        words = [self._word(value) for value in series.to_list()]
        known = self.entry.codes
        bad = np.array([word is not None and word not in known for word in words])
        self._refuse(bad, series, f"not in codes, allowed: {', '.join(sorted(known))}")
        return np.array([math.nan if word is None else float(known.get(word, math.nan)) for word in words])

    @staticmethod
    def _word(value: object) -> str | None:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

    def _converted(
        self, numbers: NDArray[np.float64], people: Mapping[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Units changed and the formula applied."""
        key = f"table.columns.{self.name}"
        formula = FORMULAS[self.entry.formula] if self.entry.formula else None
        target = formula.unit if formula else self.column.unit
        substance = self.entry.substance or (formula.substance if formula else None)
        try:
            converted = convert(numbers, self.entry.unit or target, target, substance)
        except InputError as error:
            raise DefinitionError(self.cohort_file, f"{key}.unit", self.entry.unit, str(error)) from None
        if formula is None:
            return converted
        if formula.gives != canonical(self.column.unit):
            allowed = f"gives {formula.gives}, the column is in {canonical(self.column.unit)}"
            raise DefinitionError(self.cohort_file, f"{key}.formula", self.entry.formula, allowed)
        for needed in formula.needs:
            if needed not in people:
                allowed = f"needs {needed}, which must come from the table without a formula"
                raise DefinitionError(self.cohort_file, f"{key}.formula", self.entry.formula, allowed)
        return formula(converted, people, self.parameters)

    def _refuse(
        self, bad: NDArray[np.bool_], series: pl.Series, why: str, values: NDArray[np.float64] | None = None
    ) -> None:
        """Record bad values; only the first problem of a row counts."""
        told = {problem.row for problem in self.problems if problem.column == self.entry.from_}
        for index in np.flatnonzero(bad).tolist():
            row, value, reason = int(self.rows[index]), series[index], why
            if row in told:
                continue
            if values is not None and not (isinstance(value, int | float) and value == values[index]):
                reason = f"{why} (here {values[index]:.6g})"
            self.problems.append(Problem(row, self.entry.from_, value, reason))
