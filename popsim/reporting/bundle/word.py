"""The technical report as a Word document: the checklist gives section and page of every item.

Pages are fields that refer to the headings; Word and LibreOffice compute them when they open or print the document.
"""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

from popsim.errors import InputError
from popsim.reporting.bundle.archive import same_times
from popsim.reporting.bundle.technical import ReportSection, TechnicalReport
from popsim.reporting.figures import Drawn
from popsim.reporting.figures.style import METADATA, described, in_style
from popsim.reporting.pages.blocks import ReportTable

DOTS_PER_INCH = 130
WIDTH_CM, MARGIN_CM = 16.0, 2.5


def need_docx() -> None:
    """Refuse where python-docx is not installed.

    Raises:
        InputError: it is not.
    """
    try:
        import docx  # noqa: F401, PLC0415 only the bundle needs it
    except ModuleNotFoundError:
        raise InputError("popsim bundle: needs python-docx: install popsim[bundle]") from None


def write_word(report: TechnicalReport, path: Path, created: datetime) -> Path:
    """Write the document; the same report has the same bytes."""
    from docx import Document  # noqa: PLC0415 only the bundle needs it
    from docx.shared import Cm, Pt  # noqa: PLC0415

    document = Document()
    for page in document.sections:
        page.page_width, page.page_height = Cm(21.0), Cm(29.7)
        page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(MARGIN_CM)
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(10)
    properties = document.core_properties
    properties.title, properties.author, properties.comments = report.title, "popsim", report.subtitle
    properties.created = properties.modified = created
    document.add_heading(report.title, 0)
    document.add_paragraph(report.subtitle)
    for number, section in enumerate(report.sections):
        _bookmark(document.add_heading(f"{section.number} {section.title}", 1), section.anchor, number)
        for block in section.blocks:
            if isinstance(block, str):
                document.add_paragraph(block)
            elif isinstance(block, ReportTable):
                _table(document, block)
            else:
                _picture(document, block)
        if section.title == "CHEERS 2022":
            _cheers(document, report)
    content = io.BytesIO()
    document.save(content)
    path.write_bytes(same_times(content.getvalue()))
    return path


def _table(document: Any, table: ReportTable) -> None:
    if table.caption:
        document.add_paragraph(table.caption).paragraph_format.keep_with_next = True
    width = max(len(table.head), *(len(row) for row in table.rows)) if table.rows else len(table.head)
    grid = _grid(document, table.head, width)
    for row in table.rows:
        cells = grid.add_row().cells
        if len(row) == 1 and width > 1:
            _fill(cells[0].merge(cells[-1]), row[0], bold=True)
            continue
        for cell, text in zip(cells, row, strict=False):
            _fill(cell, text)
    document.add_paragraph()


def _grid(document: Any, head: Any, width: int) -> Any:
    """A table with its row of headings, which is repeated on every page."""
    from docx.oxml import OxmlElement  # noqa: PLC0415 only the bundle needs it

    grid = document.add_table(rows=1, cols=width)
    grid.style = "Table Grid"
    for cell, text in zip(grid.rows[0].cells, head, strict=False):
        _fill(cell, text, bold=True)
    grid.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    return grid


def _fill(cell: Any, text: str, *, bold: bool = False) -> None:
    from docx.shared import Pt  # noqa: PLC0415 only the bundle needs it

    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(str(text))
    run.bold, run.font.size = bold, Pt(8.5)


def _picture(document: Any, picture: Drawn) -> None:
    """A figure, with its description for those who cannot see it."""
    from docx.shared import Cm  # noqa: PLC0415 only the bundle needs it

    assert picture.figure is not None
    file = io.BytesIO()
    with in_style():
        picture.figure.savefig(file, format="png", dpi=DOTS_PER_INCH, metadata=METADATA["png"])
    file.seek(0)
    shape = document.add_picture(file, width=Cm(WIDTH_CM))
    shape._inline.docPr.set("descr", described(picture.figure))
    shape._inline.docPr.set("name", picture.name)


def _cheers(document: Any, report: TechnicalReport) -> None:
    """The 28 items with section and page."""
    reported = sum(section is not None for _, section in report.items)
    caption = f"CHEERS 2022 (Husereau et al. 2022): {reported} of {len(report.items)} items reported"
    document.add_paragraph(caption).paragraph_format.keep_with_next = True
    grid = _grid(document, ["Item", "Topic", "Where reported"], 3)
    for item, section in report.items:
        cells = grid.add_row().cells
        _fill(cells[0], item.number)
        _fill(cells[1], item.name)
        _fill(cells[2], item.answer if section is None else f"section {section.number}, {section.title}, page ")
        if section is not None:
            _page_of(cells[2].paragraphs[0], section)


def _bookmark(paragraph: Any, name: str, number: int) -> None:
    """A name for a heading, which a field can refer to."""
    start, end = (_element(f"w:bookmark{edge}", id=str(number)) for edge in ("Start", "End"))
    start.set(_qualified("w:name"), name)
    paragraph._p.insert(1 if paragraph._p.pPr is not None else 0, start)
    paragraph._p.append(end)


def _page_of(paragraph: Any, section: ReportSection) -> None:
    """A field with the page of a section's heading, which is computed when the document is opened."""
    from docx.shared import Pt  # noqa: PLC0415 only the bundle needs it

    run = paragraph.add_run()
    run.font.size = Pt(8.5)
    code = _element("w:instrText")
    code.text = f" PAGEREF {section.anchor} \\h "
    text = _element("w:t")
    text.text = "?"
    parts = (
        _element("w:fldChar", fldCharType="begin", dirty="true"), code, _element("w:fldChar", fldCharType="separate"),
        text, _element("w:fldChar", fldCharType="end"),
    )  # fmt: skip
    for part in parts:
        run._r.append(part)


def _element(name: str, **attributes: str) -> Any:
    from docx.oxml import OxmlElement  # noqa: PLC0415 only the bundle needs it

    element = OxmlElement(name)
    for key, value in attributes.items():
        element.set(_qualified(f"w:{key}"), value)
    return element


def _qualified(name: str) -> str:
    from docx.oxml.ns import qn  # noqa: PLC0415 only the bundle needs it

    return str(qn(name))
