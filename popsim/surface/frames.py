"""Tables as polars frames, or as pandas where that is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from popsim.studies.measures import check_measures


def as_requested(frame: pl.DataFrame, pandas: bool) -> Any:
    """A frame as it is, or as a pandas table, whose missing numbers are NaN."""
    if not pandas:
        return frame
    from pandas import DataFrame

    return DataFrame({column.name: _array(column) for column in frame})


def _array(column: pl.Series) -> Any:
    """The values for pandas, without pyarrow."""
    return column.to_list() if column.dtype.is_nested() else column.to_numpy()


def listed(names: str | Iterable[str]) -> list[str]:
    """One name, or several, as a list."""
    return [names] if isinstance(names, str) else list(names)


def of_measures(frame: pl.DataFrame, measures: str | Iterable[str] | None) -> pl.DataFrame:
    """The rows of some measures, in their order; all rows when None.

    Raises:
        InputError: there is no such measure.
    """
    if measures is None:
        return frame
    wanted = listed(measures)
    check_measures(wanted, frame["measure"])
    return frame.filter(pl.col("measure").is_in(wanted)).sort(
        pl.col("measure").cast(pl.Enum(wanted)), maintain_order=True
    )
