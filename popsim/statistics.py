"""Quantiles, intervals and estimates for every table.

Quantiles of the normal and of Student's t are two-sided: how many standard errors an interval of that confidence
extends on either side of its centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

CONFIDENCE = 0.95
Z_95 = 1.959963984540054  # standard errors from the middle of a normal 95% interval to its ends
ROUNDED_Z_95 = 1.96  # as papers print it; used for scores of forecasts


def normal_quantile(p: Floats | float) -> Floats:
    """Values of the standard normal distribution at the probabilities p."""
    from scipy.special import ndtri  # noqa: PLC0415 takes as long to import as all of popsim

    return np.asarray(ndtri(p))


def z_quantile(confidence: float = CONFIDENCE) -> float:
    """Two-sided quantile of the normal; the usual one without scipy."""
    return Z_95 if confidence == CONFIDENCE else float(normal_quantile(0.5 + confidence / 2))


def t_quantile(sample: float, confidence: float = CONFIDENCE) -> float:
    """Two-sided quantile of Student's t for the mean of `sample` values; NaN below two."""
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(sample - 1, 0.5 + confidence / 2)) if sample > 1 else math.nan


def lognormal_parameters(mean: float, sd: float) -> tuple[float, float]:
    """Mean and sd of the logarithm of a lognormal variable whose own mean and sd are these."""
    variance = math.log1p((sd / mean) ** 2)
    return math.log(mean) - variance / 2.0, math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its standard error and its 95% interval; NaN where they cannot be estimated.

    Attributes:
        value: the figure: a mean, a share, a ratio.
        standard_error: of the value, on its own scale.
        sample: number of independent values of which it is the mean, for a Student's t interval; None: normal.
    """

    value: float = math.nan
    standard_error: float = math.nan
    sample: int | None = None

    @classmethod
    def of(cls, values: Floats) -> Estimate:
        """The mean of independent values."""
        size = len(values)
        error = float(values.std(ddof=1)) / math.sqrt(size) if size > 1 else math.nan
        return cls(float(values.mean()) if size else math.nan, error, size)

    @property
    def reach(self) -> float:
        """Half the width of the interval."""
        return (ROUNDED_Z_95 if self.sample is None else t_quantile(self.sample)) * self.standard_error

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.reach

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.reach


def wilson(share: Floats, number: NDArray[np.int64] | Floats) -> tuple[Floats, Floats]:
    """The 95% interval of a share of `number` persons, by inverting the score test."""
    z2 = ROUNDED_Z_95**2
    middle = (share + z2 / (2 * number)) / (1 + z2 / number)
    reach = ROUNDED_Z_95 * np.sqrt(share * (1 - share) / number + z2 / (4 * number**2)) / (1 + z2 / number)
    return np.asarray(middle - reach), np.asarray(middle + reach)


def central_interval(values: Floats, confidence: float = CONFIDENCE) -> tuple[float | None, float | None]:
    """Central interval of a sample, whose i-th of n values is its i / (n + 1) quantile; None where it lies outside."""
    tail = (1.0 - confidence) / 2.0
    if tail * (len(values) + 1) < 1.0 - 1e-9:
        return None, None
    low, high = np.quantile(values, (tail, 1.0 - tail), method="weibull")
    return float(low), float(high)


def weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], q: float) -> NDArray[np.float64]:
    """Weighted quantile of each row, interpolated linearly.

    The k-th of n values with equal weights is the quantile k / (n + 1): an outcome drawn like the members lies below
    the quantile q with probability q, for any number of members (as far as 1 / (n + 1) <= q).

    Args:
        values, weights: (rows, members); weights of a row sum to one.
        q: 0 to 1.
    """
    rows, members = np.arange(len(values)), values.shape[1]
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1) * (members / (members + 1))
    above = np.clip((reached < q).sum(axis=1), 1, members - 1)
    low, high = reached[rows, above - 1], reached[rows, above]
    share = np.clip((q - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
    smaller, larger = values[rows, order[rows, above - 1]], values[rows, order[rows, above]]
    return np.asarray(smaller + share * (larger - smaller))


def smallest_quantiles(
    values: NDArray[np.floating[Any]], weights: NDArray[np.float64], quantiles: Sequence[float]
) -> NDArray[np.float64]:
    """The smallest value of each row that has at least this share of the weight below or at it, (rows, quantiles).

    It is always a member's value: unlike `weighted_quantile`, it never reaches towards members of hardly any weight
    (those who will have died).

    Args:
        values, weights: (rows, members); weights of a row sum to one.
        quantiles: 0 to 1 each.
    """
    order = np.argsort(values, axis=1)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    last = values.shape[1] - 1
    place = np.stack([np.minimum((reached < q - 1e-12).sum(axis=1), last) for q in quantiles], axis=1)
    return np.asarray(np.take_along_axis(values, np.take_along_axis(order, place, axis=1), axis=1), np.float64)
