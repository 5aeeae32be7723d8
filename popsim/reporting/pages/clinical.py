"""One page that explains a twin's recommendation to the clinician: every sentence is made of numbers, with their interval.

The page is made from `ClinicalEvidence` alone, so that other evidence makes other words: `untrue` names the sentences of
a page that the evidence of today does not bear. For research, not for care.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape
from pathlib import Path
from typing import NamedTuple

from popsim.errors import InputError
from popsim.html import html_table
from popsim.registry.clinical import OLD_DAYS, ClinicalEvidence, FlipTold, OutcomePair, ReadingToday
from popsim.registry.privacy import shown_path, write_private
from popsim.reporting.pages.page import page, wide
from popsim.reporting.pages.twin import STYLE
from popsim.reporting.text.formatting import with_interval

CHOSEN, OTHER, REST = "#0072b2", "#e69f00", "#d9d9d9"
ALWAYS_SHOWN = (  # though never measured: the estimates on which a choice in heart failure turns
    "extracellular_fluid_excess_l", "ejection_fraction_percent", "systolic_mmhg", "gfr_ml_min", "potassium_mmol_l",
)  # fmt: skip
COMPARISON, BELIEF, RECORD, RERUN = (
    "same-luck comparison of the twin's members", "the twin's belief", "the record", "simulated again on both sides")
MODEL = "the definition of the comparison"
CLINICAL_STYLE = (
    STYLE
    + """
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}.two section{min-width:0}
.said{margin:.3rem 0}.said sup{font-size:.7em;color:var(--quiet)}
figure svg{max-width:100%;height:auto;background:#fff;border-radius:4px}
.applies{font-weight:bold}h2{font-size:1.15rem;margin-top:1.2rem}
@media(max-width:50rem){.two{grid-template-columns:1fr}}
@media print{html{font-size:6.4pt}.numbers table{font-size:.7rem}.numbers th,.numbers td{padding:0 .4rem}h1{font-size:1.3rem}
figure svg{max-height:62mm}.two{grid-template-columns:1fr 1fr}figure{margin:.2rem 0}table{font-size:.8rem}h2{margin:.5rem 0 .2rem}
.wide{overflow:visible}}
"""
)


class Statement(NamedTuple):
    """A sentence or two: words that hold numbers, and where each comes from: name, value with its interval, source."""

    section: str
    text: str
    numbers: tuple[tuple[str, str, str], ...]


ASKED, TODAY, CHANGES, UNSEEN, DISREGARD, ACCOUNTABLE = (
    "What is asked, and the answer", "The person today", "What would change the answer", "What the model cannot see",
    "When to disregard this page", "Who answers for what",
)  # fmt: skip


def write_clinical_page(evidence: ClinicalEvidence, path: Path) -> Path:
    """Write the page; only its owner can read the file.

    Raises:
        InputError: the name does not end in .html, is a link or not a file, or cannot be written.
    """
    if path.suffix != ".html":
        raise InputError(f"--out {shown_path(path)}: must end in .html")
    write_private(path, clinical_page(evidence).encode())
    return path


def untrue(text: str, evidence: ClinicalEvidence) -> list[str]:
    """The sentences of a page that are not those of the evidence.

    Args:
        text: of a page written earlier, or of one that somebody changed.
        evidence: as it is now.
    """
    true = {one.text for one in statements(evidence)}
    said = [unescape(re.sub("<sup>.*?</sup>", "", one)) for one in re.findall(r'<p class="said[^"]*">(.*?)</p>', text)]
    return [one for one in said if one not in true] or ([] if said else ["the file has no sentence of such a page"])


def statements(evidence: ClinicalEvidence) -> list[Statement]:
    """Every sentence of the page, in order."""
    return [
        *_asked(evidence), *_today(evidence), *(_flip(evidence, one) for one in evidence.flips), *_unseen(evidence),
        *_disregard(evidence), *_accountable(evidence),
    ]  # fmt: skip


def clinical_page(evidence: ClinicalEvidence) -> str:
    """The page as one HTML text that loads nothing."""
    told, sources = statements(evidence), _Sources()
    parts = {name: "".join(sources.paragraph(one) for one in told if one.section == name) for name in
             (ASKED, TODAY, CHANGES, UNSEEN, DISREGARD, ACCOUNTABLE)}  # fmt: skip
    facts = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in evidence.known.items())
    title = f"Digital twin {evidence.twin}, day {evidence.day}: the choice explained"
    numbers = html_table("Every number of the sentences above, and where it comes from", ["", "What", "Value", "From"],
                         sources.rows)  # fmt: skip
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
{_section(TODAY, parts[TODAY] + wide(_readings(evidence)))}
<div class="two">
{_section(CHANGES, parts[CHANGES])}
{_section(UNSEEN, parts[UNSEEN])}
{_section(DISREGARD, parts[DISREGARD])}
{_section(ACCOUNTABLE, parts[ACCOUNTABLE])}
</div>
{_section("Numbers", f'<div class="numbers">{wide(numbers)}</div>')}
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


def _asked(evidence: ClinicalEvidence) -> list[Statement]:
    """The question, the answer in natural frequencies, and how sure it is."""
    one, two, days = evidence.chosen, evidence.other, evidence.days
    horizon = ("Days looked ahead", f"{days}", MODEL)
    question = f"Which is better for this person over the next {days} days: {one}, or {two}?"
    benefit = ("Net benefit of the first option over the second, GBP",
               with_interval(evidence.benefit, evidence.low, evidence.high), COMPARISON)  # fmt: skip
    share = ("Share of the twin's members in whom the answer is best", f"{evidence.probability_best:.0%}", BELIEF)
    apart = "The model favours" if evidence.sure else "The model cannot tell the best options apart. It keeps to"
    answer = (
        f"{apart} {one}. It is worth {benefit[1]} GBP at {evidence.willingness_to_pay:,.0f} GBP for a year of full "
        f"health. It is best in {share[1]} of {evidence.members} possible versions of this person."
    )
    told = [Statement(ASKED, question, (horizon,)), Statement(ASKED, answer, (benefit, share))]
    told += [_frequency(pair, evidence) for pair in evidence.outcomes]
    return told


def _frequency(pair: OutcomePair, evidence: ClinicalEvidence) -> Statement:
    """An outcome under both options, of 100 people."""
    one, two = round(100 * pair.chosen), round(100 * pair.other)
    least, most = round(100 * pair.low), round(100 * pair.high)
    change = f"{abs(one - two)} {'fewer' if one < two else 'more'}" if one != two else "no difference"
    told = f"Of 100 people like this one, {one} {pair.words} with the first option and {two} with the second: "
    numbers = (
        (f"{_upper(pair.words)}: first option", _chance(pair.chosen, pair.chosen_low, pair.chosen_high), COMPARISON),
        (f"{_upper(pair.words)}: second option", _chance(pair.other, pair.other_low, pair.other_high), COMPARISON),
        (f"{_upper(pair.words)}: difference, of 100", f"{one - two:+d} ({least:+d} to {most:+d})", COMPARISON),
    )
    return Statement(ASKED, f"{told}{change} ({_range_in_words(least, most)}).", numbers)


def _range_in_words(least: int, most: int) -> str:
    """An interval of a difference without signs: "6 to 16 fewer", "4 fewer to 2 more"."""
    if most <= 0:
        return f"{-most} to {-least} fewer" if least else "0"
    return f"{least} to {most} more" if least >= 0 else f"{-least} fewer to {most} more"


def _today(evidence: ClinicalEvidence) -> list[Statement]:
    """How much is known, in a sentence."""
    read = [one for one in evidence.readings if one.age_days is not None]
    old = [one for one in read if (one.age_days or 0) > OLD_DAYS]
    number = ("Quantities with a reading", f"{len(read)} of {len(evidence.readings)}", RECORD)
    newest = min((one.age_days or 0 for one in read), default=None)
    text = f"{len(read)} of {len(evidence.readings)} quantities were measured. "
    text += f"The newest reading is {newest} days old; {len(old)} are older than {OLD_DAYS} days." if read else (
        "All values below are estimates from people like this one.")  # fmt: skip
    return [Statement(TODAY, text, (number,))]


def _flip(evidence: ClinicalEvidence, one: FlipTold) -> Statement:
    """What value would change the answer, with the two simulations that prove it."""
    flip, digits = one.flip, one.digits

    def shown(value: float) -> str:
        return f"{value:,.{digits}f}{'' if one.unit in ('', '%') else ' '}{one.unit}"

    name = f"{_upper(one.words)} at which the answer changes"
    tried = f"{flip.simulations} simulations, {shown(flip.tried[0])} to {shown(flip.tried[1])}"
    if flip.this_side is None or flip.other_side is None:
        text = (
            f"No {one.words} from {shown(flip.tried[0])} to {shown(flip.tried[1])} would change the answer; "
            f"today it is {shown(flip.now)}."
        )
        return Statement(CHANGES, text, ((name, tried, RERUN),))
    side = "below" if flip.other_side < flip.this_side else "above"
    text = (
        f"If the {one.words} were {shown(flip.other_side)} or {side}, not {shown(flip.now)} as today, the answer would be: "
        f"{one.leads_to}. At {shown(flip.this_side)} it would not change."
    )
    value = f"between {shown(flip.this_side)} and {shown(flip.other_side)} ({tried})"
    return Statement(CHANGES, text, ((name, value, RERUN),))


def _unseen(evidence: ClinicalEvidence) -> list[Statement]:
    """What the belief does not rest on, and what the model does not hold."""
    never = [one.label for one in evidence.readings if one.age_days is None]
    told = []
    if never:
        told.append(
            Statement(
                UNSEEN,
                f"{len(never)} quantities were never measured and are guessed: {'; '.join(never)}.",
                (("Quantities never measured", f"{len(never)} of {len(evidence.readings)}", RECORD),),
            )
        )
    told.append(
        Statement(
            UNSEEN,
            f"It knows {len(evidence.known)} facts from the record. It does not know the person's wishes, home, or any "
            "illness that is not listed above.",
            (("Facts of the record", str(len(evidence.known)), RECORD),),
        )
    )
    told.append(
        Statement(
            UNSEEN,
            f"It counts nothing after {evidence.days} days. In it there is always a bed, and every stay is alike.",
            (("Days looked ahead", str(evidence.days), MODEL),),
        )
    )
    return told


def _disregard(evidence: ClinicalEvidence) -> list[Statement]:
    """When not to use the page; what holds today is said first."""
    old = [one for one in evidence.readings if one.age_days is not None and one.age_days > OLD_DAYS]
    odd = [one for one in evidence.readings if one.last is not None and _contradicts(one)]
    told = []
    if odd:
        names = ", ".join(f"{one.label} {one.last:,.{one.digits}f} (estimate {_band(one)})" for one in odd)
        told.append(Statement(DISREGARD, f"Today: {len(odd)} readings do not fit the estimate: {names}. Check them first.",
                              (("Readings far from the estimate", str(len(odd)), BELIEF),)))  # fmt: skip
    if not evidence.sure:
        told.append(Statement(DISREGARD, f"Today: the best options differ by no more than chance "
                              f"({with_interval(evidence.benefit, evidence.low, evidence.high)} GBP).",
                              (("Net benefit of the first option over the second, GBP",
                                with_interval(evidence.benefit, evidence.low, evidence.high), COMPARISON),)))  # fmt: skip
    told.append(
        Statement(
            DISREGARD,
            f"Disregard it if the person is acutely ill, if a reading is wrong, or if it is older than {OLD_DAYS} days "
            f"({len(old)} are today).",
            ((f"Readings older than {OLD_DAYS} days", f"{len(old)} of {len(evidence.readings)}", RECORD),),
        )
    )
    return told


def _accountable(evidence: ClinicalEvidence) -> list[Statement]:
    return [
        Statement(
            ACCOUNTABLE,
            f"The clinician who treats the person decides and is accountable. Those who run the registry answer for the "
            f"data up to day {evidence.day}. The model's authors answer for the model. Nobody has approved it for care.",
            (("Last day with data or forecast", str(evidence.day), RECORD),),
        )
    ]


def _readings(evidence: ClinicalEvidence) -> str:
    rows = []
    for one in evidence.readings:
        if one.last is None and one.name not in ALWAYS_SHOWN:
            continue
        last = "never measured" if one.last is None else f"{one.last:,.{one.digits}f}" + (
            "" if one.error is None else f" (\u00b1 {1.96 * one.error:,.{max(one.digits, 1)}f})")  # fmt: skip
        age = "" if one.age_days is None else f"{one.age_days}" + (" (old)" if one.age_days > OLD_DAYS else "")
        rows.append((one.label, _unit(one.unit), last, age, with_interval(one.median, one.low, one.high).replace("-0.0 ", "0.0 ")))
    head = ["", "Unit", "Last reading (95% error)", "Age, days", "Estimate today (90% interval)"]
    return html_table("Readings and estimates", head, rows)


def _arrays(evidence: ClinicalEvidence) -> str:
    """Two arrays of 100 dots for each outcome."""
    parts, high = [], 132
    for row, pair in enumerate(evidence.outcomes):
        top = row * high
        parts.append(f'<text x="4" y="{top + 14}" font-weight="bold">{escape(_upper(pair.words))}</text>')
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
        f"{_upper(one.words)}: {_of(one.chosen)} of 100 with the first option, {_of(one.other)} with the second"
        for one in evidence.outcomes
    )
    return _drawn(400, high * len(evidence.outcomes), "".join(parts), words)


def _scale(evidence: ClinicalEvidence) -> str:
    """Probabilities of both options with their intervals on one axis from 0."""
    most = max(max(one.chosen_high, one.other_high) for one in evidence.outcomes)
    end = next(limit for limit in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if most <= limit or limit == 1.0)
    parts, left, wide_, high = [], 16, 360, 84
    bottom = high * len(evidence.outcomes) + 6

    def at(share: float) -> float:
        return left + wide_ * min(share, end) / end

    for k in range(5):
        x = at(end * k / 4)
        parts.append(f'<path d="M{x:.1f} 4V{bottom}" stroke="#e6e6e6"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{100 * end * k / 4:g}</text>')
    for row, one in enumerate(evidence.outcomes):
        y = row * high + 16
        parts.append(f'<text x="{left + 2}" y="{y}" font-weight="bold">{escape(_upper(one.words))}</text>')
        options = ((one.chosen, one.chosen_low, one.chosen_high, CHOSEN), (one.other, one.other_low, one.other_high, OTHER))
        for number, (share, low, up, colour) in enumerate(options):
            height = y + 18 + 24 * number
            parts.append(f'<path d="M{at(low):.1f} {height}H{at(up):.1f}" stroke="{colour}" stroke-width="3"/>')
            shape = (
                f'<circle cx="{at(share):.1f}" cy="{height}" r="5.5" fill="{colour}"/>'
                if number == 0
                else f'<rect x="{at(share) - 5:.1f}" y="{height - 5}" width="10" height="10" fill="{colour}"/>'
            )
            place, anchor = (at(up) + 8, "start") if at(up) < left + 0.7 * wide_ else (at(low) - 8, "end")
            words = f"{'first' if number == 0 else 'second'}: {_of(share)} ({_between(round(100 * low), round(100 * up))})"
            parts.append(shape + f'<text x="{place:.1f}" y="{height + 4}" text-anchor="{anchor}">{words}</text>')
    parts.append(f'<text x="{left}" y="{bottom + 34}">Of 100 people, within {evidence.days} days (95% interval, chance)</text>')
    words = ". ".join(
        f"{_upper(one.words)}: first option {_chance(one.chosen, one.chosen_low, one.chosen_high)}, second option "
        f"{_chance(one.other, one.other_low, one.other_high)}"
        for one in evidence.outcomes
    )
    return _drawn(400, bottom + 42, "".join(parts), words)


def _drawn(width: int, height: int, body: str, words: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(words)}" '
        f'font-family="system-ui,DejaVu Sans,sans-serif" font-size="12" fill="#222">{body}</svg></figure>'
    )


def _contradicts(one: ReadingToday) -> bool:
    """Whether the last reading lies further from the belief than its error and the belief's interval explain."""
    reach = 1.96 * (one.error or 0.0)
    return one.last is not None and not one.low - reach <= one.last <= one.high + reach


def _band(one: ReadingToday) -> str:
    return f"{one.low:,.{one.digits}f} to {one.high:,.{one.digits}f}"


def _of(share: float) -> str:
    return str(round(100 * share))


def _between(low: int, high: int) -> str:
    return f"{low} to {high}"


def _chance(share: float, low: float, high: float) -> str:
    return f"{_of(share)} of 100 ({_between(round(100 * low), round(100 * high))})"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit.replace("[", "").replace("]", "").replace("{", "").replace("}", "").replace("_", " ")


def as_text(told: Iterable[Statement]) -> str:
    """The sentences as plain text, by section."""
    lines: list[str] = []
    section = ""
    for one in told:
        if one.section != section:
            lines += ["", one.section] if lines else [one.section]
            section = one.section
        lines.append(f"- {one.text}")
    return "\n".join(lines)
