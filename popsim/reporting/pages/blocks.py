"""Parts of a report that is written in several forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class ReportTable(NamedTuple):
    """A table: caption, headings, rows; a row of one cell is a heading across the table."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
