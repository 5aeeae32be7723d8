"""A user's own table: features, an outcome, and optionally the person and the day of each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.errors import DefinitionError, InputError, one_line
from popsim.learning.features import KEYS
from popsim.learning.performance import subgroups
from popsim.population.csv_table import read_csv

MAX_LEVELS = 12  # of a text column that becomes features, or of subgroups
MIN_ROWS = 10  # of a level that is named; rarer levels are pooled, so that no card identifies a person
TELLS_ALL = 0.995  # c-statistic of a single column from which a note asks whether it was known beforehand
MISSING = frozenset({"", "NA", "NaN"})
YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0, "1": 1, "0": 0}


class UserTable(NamedTuple):
    """A table, ready to learn from.

    Attributes:
        frame: person_id, day (if there is one), the features as numbers, the outcome as 0 or 1.
        features: names of the features.
        groups: name of the group of every row, by characteristic.
        notes: what was left out, and warnings.
    """

    frame: pl.DataFrame
    features: tuple[str, ...]
    groups: dict[str, pl.Series]
    notes: tuple[str, ...]


def read_table(
    path: Path, outcome: str, *, person: str | None = None, day: str | None = None, by: Sequence[str] = ()
) -> UserTable:
    """Read a CSV or Parquet table.

    Numbers and Booleans are features; text with few levels becomes one feature per level; dates, lists and text with
    many levels are left out, with a note. Nothing is imputed: a missing value stays missing.

    Args:
        path: .csv or .parquet.
        outcome: column with 0 and 1 (or true and false, yes and no); rows without a value are left out.
        person: column that identifies the person of a row; every row is a different person when None.
        day: column with the day of the landmark, a whole number; rows are then also split by time.
        by: columns that define subgroups, in addition to those with a popsim name (female, age_years,
            deprivation_quintile, ethnicity).

    Raises:
        DefinitionError: the table cannot be read or has no such column.
        InputError: the outcome is not binary, or no column can be a feature.
    """
    raw = _read(path)
    for flag, name in (("--outcome", outcome), ("--person", person), ("--day", day), *(("--by", name) for name in by)):
        if name is not None and name not in raw.columns:
            raise DefinitionError(path, flag, name, "no such column", raw.columns)
    happened = _outcome(raw[outcome])
    rows = happened.is_not_null()
    raw, happened = raw.filter(rows), happened.filter(rows)
    notes = [f"{int((~rows).sum())} rows have no outcome and are left out"] if not rows.all() else []
    who = raw[person].rank("dense") if person else pl.Series(np.arange(len(raw)))
    columns = {"person_id": who.cast(pl.Int64)} | ({"day": _day(raw[day], path)} if day else {})
    named = {name: raw[name] for name in raw.columns if name not in (outcome, person, day)}
    features: dict[str, pl.Series] = {}
    for name, values in named.items():
        found = _features(f"column {name}" if name in KEYS else name, values)
        features |= found
        if not found:
            notes.append(f"column '{name}' is left out: neither numbers nor words of {MAX_LEVELS} levels or fewer")
    if not features:
        raise InputError(f"{path}: no column can be a feature")
    frame = pl.DataFrame([values.alias(name) for name, values in columns.items()])
    frame = frame.with_columns(values.alias(name) for name, values in features.items())
    frame = frame.with_columns(happened.alias(outcome))
    return UserTable(frame, tuple(features), _groups(raw, by), (*notes, *_too_good(frame, tuple(features), outcome)))


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return read_csv(path, MISSING).typed()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DefinitionError(path, "--table", None, f"cannot be read: {one_line(str(error))[:120]}") from None
    raise DefinitionError(path, "--table", None, "must be a .csv or .parquet file")


def _outcome(values: pl.Series) -> pl.Series:
    """The outcome as 0 and 1, null where missing."""
    words = values.cast(pl.String).str.to_lowercase().str.strip_chars().str.replace(r"^([01])\.0$", "$1")
    found = words.replace_strict(YES_NO, default=None, return_dtype=pl.Int8)
    if (found.is_null() & values.is_not_null()).any():
        raise InputError(f"--outcome {values.name}: must hold 0 and 1 (or true and false, yes and no)")
    return found


def _day(values: pl.Series, path: Path) -> pl.Series:
    if not values.dtype.is_integer() or values.has_nulls():
        raise DefinitionError(path, "--day", values.name, "must hold a whole number in every row")
    return values.cast(pl.Int32)


def _features(name: str, values: pl.Series) -> dict[str, pl.Series]:
    """The features of a column, if any."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return {name: values.cast(pl.Float64)}
    if values.dtype not in (pl.String, pl.Categorical) and not isinstance(values.dtype, pl.Enum):
        return {}
    words = values.cast(pl.String)
    if words.n_unique() > MAX_LEVELS:
        return {}
    levels = _common(words).drop_nulls().unique().sort().to_list()
    return {f"{name}={level}": (_common(words) == level).cast(pl.Float64) for level in levels}


def _common(words: pl.Series) -> pl.Series:
    """Text levels that are frequent enough; the others are pooled."""
    counted = words.rename("word").value_counts()
    kept = counted.filter(pl.col("count") >= MIN_ROWS)["word"].to_list()
    return words.replace_strict({word: word for word in kept if word is not None} | {None: None}, default="other")


def _groups(raw: pl.DataFrame, by: Sequence[str]) -> dict[str, pl.Series]:
    """Subgroups by the columns that popsim knows and by the requested columns."""
    known = raw.select(name for name in raw.columns if raw[name].dtype.is_numeric())
    groups = subgroups(known)
    for name in by:
        words = raw[name].cast(pl.String).alias(name)
        if words.n_unique() > MAX_LEVELS:
            raise InputError(f"--by {name}: has more than {MAX_LEVELS} values")
        groups[name] = _common(words)
    return groups


def _too_good(frame: pl.DataFrame, features: Sequence[str], outcome: str) -> list[str]:
    """Notes on features that alone predict the outcome: they may have been recorded after it."""
    from popsim.outcomes.scoring import c_statistic

    notes = []
    for name in features:
        known = frame.filter(pl.col(name).is_not_null() & ~pl.col(name).is_nan())
        if not known[outcome].sum():
            continue
        c = c_statistic(known[name].to_numpy(), known[outcome].to_numpy() > 0).value
        if max(c, 1.0 - c) >= TELLS_ALL:
            notes.append(f"column '{name}' alone predicts the outcome: was it known beforehand?")
    return notes
