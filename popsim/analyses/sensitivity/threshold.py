"""Threshold analysis: the value of a parameter at which a decision changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from popsim.analyses.contrast import Contrast, at_draw, estimate
from popsim.analyses.sensitivity.design import Evaluate
from popsim.analyses.sensitivity.parameters import Varied
from popsim.statistics import Estimate

POINTS = 4  # values evaluated at a time, so that several processes have work
MAX_ROUNDS = 12
MIN_STEP_SHARE = 1e-4  # of the range
MAX_ERROR_SHARE = 0.1  # of the Monte Carlo error of the crossing


@dataclass(frozen=True, slots=True)
class Threshold:
    """The value at which a contrast crosses its target.

    Attributes:
        parameter: varied.
        contrast: that crosses the target.
        value: of the parameter at the crossing; NaN where there is none within the range.
        standard_error: of `value`, from the Monte Carlo error of the contrast there and its slope.
        at_low, at_high: the contrast at the ends of the range.
        tried: value, outcome, standard_error of all simulated points.
    """

    parameter: Varied
    contrast: Contrast
    value: float
    standard_error: float
    at_low: Estimate
    at_high: Estimate
    tried: pl.DataFrame


def threshold(parameter: Varied, contrast: Contrast, evaluate: Evaluate, target: float = 0.0) -> Threshold:
    """Search a parameter's range for the value at which a contrast equals `target`.

    The range is divided into equal steps repeatedly around the first change of sign, until it is narrower than a tenth
    of the Monte Carlo error of the crossing, or a ten-thousandth of the whole. All points share random numbers.
    """
    found: dict[float, Estimate] = {}
    low, high = parameter.low, parameter.high
    crossing, error = math.nan, math.nan
    for _ in range(MAX_ROUNDS):
        values = [*(low + (high - low) * index / (POINTS - 1) for index in range(POINTS - 1)), high]
        _try([value for value in values if value not in found], parameter, contrast, evaluate, found)
        turn = next(((a, b) for a, b in pairwise(values) if _crosses(found[a], found[b], target)), None)
        if turn is None:
            break
        low, high = turn
        slope = (found[high].value - found[low].value) / (high - low)
        if slope == 0.0:  # the contrast equals its target everywhere
            crossing, error = low, math.nan
            break
        crossing = low + (target - found[low].value) / slope
        error = max(found[low].standard_error, found[high].standard_error) / abs(slope)
        if high - low < max(MAX_ERROR_SHARE * np.nan_to_num(error), MIN_STEP_SHARE * (parameter.high - parameter.low)):
            break
    rows = [(value, figure.value, figure.standard_error) for value, figure in sorted(found.items())]
    tried = pl.DataFrame(rows, ["value", "outcome", "standard_error"], orient="row")
    ends = (found[parameter.low], found[parameter.high])
    return Threshold(parameter, contrast, crossing, error, *ends, tried.with_columns(pl.col(pl.Float64).fill_nan(None)))


def _try(
    values: list[float], parameter: Varied, contrast: Contrast, evaluate: Evaluate, found: dict[float, Estimate]
) -> None:
    """Add the contrast at these values to the results."""
    seen = contrast.values(evaluate([parameter.name], np.array(values)[:, np.newaxis]))
    found.update({value: estimate(at_draw(seen, row)["value"]) for row, value in enumerate(values, start=1)})


def _crosses(a: Estimate, b: Estimate, target: float) -> bool:
    return (a.value - target) * (b.value - target) <= 0.0
