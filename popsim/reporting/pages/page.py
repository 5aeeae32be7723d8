"""Parts of every HTML page of popsim: style, embedded images, scrolling tables, writing.

A page has no external files or fonts, and no scripts unless it computes, so it can be mailed, printed and archived.
Titles are escaped here; a page's header and main part are HTML, escaped by their authors.
"""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from popsim.errors import InputError
from popsim.html import html_head
from popsim.reporting.figures.style import described, in_style

DOTS_PER_INCH = 130
MAX_VECTOR = 150_000  # bytes up to which SVG is preferred even if PNG is smaller
CSS = """
:root{color-scheme:light dark;--ink:#1d1d1f;--quiet:#57606a;--rule:#d0d7de;--page:#fff;--band:#f4f6f8;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--quiet:#9aa7b4;--rule:#3a434d;--page:#14181d;--band:#1d232a;
--link:#7cb8ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:70rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid var(--rule)}
a{color:var(--link)}nav ul{columns:2;padding-left:1.2rem}p.quiet,caption{color:var(--quiet)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.86rem;margin:1rem 0;width:100%}
caption{text-align:left;padding-bottom:.4rem}
th,td{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
td{font-variant-numeric:tabular-nums}thead th{border-bottom:2px solid var(--quiet)}
tbody th{font-weight:normal}th[scope=colgroup]{font-weight:bold;background:var(--band)}
figure{margin:2.5rem 0}figure img{max-width:100%;height:auto;background:#fff;border-radius:4px}
code,p,li,h1,dd,figcaption{overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}figure,tr{break-inside:avoid}
h2{break-after:avoid}a{color:inherit;text-decoration:none}}
"""


def page(title: str, body: str, style: str = "", script: str = "") -> str:
    """A whole page.

    Args:
        title: of the window.
        body: HTML.
        style: more CSS, for this kind of page.
        script: JavaScript of a page that computes.
    """
    running = f"\n<script>{script}</script>" if script else ""
    return f"""{html_head(title, CSS + style, script)}<body>
{body}{running}
</body>
</html>
"""


def write_page(text: str, path: Path | str) -> Path:
    """Write a page.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {path}: cannot be written: {error.strerror}") from None
    return path


def image(figure: Figure) -> str:
    """A figure within the page, with a description for those who cannot see it."""
    return f'<img src="{_address(figure)}" alt="{escape(described(figure))}">'


def wide(table: str) -> str:
    """A table that scrolls on its own where the screen is narrow."""
    return f'<div class="wide" tabindex="0">{table}</div>'


def _address(figure: Figure) -> str:
    """A figure as a data URL: SVG, or PNG where the drawing has so many lines that SVG is larger."""
    written = {}
    for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": "popsim"})):
        file = io.BytesIO()
        with in_style():
            figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        written[kind] = file.getvalue()
    vector = len(written["svg"]) < max(MAX_VECTOR, len(written["png"]))
    kind, mime = ("svg", "svg+xml") if vector else ("png", "png")
    return f"data:image/{mime};base64,{base64.b64encode(written[kind]).decode('ascii')}"
