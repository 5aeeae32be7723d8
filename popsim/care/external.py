"""External patients of a network as the event loop reads them: their sources, and who is there on the first morning."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.care.network import CareNetwork
from popsim.definitions.arrivals import DAYS_OF_MONTHS, HOURS_A_DAY, WEEKDAYS
from popsim.errors import DefinitionError
from popsim.kernels.care import records
from popsim.kernels.numerics.distributions import quantiles
from popsim.units import DAYS_PER_YEAR

HALVINGS = 54  # of the probabilities between which that of a duration lies


def compile_sources(network: CareNetwork) -> NDArray[np.void]:
    """The sources as a table, each at its first patient."""
    rows = np.zeros(len(network.arrivals), records.SOURCE)
    for row, source in zip(rows, network.arrivals, strict=True):
        row["per_day"], row["to"], row["level"] = source.per_day, network.index(source.to), source.priority - 1
        row["patient_class"] = network.class_index(source.patient_class)
        row["varies"], row["growth"] = source.varies, math.log1p(source.growth_per_year) / DAYS_PER_YEAR
        row["by_hour"] = relative(source.by_hour, [1] * HOURS_A_DAY)
        row["by_weekday"] = relative(source.by_weekday, [1] * len(WEEKDAYS))
        row["by_day_of_year"] = np.repeat(relative(source.by_month, DAYS_OF_MONTHS), DAYS_OF_MONTHS)
    return rows


def relative(weights: Sequence[float], lengths: Sequence[int]) -> NDArray[np.float64]:
    """Weights of periods of these lengths relative to their mean over time; 1 where there are none."""
    factors = np.array(weights or [1.0] * len(lengths))
    return np.asarray(factors / np.average(factors, weights=lengths))


def first_day(network: CareNetwork) -> tuple[int, int]:
    """Day 0 of a network: its day of the week (0 is Monday) and of a year of 365 days (0 is 1 January)."""
    date = datetime.date.fromisoformat(network.definition.starts_on)
    return date.weekday(), sum(DAYS_OF_MONTHS[: date.month - 1]) + min(date.day, DAYS_OF_MONTHS[date.month - 1]) - 1


def compile_census(network: CareNetwork, arrays: records.Arrays) -> NDArray[np.void]:
    """The census as a table; who has waited longest comes first.

    Raises:
        DefinitionError: a row has been there for longer than any stay, or has waited for longer than anybody waits.
    """
    given = sorted(enumerate(network.definition.census), key=lambda item: -item[1].days)
    rows = np.zeros(len(given), records.CENSUS)
    for row, (number, entry) in zip(rows, given, strict=True):
        setting, patient_class = network.index(entry.setting), network.class_index(entry.patient_class)
        waits = entry.state == "waiting"
        of_class = int(arrays.stays_of_classes[setting, patient_class]["stay"])
        stay = of_class if of_class >= 0 else int(arrays.settings[setting]["stay_external"])
        passed = _passed(arrays, int(arrays.settings[setting]["patience"]) if waits else stay, entry.days)
        if passed >= 1.0 and entry.number > 0:
            longest = "anybody waits" if waits else "any stay there lasts"
            raise DefinitionError(network.file, f"census.{number}.days", entry.days, f"must be less than {longest}")
        row["setting"], row["waits"], row["patient_class"] = setting, waits, patient_class
        row["number"], row["days"], row["passed"], row["level"] = entry.number, entry.days, passed, entry.priority - 1
    return rows


def _passed(arrays: records.Arrays, distribution: int, days: float) -> float:
    """Probability of a duration of at most so many days; 0 of one that has no end."""
    if distribution < 0 or days == 0.0:
        return 0.0
    pieces = arrays.pieces[slice(*arrays.distributions[distribution].tolist())]
    low, high, found = 0.0, 1.0, np.empty(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        quantiles(pieces, np.array([middle]), found)
        low, high = (middle, high) if found[0] <= days else (low, middle)
    return high if high == 1.0 else low
