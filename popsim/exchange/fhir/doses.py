"""Dosage: how much of a drug a day, from numbers, from codes of timing, from usual words.

A dose is told in mg (or units), or in pieces of a product whose strength its code or name tells. What is taken as
needed has no daily dose. Instructions with one sequence number add up; of several sequences the first holds.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from popsim.units import DAYS_PER_YEAR, HOURS_PER_DAY

PERIOD_DAYS = {
    "s": 1.0 / 86_400.0, "min": 1.0 / 1440.0, "h": 1.0 / HOURS_PER_DAY, "d": 1.0, "wk": 7.0, "mo": DAYS_PER_YEAR / 12.0,
    "a": DAYS_PER_YEAR,
}  # fmt: skip
# https://terminology.hl7.org/CodeSystem-v3-GTSAbbreviation.html: times a day
TIMES_A_DAY = {
    "QD": 1.0, "BID": 2.0, "TID": 3.0, "QID": 4.0, "AM": 1.0, "PM": 1.0, "QOD": 0.5, "BED": 1.0, "WK": 1.0 / 7.0,
    "MO": 12.0 / DAYS_PER_YEAR, "Q1H": 24.0, "Q2H": 12.0, "Q3H": 8.0, "Q4H": 6.0, "Q6H": 4.0, "Q8H": 3.0,
}  # fmt: skip
WORDS = (
    (re.compile(r"\b(every|alternate) other day\b|\balternate days\b|\bqod\b"), 0.5),
    (re.compile(r"\b(four times|4 times|4x)\b|\bqid\b|\bqds\b"), 4.0),
    (re.compile(r"\b(three times|3 times|3x)\b|\btid\b|\btds\b"), 3.0),
    (re.compile(r"\b(twice|two times|2 times|2x)\b|\bbid\b|\bbd\b"), 2.0),
    (re.compile(r"\b(once weekly|weekly|once a week|every week)\b"), 1.0 / 7.0),
    (re.compile(r"\b(once|daily|(every|each|a) (day|morning|evening|night)|nightly|at night|qd|od)\b"), 1.0),
)  # fmt: skip
EVERY_HOURS = re.compile(r"\bevery (\d{1,2}) (?:hours|hrs|h)\b")
MASS_MG = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "mcg": 0.001, "kg": 1e6, "[iU]": 1.0, "IU": 1.0, "U": 1.0, "UNT": 1.0,
           "unit": 1.0, "units": 1.0}  # fmt: skip
PIECES = re.compile(
    r"\{?(tbl|tab|tablet|tablets|tabs|capsule|capsules|cap|caps|pill|pills|piece|doses?|inhalations?|each|1)\}?(\(s\))?",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"(?<![\d.,])(\d{1,5}(?:\.\d{1,4})?)\s*(mg|mcg|ug|g|tablets?|tabs?|capsules?|caps?|units?)\b")
# "40 MG", not the volume or time of "10 ML ..." and "24 HR ...", and not a strength by volume as "10 MG/ML"
STRENGTH = re.compile(r"(?<![\d.])(\d{1,5}(?:\.\d{1,4})?)\s*(mg|mcg|g|unt)\b(?!\s*/\s*(?:ml|hr|actuat))", re.IGNORECASE)


class DailyDose(NamedTuple):
    """A daily dose.

    Attributes:
        amount: in mg or units a day.
        assumed: how it was found, if not told in numbers.
    """

    amount: float
    assumed: str


def strength_in(words: str) -> float | None:
    """The strength of one piece in the name of a product, mg or units: the first that is told."""
    found = STRENGTH.search(words)
    return (
        None if found is None else float(found[1]) * MASS_MG[found[2].lower() if found[2].upper() != "UNT" else "UNT"]
    )


def daily_dose(dosages: list[dict[str, Any]], strength: float | None, usual_times: float) -> DailyDose | str | None:
    """The dose a day.

    Args:
        dosages: Dosage elements of FHIR.
        strength: of one piece, mg or units; None if it is not known.
        usual_times: how often a day the drug is usually taken.

    Returns:
        the dose, None if it is not told, or why it does not count.
    """
    if not dosages:
        if strength is None:
            return None
        return DailyDose(strength * usual_times, "a piece as often as is usual, for want of a dosage")
    first = min(one.get("sequence", 1) for one in dosages)
    total, assumed = 0.0, ""
    for dosage in [one for one in dosages if one.get("sequence", 1) == first]:
        if dosage.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dosage:
            return "taken as needed"
        amount, times = _amount(dosage, strength), _times(dosage)
        if amount is None:
            return None
        if times is None:
            times, assumed = usual_times, "as often as is usual, for want of a frequency"
        total += amount * times
    return DailyDose(total, assumed)


def _amount(dosage: dict[str, Any], strength: float | None) -> float | None:
    """Mg or units of one time."""
    for rate in dosage.get("doseAndRate", ()):
        low, high = (rate.get("doseRange", {}).get(end) for end in ("low", "high"))
        quantity = rate.get("doseQuantity") or (low if low is not None and low == high else None)
        if quantity is not None and "value" in quantity:
            return _mg(quantity["value"], quantity.get("code") or quantity.get("unit") or "1", strength)
    found = AMOUNT.search(dosage.get("text", "").lower())
    if found is not None:
        return _mg(float(found[1]), found[2], strength)
    return None if "doseAndRate" in dosage or not dosage.get("timing") else strength


def _mg(value: float, unit: str, strength: float | None) -> float | None:
    if unit in MASS_MG:
        return value * MASS_MG[unit]
    if PIECES.fullmatch(unit.strip()):
        return None if strength is None else value * strength
    return None


def _times(dosage: dict[str, Any]) -> float | None:
    """How often a day; None if it is not told."""
    timing = dosage.get("timing", {})
    repeat = timing.get("repeat", {})
    if "frequency" in repeat or "period" in repeat:
        days = repeat.get("period", 1.0) * PERIOD_DAYS[repeat.get("periodUnit", "d")]
        times = repeat.get("frequency", 1) / days
        return float(times) if not repeat.get("dayOfWeek") else float(times) * len(set(repeat["dayOfWeek"])) / 7.0
    if repeat.get("timeOfDay") or repeat.get("when"):
        return float(len(repeat.get("timeOfDay") or repeat["when"]))
    coded = [one.get("code", "") for one in timing.get("code", {}).get("coding", ())]
    for code in [*coded, timing.get("code", {}).get("text", "")]:
        if code.upper() in TIMES_A_DAY:
            return TIMES_A_DAY[code.upper()]
    words = f"{dosage.get('text', '')} {timing.get('code', {}).get('text', '')}".lower()
    if (hours := EVERY_HOURS.search(words)) is not None and 0 < int(hours[1]) <= HOURS_PER_DAY:
        return HOURS_PER_DAY / int(hours[1])
    return next((times for form, times in WORDS if form.search(words)), None)
