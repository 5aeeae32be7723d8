"""One page that explains a twin's recommendation to its clinician; its sentences are those of text/clinical.py.

For research, not for care: the page says so in a banner. Only its owner can read the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from popsim.errors import InputError
from popsim.html import html_table
from popsim.registry.clinical import OLD_DAYS, ClinicalEvidence
from popsim.registry.privacy import shown_path, write_private
from popsim.reporting.pages.page import page, wide
from popsim.reporting.pages.twin import STYLE
from popsim.reporting.text.clinical import (
    ACCOUNTABLE,
    ASKED,
    CHANGES,
    DISREGARD,
    TODAY,
    UNSEEN,
    Statement,
    between,
    chance,
    of_100,
    statements,
    upper,
)
from popsim.reporting.text.formatting import with_interval

CHOSEN, OTHER, REST = "#0072b2", "#e69f00", "#d9d9d9"
MOST_ROWS = 8  # of a table in one piece
ALWAYS_SHOWN = (  # though never measured: the estimates on which a choice in heart failure turns
    "extracellular_fluid_excess_l", "ejection_fraction_percent", "systolic_mmhg", "gfr_ml_min", "potassium_mmol_l",
)  # fmt: skip
CLINICAL_STYLE = (
    STYLE
    + """
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}.two>*{min-width:0}
.said{margin:.3rem 0}.said sup{font-size:.7em;color:var(--quiet)}
figure svg{max-width:100%;height:auto;background:#fff;border-radius:4px}
.applies{font-weight:bold}h2{font-size:1.15rem;margin-top:1.2rem}
@media(max-width:50rem){.two{grid-template-columns:1fr}}
@media print{
html{font-size:6.4pt}.numbers table{font-size:.7rem}.numbers th,.numbers td{padding:0 .4rem}h1{font-size:1.3rem}
th,td{padding:0 .4rem;line-height:1.3}table{margin:.3rem 0}
figure svg{max-height:45mm}.two{grid-template-columns:1fr 1fr}figure{margin:.2rem 0}table{font-size:.8rem}
h2{margin:.5rem 0 .2rem}.wide{overflow:visible}body{line-height:1.3}.advice{padding:.1rem 1rem;margin:.4rem 0}
.said{margin:.2rem 0}}
@page{margin:11mm 10mm}
"""
)


def write_clinical_page(evidence: ClinicalEvidence, path: Path) -> Path:
    """Write the page; only its owner can read the file.

    Raises:
        InputError: the name does not end in .html, is a link or not a file, or cannot be written.
    """
    if path.suffix != ".html":
        raise InputError(f"--out {shown_path(path)}: must end in .html")
    write_private(path, clinical_page(evidence).encode())
    return path


def clinical_page(evidence: ClinicalEvidence) -> str:
    """The page as one HTML text that loads nothing."""
    told, sources = statements(evidence), _Sources()
    parts = {name: "".join(sources.paragraph(one) for one in told if one.section == name) for name in
             (ASKED, TODAY, CHANGES, UNSEEN, DISREGARD, ACCOUNTABLE)}  # fmt: skip
    facts = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in evidence.known.items())
    title = f"Digital twin {evidence.twin}, day {evidence.day}: the choice explained"
    numbers = _side_by_side(
        "Every number of the sentences above, and where it comes from", ["", "What", "Value", "From"], sources.rows
    )
    return page(
        title,
        f"""<div class="banner" role="region" aria-label="Notice">{escape(evidence.notice)}</div>
<header>
<h1>{escape(title)}</h1>
<dl>{facts}</dl>
<div class="advice"><h2>{escape(ASKED)}</h2>{parts[ASKED]}</div>
</header>
<main>
<div class="two">
{_section("Of 100 people like this one", _arrays(evidence))}
{_section("Both options on one scale", _scale(evidence))}
</div>
{_section(TODAY, parts[TODAY] + _readings(evidence))}
<div class="two">
{_section(CHANGES, parts[CHANGES])}
{_section(UNSEEN, parts[UNSEEN])}
{_section(DISREGARD, parts[DISREGARD])}
{_section(ACCOUNTABLE, parts[ACCOUNTABLE])}
</div>
{_section("Numbers", f'<div class="numbers">{numbers}</div>')}
</main>""",
        CLINICAL_STYLE,
    )


class _Sources:
    """Numbers the sources of the sentences, in order."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []

    def paragraph(self, one: Statement) -> str:
        marks = []
        for row in one.numbers:
            known = next((number for number, *rest in self.rows if tuple(rest) == row), None)
            if known is None:
                known = str(len(self.rows) + 1)
                self.rows.append((known, *row))
            marks.append(known)
        return f'<p class="said">{escape(one.text)}<sup> {", ".join(marks)}</sup></p>'


def _section(title: str, body: str) -> str:
    name = re.sub("[^a-z0-9]+", "-", title.lower())
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{body}</section>' if body else ""


def _readings(evidence: ClinicalEvidence) -> str:
    rows = []
    for one in evidence.readings:
        if one.last is None and one.name not in ALWAYS_SHOWN:
            continue
        last = "never measured" if one.last is None else f"{one.last:,.{one.digits}f}" + (
            "" if one.error is None else f" (\u00b1 {1.96 * one.error:,.{max(one.digits, 1)}f})")  # fmt: skip
        age = "" if one.age_days is None else f"{one.age_days}" + (" (old)" if one.age_days > OLD_DAYS else "")
        rows.append(
            (
                one.label,
                _unit(one.unit),
                last,
                age,
                with_interval(one.median, one.low, one.high).replace("-0.0 ", "0.0 "),
            )
        )
    head = ["", "Unit", "Last reading (95% error)", "Age, days", "Estimate today (90% interval)"]
    return _side_by_side("Readings and estimates", head, rows)


def _side_by_side(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a long one in two halves, so that the page stays one sheet."""
    if len(rows) <= MOST_ROWS:
        return wide(html_table(caption, head, rows))
    half = -(-len(rows) // 2)
    both = ((caption, rows[:half]), (f"{caption} (continued)", rows[half:]))
    return (
        f'<div class="two">{"".join(f"<div>{wide(html_table(name, head, some))}</div>" for name, some in both)}</div>'
    )


def _arrays(evidence: ClinicalEvidence) -> str:
    """Two arrays of 100 dots for each outcome."""
    parts, high = [], 132
    for row, pair in enumerate(evidence.outcomes):
        top = row * high
        parts.append(f'<text x="4" y="{top + 14}" font-weight="bold">{escape(upper(pair.words))}</text>')
        for column, (share, colour, name) in enumerate(((pair.chosen, CHOSEN, "first"), (pair.other, OTHER, "second"))):
            count, left = round(100 * share), 8 + 200 * column
            for dot in range(100):
                x, y = left + 5 + 9.4 * (dot % 10), top + 25 + 9.4 * (dot // 10)
                hit = dot < count
                fill = f'fill="{colour}"' if hit else f'fill="none" stroke="{REST}"'
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3.9 if hit else 3.2}" {fill}/>')
            parts.append(f'<text x="{left + 102}" y="{top + 64}" font-size="19" font-weight="bold">{count}</text>')
            parts.append(f'<text x="{left + 102}" y="{top + 82}">{name}</text>')
    words = ". ".join(
        f"{upper(one.words)}: {of_100(one.chosen)} of 100 with the first option, {of_100(one.other)} with the second"
        for one in evidence.outcomes
    )
    return _drawn(400, high * len(evidence.outcomes), "".join(parts), words)


def _scale(evidence: ClinicalEvidence) -> str:
    """Probabilities of both options with their intervals on one axis from 0."""
    most = max(max(one.chosen_high, one.other_high) for one in evidence.outcomes)
    end = next(limit for limit in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if most <= limit or limit == 1.0)
    parts, left, wide_, high = [], 16, 215, 84
    bottom = high * len(evidence.outcomes) + 6

    def at(share: float) -> float:
        return left + wide_ * min(share, end) / end

    for k in range(5):
        x = at(end * k / 4)
        parts.append(f'<path d="M{x:.1f} 4V{bottom}" stroke="#e6e6e6"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{100 * end * k / 4:g}</text>')
    for row, one in enumerate(evidence.outcomes):
        y = row * high + 16
        parts.append(f'<text x="{left + 2}" y="{y}" font-weight="bold">{escape(upper(one.words))}</text>')
        options = (
            (one.chosen, one.chosen_low, one.chosen_high, CHOSEN),
            (one.other, one.other_low, one.other_high, OTHER),
        )
        for number, (share, low, up, colour) in enumerate(options):
            height = y + 18 + 24 * number
            parts.append(f'<path d="M{at(low):.1f} {height}H{at(up):.1f}" stroke="{colour}" stroke-width="3"/>')
            shape = (
                f'<circle cx="{at(share):.1f}" cy="{height}" r="5.5" fill="{colour}"/>'
                if number == 0
                else f'<rect x="{at(share) - 5:.1f}" y="{height - 5}" width="10" height="10" fill="{colour}"/>'
            )
            ends = between(round(100 * low), round(100 * up))
            words = f"{'first' if number == 0 else 'second'}: {of_100(share)} ({ends})"
            parts.append(shape + f'<text x="{left + wide_ + 12}" y="{height + 4}">{words}</text>')
    parts.append(
        f'<text x="{left}" y="{bottom + 34}">Of 100 people, within {evidence.days} days (95% interval, chance)</text>'
    )
    words = ". ".join(
        f"{upper(one.words)}: first option {chance(one.chosen, one.chosen_low, one.chosen_high)}, second option "
        f"{chance(one.other, one.other_low, one.other_high)}"
        for one in evidence.outcomes
    )
    return _drawn(420, bottom + 42, "".join(parts), words)


def _drawn(width: int, height: int, body: str, words: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(words)}" '
        f'font-family="system-ui,DejaVu Sans,sans-serif" font-size="12" fill="#222">{body}</svg></figure>'
    )


def _unit(unit: str) -> str:
    return (
        ""
        if unit == "1"
        else unit.replace("[", "").replace("]", "").replace("{", "").replace("}", "").replace("_", " ")
    )
