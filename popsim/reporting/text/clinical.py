"""The sentences that explain a twin's recommendation to its clinician: each is made of numbers, with their interval.

They are made from `ClinicalEvidence` alone, so that other evidence makes other words: `untrue` names the sentences of a
page that the evidence of today does not bear. For research, not for care.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import NamedTuple

from popsim.plurals import counted
from popsim.registry.clinical import OLD_DAYS, ClinicalEvidence, FlipTold, OutcomePair, ReadingToday
from popsim.reporting.text.formatting import with_interval

COMPARISON, BELIEF, RECORD, RERUN = (
    "same-luck comparison of the twin's members",
    "the twin's belief",
    "the record",
    "simulated again on both sides",
)
MODEL = "the definition of the comparison"


class Statement(NamedTuple):
    """A sentence or two: words that hold numbers, and where each comes from: name, value with its interval, source."""

    section: str
    text: str
    numbers: tuple[tuple[str, str, str], ...]


ASKED, TODAY, CHANGES, UNSEEN, DISREGARD, ACCOUNTABLE = (
    "What is asked, and the answer", "The person today", "What would change the answer", "What the model cannot see",
    "When to disregard this page", "Who answers for what",
)  # fmt: skip


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
        (f"{upper(pair.words)}: first option", chance(pair.chosen, pair.chosen_low, pair.chosen_high), COMPARISON),
        (f"{upper(pair.words)}: second option", chance(pair.other, pair.other_low, pair.other_high), COMPARISON),
        (f"{upper(pair.words)}: difference, of 100", f"{one - two:+d} ({least:+d} to {most:+d})", COMPARISON),
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

    name = f"{upper(one.words)} at which the answer changes"
    tried = f"{counted(flip.simulations, 'simulation')}, {shown(flip.tried[0])} to {shown(flip.tried[1])}"
    if flip.this_side is None or flip.other_side is None:
        text = (
            f"No {one.words} from {shown(flip.tried[0])} to {shown(flip.tried[1])} would change the answer; "
            f"today it is {shown(flip.now)}."
        )
        return Statement(CHANGES, text, ((name, tried, RERUN),))
    side = "below" if flip.other_side < flip.this_side else "above"
    text = (
        f"If the {one.words} were {shown(flip.other_side)} or {side}, not {shown(flip.now)} as today, the answer would "
        f"be: {one.leads_to}. At {shown(flip.this_side)} it would not change."
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
        many = counted(len(odd), "reading does", "readings do")
        text = f"Today: {many} not fit the estimate: {names}. Check first."
        told.append(Statement(DISREGARD, text, (("Readings far from the estimate", str(len(odd)), BELIEF),)))
    if not evidence.sure:
        worth = with_interval(evidence.benefit, evidence.low, evidence.high)
        number = ("Net benefit of the first option over the second, GBP", worth, COMPARISON)
        text = f"Today: the best options differ by no more than chance ({worth} GBP)."
        told.append(Statement(DISREGARD, text, (number,)))
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
            f"The clinician who treats the person decides and is accountable. Those who run the registry answer for "
            f"the data up to day {evidence.day}. The authors of the model answer for it. It is not approved for care.",
            (("Last day with data or forecast", str(evidence.day), RECORD),),
        )
    ]


def _contradicts(one: ReadingToday) -> bool:
    """Whether the last reading lies further from the belief than its error and the belief's interval explain."""
    reach = 1.96 * (one.error or 0.0)
    return one.last is not None and not one.low - reach <= one.last <= one.high + reach


def _band(one: ReadingToday) -> str:
    return f"{one.low:,.{one.digits}f} to {one.high:,.{one.digits}f}"


def of_100(share: float) -> str:
    """A share as a number of 100 people."""
    return str(round(100 * share))


def between(low: int, high: int) -> str:
    """Both ends of an interval."""
    return f"{low} to {high}"


def chance(share: float, low: float, high: float) -> str:
    """A probability with its interval, of 100 people."""
    return f"{of_100(share)} of 100 ({between(round(100 * low), round(100 * high))})"


def upper(words: str) -> str:
    """Words with which a line begins."""
    return words[:1].upper() + words[1:]


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
