"""People as points, so that the closest record can be found: numbers in standard deviations, words as corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean

FEW_VALUES = 10  # a column with no more different values is a category, whatever its type
MIN_PEOPLE = 20  # of each set; with fewer nothing could be told


@dataclass(frozen=True)
class EncodedPeople:
    """The three sets as numbers.

    Attributes:
        names: of the columns.
        numeric: whether each is a number rather than a category.
        sets: of each set the codes, (people, columns); a missing value is a value of its own.
        points: of each set the points, one array for each column, (people, dimensions of the column).
    """

    names: tuple[str, ...]
    numeric: NDArray[np.bool_]
    sets: tuple[NDArray[np.float64], ...]
    points: tuple[tuple[NDArray[np.float64], ...], ...]

    def of_columns(self, which: int, columns: Sequence[int]) -> NDArray[np.float64]:
        """The points of a set in some columns."""
        return np.hstack([self.points[which][column] for column in columns])


def encoded(frames: Sequence[pl.DataFrame]) -> EncodedPeople:
    """Encode sets of people with the same columns.

    Raises:
        InputError: a set is too small or lacks a column, or there are fewer than two columns that vary.
    """
    first = frames[0]
    for frame in frames:
        if len(frame) < MIN_PEOPLE:
            raise InputError(f"disclosure: a set of {len(frame)} people, at least {MIN_PEOPLE} are needed")
        for name in first.columns:
            if name not in frame.columns:
                raise InputError(f"disclosure: column '{name}': not in every set, {did_you_mean(name, frame.columns)}")
    names = [name for name in first.columns if pl.concat([f[name].cast(pl.String) for f in frames]).n_unique() > 1]
    if len(names) < 2:
        raise InputError("disclosure: fewer than two columns vary, so that there is nothing to tell people apart by")
    coded = [_column([frame[name] for frame in frames]) for name in names]
    sets = tuple(np.column_stack([codes[place] for codes, _, _ in coded]) for place in range(len(frames)))
    points = tuple(tuple(spots[place] for _, spots, _ in coded) for place in range(len(frames)))
    return EncodedPeople(tuple(names), np.array([numeric for _, _, numeric in coded]), sets, points)


def _column(parts: Sequence[pl.Series]) -> tuple[list[NDArray[Any]], list[NDArray[Any]], bool]:
    """Codes and points of one column in every set, and whether it is a number."""
    together = pl.concat([part.cast(pl.Float64 if part.dtype.is_numeric() else pl.String) for part in parts])
    ends = np.cumsum([len(part) for part in parts])[:-1]
    numeric = together.dtype == pl.Float64 and together.n_unique() > FEW_VALUES
    if numeric:
        values = together.fill_nan(None).to_numpy().astype(np.float64)
        known = ~np.isnan(values)
        spread = float(np.std(values[known])) or 1.0
        spots = np.column_stack([np.where(known, (values - np.median(values[known])) / spread, 0.0), ~known])
        codes = np.where(known, values, np.inf)
    else:
        words = together.cast(pl.String).fill_null("").to_numpy()
        known_words, codes = np.unique(words, return_inverse=True)
        spots = np.eye(len(known_words))[codes] / np.sqrt(2.0)  # different words are one standard deviation apart
    return np.split(codes.astype(np.float64), ends), np.split(spots.astype(np.float64), ends), numeric
