"""One page on one twin, as an A4 image or as HTML: records, measurements, estimates, forecasts and options.

For research, not for care: both say so in a prominent banner. Only their owner can read the files, because they are
about one person.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from popsim.errors import InputError
from popsim.html import html_table
from popsim.plurals import counted
from popsim.registry.privacy import shown_path, write_private
from popsim.registry.summary import NOTICE, SignalHistory, TwinSummary
from popsim.registry.vocabulary import DIED, EVENTS
from popsim.reporting.figures import style
from popsim.reporting.figures import twin_panels as panels
from popsim.reporting.pages.page import image, page, wide
from popsim.reporting.text.formatting import with_interval

KINDS = (".html", ".png")
A4 = (8.27, 11.69)  # inches
MARGIN = 0.45
LINE = 0.145  # inches between lines of text of 8 points
LETTERS = 126  # of such text across the page
MAX_PANEL_INCHES = 1.75  # inches of a panel
MAX_REASONS = 13  # lines on the picture
EVENTS_SHOWN = 8
BANNER, BANNER_INK = "#ffd24d", "#1d1d1f"
STYLE = f"""
.banner{{position:sticky;top:0;z-index:1;margin:-1.5rem -1.5rem 1.5rem;padding:.6rem 1.5rem;background:{BANNER};
color:{BANNER_INK};font-weight:bold;text-align:center}}
.advice{{border-left:.35rem solid var(--link);background:var(--band);padding:.6rem 1rem;margin:1rem 0}}
.advice p{{margin:.2rem 0}}.advice .first{{font-size:1.15rem;font-weight:bold}}
dl{{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.3rem 1.5rem;margin:1rem 0}}
dl div{{display:flex;gap:.6rem;justify-content:space-between;border-bottom:1px solid var(--rule)}}
dt{{color:var(--quiet)}}dd{{margin:0;text-align:right}}
.advice ul{{margin:.5rem 0 0;padding-left:1.2rem}}figure{{margin:1.2rem 0}}
.beside{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.5rem;align-items:start}}
h2{{margin-top:2rem}}
@media print{{html{{font-size:8.3pt}}body{{font-size:1rem}}h1{{margin:.2rem 0}}h2{{margin:1rem 0 .4rem}}
.banner{{position:static;margin:0 0 .6rem;-webkit-print-color-adjust:exact;print-color-adjust:exact}}
:root{{--ink:#000;--quiet:#444;--page:#fff;--band:#f4f6f8;--rule:#bbb;--link:#0b5cad}}
table,figure{{margin:.4rem 0}}th,td{{padding:.12rem .5rem}}figure img{{max-height:104mm}}.last img{{max-height:78mm}}
.beside{{grid-template-columns:1fr 1fr}}}}
@page{{size:A4;margin:14mm 12mm;@top-right{{content:"{NOTICE}";font:bold 9pt sans-serif}}}}
"""


def write_twin_page(summary: TwinSummary, path: Path) -> Path:
    """Write the page, as HTML or PNG by the path's name; only its owner can read the file.

    Raises:
        InputError: the name has another ending, is a link or not a file, or cannot be written.
    """
    if path.suffix not in KINDS:
        raise InputError(f"--out {shown_path(path)}: must end in {' or '.join(KINDS)}")
    content = twin_html(summary).encode() if path.suffix == ".html" else _png(twin_sheet(summary))
    write_private(path, content)
    return path


def twin_html(summary: TwinSummary) -> str:
    """The page as one HTML text that loads nothing."""
    return page(_title(summary), twin_content(summary), STYLE)


def twin_content(summary: TwinSummary) -> str:
    """What stands on the page."""
    sections = {
        "Measured, estimated and forecast": _signals(summary),
        "Risks": _risks(summary),
        "Options": _options(summary),
        "Events": _events(summary),
    }
    body = "\n".join(f"<section><h2>{escape(name)}</h2>\n{text}\n</section>" for name, text in sections.items() if text)
    facts = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in summary.known.items())
    first, *more = _advice(summary)
    advice = f'<p class="first">{escape(first)}</p>' + "".join(f"<p>{escape(line)}</p>" for line in more)
    return f"""<div class="banner" role="region" aria-label="Notice">{escape(summary.notice)}</div>
<header>
<h1>{escape(_title(summary))}</h1>
<p class="quiet">{escape(_subtitle(summary))}</p>
<dl>{facts}</dl>
<div class="advice">{advice}{_reasons(summary)}</div>
</header>
<main>
{body}
</main>"""


@style.styled
def twin_sheet(summary: TwinSummary) -> Figure:
    """The page as one A4 figure, upright."""
    sheet = _Sheet(f"{_title(summary)}. {summary.notice} {' '.join(_advice(summary))}")
    sheet.banner(summary.notice)
    sheet.text([_title(summary)], size=15, weight="bold")
    sheet.text(_wrapped(_known_words(summary)), after=0.04)
    sheet.text(_wrapped(" ".join(_advice(summary)), 96), size=9, weight="bold", after=0.1)
    reasons = [line for sentence in _because(summary) for line in _bullet(sentence)]
    if len(reasons) > MAX_REASONS:
        reasons = [*reasons[: MAX_REASONS - 1], "   The remaining reasons are in the HTML page."]
    note = _wrapped(" ".join(_how_to_read(summary)), 150)
    last = LINE * (len(reasons) + (2 if reasons else 0)) + 0.13 * len(note) + MARGIN + 0.1
    shown = panels.chosen_signals(summary)
    height = sheet.top - last
    with_choice = bool(summary.risks or summary.options)
    rows = -(-len(shown) // panels.ACROSS)
    sheet.signals(summary, shown, min(height * (0.56 if with_choice else 1.0), rows * MAX_PANEL_INCHES))
    if with_choice:
        sheet.choice(summary, height * 0.44)
    if reasons:
        sheet.text(["Why"], size=9.5, weight="bold")
        sheet.text(reasons, after=0.1)
    sheet.text(note, size=6.8, color=style.QUIET, line=0.13)
    return sheet.figure


class _Sheet:
    """A4, filled from the top; `top` is the height, in inches, of what is left."""

    def __init__(self, words: str) -> None:
        self.figure = Figure(figsize=A4, facecolor="white")
        self.figure.set_label(words)
        self.top = A4[1]

    def banner(self, notice: str) -> None:
        """A band across the page."""
        height = 0.36
        self.top -= height
        band = Rectangle((0, self.top / A4[1]), 1, height / A4[1], facecolor=BANNER, transform=self.figure.transFigure)
        self.figure.add_artist(band)
        middle = (self.top + height / 2) / A4[1]
        self.figure.text(0.5, middle, notice, ha="center", va="center", fontsize=12, weight="bold", color=BANNER_INK)
        self.top -= 0.12

    def text(
        self, lines: list[str], size: float = 8.0, weight: str = "normal", color: str = style.INK, *,
        after: float = 0.0, line: float = 0.0,
    ) -> None:  # fmt: skip
        """Lines of text, one below the other."""
        step = line or LINE * max(size / 8.0, 1.0) * (1.15 if size > 8 else 1.0)
        for words in lines:
            place = (MARGIN / A4[0], self.top / A4[1])
            self.figure.text(*place, words, fontsize=size, weight=weight, color=color, va="top")
            self.top -= step
        self.top -= after

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes by inches: from the left of the page, below `self.top`."""
        bottom = self.top - top - height
        return self.figure.add_axes((left / A4[0], bottom / A4[1], width / A4[0], height / A4[1]))

    def signals(self, summary: TwinSummary, shown: list[SignalHistory], height: float) -> None:
        """A panel for each quantity, three across."""
        rows = -(-len(shown) // panels.ACROSS)
        each = (A4[0] - 2 * MARGIN) / panels.ACROSS
        tall = (height - 0.15) / max(rows, 1)
        self.figure.legend(
            handles=panels.signal_legend(), loc="upper right", ncols=5, fontsize=7.5, borderaxespad=0,
            bbox_to_anchor=(1 - MARGIN / A4[0], (self.top + 0.12) / A4[1]),
        )  # fmt: skip
        for place, signal in enumerate(shown):
            row, column = divmod(place, panels.ACROSS)
            axis = self.axes(MARGIN + 0.38 + column * each, 0.3 + row * tall, each - 0.45, tall - 0.48)
            panels.draw_signal(axis, signal, summary, 7.5)
            if place + panels.ACROSS >= len(shown):
                axis.set_xlabel("day", fontsize=6.5, labelpad=1)
        self.top -= height

    def choice(self, summary: TwinSummary, height: float) -> None:
        """Risks on the left, options on the right."""
        for left, words in ((MARGIN, _risk_title(summary)), (4.05, _option_title(summary))):
            place = (left / A4[0], (self.top - 0.05) / A4[1])
            self.figure.text(*place, words, fontsize=9.5, weight="bold", color=style.INK, va="top")
        if summary.risks:
            axis = self.axes(MARGIN + 0.62, 0.32, 1.45, height - 0.7)
            panels.draw_risks(axis, summary.risks, 7.3)
        if summary.options:
            axis = self.axes(6.15, 0.32, 1.05, height - 0.82)
            panels.draw_options(axis, panels.real_options(summary), summary.benefit_unit, 7.3)
        self.top -= height


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    with style.in_style():
        figure.savefig(file, format="png", dpi=style.DOTS_PER_INCH, metadata={"Software": "popsim"})
    return file.getvalue()


def _title(summary: TwinSummary) -> str:
    return f"Digital twin {summary.twin}, day {summary.day}"


def _subtitle(summary: TwinSummary) -> str:
    return (
        f"Day 0 is the day of the first record. The twin is an ensemble of {counted(summary.members, 'member')} "
        f"that assimilate what was measured and prescribed."
    )


def _known_words(summary: TwinSummary) -> str:
    """The record in a line or two."""
    words = []
    for label, value in summary.known.items():
        if label in ("Age at the start", "Sex"):
            words.append(value)
        elif value in ("yes", "no"):
            words.append(f"{'no ' if value == 'no' else ''}{_within(label)}")
        else:
            words.append(f"{_within(label)} {value}")
    return "Known: " + ", ".join(words) + "."


def _within(label: str) -> str:
    """A label within a sentence; acronyms and genes are unchanged."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _advice(summary: TwinSummary) -> list[str]:
    """The recommendation and its certainty; none for a person who has died."""
    died = [day for day, told in summary.events if told == EVENTS[DIED]]
    if died:
        return [f"The person died on day {died[0]}."]
    if not summary.options:
        return [
            "No options were compared yet.",
            *([] if summary.risks else ["No forecast was made yet."]),
            *_stale(summary),
        ]
    chosen = [option.label for option in summary.options if option.chosen]
    lines = [f"The model would choose: {chosen[0]}." if chosen else "The model would choose none of the options."]
    if not summary.sure:
        lines.append("Not sure: the best options are within noise of one another.")
    lines.extend(_stale(summary))
    return lines


def _stale(summary: TwinSummary) -> Iterator[str]:
    """Notes on a forecast or a comparison that is older than the data."""
    for what, day in (("forecast", summary.forecast_day), ("comparison of options", summary.options_day)):
        if day is not None and day < summary.day:
            yield f"The {what} is from day {day} and does not use the {summary.day - day} days since."


def _risk_title(summary: TwinSummary) -> str:
    return f"Risks after day {summary.forecast_day}" if summary.risks else "No forecast was made yet"


def _option_title(summary: TwinSummary) -> str:
    return f"Options compared on day {summary.options_day}" if summary.options else "No options were compared yet"


def _because(summary: TwinSummary) -> list[str]:
    """Reasons, each once, those against options last."""
    against = list(dict.fromkeys(option.refused for option in panels.real_options(summary) if option.refused))
    return [*(reason for reason in summary.reasons if reason not in against), *against]


def _wrapped(words: str, letters: int = LETTERS) -> list[str]:
    return textwrap.wrap(words, letters)


def _bullet(words: str) -> list[str]:
    return textwrap.wrap(words, LETTERS, initial_indent="•  ", subsequent_indent="    ")


def _signals(summary: TwinSummary) -> str:
    rows: list[tuple[str, ...]] = []
    for signal in summary.signals:
        believed, readings = signal.belief, signal.readings
        last = readings[-1].in_words() if readings else "never measured"
        today = with_interval(believed.median[-1], believed.low[-1], believed.high[-1]) if believed.days else ""
        ahead = signal.forecast
        later = with_interval(ahead.median[-1], ahead.low[-1], ahead.high[-1]) if ahead.days else ""
        rows.append((signal.label, panels.unit_words(signal), last, str(len(readings)), today, later))
    end = max((signal.forecast.days[-1] for signal in summary.signals if signal.forecast.days), default=None)
    head = ["", "Unit", "Last measured", "Times", f"Estimate on day {summary.day}"]
    if end is None:
        rows = [row[:-1] for row in rows]
    else:
        head.append(f"Forecast for day {end}")
    table = html_table("Median and 90% interval", head, rows)
    return f"<figure>{image(panels.twin_signals(summary))}</figure>\n{wide(table)}"


def _risks(summary: TwinSummary) -> str:
    if not summary.risks:
        return f"<p>{escape(_risk_title(summary))}.</p>"
    horizons = sorted({risk.within_days for risk in summary.risks})
    found = {(risk.name, risk.within_days): risk for risk in summary.risks}
    rows = []
    for name, label in {risk.name: risk.label for risk in summary.risks}.items():
        cells = [found.get((name, days)) for days in horizons]
        rows.append((label, *("" if risk is None else panels.risk_words(risk) for risk in cells)))
    head = ["", *(f"Within {days} days" for days in horizons)]
    table = html_table(f"{_risk_title(summary)}, with 90% intervals", head, rows)
    return f'<div class="beside"><figure>{image(panels.twin_risks(summary))}</figure>\n{wide(table)}</div>'


def _options(summary: TwinSummary) -> str:
    if not summary.options:
        return f"<p>{escape(_option_title(summary))}.</p>"
    rows = []
    for option in panels.real_options(summary):
        verdict = "recommended by the model" if option.chosen else option.refused and f"Not allowed. {option.refused}"
        benefit, low, high = (panels.signed(value) for value in (option.benefit, option.low, option.high))
        rows.append((option.label, f"{benefit} ({low} to {high})", f"{option.probability_best:.0%}", verdict))
    head = ["", f"Net benefit, {summary.benefit_unit}", "Probability of being best", ""]
    table = html_table("Compared with no change, with 95% intervals", head, rows)
    return f'<figure class="last">{image(panels.twin_options(summary))}</figure>\n{wide(table)}'


def _reasons(summary: TwinSummary) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in _because(summary))
    return f"<ul>{reasons}</ul>" if reasons else ""


def _how_to_read(summary: TwinSummary) -> Iterator[str]:
    """The small print."""
    yield _happened(summary)
    yield panels.SIGNALS_NOTE
    if summary.risks:
        yield f"Risks: {panels.RISKS_NOTE}"
    if summary.options:
        yield f"Options: {panels.OPTIONS_NOTE}"
    yield _subtitle(summary)


def _happened(summary: TwinSummary) -> str:
    """The last events in a line."""
    told = "; ".join(f"day {day} {words}" for day, words in summary.events[-EVENTS_SHOWN:])
    return f"Last events: {told}." if told else ""


def _events(summary: TwinSummary) -> str:
    if not summary.events:
        return ""
    rows = [(f"Day {day}", told) for day, told in summary.events]
    return wide(html_table("", ["", ""], rows))
