"""What a quantity is: its figure in one group of people or in two, its units, and the arguments that complete it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.calibration.endpoints import ENDPOINTS, Endpoint
from popsim.calibration.observed import Arms, Floats, ObservedArm
from popsim.definitions.target import PERSON_YEARS_OF_UNIT, Target
from popsim.statistics import Estimate

GROUPS = 20
NO_END = 36_525.0

type OfOneArm = Callable[[ObservedArm, Target], Estimate]
type OfTwoArms = Callable[[Arms, Target], Estimate]
type Statistic = Callable[[Floats], float]

PROPORTION, RATIO, DAYS, YEARS, ANY_UNIT = ("proportion",), ("ratio",), ("days",), ("years",), ()
# Units of rates and counts, and how many of each are one per 100 person-years, or one per person.
RATES = {unit: years / 100.0 for unit, years in PERSON_YEARS_OF_UNIT.items()}
COUNTS = {"per person": 1.0, "per 100 persons": 100.0}
FACTORS = RATES | COUNTS
WINDOW = ("days", "from_day")  # of observation: from day `from_day`, until day `days`
STATISTICS: dict[str, tuple[str, Statistic]] = {
    "mean": ("Mean", np.mean),
    "median": ("Median", np.median),
    "lower_quartile": ("Lower quartile", partial(np.quantile, q=0.25)),
    "upper_quartile": ("Upper quartile", partial(np.quantile, q=0.75)),
}


class Quantity(NamedTuple):
    """A quantity.

    Attributes:
        meaning: what it is, with the arguments by which a target completes it.
        measure: its figure in one arm; or, of a contrast, in two.
        units: allowed in targets; any when empty.
        needs, takes: arguments that a target must give, and those that it may.
        contrast: whether it compares two arms.
    """

    meaning: str
    measure: OfOneArm | OfTwoArms
    units: tuple[str, ...] = PROPORTION
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    contrast: bool = False


def contrasted(kind: str, own: Estimate, other: Estimate) -> Estimate:
    """The difference, ratio or odds ratio of two independent figures."""
    a, b = own.value, other.value
    errors = own.standard_error, other.standard_error
    if kind == "difference":
        return Estimate(a - b, math.hypot(*errors))
    if not (a and b):
        return Estimate()
    if kind == "ratio":
        return Estimate(a / b, a / b * math.hypot(errors[0] / a, errors[1] / b))
    odds = a / (1.0 - a) / (b / (1.0 - b))
    return Estimate(odds, odds * math.hypot(errors[0] / (a * (1.0 - a)), errors[1] / (b * (1.0 - b))))


def jackknifed(figure: Callable[[ObservedArm, Target], float]) -> OfOneArm:
    """A quantity without a formula for its error."""

    def quantity(seen: ObservedArm, target: Target) -> Estimate:
        whole = figure(seen, target)
        group = pl.col("key") % GROUPS
        parts = np.array([figure(seen.only(group != number), target) for number in range(GROUPS)])
        error = math.sqrt((GROUPS - 1) / GROUPS * float(((parts - parts.mean()) ** 2).sum()))
        return Estimate(whole, error)

    return quantity


def in_unit(found: Estimate, unit: str) -> Estimate:
    """A figure per 100 person-years, per person or in the quantity's only unit, in a unit of a target."""
    factor = FACTORS.get(unit, 1.0)
    return Estimate(found.value * factor, found.standard_error * factor)


def endpoint_of(target: Target) -> Endpoint:
    """The endpoint that a target names."""
    return ENDPOINTS[str(target.endpoint)]


def column_of(seen: ObservedArm, target: Target) -> Floats:
    """The target's column at entry, or its logarithm."""
    values: Floats = seen.persons[str(target.column)].cast(pl.Float64).to_numpy()
    with np.errstate(divide="ignore"):
        return {"log": np.log, "log2": np.log2}.get(target.transform or "", np.asarray)(values)


def last_day(target: Target) -> float:
    """The day on which the observation of a target ends at the latest."""
    return float(target.days) if target.days is not None else NO_END
