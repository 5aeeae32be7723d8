"""Values of a user's table: missing codes, numbers with their unit, yes and no, sex."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from popsim.drafting.headers import ColumnMatch, convertible
from popsim.drafting.vocabulary import ALL_SUBJECTS, SYSTOLIC, UNIT_OF, Subject, folded, squashed
from popsim.population.table_import import Problem
from popsim.simulation.schema import SCHEMA
from popsim.units import canonical, convert

type Numbers = NDArray[np.float64]
type Words = Sequence[str | None]
type Parser = Callable[[str], float | None]

MISSING = frozenset({
    "", "na", "n/a", "#n/a", "nan", "null", "#null!", "none", ".", "..", "?", "-", "--", "unknown", "unk", "missing",
    "not known", "not available", "not done", "not measured", "n/k", "nk", "nd", "n.d.", "n.a.", "<na>", "miss",
    "k.a.", "ka", "keine angabe", "unbekannt", "fehlt", "nicht bekannt", "nicht gemessen", "entfallt",
})  # fmt: skip
# Taken as missing where they lie outside the bounds of the column; those of one digit in columns of codes only.
MISSING_CODES = frozenset({
    -1.0, -7.0, -8.0, -9.0, -77.0, -88.0, -99.0, -999.0, -9999.0, 7.0, 8.0, 9.0, 77.0, 88.0, 99.0, 777.0, 888.0, 999.0,
    9999.0, 99.9, 999.9,
})  # fmt: skip
ONE_DIGIT = frozenset({7.0, 8.0, 9.0})
YES = frozenset({"yes", "y", "true", "t", "1", "present", "positive", "pos", "+", "x", "checked", "ja", "j",
                 "positiv", "vorhanden"})  # fmt: skip
NO = frozenset({"no", "n", "false", "f", "0", "absent", "negative", "neg", "never", "unchecked", "nein",
                "negativ", "nicht vorhanden"})  # fmt: skip
MALE = frozenset({"m", "male", "man", "men", "boy", "mannlich", "maennlich", "mann"})
FEMALE_WORDS = frozenset({"f", "female", "woman", "women", "w", "girl", "weiblich", "frau"})
_PRESSURES = re.compile(r"([0-9]{2,3})\s*/\s*[0-9]{2,3}")
_LIMIT = re.compile(r"(?:[<>]=?|[\u2264\u2265])\s*")  # of measurement
_WITH_UNIT = re.compile(r"([+-]?[0-9][0-9.,]*)\s*([^0-9\s.,+-].*)")


@dataclass
class ColumnReading:
    """What a column of the table holds, in the first unit of its subject; NaN = missing.

    Attributes:
        values: one for each row.
        told: how it was read.
        problems: values that are refused.
        unusable: why the whole column cannot be used; empty if it can.
    """

    values: Numbers
    told: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unusable: str = ""

    def refuse(self, row: int, header: str, word: object, why: str) -> None:
        """Record a value that cannot be, and take it as missing."""
        self.problems.append(Problem(row + 1, header, word, why))
        self.values[row] = math.nan


def known_words(words: Words) -> list[str | None]:
    """The words of a column, None for those that say that the value is missing."""
    return [None if word is None or folded(word.strip()) in MISSING else word.strip() for word in words]


def read_column(match: ColumnMatch, cells: Words, number: Parser) -> ColumnReading:
    """Read a column that holds numbers, yes and no, or words."""
    subject, words = ALL_SUBJECTS[match.subject], known_words(cells)
    if subject.content == "number":
        return _read_numbers(match, subject, words, number)
    reading = _read_words(match, subject, words, number)
    empty = np.isnan(reading.values)
    only_yes = subject.content == "yes_no" and not empty.all() and (reading.values[~empty] == 1.0).all()
    if only_yes and empty.any() and not any(cells[row] for row in np.flatnonzero(empty).tolist()):
        reading.values[empty] = 0.0
        reading.told.append(f"it says only yes: empty cells ({empty.sum()}) are taken as no")
    return reading


def _read_numbers(match: ColumnMatch, subject: Subject, words: Words, number: Parser) -> ColumnReading:
    """Numbers, some with their unit beside them, in the unit of the subject."""
    reading = ColumnReading(np.full(len(words), np.nan))
    raw, units = np.full(len(words), np.nan), [""] * len(words)
    limits: list[str] = []
    for row, word in enumerate(words):
        if word is None:
            continue
        limit = _LIMIT.match(word)
        limits += [word] if limit else []
        value, unit = _split(word[limit.end() :] if limit else word, number, match.subject)
        if value is None or (unit and not convertible(unit, subject)):
            reading.problems.append(Problem(row + 1, match.header, word, "not a number"))
        else:
            raw[row], units[row] = value, unit
    bare = np.array([not unit for unit in units]) & ~np.isnan(raw)
    unit = _unit(match, subject, raw[bare & ~_always_missing(raw)], reading)
    in_units = np.array([own or unit for own in units])
    for each in set(in_units.tolist()):
        rows = in_units == each
        reading.values[rows] = convert(raw[rows], each, subject.units[0], subject.substance)
    if limits:
        reading.told.append(f"{', '.join(sorted(set(limits))[:3])} taken as the limit itself (rows: {len(limits)})")
    own = sum(map(bool, units))
    if own:
        reading.told.append(f"units beside the value (rows: {own})")
    _check_bounds(match, subject, raw, unit, reading)
    return reading


def _always_missing(raw: Numbers) -> NDArray[np.bool_]:
    """Codes that no measurement has, whatever its unit."""
    return np.isin(raw, [code for code in MISSING_CODES if code < 0.0 or code > 900.0])


def _split(word: str, number: Parser, subject: str) -> tuple[float | None, str]:
    """A number, and the unit beside it ("" if there is none)."""
    value = number(word)
    if value is not None:
        return value, ""
    if subject == SYSTOLIC and (pressures := _PRESSURES.fullmatch(word)):
        return float(pressures[1]), ""
    if found := _WITH_UNIT.fullmatch(word):
        spelled = squashed(found[2].replace("%", "percent").replace("\N{MICRO SIGN}", "u"))
        return number(found[1]), UNIT_OF.get(spelled, found[2])
    return None, ""


def _unit(match: ColumnMatch, subject: Subject, raw: Numbers, reading: ColumnReading) -> str:
    """The unit of a column: as its name says, else the first in which its median is usual."""
    first, (low, high) = subject.units[0], subject.usual
    own = match.name in SCHEMA or len(subject.units) == 1  # the name says the unit, or there is only one
    if not len(raw):
        return match.unit or first
    median = float(np.median(raw))
    in_first = {unit: float(convert(median, unit, first, subject.substance)) for unit in subject.units}
    usual = [unit for unit, value in in_first.items() if low <= value <= high]
    others = [unit for unit in usual if not math.isclose(in_first[unit], in_first[usual[0]])]
    unit = match.unit or (first if own or not usual else usual[0])
    value = float(convert(median, unit, first, subject.substance))
    told = f"its median {median:g}"
    if not subject.bounds[0] <= value <= subject.bounds[1]:
        reading.unusable = f"{told} is impossible{_in_unit(unit)}{_elsewhere(usual)}"
    elif match.unit is None and not own and not usual:
        reading.unusable = f"{told} is usual in none of {', '.join(map(_shown, subject.units))}"
    elif match.unit is None and not own:
        also = f", which would be usual in {' or '.join(map(_shown, others))}, too" if others else ""
        reading.told.append(f"unit {_shown(unit)} by {told}{also}")
    elif unit != "1":
        reading.told.append(f"unit {_shown(unit)}" + (" by its name" if match.unit else ""))
        if usual and unit in subject.units and unit not in usual:
            reading.told.append(f"warning: {told} is unusual{_in_unit(unit)}{_elsewhere(usual)}")
    return unit


def _in_unit(unit: str) -> str:
    return "" if canonical(unit) == "1" else f" in {unit}"


def _elsewhere(usual: Sequence[str]) -> str:
    """The unit in which a median would be usual."""
    return f", usual in {_shown(usual[0])}" if usual else ""


def _shown(unit: str) -> str:
    return "share" if canonical(unit) == "1" else unit


def _check_bounds(match: ColumnMatch, subject: Subject, raw: Numbers, unit: str, reading: ColumnReading) -> None:
    """Take codes outside the bounds as missing, and refuse other values outside."""
    low, high = subject.bounds
    with np.errstate(invalid="ignore"):
        outside = (reading.values < low) | (reading.values > high)
    if reading.unusable or not outside.any():
        return
    is_code = match.subject in SCHEMA and SCHEMA[match.subject].kind == "code"
    coded = outside & np.isin(raw, list(MISSING_CODES if is_code else MISSING_CODES - ONE_DIGIT))
    reading.values[coded] = np.nan
    if coded.any():
        codes = ", ".join(f"{code:g}" for code in np.unique(raw[coded]))
        reading.told.append(f"{codes} taken as missing (rows: {coded.sum()})")
    for row in np.flatnonzero(outside & ~coded).tolist():
        why = f"must lie between {low:g} and {high:g}{_blank_unit(subject.units[0])}"
        if canonical(unit) != canonical(subject.units[0]):
            why += f" (here {reading.values[row]:.4g})"
        others = (
            (other, float(convert(raw[row], other, subject.units[0], subject.substance)))
            for other in subject.units
            if other != unit
        )
        likely = next((one for one in others if subject.usual[0] <= one[1] <= subject.usual[1]), None)
        hint = f"; {likely[1]:.4g}{_blank_unit(subject.units[0])} if it is in {_shown(likely[0])}" if likely else ""
        reading.refuse(row, match.header, f"{raw[row]:g}", why + hint)


def _blank_unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _read_words(match: ColumnMatch, subject: Subject, words: Words, number: Parser) -> ColumnReading:
    """Codes: yes and no, sex, or words of the subject."""
    reading = ColumnReading(np.full(len(words), np.nan))
    numbers = [None if word is None else number(word) for word in words]
    seen = {value for value in numbers if value is not None and value not in MISSING_CODES} | (
        {value for value in numbers if value is not None} & {0.0, 1.0, 2.0}
    )
    meaning = dict(subject.words)
    if subject.content == "yes_no":
        meaning = dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0) | meaning
    elif subject.content == "sex":
        meaning = dict.fromkeys(FEMALE_WORDS, 1.0) | dict.fromkeys(MALE, 0.0) | _yes_no_sex(match)
    coded = _codes(match, subject, seen, reading)
    missing_codes = set()
    for row, (word, value) in enumerate(zip(words, numbers, strict=True)):
        if word is None:
            continue
        if value is not None and value in coded:
            reading.values[row] = coded[value]
        elif value is not None and value in MISSING_CODES:
            missing_codes.add(f"{value:g}")
        elif value is None and folded(word) in meaning:
            reading.values[row] = meaning[folded(word)]
        else:
            reading.refuse(row, match.header, word, f"must be {_shown_words(subject, coded)}")
    if missing_codes:
        reading.told.append(f"{', '.join(sorted(missing_codes))} taken as missing")
    return reading


def _shown_words(subject: Subject, coded: Mapping[float, float]) -> str:
    """The words that a column of codes may hold, for a message."""
    usual = {"yes_no": ("yes", "no"), "sex": ("male", "female")}.get(subject.content, tuple(subject.words))
    return " or ".join([", ".join(usual), ", ".join(f"{code:g}" for code in coded)])


def _yes_no_sex(match: ColumnMatch) -> dict[str, float]:
    """Yes and no in a column named after one sex."""
    if match.name in ("male", "men"):
        return dict.fromkeys(YES, 0.0) | dict.fromkeys(NO, 1.0)
    if match.name in ("female", "women", "woman"):
        return dict.fromkeys(YES, 1.0) | dict.fromkeys(NO - FEMALE_WORDS, 0.0)
    return {}


def _codes(match: ColumnMatch, subject: Subject, seen: set[float], reading: ColumnReading) -> dict[float, float]:
    """What the numbers in a column of codes stand for."""
    if subject.content == "words":
        if match.subject == "smoking" and seen == {0.0, 1.0}:
            reading.told.append("assumed: 0 does not smoke, never did; 1 smokes")
            return {0.0: 0.0, 1.0: 2.0}
        low, high = subject.bounds
        if seen:
            reading.told.append(f"assumed: its numbers are popsim's codes ({low:g} to {high:g})")
        return {float(code): float(code) for code in range(int(low), int(high) + 1)}
    if subject.content == "sex" and match.name in ("male", "men"):
        return {0.0: 1.0, 1.0: 0.0}
    if subject.content == "sex" and 2.0 in seen:
        reading.told.append("assumed: 1 for men, 2 for women (ISO 5218)")
        return {1.0: 0.0, 2.0: 1.0}
    if subject.content == "yes_no" and 2.0 in seen and 0.0 not in seen:
        reading.told.append("assumed: 1 for yes, 2 for no")
        return {1.0: 1.0, 2.0: 0.0}
    return {0.0: 0.0, 1.0: 1.0}
