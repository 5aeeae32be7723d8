"""From the readings of a day to the one that a belief uses.

A belief takes each reading as a new look at the person. Minutes of a watch are no new looks, so each quantity keeps one
reading a day, always one that was taken:

- weight, pressure, pulse taken by hand: the middle one of the day's first sitting;
- a watch's own resting heart rate: the day's last;
- a watch's heart rate (many readings a day): the nearest-rank tenth percentile of a whole day; of the last day of a
  file, which may not be whole, none.

A resting heart rate comes before any other. Constants: evidence/thinning/wearables.toml.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from popsim.evidence.parameters import ParameterSet
from popsim.exchange.wearables.quantities import PULSE, RESTING, USED
from popsim.exchange.wearables.readings import DeviceReading

type OfDay = dict[date, list[DeviceReading]]


def thinned(readings: Sequence[DeviceReading], today: date, parameters: ParameterSet) -> list[DeviceReading]:
    """One reading of each quantity a day, by time.

    Args:
        readings: sound ones, by time.
        today: a day before it is whole.
        parameters: the set wearables.
    """
    days: defaultdict[str, defaultdict[date, list[DeviceReading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        if reading.quantity in USED:
            days[reading.quantity][reading.moment.date()].append(reading)
    newest = max((reading.moment.date() for reading in readings), default=today)
    chosen: dict[tuple[str, date], DeviceReading] = {}
    for quantity, of_day in days.items():
        for day, mine in of_day.items():
            if quantity == RESTING:
                best: DeviceReading | None = mine[-1]
            elif quantity == PULSE and day in days.get(RESTING, {}):
                continue
            elif quantity == PULSE and len(mine) >= parameters["continuous_from_per_day"]:
                best = _at_rest(mine, parameters) if day < max(newest, today) else None
            else:
                best = _first_sitting(mine, parameters)
            if best is not None:
                chosen[USED[quantity], day] = best
    return sorted(chosen.values(), key=lambda one: (one.moment, one.quantity))


def _first_sitting(readings: Sequence[DeviceReading], parameters: ParameterSet) -> DeviceReading:
    """The middle reading, by value, of those soon after the day's first; of two in the middle the lower."""
    until = readings[0].moment + timedelta(minutes=parameters["sitting_minutes"])
    sitting = sorted((one for one in readings if one.moment <= until), key=lambda one: one.value)
    return sitting[(len(sitting) - 1) // 2]


def _at_rest(readings: Sequence[DeviceReading], parameters: ParameterSet) -> DeviceReading:
    """The nearest-rank percentile of the day."""
    ranked = sorted(readings, key=lambda one: (one.value, one.moment))
    return ranked[max(math.ceil(parameters["resting_share"] * len(ranked)) - 1, 0)]
