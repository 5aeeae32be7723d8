"""A table in HTML, for notebooks and reports. Everything that is written into it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names the rows.

    Args:
        caption: what the table is; none when empty.
        head: of each column; the table has no head row when empty.
        rows: cells, the first of which is the row's header. A row of one cell is a heading across the table.
    """
    rows = [tuple(row) for row in rows]
    wide = max([len(head), *(len(row) for row in rows)])
    parts = ["<table>"]
    if caption:
        parts.append(f"<caption>{escape(caption)}</caption>")
    if head:
        parts.append(f"<thead><tr>{''.join(_header(cell, 'col') for cell in head)}</tr></thead>")
    parts.append("<tbody>")
    for row in rows:
        if len(row) == 1 and wide > 1:
            parts.append(f'<tr><th scope="colgroup" colspan="{wide}">{escape(str(row[0]))}</th></tr>')
        else:
            cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
            parts.append(f"<tr>{_header(row[0], 'row')}{cells}</tr>")
    return "\n".join([*parts, "</tbody></table>"])


def _header(cell: object, scope: str) -> str:
    return f'<th scope="{scope}">{escape(str(cell))}</th>'
