"""A sheet of an Excel workbook as the text of a table: values as they are stored, dates as year-month-day."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.population.csv_table import MAX_BYTES, MAX_COLUMNS, MAX_LINES

WORKBOOK = b"PK\x03\x04"  # how Excel's files begin
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"  # how those of before 2007 begin
UNPACKED = 8  # times as much as a text file may have: marks of cells take room
ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")  # what a formula may leave in a cell


def sheet_text(path: Path, content: bytes, sheet: str = "") -> tuple[str, list[str]]:
    """The sheet as comma-separated text, and how it was read, in words.

    Args:
        path: of the file, for messages.
        content: of the file.
        sheet: its name; by default the first with two rows.

    Raises:
        DefinitionError: the file is no workbook that can be read, or has no such sheet.
        InputError: openpyxl is not installed.
    """
    if content.startswith(OLD_WORKBOOK):
        raise DefinitionError(path, "file", None, "is a workbook of before 2007; save it as .xlsx or CSV")
    sheets = _sheets(path, content)
    named = {name: rows for name, rows in sheets.items() if len(rows) > 1}
    if sheet and sheet not in sheets:
        raise DefinitionError(path, "sheet", sheet, did_you_mean(sheet, sheets))
    if not named:
        raise DefinitionError(path, "file", None, "no sheet has a row below the names of the columns")
    chosen = sheet or next(iter(named))
    rows = sheets[chosen]
    errors = sum(cell in ERRORS for row in rows for cell in row)
    width = max((place + 1 for row in rows for place, cell in enumerate(row) if cell), default=0)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        ["" if cell in ERRORS else cell for cell in [*row, *[""] * width][:width]] for row in rows
    )
    others = [name for name in named if name != chosen]
    notes = [f"workbook, sheet '{chosen}'" + (f"; not read: {', '.join(others)}" if others else "")]
    notes += [f"errors of formulas, taken as missing: {errors}"] if errors else []
    return text.getvalue(), notes


def _sheets(path: Path, content: bytes) -> dict[str, list[list[str]]]:
    """The rows of every sheet that are not blank, by its name."""
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 an extra
    except ImportError:
        raise InputError(f"{path}: reading a workbook needs popsim's extra 'excel'; or save its sheet as CSV") from None
    try:
        unpacked = sum(one.file_size for one in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if unpacked > UNPACKED * MAX_BYTES:
            raise DefinitionError(path, "file", None, f"larger than {UNPACKED * MAX_BYTES:,} bytes when unpacked")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        return {sheet.title: list(_rows(sheet.iter_rows(values_only=True))) for sheet in book.worksheets}
    except (DefinitionError, MemoryError):
        raise
    except Exception:  # whatever a damaged file does to the reader
        raise DefinitionError(path, "file", None, "cannot be read as a workbook; save its sheet as CSV") from None


def _rows(rows: Iterator[Sequence[Any]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        if number > MAX_LINES:
            return
        words = [_word(cell) for cell in row[:MAX_COLUMNS]]
        if any(words):
            yield words


def _word(cell: Any) -> str:
    """A value as text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time(0) else cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, date) else " ".join(str(cell).split())
