"""The technical report as one HTML page; sections are linked from the checklist."""

from __future__ import annotations

from html import escape

from popsim.html import html_table
from popsim.reporting.bundle.technical import Block, ReportSection, TechnicalReport
from popsim.reporting.pages.blocks import ReportTable
from popsim.reporting.pages.page import image, page, wide


def report_as_page(report: TechnicalReport) -> str:
    """The page as text."""
    links = "".join(
        f'<li><a href="#{section.anchor}">{section.number} {escape(section.title)}</a></li>'
        for section in report.sections
    )
    body = "\n".join(_section(section, report) for section in report.sections)
    return page(
        report.title,
        f"""<header>
<h1>{escape(report.title)}</h1>
<p class="quiet">{escape(report.subtitle)}</p>
</header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main>
{body}
</main>""",
    )


def _section(section: ReportSection, report: TechnicalReport) -> str:
    parts = [_block(block) for block in section.blocks]
    if section.title == "CHEERS 2022":
        parts.append(_cheers(report))
    heading = f'<h2 id="{section.anchor}">{section.number} {escape(section.title)}</h2>'
    return f'<section aria-labelledby="{section.anchor}">{heading}\n' + "\n".join(parts) + "\n</section>"


def _block(block: Block) -> str:
    if isinstance(block, str):
        return "".join(f"<p>{escape(line)}</p>" for line in block.split("\n") if line.strip())
    if isinstance(block, ReportTable):
        return wide(html_table(block.caption, block.head, block.rows))
    assert block.figure is not None
    return f'<figure id="figure-{block.name}">{image(block.figure)}</figure>'


def _cheers(report: TechnicalReport) -> str:
    """The 28 items, each with a link to the section that answers it."""
    rows = []
    for item, section in report.items:
        where = (
            escape(item.answer)
            if section is None
            else f'<a href="#{section.anchor}">section {section.number}, {escape(section.title)}</a>'
        )
        rows.append(f'<tr><th scope="row">{item.number}</th><td>{escape(item.name)}</td><td>{where}</td></tr>')
    reported = sum(section is not None for _, section in report.items)
    caption = f"CHEERS 2022 (Husereau et al. 2022): {reported} of {len(report.items)} items reported"
    head = "".join(f'<th scope="col">{one}</th>' for one in ("Item", "Topic", "Where reported"))
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return wide(table)
