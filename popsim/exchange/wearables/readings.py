"""Readings of a device, before they are thinned, and what is counted about them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple, NoReturn

from popsim.errors import DefinitionError
from popsim.registry.privacy import shown_path

MAX_READINGS = 5_000_000
_OFFSET = re.compile(r"\s*([+-]\d{2}):?(\d{2})$")


class DeviceReading(NamedTuple):
    """One reading.

    Attributes:
        moment: on the local clock, without an offset.
        offset: of that clock from UTC, in minutes; None if the file does not say.
        unit: as popsim writes it; empty for a weight whose unit follows from the body mass index `bmi`.
        source: number of the device within its file.
    """

    quantity: str
    moment: datetime
    offset: int | None
    value: float
    unit: str
    source: int = 0
    bmi: float = 0.0


class DeviceFile(NamedTuple):
    """What a file holds.

    Attributes:
        form: of the file, in words.
        readings: in the order of the file.
        passed: what was passed over while reading, by reason.
    """

    form: str
    readings: list[DeviceReading]
    passed: Counter[str]


class Refuser:
    """Refuses a file of a device in one line, without repeating what may be personal."""

    def __init__(self, file: object) -> None:
        self._name = shown_path(str(file))

    def refuse(self, key: str, allowed: str, line: int | None = None) -> NoReturn:
        """Raise the error.

        Raises:
            DefinitionError: always.
        """
        raise DefinitionError(self._name if line is None else f"{self._name}:{line}", key, None, allowed)


def local_moment(text: str) -> tuple[datetime, int | None] | None:
    """A time as in ISO 8601, also with blanks within, as local time and offset; None if it is none."""
    word = text.strip()
    if word[-1:] in ("Z", "z"):
        word = f"{word[:-1]}+00:00"
    word = _OFFSET.sub(r"\1:\2", word) if ":" in word else word
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return None
    away = moment.utcoffset()
    return moment.replace(tzinfo=None), None if away is None else away // timedelta(minutes=1)
