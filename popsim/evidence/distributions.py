"""Distributions of uncertain parameters: quantiles, tail probabilities, and the fit to the figures of a file.

Given a mean and a standard error, the distribution has exactly these moments. Given an interval (`low`, `high`,
`coverage`), it has exactly the mean, and its central interval of that coverage is as wide as the given one:

    normal       standard error = (high - low) / (2 z)
    lognormal    as wide on the logarithmic scale: sdlog = log(high / low) / (2 z), meanlog = log(mean) - sdlog^2 / 2
    beta, gamma  the standard error for which quantile((1 + coverage) / 2) - quantile((1 - coverage) / 2) = high - low,
                 found numerically; the smaller one if there are two

with z the standard normal quantile of (1 + coverage) / 2. The ends of the fitted interval may differ from the given
ones, depending on mean, width and family: `popsim parameters` shows them.

Values are drawn by the quantile function of `popsim.kernels.numerics.distributions`, except for beta and gamma: there
scipy.special's serves, because a beta has none there and the gamma of stays is for shapes from 0.04 to 1e4 only, while
the shape of a parameter's gamma is that of its precision. Moments and tail probabilities are closed forms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from popsim.definitions import distributions as given
from popsim.kernels.numerics.distributions import (
    LOGNORMAL,
    NORMAL,
    Piece,
    joined,
    quantiles,
    uniform_piece,
    value_piece,
)  # fmt: skip
from popsim.statistics import lognormal_parameters, z_quantile

type Floats = NDArray[np.float64]

HALVINGS = 100  # of the bracket of a fitted spread; it is as narrow as doubles allow after some 60
MAX_CV = 1.0  # of a fitted gamma: beyond it, a wider interval would soon mean a smaller spread
CONCENTRATIONS = tuple(10.0**i for i in range(-2, 13))  # brackets of a fitted beta's alpha + beta


class Distribution(Protocol):
    """The distribution of an uncertain parameter."""

    @property
    def mean(self) -> float:
        """Expectation, in the parameter's unit."""

    @property
    def standard_error(self) -> float:
        """Standard deviation, in the parameter's unit."""

    def quantile(self, p: Floats) -> Floats:
        """Values at the probabilities p, each strictly between 0 and 1."""

    def outside(self, low: float, high: float) -> float:
        """Probability of lying below `low` or above `high`."""


class _Piecewise:
    """Drawn by the quantile function that people's columns and lengths of stay share."""

    def _pieces(self) -> list[Piece]:
        raise NotImplementedError

    def quantile(self, p: Floats) -> Floats:
        """Values at the probabilities p."""
        out = np.empty(p.shape)
        quantiles(joined(self._pieces()), np.ascontiguousarray(p), out)
        return out


@dataclass(frozen=True)
class BetaDistribution:
    """Beta with shapes alpha and beta."""

    alpha: float
    beta: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> BetaDistribution:
        """By moments."""
        if not 0.0 < mean < 1.0:
            raise ValueError(f"a beta needs a mean between 0 and 1, not {mean:g}")
        largest = math.sqrt(mean * (1.0 - mean))
        if standard_error >= largest:
            raise ValueError(
                f"standard error {standard_error:g}: a beta with mean {mean:g} has less than {largest:.4g}"
            )
        together = (largest / standard_error) ** 2 - 1.0
        return cls(mean * together, (1.0 - mean) * together)

    @property
    def mean(self) -> float:
        """Expectation."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def standard_error(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.mean * (1.0 - self.mean) / (self.alpha + self.beta + 1.0))

    def quantile(self, p: Floats) -> Floats:
        """Values at the probabilities p."""
        return np.asarray(_special().betaincinv(self.alpha, self.beta, p))

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        below = _special().betainc(self.alpha, self.beta, min(max(low, 0.0), 1.0))
        return float(below + _special().betaincc(self.alpha, self.beta, min(max(high, 0.0), 1.0)))


@dataclass(frozen=True)
class GammaDistribution:
    """Gamma with shape and scale."""

    shape: float
    scale: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> GammaDistribution:
        """By moments."""
        if mean <= 0.0:
            raise ValueError(f"a gamma needs a mean above 0, not {mean:g}")
        return cls((mean / standard_error) ** 2, standard_error**2 / mean)

    @property
    def mean(self) -> float:
        """Expectation."""
        return self.shape * self.scale

    @property
    def standard_error(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.shape) * self.scale

    def quantile(self, p: Floats) -> Floats:
        """Values at the probabilities p."""
        return np.asarray(_special().gammaincinv(self.shape, p) * self.scale)

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        below, above = max(low, 0.0) / self.scale, max(high, 0.0) / self.scale
        return float(_special().gammainc(self.shape, below) + _special().gammaincc(self.shape, above))


@dataclass(frozen=True)
class LognormalDistribution(_Piecewise):
    """Lognormal by mean and sd of the natural logarithm."""

    meanlog: float
    sdlog: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> LognormalDistribution:
        """From the moments of the value, not of its logarithm."""
        if mean <= 0.0:
            raise ValueError(f"a lognormal needs a mean above 0, not {mean:g}")
        return cls(*lognormal_parameters(mean, standard_error))

    @property
    def mean(self) -> float:
        """Expectation."""
        return math.exp(self.meanlog + self.sdlog**2 / 2.0)

    @property
    def standard_error(self) -> float:
        """Standard deviation."""
        return self.mean * math.sqrt(math.expm1(self.sdlog**2))

    def _pieces(self) -> list[Piece]:
        return [Piece(1.0, LOGNORMAL, self.meanlog, self.sdlog)]

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        below = _normal_cdf((math.log(low) - self.meanlog) / self.sdlog) if low > 0.0 else 0.0
        above = _normal_cdf((self.meanlog - math.log(high)) / self.sdlog) if high > 0.0 else 1.0
        return below + above


@dataclass(frozen=True)
class NormalDistribution(_Piecewise):
    """Normal by mean and standard error."""

    mean: float
    standard_error: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> NormalDistribution:
        """By moments, which are its own parameters."""
        return cls(mean, standard_error)

    def _pieces(self) -> list[Piece]:
        return [Piece(1.0, NORMAL, self.mean, self.standard_error)]

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        below, above = (low - self.mean) / self.standard_error, (self.mean - high) / self.standard_error
        return _normal_cdf(below) + _normal_cdf(above)


@dataclass(frozen=True)
class UniformDistribution(_Piecewise):
    """Uniform between its ends."""

    low: float
    high: float

    @classmethod
    def of(cls, mean: float, standard_error: float) -> UniformDistribution:
        """By moments."""
        half = math.sqrt(3.0) * standard_error
        return cls(mean - half, mean + half)

    @property
    def mean(self) -> float:
        """Expectation."""
        return (self.low + self.high) / 2.0

    @property
    def standard_error(self) -> float:
        """Standard deviation."""
        return (self.high - self.low) / math.sqrt(12.0)

    def _pieces(self) -> list[Piece]:
        return [uniform_piece(1.0, self.low, self.high)]

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        inside = min(max(high, self.low), self.high) - max(min(low, self.high), self.low)
        return 1.0 - inside / (self.high - self.low)


@dataclass(frozen=True)
class EmpiricalDistribution(_Piecewise):
    """A discrete distribution on values in ascending order; `shares` sum to 1."""

    values: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Expectation."""
        return math.fsum(value * share for value, share in zip(self.values, self.shares, strict=True))

    @property
    def standard_error(self) -> float:
        """Standard deviation."""
        pairs = zip(self.values, self.shares, strict=True)
        return math.sqrt(math.fsum((value - self.mean) ** 2 * share for value, share in pairs))

    def _pieces(self) -> list[Piece]:
        return [value_piece(share, value) for value, share in zip(self.values, self.shares, strict=True)]

    def outside(self, low: float, high: float) -> float:
        """Probability of lying outside [low, high]."""
        pairs = zip(self.values, self.shares, strict=True)
        return math.fsum(share for value, share in pairs if not low <= value <= high)


def _special() -> Any:
    """scipy.special, which takes as long to import as all of popsim."""
    from scipy import special  # noqa: PLC0415

    return special


def _normal_cdf(x: float) -> float:
    """Standard normal distribution function, without scipy."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def family(distribution: Distribution) -> str:
    """The name of the family in files."""
    return type(distribution).__name__.removesuffix("Distribution").lower()


type ByMoments = BetaDistribution | GammaDistribution | LognormalDistribution | NormalDistribution | UniformDistribution

FAMILIES: dict[str, type[ByMoments]] = {
    "beta": BetaDistribution,
    "gamma": GammaDistribution,
    "lognormal": LognormalDistribution,
    "normal": NormalDistribution,
    "uniform": UniformDistribution,
}


def distribution_of(uncertainty: given.Uncertainty, value: float) -> Distribution:
    """The distribution that a file describes for a parameter with this value, unless it is fixed.

    Raises:
        ValueError: no such distribution exists; the message says what is possible.
    """
    assert not isinstance(uncertainty, given.Fixed)
    if isinstance(uncertainty, given.Empirical):
        rising = sorted(zip(uncertainty.values, uncertainty.shares, strict=True))
        return EmpiricalDistribution(tuple(value for value, _ in rising), tuple(share for _, share in rising))
    made = FAMILIES[uncertainty.distribution]
    native: list[Any] = [getattr(uncertainty, field.name, None) for field in fields(made)]
    if None not in native:
        return made(*native)
    mean = value if uncertainty.mean is None else uncertainty.mean
    if uncertainty.standard_error is not None:
        return made.of(mean, uncertainty.standard_error)
    assert not isinstance(uncertainty, given.Uniform)  # its interval is native
    return _by_interval(uncertainty, mean)


def _by_interval(uncertainty: given.Beta | given.Gamma | given.Lognormal | given.Normal, mean: float) -> Distribution:
    """The distribution with this mean and a central interval as wide as the given one."""
    low, high = float(uncertainty.low or 0.0), float(uncertainty.high or 0.0)
    if not low < mean < high:
        raise ValueError(f"the mean {mean:g} must lie between low = {low:g} and high = {high:g}")
    z = z_quantile(uncertainty.coverage)
    if isinstance(uncertainty, given.Normal):
        return NormalDistribution(mean, (high - low) / (2.0 * z))
    if low < 0.0 or (low == 0.0 and isinstance(uncertainty, given.Lognormal)):
        raise ValueError(f"low = {low:g}: a {uncertainty.distribution} lies above 0")
    if isinstance(uncertainty, given.Lognormal):
        sdlog = math.log(high / low) / (2.0 * z)
        return LognormalDistribution(math.log(mean) - sdlog**2 / 2.0, sdlog)
    tails = np.array([(1.0 - uncertainty.coverage) / 2.0, (1.0 + uncertainty.coverage) / 2.0])
    if isinstance(uncertainty, given.Beta):
        return _beta_as_wide(mean, high - low, tails)
    return _gamma_as_wide(mean, high - low, tails)


def _beta_as_wide(mean: float, width: float, tails: Floats) -> BetaDistribution:
    """The beta with this mean whose quantiles at `tails` are `width` apart.

    The width falls with alpha + beta, except where they are so small that both quantiles are near the same end.
    """

    def with_log(together: float) -> BetaDistribution:
        return BetaDistribution(mean * math.exp(together), (1.0 - mean) * math.exp(together))

    def excess(together: float) -> float:
        return float(np.diff(with_log(together).quantile(tails))[0]) - width

    *starts, end = map(math.log, CONCENTRATIONS)
    possible = 0.0 < mean < 1.0 and excess(end) <= 0.0
    start = next((start for start in starts if excess(start) >= 0.0), None) if possible else None
    if start is None:
        raise ValueError(f"no beta with mean {mean:g} has an interval {width:g} wide")
    return with_log(_root(excess, start, end))


def _gamma_as_wide(mean: float, width: float, tails: Floats) -> GammaDistribution:
    """The gamma with this mean whose quantiles at `tails` are `width` apart."""

    def excess(log_cv: float) -> float:
        return float(np.diff(GammaDistribution.of(mean, mean * math.exp(log_cv)).quantile(tails))[0]) - width

    ends = math.log(1e-6), math.log(MAX_CV)
    if excess(ends[0]) > 0.0 or excess(ends[1]) < 0.0:
        widest = excess(ends[1]) + width
        raise ValueError(f"an interval {width:g} wide is too wide for a gamma with mean {mean:g} (up to {widest:.4g})")
    return GammaDistribution.of(mean, mean * math.exp(_root(excess, *ends)))


def _root(excess: Callable[[float], float], a: float, b: float) -> float:
    """Where `excess` changes its sign between a and b, by bisection: scipy.optimize would double the start-up time."""
    rises = excess(b) > 0.0
    for _ in range(HALVINGS):
        middle = (a + b) / 2.0
        if middle in (a, b):
            break
        a, b = (a, middle) if (excess(middle) > 0.0) == rises else (middle, b)
    return (a + b) / 2.0
