"""What the report of a run and that of a model of one's own have in common: the answer, sections, tables, checklists.

Everything that comes from definitions or data is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from matplotlib.figure import Figure

from popsim.html import html_table
from popsim.reporting.cautions import Caution
from popsim.reporting.pages.checklists import ChecklistItem
from popsim.reporting.pages.page import image, page, wide
from popsim.reporting.text.tables import Lines

ANSWER = "answer"  # the figure that stands with the answer, not among the others
STYLE = """
.answer{border-left:.35rem solid var(--link);background:var(--band);padding:.6rem 1rem}
.answer p{margin:.4rem 0;font-size:1.1rem}
.caution{border-left:.35rem solid #b8860b;background:var(--band);padding:.4rem 1rem;margin:.8rem 0}
"""


def report_document(
    title: str, description: str, sizes: str, answer: str, sections: Mapping[str, str], warned: Sequence[Caution]
) -> str:
    """The whole page.

    Args:
        title, description, sizes: of the study: its name, its question, and what was simulated.
        answer: HTML of `answer_section`.
        sections: HTML by title.
        warned: each stands again at the beginning of its section.
    """
    links = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in sections)
    body = "\n".join(
        f'<section aria-labelledby="{_anchor(name)}"><h2 id="{_anchor(name)}">{escape(name)}</h2>\n'
        f"{_warnings(name, warned)}{text}\n</section>"
        for name, text in sections.items()
    )
    return page(
        title,
        f"""<header>
<h1>{escape(title)}</h1>
<p>{escape(description)}</p>
<p class="quiet">{escape(sizes)}</p>
</header>
<main>
{answer}
<nav aria-label="Contents"><ul>{links}</ul></nav>
{body}
</main>""",
        STYLE,
    )


def answer_section(sentences: Sequence[str], figure: Figure | None, warned: Sequence[Caution]) -> str:
    """Sentences, a figure, and what to know before using them."""
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    drawn = "" if figure is None else figure_element(ANSWER, figure)
    listed = "".join(
        "<li>" + (f'<a href="#{_anchor(one.section)}">{escape(one.about)}</a>' if one.section else escape(one.about))
        + (f": {escape(one.text)}" if not one.section else "") + "</li>"
        for one in warned
    )  # fmt: skip
    return (
        f'<section aria-labelledby="the-answer"><h2 id="the-answer">The answer</h2>\n<div class="answer">{said}</div>\n'
        f'{drawn}\n<div class="caution"><p>Before you use it:</p><ul>{listed}</ul></div>\n</section>'
    )


def figure_element(name: str, figure: Figure) -> str:
    """A figure by its name."""
    return f'<figure id="figure-{name}">{image(figure)}</figure>'


def lines_table(head: str, lines: Lines) -> str:
    """A printed table as HTML; a line of one cell becomes a heading."""
    return wide(html_table(" ".join(head.split("\n")), lines[0], ([line[0].strip(), *line[1:]] for line in lines[1:])))


def checklist(title: str, items: Sequence[ChecklistItem]) -> str:
    """A reporting checklist with its answers."""
    reported = sum(item.reported for item in items)
    caption = f"{title}: {reported} of {len(items)} items answered by the study and by popsim"
    return wide(html_table(caption, ["Item", "", "This study"], items))


def _anchor(section: str) -> str:
    return section.lower().replace(" ", "-")


def _warnings(section: str, warned: Sequence[Caution]) -> str:
    """The warnings that belong to a section, at its beginning."""
    return "".join(
        f'<p class="caution"><strong>{escape(one.about)}.</strong> {escape(one.text)}</p>\n'
        for one in warned if one.section == section
    )  # fmt: skip
