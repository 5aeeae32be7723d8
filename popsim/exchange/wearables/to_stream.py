"""From a device's file to the lines of a twin's stream, and an account of what became of it."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from popsim.evidence.code_systems import loinc_of
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.wearables import wearable_rules
from popsim.exchange.wearables.clocks import clock_notes, gaps, without_clock_faults
from popsim.exchange.wearables.quantities import NAMES, USED
from popsim.exchange.wearables.readings import DeviceFile, DeviceReading, Refuser
from popsim.exchange.wearables.thinning import thinned
from popsim.plurals import counted
from popsim.registry.stream import LAST_DAY, Calendar
from popsim.registry.vocabulary import Vocabulary
from popsim.units import convert

HEADER = "time,code,value,unit,kind"
IMPOSSIBLE = "impossible as a value"
NO_USE = "{}, of which a twin has nothing"
DAY = timedelta(days=1)


class TakenQuantity(NamedTuple):
    """What became of one quantity.

    Attributes:
        name: in words.
        readings: that could be believed.
        days: with a reading that is used.
        missing_days: without one, between the first and the last; longest_gap: the longest run of them.
    """

    name: str
    readings: int
    days: int
    missing_days: int
    longest_gap: int


class WearableData(NamedTuple):
    """A device's file as a stream.

    Attributes:
        stream: for `TwinRegistry.update`.
        form: of the file, in words.
        taken: by quantity.
        passed: number of readings that were passed over, by reason.
        notes: on the clocks.
    """

    stream: bytes
    form: str
    taken: tuple[TakenQuantity, ...]
    passed: dict[str, int]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without the stream."""
        return {
            "form": self.form,
            "quantities": [one._asdict() for one in self.taken],
            "passed_over": self.passed,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """What is printed."""
        told = [self.form]
        for one in self.taken:
            gap = f", {one.missing_days} days without, at most {one.longest_gap} in a row" if one.missing_days else ""
            told.append(f"  {one.name}: {counted(one.readings, 'reading')}, {one.days} used, one a day{gap}")
        told += [f"  passed over, {reason}: {count}" for reason, count in self.passed.items()]
        return told + [f"  {note}" for note in self.notes]


def to_stream(
    found: DeviceFile, file: Path | str, twin: str | None, calendar: Calendar, vocabulary: Vocabulary
) -> WearableData:
    """A device's readings as lines of a stream: one of each quantity a day.

    Args:
        file: named in errors.
        twin: its id; a device's file does not say whose it is.
        calendar: with the date of day 0.
        vocabulary: of the twin's stream.

    Raises:
        DefinitionError: there is no id, no date of day 0, or no reading that can be used.
    """
    refuser = Refuser(file)
    if twin is None:
        refuser.refuse("file", "does not name the twin; give its id: --twin")
    if calendar.day_zero is None:
        refuser.refuse("file", "holds dates; give the date of the twin's day 0: --day-zero")
    zero = calendar.day_zero
    until = (date.today() - zero).days if calendar.today is None else calendar.today
    today = zero + min(max(until, 0), LAST_DAY) * DAY
    parameters = wearable_rules()
    passed = Counter(found.passed)
    useful = []
    for reading in found.readings:
        if reading.quantity not in USED:
            passed[NO_USE.format(NAMES[reading.quantity])] += 1
        else:
            useful.append(reading)
    sound = []
    for reading in without_clock_faults(useful, zero, today, parameters, passed):
        value = _value(reading, vocabulary, parameters)
        if value is None:
            passed[IMPOSSIBLE] += 1
        else:
            sound.append(reading._replace(value=value, unit=""))
    used = thinned(sound, today, parameters)
    if not used:
        reasons = ", ".join(f"{count} {reason}" for reason, count in passed.most_common() if count)
        refuser.refuse("file", f"has no reading that can be used{f' ({reasons})' if reasons else ''}")
    begin = datetime.combine(zero, time())
    lines = [HEADER, *(_line(reading, (reading.moment - begin) / DAY, vocabulary) for reading in used)]
    return WearableData(
        "".join(f"{line}\n" for line in lines).encode(),
        found.form,
        tuple(_account(sound, used, zero)),
        {reason: count for reason, count in sorted(passed.items()) if count},
        tuple(clock_notes(sound)),
    )


def _value(reading: DeviceReading, vocabulary: Vocabulary, parameters: ParameterSet) -> float | None:
    """The value in the twin's unit; None if it cannot be."""
    measure = vocabulary.measurements[_code(reading)]
    unit = reading.unit or _unit_by_index(reading, parameters)
    value = None if unit is None else measure.in_unit(reading.value, unit)
    return value if value is not None and measure.takes(value) else None


def _unit_by_index(reading: DeviceReading, parameters: ParameterSet) -> str | None:
    """Kilograms or pounds: that in which weight by body mass index is the square of an adult's height."""
    if reading.bmi <= 0.0:
        return None
    for unit in ("kg", "lb"):
        height = math.sqrt(max(float(convert(reading.value, unit, "kg")), 0.0) / reading.bmi)
        if parameters["shortest_adult_m"] <= height <= parameters["tallest_adult_m"]:
            return unit
    return None


def _code(reading: DeviceReading) -> str:
    return loinc_of(USED[reading.quantity]) or ""


def _line(reading: DeviceReading, days: float, vocabulary: Vocabulary) -> str:
    code, moment = _code(reading), math.floor(days * 1e6) / 1e6
    return f"{moment:.6f},{code},{reading.value:.9g},{vocabulary.measurements[code].unit},observation"


def _account(sound: list[DeviceReading], used: list[DeviceReading], zero: date) -> list[TakenQuantity]:
    found = []
    for quantity in USED:
        readings = sum(one.quantity == quantity for one in sound)
        days = [(one.moment.date() - zero).days for one in used if one.quantity == quantity]
        if readings:
            found.append(TakenQuantity(NAMES[quantity], readings, len(days), *gaps(days)))
    return found
