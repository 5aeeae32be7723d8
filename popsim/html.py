"""HTML tables, for notebooks and pages, and the head of every page. All text is escaped.

A page loads nothing, and its Content-Security-Policy tells the browser so: no frames, forms or addresses; only its own
style sheet and its own script, if it has one (both by hash), and images embedded in the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape


def html_head(title: str, style: str, script: str = "") -> str:
    """The beginning of a page, up to its body.

    Args:
        title: of the window.
        style: all of the page's CSS.
        script: all of the page's JavaScript, which its body holds; the page runs nothing when empty.
    """
    runs = f" script-src '{_digest(script)}';" if script else ""
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}';{runs} base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
"""


def _digest(text: str) -> str:
    """A source of a Content-Security-Policy: the text's hash."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def html_table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names the rows.

    Args:
        caption: what the table shows; none when empty.
        head: column headings; the table has no head row when empty.
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
    """A header; the empty corner of a table is none."""
    if str(cell) == "" and scope == "col":
        return "<td></td>"
    return f'<th scope="{scope}">{escape(str(cell))}</th>'
