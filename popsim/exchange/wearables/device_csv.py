"""CSV that scales, cuffs and watches export: columns, units, separator, decimal mark and dates are found by themselves.

Read are tables of one row a measurement with a date (and a time of its own, if it is apart) and columns of weight,
pressure, pulse, oxygen saturation or steps (Withings, Omron, Fitbit, Tanita and the like, in English and German);
rows of type, value and unit; and Withings' minutes (start, duration, value). Further columns are not looked at.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from popsim.drafting.dates import read_dates
from popsim.drafting.reading import decoded
from popsim.exchange.wearables import quantities as q
from popsim.exchange.wearables.apple_health import PREFIX, TYPES
from popsim.exchange.wearables.readings import MAX_READINGS, DeviceFile, DeviceReading, Refuser, local_moment
from popsim.numbers import parse_number

DATE, TIME, BMI, KIND, VALUE, UNIT, DURATION = "date", "time", "bmi", "kind", "value", "unit", "duration"
COLUMNS = {
    DATE: r"date|datum|date ?/? ?time|time ?stamp|measurement date|measured (at|on)|start|start ?date|start time|"
    r"zeitpunkt|messdatum|messzeitpunkt|datum ?/? ?uhrzeit|(recorded|created) at",
    TIME: r"time|uhrzeit|zeit|measurement time|hour",
    q.WEIGHT: r"weight|body weight|gewicht|korpergewicht|body ?mass",
    q.SYSTOLIC: r"sys|systol(ic|e|isch)|systolic (blood )?pressure|systolischer blutdruck|upper",
    q.DIASTOLIC: r"dia|diastol(ic|e|isch)|diastolic (blood )?pressure|diastolischer blutdruck|lower",
    q.PULSE: r"heart ?rate|pulse|puls|hr|pulse rate|herzfrequenz|bpm",
    q.RESTING: r"resting heart ?rate|resting hr|resting pulse|ruhepuls",
    q.OXYGEN: r"spo2|oxygen saturation|blood oxygen|sauerstoffsattigung",
    q.STEPS: r"steps|step ?count|total steps|schritte",
    BMI: r"bmi|body mass index",
    KIND: r"type|metric|measurement|measurement type|data type|typ",
    VALUE: r"value|wert",
    UNIT: r"unit|units|einheit",
    DURATION: r"duration",
}
_NAMES = {key: re.compile(rf"(?:{names})") for key, names in COLUMNS.items()}
_UNIT = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]\s*$|[ _](kgs?|lbs?|st|mmhg|kpa|bpm)$", re.IGNORECASE)
_WITH_UNIT = re.compile(r"([+-]?[0-9][0-9.,]*)\s*([A-Za-z%/\[\]]+)")
_TIME_OF_DAY = re.compile(r"(?:^|[T ,])(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*$")
_DAY = re.compile(r"[T ,]+\d{1,2}:\d{2}.*$")
SEPARATORS = (",", ";", "\t", "|")
QUANTITIES = tuple(q.NAMES)
HEAD_LINES = 40
MAX_FIELD = 1_000_000  # a row of Withings' minutes is long


class DeviceTable(NamedTuple):
    """A table within the file.

    Attributes:
        columns: index of each known column; units: those that headers name.
        rows: line number and fields.
    """

    columns: Mapping[str, int]
    units: Mapping[str, str]
    rows: list[tuple[int, list[str]]]


def is_device_csv(text: str) -> bool:
    """Whether one of the first lines is the header of such a table."""
    return any(_header(line)[0] for line in text.split("\n", HEAD_LINES)[:HEAD_LINES])


def read_device_csv(content: bytes, file: Path) -> DeviceFile:
    """The readings of all tables in a file.

    Raises:
        DefinitionError: a weight has no unit, day and month could change places, or there are too many readings.
    """
    refuser, passed = Refuser(file), Counter[str]()
    text, _ = decoded(content)
    readings: list[DeviceReading] = []
    for table in _tables(text.replace("\r\n", "\n").replace("\r", "\n")):
        by_minutes = DURATION in table.columns
        readings += _minutes(table, file, refuser, passed) if by_minutes else _read(table, refuser, passed)
        if len(readings) > MAX_READINGS:
            refuser.refuse("file", f"has more than {MAX_READINGS:,} readings; divide it")
    return DeviceFile("CSV of a device", readings, passed)


def _header(line: str) -> tuple[dict[str, int], dict[str, str], str]:
    """Known columns, their units and the separator, if a line is the header of a table; else nothing."""
    best: tuple[dict[str, int], dict[str, str], str] = ({}, {}, ",")
    for separator in SEPARATORS:
        columns: dict[str, int] = {}
        units: dict[str, str] = {}
        for place, words in enumerate(_fields(line, separator)):
            found = _column(words)
            if found is not None and found[0] not in columns:
                columns[found[0]] = place
                units |= {found[0]: found[1]} if found[1] else {}
        if DATE not in columns and TIME in columns:
            columns[DATE] = columns.pop(TIME)
        pairs = ({DATE, KIND, VALUE}, {DATE, DURATION, VALUE}, *({DATE, one} for one in QUANTITIES))
        whole = any(pair <= columns.keys() for pair in pairs)
        if whole and len(columns) > len(best[0]):
            best = columns, units, separator
    return best


def _column(name: str) -> tuple[str, str] | None:
    """The meaning of a column, and the unit in its name."""
    plain = name.strip().strip("\N{ZERO WIDTH NO-BREAK SPACE}").translate(str.maketrans("äöüÄÖÜ", "aouAOU"))
    unit = _UNIT.search(plain)
    word = q.unit_of(unit[1] or unit[2]) if unit else None
    core = re.sub(r"[_\-\s]+", " ", plain[: unit.start()] if unit else plain).strip().lower()
    key = next((key for key, names in _NAMES.items() if names.fullmatch(core)), None)
    if key is None and (wearing := TYPES.get(plain.removeprefix(PREFIX))):
        key = wearing
    return None if key is None else (key, word or "")


def _tables(text: str) -> Iterator[DeviceTable]:
    """The tables of a file, each a header with the rows below it."""
    columns: dict[str, int] = {}
    units: dict[str, str] = {}
    separator, rows = ",", list[tuple[int, list[str]]]()
    for number, line in enumerate(text.split("\n"), start=1):
        found = _header(line) if not columns or not line[:1].isdigit() else ({}, {}, ",")
        if found[0]:
            if rows:
                yield DeviceTable(columns, units, rows)
            (columns, units, separator), rows = found, []
        elif columns and line.strip():
            fields = _fields(line, separator)
            if len(fields) > max(columns.values()):
                rows.append((number, fields))
    if rows:
        yield DeviceTable(columns, units, rows)


def _fields(line: str, separator: str) -> list[str]:
    """The fields of a row, none if it is no CSV."""
    usual = csv.field_size_limit(MAX_FIELD)  # of the whole process
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(usual)


def _read(table: DeviceTable, refuser: Refuser, passed: Counter[str]) -> Iterator[DeviceReading]:
    columns = table.columns
    texts = [_stamp(fields, columns) for _, fields in table.rows]
    moments = _moments(texts, refuser)
    marks = [fields[place] for _, fields in table.rows for key, place in columns.items() if key in (*QUANTITIES, VALUE)]
    comma = _decimal_comma(marks)
    for (number, fields), stamp in zip(table.rows, moments, strict=True):
        for quantity, word, unit in _cells(fields, table, passed):
            if stamp is None:
                passed["without a time"] += 1
                continue
            value, said = _number(word, comma)
            if value is None:
                passed["without a number"] += 1
                continue
            known = said or unit or q.DEFAULT_UNITS.get(quantity, "")
            index = _number(fields[columns[BMI]], comma)[0] or 0.0 if BMI in columns else 0.0
            if not known and index <= 0.0:
                refuser.refuse("weight", "has no unit; name the column Weight (kg) or Weight (lb)", number)
            yield DeviceReading(quantity, *stamp, value, known, bmi=index)


def _cells(fields: Sequence[str], table: DeviceTable, passed: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """Quantity, text and unit of each filled cell of a row."""
    columns = table.columns
    if KIND in columns and VALUE in columns:
        found = _column(fields[columns[KIND]])
        if found is None or found[0] not in QUANTITIES:
            passed["of a kind that is not read"] += 1
            return
        unit = q.unit_of(fields[columns[UNIT]]) if UNIT in columns else None
        yield found[0], fields[columns[VALUE]], unit or table.units.get(VALUE, "") or found[1]
        return
    for quantity in QUANTITIES:
        if quantity in columns and fields[columns[quantity]].strip(" -"):
            yield quantity, fields[columns[quantity]], table.units.get(quantity, "")


def _stamp(fields: Sequence[str], columns: Mapping[str, int]) -> str:
    """Date and time of a row, in one text."""
    text = fields[columns[DATE]].strip()
    return f"{text} {fields[columns[TIME]].strip()}" if TIME in columns and ":" not in text else text


def _moments(texts: Sequence[str], refuser: Refuser) -> list[tuple[datetime, int | None] | None]:
    """Times of rows: ISO 8601, or dates in one other form with a time of day.

    Where day and month could change places, the order in which fewer times go back is the right one.

    Raises:
        DefinitionError: neither is.
    """
    iso = [local_moment(text) for text in texts]
    if sum(one is None for one in iso) <= sum(one is not None for one in iso):
        return iso
    days = [_DAY.sub("", text) for text in texts]
    unique = list(dict.fromkeys(days))
    [(dates, form)] = read_dates([unique])
    of_text: dict[str, date | None] = dict(zip(unique, dates, strict=True))
    moments = [_with_time(of_text[day], text) for day, text in zip(days, texts, strict=True)]
    if "assumed" not in form or not any(of_text.values()) or all("." in day for day in days):  # dots: day first
        return moments
    swapped = {text: _swapped(day) for text, day in of_text.items()}
    others = [_with_time(swapped[day], text) for day, text in zip(days, texts, strict=True)]
    here, there = _disorder(moments), _disorder(others)
    if here == there:
        refuser.refuse("date", "day and month could change places; write dates as YYYY-MM-DD")
    return moments if here < there else others


def _swapped(day: date | None) -> date | None:
    try:
        return None if day is None else day.replace(month=day.day, day=day.month)
    except ValueError:
        return None


def _disorder(moments: Sequence[tuple[datetime, int | None] | None]) -> tuple[int, timedelta]:
    """How often times change direction, and how far they reach."""
    known = [one[0] for one in moments if one is not None]
    back = sum(later < earlier for earlier, later in pairwise(known))
    on = sum(later > earlier for earlier, later in pairwise(known))
    return min(back, on), max(known) - min(known) if known else timedelta(0)


def _with_time(day: date | None, text: str) -> tuple[datetime, int | None] | None:
    if day is None:
        return None
    found = _TIME_OF_DAY.search(text)
    if found is None:
        return datetime.combine(day, time()), None
    hour, half = int(found[1]), (found[4] or "").lower().replace(".", "")
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    try:
        return datetime.combine(day, time(hour, int(found[2]), int(found[3] or 0))), None
    except ValueError:
        return None


def _decimal_comma(words: Sequence[str]) -> bool:
    marks = [word for word in words if re.fullmatch(r"\s*[0-9]+[.,][0-9]{1,2}(\s*[A-Za-z]+)?\s*", word)]
    return sum("," in word for word in marks) > sum("." in word for word in marks)


def _number(word: str, comma: bool) -> tuple[float | None, str | None]:
    """The number in a cell, and the unit behind it."""
    text, unit = word.strip(), None
    if found := _WITH_UNIT.fullmatch(text):
        text, unit = found[1], q.unit_of(found[2])
    return parse_number(text.replace(".", "").replace(",", ".") if comma else text), unit


def _minutes(table: DeviceTable, file: Path, refuser: Refuser, passed: Counter[str]) -> Iterator[DeviceReading]:
    """Withings' rows of a start, durations in seconds and values; the file's name says of what."""
    words = re.split(r"[^a-z]+", file.stem.lower())
    quantity = q.PULSE if {"hr", "heart"} & set(words) else q.STEPS if "steps" in words else None
    if quantity is None:
        refuser.refuse("file", "does not say what it measures; keep the name that Withings gave it (raw_hr_hr.csv)")
    for number, fields in table.rows:
        stamp = local_moment(fields[table.columns[DATE]])
        try:
            lengths, values = (json.loads(fields[table.columns[key]]) for key in (DURATION, VALUE))
            pairs = list(zip(lengths, values, strict=True))
        except (ValueError, TypeError, RecursionError):
            refuser.refuse("line", "must be a start, durations and values, as many of each", number)
        if stamp is None:
            passed["without a time"] += len(pairs)
            continue
        moment, offset = stamp
        for length, value in pairs:
            if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (length, value)):
                passed["without a number"] += 1
                continue
            yield DeviceReading(quantity, moment, offset, float(value), q.DEFAULT_UNITS[quantity])
            moment += timedelta(seconds=min(max(length, 0), 86_400))
