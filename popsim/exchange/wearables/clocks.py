"""Faults of a device's clock: readings whose stamps went back, are doubled, too early or in the future."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from popsim.evidence.parameters import ParameterSet
from popsim.exchange.wearables.readings import DeviceReading

BACK = "out of order by more than a day, so of a wrong clock"
EARLY = "before the twin's start"
FUTURE = "in the future"
DOUBLE = "there twice"
CONTRADICTING = "of the same device and time as another, with another value"


def without_clock_faults(
    readings: Iterable[DeviceReading], first: date, last: date, parameters: ParameterSet, passed: Counter[str]
) -> list[DeviceReading]:
    """Readings with stamps that can be believed, by time.

    Args:
        first: day 0 of the twin.
        last: today.
        parameters: the set wearables.
        passed: counts what is passed over, by reason.
    """
    series: defaultdict[tuple[str, int], list[DeviceReading]] = defaultdict(list)
    for reading in readings:
        series[reading.quantity, reading.source].append(reading)
    kept: list[DeviceReading] = []
    for mine in series.values():
        believed = _in_order(mine, parameters)
        passed[BACK] += len(mine) - len(believed)
        seen: dict[tuple[datetime, int | None], float] = {}
        for reading in believed:
            stamp = reading.moment, reading.offset
            if reading.moment.date() < first:
                passed[EARLY] += 1
            elif reading.moment.date() > last:
                passed[FUTURE] += 1
            elif stamp in seen:
                passed[DOUBLE if seen[stamp] == reading.value else CONTRADICTING] += 1
            else:
                seen[stamp] = reading.value
                kept.append(reading)
    return sorted(kept, key=lambda one: (one.moment, one.quantity, one.source))


def _in_order(readings: Sequence[DeviceReading], parameters: ParameterSet) -> list[DeviceReading]:
    """Readings but those that lie far before what came earlier, or far after what came later, in a file that is sorted.

    The readings to believe are the longest run of stamps that never go back. A file may be sorted the newest first.
    """
    stamps = [one.moment for one in readings]
    back = sum(later < earlier for earlier, later in pairwise(stamps))
    on = sum(later > earlier for earlier, later in pairwise(stamps))
    ordered = list(readings) if on >= back else list(reversed(readings))
    stamps = [one.moment for one in ordered]
    far = timedelta(days=parameters["backward_days"])
    if min(back, on) > parameters["out_of_order_share"] * len(readings):
        return ordered
    if not any(earlier - later > far for earlier, later in pairwise(stamps)):
        return ordered
    sound = _longest_run(stamps)
    highest, before = datetime.min, []
    for place, stamp in enumerate(stamps):
        highest = max(highest, stamp) if place in sound else highest
        before.append(highest)
    lowest, after = datetime.max, []
    for place in range(len(stamps) - 1, -1, -1):
        lowest = min(lowest, stamps[place]) if place in sound else lowest
        after.append(lowest)
    after.reverse()
    return [
        one
        for place, one in enumerate(ordered)
        if place in sound or (before[place] - one.moment <= far and one.moment - after[place] <= far)
    ]


def _longest_run(stamps: Sequence[datetime]) -> set[int]:
    """Places of the longest subsequence that never goes back (patience sorting)."""
    ends: list[datetime] = []
    places: list[int] = []
    earlier: list[int] = []
    for place, stamp in enumerate(stamps):
        pile = bisect_right(ends, stamp)
        earlier.append(places[pile - 1] if pile else -1)
        ends[pile : pile + 1], places[pile : pile + 1] = [stamp], [place]
    found, place = set(), places[-1] if places else -1
    while place >= 0:
        found.add(place)
        place = earlier[place]
    return found


def clock_notes(readings: Sequence[DeviceReading]) -> list[str]:
    """What is worth knowing of the clocks: changes of the offset from UTC, and times with and without one."""
    series: defaultdict[int, list[DeviceReading]] = defaultdict(list)
    for reading in readings:
        series[reading.source].append(reading)
    changes = sum(
        earlier.offset != later.offset
        for mine in series.values()
        for earlier, later in pairwise(one for one in mine if one.offset is not None)
    )
    notes = []
    if changes:
        times = "once" if changes == 1 else f"{changes} times"
        notes.append(f"the offset from UTC changed {times} (summer time, journeys); days are those of the local clock")
    offsets = [one.offset is not None for one in readings]
    if any(offsets) and not all(offsets):
        notes.append("some times have an offset from UTC and some have none; all are taken as local time")
    return notes


def gaps(days: Iterable[int]) -> tuple[int, int]:
    """Days without a reading between the first and the last, and the longest run of them."""
    ordered = sorted(set(days))
    missing = [later - earlier - 1 for earlier, later in pairwise(ordered)]
    return sum(missing), max(missing, default=0)
