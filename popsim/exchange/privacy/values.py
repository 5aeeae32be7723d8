"""Single values: numbers, ages, ZIP codes and new ids, each kept, coarsened or left out."""

from __future__ import annotations

import csv
import math
import re
import secrets
import uuid
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from popsim.errors import InputError
from popsim.exchange.privacy.calendar import OLDEST, DateMover
from popsim.exchange.privacy.kept import listed

MAX_DIGITS = 6  # of a number: one with more may be a telephone, account or record number
MAX_CONCEPT = 100_000_000  # OMOP's own ids are smaller; a larger number may be a record number, above 2e9 it is local
SMALL_AREA = 20_000  # people; areas with no more have no ZIP code in the output
NO_AREA = "000"
_ZIP = re.compile(r"(\d{3})\d{2}(-?\d{4})?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?")


@dataclass
class Values:
    """What becomes of single values of a data set.

    Attributes:
        calendar: of its dates.
        zips: whether an area is large enough, by the first three digits of its ZIP code.
        left_out: how many values were left out, by the reason; it holds no value.
        kept: how many were kept.
    """

    calendar: DateMover
    zips: Mapping[str, bool]
    left_out: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    _ids: dict[Hashable, str] = field(default_factory=dict, repr=False)
    _numbers: dict[Hashable, dict[Hashable, int]] = field(default_factory=dict, repr=False)

    def count(self, value: Any, why: str) -> Any:
        """The value, counted as kept, or as left out for a reason where it is None."""
        if value is None:
            self.left_out[why] += 1
        else:
            self.kept += 1
        return value

    def id(self, of: Hashable) -> str:
        """A random id, always the same for the same thing; it is derived from nothing."""
        return self._ids.setdefault(of, str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))

    def number_id(self, family: Hashable, of: Hashable) -> int:
        """A random whole number, always the same for the same thing of a family."""
        taken = self._numbers.setdefault(family, {})
        if of not in taken:
            used = self._numbers.setdefault(("used", family), {})
            number = 1 + secrets.randbelow(2**31 - 1)
            while number in used:
                number = 1 + secrets.randbelow(2**31 - 1)
            used[number] = 1
            taken[of] = number
        return taken[of]

    def zip(self, text: object) -> str | None:
        """The first three digits of a US ZIP code, 000 where few people live or the area is unknown."""
        found = _ZIP.fullmatch(text.strip()) if isinstance(text, str) else None
        if not found:
            return None
        whole_table = "" in self.zips  # so that an area it does not name is small
        return found[1] if self.zips.get(found[1], not whole_table) else NO_AREA


def state(text: object) -> str | None:
    """A state of the United States, as it is listed."""
    return text if isinstance(text, str) and text in listed("zip3")["states"] else None


def country(text: object) -> str | None:
    """A country, as it is listed."""
    return text if isinstance(text, str) and text in listed("zip3")["countries"] else None


def number(value: object) -> float | int | None:
    """A number that no record or telephone number can be: whole ones have at most six digits, others are rounded."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text) if any(mark in text for mark in ".eE") else int(text)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if abs(value) >= 10**MAX_DIGITS:
        return None
    if isinstance(value, int):
        return value
    rounded = float(f"{value:.{MAX_DIGITS}g}")
    return rounded


def age(value: object) -> float | int | None:
    """An age in years, 90 for all over 89."""
    found = number(value)
    if found is None or found < 0:
        return None
    return OLDEST if found > OLDEST - 1 else found


def concept(value: object) -> int | None:
    """An OMOP concept id, 0 where it is a local one."""
    found = whole(value)
    if found is None:
        return None
    return found if 0 <= found < MAX_CONCEPT else 0


def whole(value: object) -> int | None:
    """A whole number of any length, also as '12.0'."""
    text = str(value).strip()
    head, _, tail = text.partition(".")
    return int(head) if re.fullmatch(r"-?\d{1,18}", head) and set(tail) <= {"0"} else None


def zip_areas(file: Path | None) -> tuple[dict[str, bool], str]:
    """Which areas of three digits are large enough, and where that is from.

    Without a file: all but those listed of the 2000 census. With a file, areas that it does not name are small.

    Args:
        file: CSV with the columns zip3 (or zip, whose people are added up) and population.

    Raises:
        InputError: the file cannot be read or is not such a table.
    """
    if file is None:
        found = listed("zip3")
        return dict.fromkeys(found["small"], False), found["source"]
    said = "--zip-populations: must be a CSV file with the columns zip3 (or zip) and population"
    people: Counter[str] = Counter()
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            for row in csv.DictReader(opened):
                named = {(key or "").strip().lower(): (text or "").strip() for key, text in row.items() if key}
                digits = named.get("zip3") or named.get("zip") or ""
                if not re.fullmatch(r"\d{3}(\d{2})?", digits) or not named.get("population", "").isdigit():
                    raise InputError(f"{said}; line {len(people) + 2} is not")
                people[digits[:3]] += int(named["population"])
    except (OSError, ValueError, csv.Error):
        raise InputError(said) from None
    if not people:
        raise InputError(f"{said}; it has no rows")
    return {"": True, **{area: many > SMALL_AREA for area, many in people.items()}}, "the table of --zip-populations"
