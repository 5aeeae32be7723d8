"""Tables as polars or, on request, pandas frames; texts that a notebook prints unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from popsim.errors import InputError
from popsim.studies.measures import check_measures


class PlainText(str):
    """A text that a notebook and a console show line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def as_asked(frame: pl.DataFrame, pandas: bool) -> Any:
    """A polars frame, or the same as a pandas table.

    Raises:
        InputError: pandas or pyarrow is not installed.
    """
    if not pandas:
        return frame
    try:
        return frame.to_pandas()
    except ImportError:
        raise InputError("pandas=True: needs pandas and pyarrow: pip install 'popsim[notebook]'") from None


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
