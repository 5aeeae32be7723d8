"""Whether the distribution of an uncertain parameter fits its value and its bounds."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from popsim.definitions import distributions as given
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError
from popsim.evidence.distributions import Distribution, family

MAX_OUTSIDE = 1e-9  # probability of a value outside the parameter's bounds
FAR_OUT = 0.0005  # a value beyond this quantile of its own distribution, on either side, is refused as a mistake
NARROW = 2.0 / 3.0  # standard error of a narrow beta or gamma over the distance from its mean to the nearer end
MIN_ERROR = 1e-5  # of a beta, and of a gamma over its mean: fits end soon below
MIN_EXPONENT = 21.0  # of a tail below MAX_OUTSIDE: exp(-21) is 8e-10


def plainly_sound(record: Parameter) -> bool:
    """Whether moments alone show that a distribution exists, has the value in its middle and keeps within bounds.

    They do for a beta or gamma that is narrow beside the distance of its mean from 0 (and 1): no special function, and
    no fit of shapes, is needed to accept it. The standard error by an interval is that of a normal.
    """
    uncertainty, value, high = record.uncertainty, record.value, record.high
    if not isinstance(uncertainty, given.Beta | given.Gamma) or record.low > 0.0:
        return False
    error, mean = uncertainty.standard_error, value if uncertainty.mean is None else uncertainty.mean
    if uncertainty.low is not None and uncertainty.high is not None:
        end = 1.0 if isinstance(uncertainty, given.Beta) else math.inf
        if not 0.0 <= uncertainty.low < mean < uncertainty.high <= end:
            return False
        error = (uncertainty.high - uncertainty.low) / (2.0 * NormalDist().inv_cdf(0.5 + uncertainty.coverage / 2.0))
    if error is None or mean <= 0.0 or not abs(value - mean) <= error:
        return False
    if isinstance(uncertainty, given.Beta):
        return high >= 1.0 and MIN_ERROR < error < NARROW * min(mean, 1.0 - mean)
    tail = (mean / error) ** 2 * (high / mean - 1.0 - math.log(high / mean)) if high > mean else 0.0  # Chernoff's bound
    return MIN_ERROR * mean < error < NARROW * mean and tail > MIN_EXPONENT


def check_support(name: str, record: Parameter, distribution: Distribution, file: object) -> None:
    """Refuse a distribution that may exceed the parameter's bounds, or under which its value is all but impossible."""
    key = f"{name}.uncertainty"
    kind = family(distribution)
    outside = distribution.outside(record.low, record.high)
    if outside >= MAX_OUTSIDE:
        allowed = f"this {kind} lies outside [{record.low:g}, {record.high:g}] with probability {outside:.2g}: "
        raise DefinitionError(file, key, None, allowed + _advice(kind, record))
    above, below = distribution.outside(-math.inf, record.value), distribution.outside(record.value, math.inf)
    if max(above, below) > 1.0 - FAR_OUT:
        low, high = distribution.quantile(np.array([FAR_OUT, 1.0 - FAR_OUT]))
        allowed = f"the value {record.value:g} is far out in this {kind} (99.9% of it lies in {low:.6g} to {high:.6g})"
        raise DefinitionError(file, key, None, allowed)


def _advice(kind: str, record: Parameter) -> str:
    if record.high == 1.0 and kind not in ("beta", "uniform", "empirical"):
        return "use beta"
    if record.low >= 0.0 and record.high > 1.0 and kind == "normal":
        return "use lognormal or gamma, or a smaller standard error"
    return "make it narrower"
