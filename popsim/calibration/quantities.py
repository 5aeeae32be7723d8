"""Quantities that targets may name: the table QUANTITIES says what each one is, and with which arguments.

Errors are Monte Carlo errors: by formula for a proportion, rate, mean or ratio of sums of independent people and for a
regression, for all others by leaving out each of 20 groups of people in turn (delete-group jackknife). The two groups
of a contrast are taken as independent; arms share their people, so that the error of their contrast is too large.
"""

from __future__ import annotations

from typing import cast

from popsim.calibration import after_discharge, event_quantities, people_quantities
from popsim.calibration.observed import Arms
from popsim.calibration.quantity import OfOneArm, OfTwoArms, Quantity, contrasted, in_unit
from popsim.definitions.target import Target
from popsim.statistics import Estimate

QUANTITIES: dict[str, Quantity] = (
    people_quantities.QUANTITIES | after_discharge.QUANTITIES | event_quantities.QUANTITIES
)


def is_contrast(target: Target) -> bool:
    """Whether a target compares two groups of people."""
    return QUANTITIES[target.quantity].contrast or target.contrast is not None


def measure(target: Target, arms: Arms) -> Estimate:
    """The simulated figure of a target with its Monte Carlo error, in the target's unit."""
    quantity = QUANTITIES[target.quantity]
    if quantity.contrast:
        return cast("OfTwoArms", quantity.measure)(arms, target)
    of_one = cast("OfOneArm", quantity.measure)
    own = in_unit(of_one(arms.own, target), target.unit)
    if target.contrast is None:
        return own
    return contrasted(target.contrast, own, in_unit(of_one(arms.comparator, target), target.unit))
