"""Streams of data about twins: CSV with a header, or JSON lines; one reading, dose or event a line.

    time,code,value,unit,kind
    0.3,29463-7,181.5,[lb_av],observation
    1,furosemide,80,mg/d,medication
    4.6,heart_failure,,,event

`time` is in days since the twin's start, or a date if the date of day 0 is given; `code` is a LOINC code, a drug or an
event (vocabulary.py). A column `twin` names the twin of each line in a file about several. A bad line refuses the whole
file, with file, line, key and what is allowed; a last line without a line end is still being written and is ignored.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from popsim.errors import DefinitionError, InputError, did_you_mean
from popsim.numbers import parse_number
from popsim.registry.packing import BeliefKind
from popsim.registry.privacy import ID, NO_NAMES, personal_key, shown, shown_path
from popsim.registry.vocabulary import EVENTS, KINDS, Measure, Vocabulary
from popsim.units import UNITS

TIMES = ("date", "datetime", "timestamp", "day", "days")  # other names of the column of times
TIME_HINT = "the column of times is called time; it holds days, or dates if --day-zero DATE is given"
MAX_WORD = 80  # maximum length of a word to compare with known words
OFFSET = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)$")
COLUMNS = ("time", "code", "value", "unit", "kind", "twin")
NEEDED = ("time", "code", "value", "unit")
MAX_STREAM_BYTES = 256 * 1024 * 1024
MAX_RECORD_BYTES = 256 * 1024
MAX_LEAP_DAYS = 366  # if today is not known: a later line is refused as a typing error
LAST_DAY = 120 * 366  # longer than anybody lives
TIMES_A_DAY = 10_000  # times are kept to a ten-thousandth of a day
DAY = timedelta(days=1)


class StreamRow(NamedTuple):
    """One line, checked.

    Attributes:
        time: in days since the twin's start, to a ten-thousandth.
        value, unit: as stored; 0 and "1" for an event.
        line: number in its file.
    """

    twin: str
    time: float
    kind: str
    code: str
    value: float
    unit: str
    line: int

    @property
    def day(self) -> int:
        """The day on which it happened."""
        return math.floor(self.time)


class Standing(NamedTuple):
    """The standing of a twin.

    Attributes:
        vocabulary: of its streams.
        day: the last simulated day.
        kind, layout: of its belief, and of its storage.
    """

    vocabulary: Vocabulary
    day: int
    kind: BeliefKind
    layout: str


@dataclass(frozen=True)
class Calendar:
    """Converts times to days.

    Attributes:
        day_zero: the date of the twin's day 0; never stored. None: times must be in days.
        today: the last allowed day; None: it follows from day_zero and the clock, or is not known.
    """

    day_zero: date | None = None
    today: int | None = None

    def latest(self, standing: Standing) -> int:
        """The last day that a line may be about."""
        if self.today is not None:
            return self.today
        if self.day_zero is not None:
            return min((date.today() - self.day_zero).days, LAST_DAY)
        return standing.day + MAX_LEAP_DAYS

    def days(self, value: object) -> float | None:
        """A time in days since day 0; None if it is neither a number nor a valid date.

        Rounding stays within the day: a second before midnight is not the next day.
        """
        if isinstance(value, bool) or value is None:
            return None
        number = parse_number(str(value))
        if number is None:
            number = self._dated(str(value).strip())
        if number is None:
            return None
        day = math.floor(number)
        return day + min(round((number - day) * TIMES_A_DAY), TIMES_A_DAY - 1) / TIMES_A_DAY

    def _dated(self, text: str) -> float | None:
        if self.day_zero is None:
            return None
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=None)  # the day is that of the person's local clock
            return (moment - datetime.combine(self.day_zero, datetime.min.time())) / DAY
        except (ValueError, OverflowError):
            return None

    @property
    def allowed(self) -> str:
        """The allowed times, for errors."""
        if self.day_zero is None:
            return "must be a number of days since the twin's start (dates need --day-zero)"
        return "must be a number of days since the twin's start, or a date or time as in ISO 8601"


class Reader:
    """Reads lines of one file, keeping its header.

    Args:
        file: named in errors.
        calendar: for times.
        twin: the twin of all lines; None: each line names its twin.
    """

    def __init__(self, file: Path | str, calendar: Calendar, twin: str | None = None) -> None:
        self._file, self._calendar, self._twin = shown_path(file), calendar, twin
        self._standings: Mapping[str, Standing] = {}
        self._header: list[str] | None = None
        self._read = 0
        self._offsets: bool | None = None  # whether times have an offset from UTC

    def rows(
        self,
        lines: Iterable[str],
        standings: Mapping[str, Standing],
        refuse: Callable[[DefinitionError], None] | None = None,
    ) -> list[StreamRow]:
        """Complete lines as rows, in order of time.

        Args:
            lines: without line ends.
            standings: of the twins in the registry.
            refuse: receives the error of a bad line, which is then skipped; None: the first error is raised.

        Raises:
            DefinitionError: a line is refused.
        """
        self._standings = standings
        rows = []
        for text in lines:
            self._read += 1
            if not text.strip():
                continue
            try:
                fields = self._fields(text)
                if fields is not None:
                    rows.append(self._row(fields))
            except DefinitionError as error:
                if refuse is None:
                    raise
                refuse(error)
        return sorted(rows, key=order)

    def _fields(self, text: str) -> dict[str, Any] | None:
        """A line's fields by key; None for the header."""
        if text.lstrip().startswith("{"):
            return self._json(text)
        try:
            words = [word.strip() for word in next(csv.reader([text], strict=True))]
        except csv.Error:
            self._refuse("line", None, "is not CSV")
        if self._header is None:
            self._check_keys(words, NEEDED)
            self._header = words
            return None
        if len(words) != len(self._header):
            self._refuse("line", None, f"has {len(words)} fields, the header has {len(self._header)}")
        return dict(zip(self._header, words, strict=True))

    def _json(self, text: str) -> dict[str, Any]:
        try:
            pairs: list[tuple[str, Any]] = json.loads(text, object_pairs_hook=list)
        except (ValueError, RecursionError):
            self._refuse("line", None, "is not JSON")
        self._check_keys([key for key, _ in pairs], ("time", "code"))
        return dict(pairs)

    def _check_keys(self, keys: list[str], needed: Iterable[str]) -> None:
        for key in keys:
            if key not in COLUMNS:
                # An unknown key may be a name, so the error does not repeat it.
                if key.lower() in TIMES:
                    self._refuse("key", key.lower(), TIME_HINT, words=True)
                near = did_you_mean(key[:MAX_WORD], COLUMNS)
                self._refuse("key", None, NO_NAMES if personal_key(key) else f"unknown, {near}")
        for key in dict.fromkeys(keys):
            if keys.count(key) > 1:
                self._refuse(key, None, "is there twice")
        for key in needed:
            if key not in keys:
                self._refuse(key, None, f"missing; a stream has {', '.join(COLUMNS[:5])}")

    def _row(self, fields: Mapping[str, Any]) -> StreamRow:
        twin = self._whose(fields.get("twin"))
        standing = self._standings[twin]
        kind = fields.get("kind") or "observation"
        if kind not in KINDS:
            self._refuse("kind", kind, f"allowed: {', '.join(KINDS)}")
        time = self._time(fields["time"], standing)
        code, known = fields["code"], standing.vocabulary.measures(kind)
        allowed = EVENTS if kind == "event" else known
        if not isinstance(code, str) or code not in allowed:
            self._refuse("code", code, did_you_mean(code[:MAX_WORD] if isinstance(code, str) else "", allowed))
        if kind == "event":
            for key in ("value", "unit"):
                if fields.get(key) not in (None, ""):
                    self._refuse(key, None, "must be empty for an event")
            return StreamRow(twin, time, kind, code, 0.0, "1", self._read)
        measure = known[code]
        value = self._value(fields.get("value"), fields.get("unit"), measure)
        return StreamRow(twin, time, kind, code, value, measure.unit, self._read)

    def _whose(self, twin: object) -> str:
        if self._twin is not None:
            if twin not in (None, "", self._twin):
                self._refuse("twin", None, "is not the twin that is updated")
            return self._twin
        if not isinstance(twin, str) or not ID.fullmatch(twin):
            self._refuse("twin", None, "must be the id of a twin, as 'popsim twin new' prints it")
        if twin not in self._standings:
            self._refuse("twin", None, "there is none of this id in the registry")
        return twin

    def _time(self, value: object, standing: Standing) -> float:
        time = self._calendar.days(value)
        if time is None:
            self._refuse("time", value, self._calendar.allowed)
        self._check_offset(str(value).strip())
        if time < 0.0:
            self._refuse("time", time, "is before the twin's start; must be 0 or more")
        latest = self._calendar.latest(standing)
        if math.floor(time) > latest:
            hint = "" if self._calendar.today is not None else "; --today DAY says what day it is"
            self._refuse("time", time, f"lies in the future; must be at most day {latest}{hint}")
        return time

    def _check_offset(self, text: str) -> None:
        """Check that all times of a file have an offset from UTC, or that none has."""
        if ":" in text:
            offset = OFFSET.search(text) is not None
            if self._offsets not in (None, offset):
                self._refuse("time", None, "give all times with an offset from UTC (+01:00), or none")
            self._offsets = offset

    def _value(self, value: object, unit: object, measure: Measure) -> float:
        if not isinstance(unit, str) or measure.in_unit(0.0, unit) is None:
            known = unit if isinstance(unit, str) and unit in UNITS else None
            self._refuse("unit", known, f"allowed: {', '.join(measure.units())}", words=True)
        number = None if isinstance(value, bool) else parse_number(str(value))
        stored = None if number is None else measure.in_unit(number, unit)
        if stored is None:
            self._refuse("value", value, "must be a number")
        if not measure.takes(stored):
            self._refuse("value", value, measure.allowed)
        return stored

    def refusal(self, row: StreamRow, key: str, why: str) -> DefinitionError:
        """The error for a row that contradicts others."""
        value = row.code if row.kind == "event" else None
        return DefinitionError(f"{self._file}:{row.line}", key, value if key == "code" else None, why)

    def _refuse(self, key: str, value: object, allowed: str, *, words: bool = False) -> NoReturn:
        raise DefinitionError(f"{self._file}:{self._read}", key, value if words else shown(value), allowed)


def order(row: StreamRow) -> tuple[float, str, bool, str, float]:
    """Sort key of a row; at one moment stops come before starts, because a change of drug is two lines."""
    return row.time, row.kind, row.value != 0.0, row.code, row.value


def whole_lines(raw: bytes, file: Path | str) -> tuple[list[str], bool]:
    """Lines of a file without line ends, and whether an incomplete last line was ignored.

    Raises:
        InputError: it is not UTF-8, or its lines end in CR alone.
    """
    complete, _, rest = raw.rpartition(b"\n")
    text = decoded(complete, file)
    if b"\r" in rest[:-1]:
        raise InputError(f"{shown_path(file)}: lines end in CR alone; write it with LF or CRLF")
    return [line.removesuffix("\r") for line in text.split("\n")] if complete else [], bool(rest.strip())


def read_text(path: Path) -> str:
    """The text of a small file (a record, genes), with LF line ends.

    Raises:
        InputError: it cannot be read, is too large, or not UTF-8.
    """
    text = decoded(read_bytes(path, MAX_RECORD_BYTES), path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(raw: bytes, file: Path | str) -> str:
    """Decode the bytes of a file, without a byte order mark.

    Raises:
        InputError: they are not UTF-8.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{shown_path(file)}:{line}: not UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{shown_path(file)}:{line}: holds a NUL character; write it as UTF-8 text")
    return text


def read_bytes(path: Path, largest: int = MAX_STREAM_BYTES) -> bytes:
    """The content of a file.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(largest + 1)
    except OSError as error:
        raise InputError(f"{shown_path(path)}: {error.strerror}") from None
    if len(raw) > largest:
        size = f"{largest // 2**20:,} MiB" if largest >= 2**20 else f"{largest // 2**10:,} KiB"
        raise InputError(f"{shown_path(path)}: larger than {size}")
    return raw
