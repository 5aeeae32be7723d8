"""Checks of the arguments of this package's public functions: bad input is refused in one line before any computation.

A null value is a measure for which there was nobody to count; NaN and infinity are mistakes and are refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from popsim.arguments import is_real
from popsim.errors import InputError, did_you_mean

MEASURES = ("strategy", "draw", "replication", "measure", "value")
MAX_PRICE = 1e9  # as a file may say: definitions.experiment.WillingnessToPay


def check_number(what: str, number: float, low: float = 0.0, high: float = math.inf, *, above: bool = False) -> None:
    """Refuse a number that is not finite or lies outside its bounds; `above`: `low` itself is refused, too.

    Raises:
        InputError: it is refused.
    """
    if not is_real(number) or not math.isfinite(number):
        raise InputError(f"{what} = {number}: must be a finite number")
    if number < low or (above and number == low):
        raise InputError(f"{what} = {number}: must {f'be above {low:g}' if above or low else 'not be negative'}")
    if number > high:
        raise InputError(f"{what} = {number}: must be at most {high:g}")


def check_price(willingness_to_pay: float) -> None:
    """Refuse a willingness to pay that is negative, infinite or no number."""
    check_number("willingness to pay", willingness_to_pay, high=MAX_PRICE)


def check_confidence(confidence: float) -> None:
    """Refuse a coverage that is not between 0 and 1."""
    if not is_real(confidence) or not 0.0 < confidence < 1.0:
        raise InputError(f"confidence = {confidence}: must lie between 0 and 1")


def check_finite(**arrays: ArrayLike) -> None:
    """Refuse arrays, by name, that are empty, differ in shape or hold values that are not finite.

    Raises:
        InputError: one is refused.
    """
    shapes = {name: np.shape(values) for name, values in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"{', '.join(f'{name}: {shape}' for name, shape in shapes.items())}: must have the same shape")
    for name, values in arrays.items():
        array = np.asarray(values, np.float64)
        if array.size == 0:
            raise InputError(f"{name}: empty")
        if not np.isfinite(array).all():
            raise InputError(f"{name} = {array[~np.isfinite(array)][0]}: must be finite numbers")


def check_names(what: str, names: Sequence[str]) -> None:
    """Refuse a name that occurs twice.

    Raises:
        InputError: one does.
    """
    if len(set(names)) < len(names):
        raise InputError(f"{what} '{Counter(names).most_common(1)[0][0]}': named twice")


def check_values(values: pl.DataFrame, keys: Iterable[str]) -> None:
    """Refuse a long table without rows, without a column, with a value that is not finite, or with a repeated row.

    Raises:
        InputError: it is refused.
    """
    keys = [*keys]
    for column in (*keys, "value"):
        if column not in values.columns:
            raise InputError(f"no column '{column}', {did_you_mean(column, values.columns)}")
    if values.is_empty():
        raise InputError("no values: the table has no rows")
    if not (values["value"].dtype.is_numeric() or values["value"].dtype == pl.Null):
        raise InputError(f"value: {values['value'].dtype}: must be numbers")
    if values["value"].dtype.is_float():
        wrong = values.filter(pl.col("value").is_nan() | pl.col("value").is_infinite())
        if len(wrong):
            raise InputError(f"value = {wrong['value'][0]} ({_row(wrong, keys)}): must be a finite number, or null")
    if values.select(keys).is_duplicated().any():
        twice = values.filter(values.select(keys).is_duplicated())
        raise InputError(f"{_row(twice, keys)}: occurs twice")


def check_measures(measures: pl.DataFrame) -> None:
    """Refuse an invalid table of measures: see `check_values`."""
    check_values(measures, MEASURES[:-1])


def check_comparison(measures: pl.DataFrame, comparator: str, same: Sequence[str] = ()) -> None:
    """Refuse measures that lack a comparison with the comparator.

    Args:
        measures: strategy, draw, replication, measure, value.
        comparator: must be one of two strategies or more.
        same: measures that every strategy must have in the same draws and replications.

    Raises:
        InputError: they are refused.
    """
    check_measures(measures)
    table = measures.with_columns(pl.col("strategy").cast(pl.String))
    check_comparator(table["strategy"].unique(maintain_order=True).to_list(), comparator)
    for measure in same:
        units = {
            name: set(rows.select("draw", "replication").rows())
            for (name,), rows in table.filter(pl.col("measure") == measure).group_by("strategy", maintain_order=True)
        }
        check_units(units, measure)


def check_comparator(names: Sequence[str], comparator: str) -> None:
    """Refuse a comparator that is not among the strategies, or is the only one.

    Raises:
        InputError: it is refused.
    """
    if comparator not in names:
        raise InputError(f"comparator '{comparator}': {did_you_mean(comparator, names)}")
    if len(names) < 2:
        raise InputError(f"'{comparator}' is the only strategy, so there is nothing to compare")


def check_units(units: Mapping[object, set[tuple[int, int]]], what: str) -> None:
    """Refuse strategies that do not have the same draws and replications.

    Raises:
        InputError: they differ.
    """
    (first, whole), *others = units.items() or [("", set())]
    for name, own in others:
        if own != whole:
            draw, replication = min(own ^ whole)
            has, lacks = (name, first) if (draw, replication) in own else (first, name)
            place = f"draw {draw}, replication {replication}"
            raise InputError(f"{what}: strategy '{has}' has {place} and '{lacks}' has not: they must have the same")


def check_shares(what: str, shares: NDArray[np.float64]) -> None:
    """Refuse shares that are negative or do not sum to 1.

    Raises:
        InputError: they are refused.
    """
    if np.any(shares < 0.0) or not math.isclose(shares.sum(), 1.0, abs_tol=1e-6):
        raise InputError(f"{what}: shares sum to {shares.sum():g}, must be 0 or more and sum to 1")


def _row(table: pl.DataFrame, keys: Sequence[str]) -> str:
    """The first row in words."""
    return ", ".join(f"{key} {table[key][0]}" for key in keys)
