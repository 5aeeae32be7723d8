"""The only way to write a CSV file; text that a spreadsheet would take for a formula is made harmless.

Names of strategies, parameters and settings are free text, and a spreadsheet evaluates a cell that begins with = + - @,
a tab or a carriage return when it opens the file. Such text gets an apostrophe in front, as OWASP advises (recalled),
in cells and in headings; numbers are not changed.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from popsim.errors import InputError

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: pl.DataFrame, path: Path, flag: str = "--csv") -> Path:
    """Write a table.

    Raises:
        InputError: the file cannot be written; `flag` named it.
    """
    try:
        write_harmless(table, path)
    except OSError as error:
        raise InputError(f"{flag} {path}: cannot be written: {error.strerror}") from None
    return path


def write_harmless(table: pl.DataFrame, path: Path) -> None:
    """Write a table; an OSError is the caller's."""
    texts = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    begins = texts.str.slice(0, 1).is_in(FORMULA)
    safe = table.with_columns(pl.when(begins).then(pl.lit("'") + texts).otherwise(texts).name.keep())
    safe.rename(_defused).write_csv(path)


def _defused(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
