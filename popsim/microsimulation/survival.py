"""Distributions of times to event, in years, with the parameters of R's package flexsurv.

    Survival.exponential(rate)                    exp
    Survival.weibull(shape, scale)                weibull: accelerated failure time
    Survival.weibull_ph(shape, scale)             weibullPH: proportional hazards, H(t) = scale t**shape
    Survival.gompertz(shape, rate)                gompertz: with a negative shape a share never has the event
    Survival.log_logistic(shape, scale)           llogis
    Survival.log_normal(meanlog, sdlog)           lnorm
    Survival.gamma(shape, rate)                   gamma
    Survival.generalised_gamma(mu, sigma, q)      gengamma
    Survival.royston_parmar(gamma, knots, scale)  survspline: "hazard", "odds" or "normal"
    Survival.piecewise_exponential(starts, rates) pexp-like: the first start is 0
    Survival.life_table(table, age, female)       the general population from this age on

Hazards can be added and multiplied: `0.7 * excess + Survival.life_table(table, age, female)` is relative survival, in
which a hazard ratio acts on the excess. Every number may be an array with an entry for each person, so a linear
predictor is a formula of the person's traits: `Survival.weibull(shape, np.exp(b0 + b1 * age))`. (Of splines, the first
two coefficients; of piecewise hazards, none: multiply them by a hazard ratio.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import InputError, did_you_mean, shorten
from popsim.kernels import survival as kernel
from popsim.population.life_table import LifeTable

type Floats = NDArray[np.float64]
SplineScale = Literal["hazard", "odds", "normal"]
SPLINES = dict(
    zip(get_args(SplineScale), (kernel.SPLINE_HAZARD, kernel.SPLINE_ODDS, kernel.SPLINE_NORMAL), strict=True)
)
NO_POOL = np.zeros(1)
MIN_GAMMA_SHAPE, MAX_GAMMA_SHAPE, MAX_Q = 0.04, 1e4, 5.0


class Hazard(NamedTuple):
    """One hazard of a sum, as `kernels.survival` takes it, with a factor; `always_forward`: its clock never resets."""

    family: int
    a: Floats
    b: Floats
    c: Floats
    factor: Floats
    pool: Floats
    always_forward: bool = False


@dataclass(frozen=True)
class Survival:
    """A time to event, or one for each person; `hazards` add up."""

    __array_ufunc__ = None  # an array times a Survival is a Survival
    hazards: tuple[Hazard, ...]

    @classmethod
    def exponential(cls, rate: ArrayLike) -> Survival:
        """A constant hazard; 0 for what never happens."""
        return _of(kernel.EXPONENTIAL, numbers("exponential: rate", rate, 0.0))

    @classmethod
    def weibull(cls, shape: ArrayLike, scale: ArrayLike) -> Survival:
        """S(t) = exp(-(t / scale)**shape)."""
        return _of(kernel.WEIBULL, positive("weibull: shape", shape), positive("weibull: scale", scale))

    @classmethod
    def weibull_ph(cls, shape: ArrayLike, scale: ArrayLike) -> Survival:
        """S(t) = exp(-scale t**shape)."""
        power = positive("weibull_ph: shape", shape)
        return _of(kernel.WEIBULL, power, positive("weibull_ph: scale", scale) ** (-1.0 / power))

    @classmethod
    def gompertz(cls, shape: ArrayLike, rate: ArrayLike) -> Survival:
        """The hazard is rate exp(shape t); with a negative shape, exp(rate / shape) never have the event."""
        return _of(kernel.GOMPERTZ, numbers("gompertz: shape", shape), positive("gompertz: rate", rate))

    @classmethod
    def log_logistic(cls, shape: ArrayLike, scale: ArrayLike) -> Survival:
        """S(t) = 1 / (1 + (t / scale)**shape)."""
        return _of(kernel.LOG_LOGISTIC, positive("log_logistic: shape", shape), positive("log_logistic: scale", scale))

    @classmethod
    def log_normal(cls, meanlog: ArrayLike, sdlog: ArrayLike) -> Survival:
        """Log t is normal."""
        return _of(kernel.LOG_NORMAL, numbers("log_normal: meanlog", meanlog), positive("log_normal: sdlog", sdlog))

    @classmethod
    def gamma(cls, shape: ArrayLike, rate: ArrayLike) -> Survival:
        """Mean shape / rate; shape from 0.04 to 10,000."""
        bounded = numbers("gamma: shape", shape, MIN_GAMMA_SHAPE, MAX_GAMMA_SHAPE)
        return _of(kernel.GAMMA, bounded, positive("gamma: rate", rate))

    @classmethod
    def generalised_gamma(cls, mu: ArrayLike, sigma: ArrayLike, q: ArrayLike) -> Survival:
        """Prentice's: Weibull with q = 1, log-normal with q = 0, gamma with q = sigma; q from -5 to 5."""
        place, spread = numbers("generalised_gamma: mu", mu), positive("generalised_gamma: sigma", sigma)
        return _of(kernel.GENERALISED, place, spread, numbers("generalised_gamma: q", q, -MAX_Q, MAX_Q))

    @classmethod
    def royston_parmar(
        cls, gamma: Sequence[ArrayLike], knots: Sequence[float], scale: SplineScale = "hazard"
    ) -> Survival:
        """A natural cubic spline of log time on the scale of the log cumulative hazard, log odds or normal quantile.

        Args:
            gamma: coefficients, as many as knots; effects of covariates are added to the first (and second).
            knots: of log time, the boundary knots included.
            scale: "hazard", "odds" or "normal".
        """
        where = "royston_parmar"
        if scale not in SPLINES:
            raise InputError(f"{where}: scale: {did_you_mean(str(scale), SPLINES)}")
        k = numbers(f"{where}: knots", knots)
        if k.ndim != 1 or len(k) < 2 or not (np.diff(k) > 0.0).all() or len(gamma) != len(k):
            raise InputError(f"{where}: needs at least 2 knots in ascending order, and as many values of gamma")
        first, second, *others = (numbers(f"{where}: gamma{i}", value) for i, value in enumerate(gamma))
        if any(value.size > 1 for value in others):
            raise InputError(f"{where}: only gamma0 and gamma1 can differ between persons")
        inner = np.array([value.item() for value in others])
        weight = (k[-1] - k[1:-1]) / (k[-1] - k[0])
        d = np.concatenate([[-weight @ inner], inner, [-(1.0 - weight) @ inner]])
        if not (second + _lowest_slope(k, d) > 0.0).all():
            raise InputError(
                f"{where}: with these coefficients, the cumulative hazard falls somewhere between the knots"
            )
        pool = np.concatenate([[len(k)], k, d, [d @ (k[-1] - k) ** 3]])
        return _of(SPLINES[scale], first, second, pool=pool)

    @classmethod
    def piecewise_exponential(cls, starts: Sequence[float], rates: Sequence[float]) -> Survival:
        """Constant hazards from each start (the first is 0) to the next, the last for ever."""
        where = "piecewise_exponential"
        begin, rate = numbers(f"{where}: starts", starts), numbers(f"{where}: rates", rates, 0.0)
        if begin.ndim != 1 or begin.shape != rate.shape or begin[0] != 0.0 or not (np.diff(begin) > 0.0).all():
            raise InputError(f"{where}: starts must ascend from 0, with a rate for each")
        return _of(kernel.PIECEWISE, np.zeros(1), pool=_pieces(begin, rate))

    @classmethod
    def life_table(cls, table: LifeTable | str, age: ArrayLike, female: ArrayLike) -> Survival:
        """Death at the rates of the general population; its clock always runs forward.

        Args:
            table: LifeTable, or the name of one that is shipped.
            age: exact age in years at time 0.
            female: 1 for women, 0 for men.
        """
        given = LifeTable.read(table) if isinstance(table, str) else table
        sexes = [_pieces(np.arange(given.oldest + 1.0), rate) for rate in given.rate]
        years, woman = numbers("life_table: age", age, 0.0), numbers("life_table: female", female, 0.0, 1.0)
        first, nothing = np.round(woman) * len(sexes[0]), np.zeros(1)
        return cls((Hazard(kernel.PIECEWISE, years, nothing, first, nothing + 1.0, np.concatenate(sexes), True),))

    def hazard(self, t: ArrayLike) -> Floats:
        """The hazard per year at t > 0."""
        return self._sum(0, numbers("t", t, 0.0))

    def cumulative_hazard(self, t: ArrayLike) -> Floats:
        """The integral of the hazard from 0 to t."""
        return self._sum(1, numbers("t", t, 0.0))

    def survival(self, t: ArrayLike) -> Floats:
        """The share without the event at t."""
        return np.asarray(np.exp(-self.cumulative_hazard(t)))

    def quantile(self, p: ArrayLike, survived_to: ArrayLike = 0.0) -> Floats:
        """The time by which a share p have the event, of those without it at `survived_to`; infinite if they never do.

        Of independent uniform p, random times.
        """
        start = numbers("survived_to", survived_to, 0.0)
        more = -np.log1p(-numbers("p", p, 0.0, 1.0 - 2.0**-53))
        with np.errstate(divide="ignore", invalid="ignore"):
            times = [
                np.where(each.factor > 0.0, _evaluate(2, each, _evaluate(1, each, start) + more / each.factor), np.inf)
                for each in self.hazards
            ]
        high = np.maximum(np.min(np.broadcast_arrays(*times), axis=0), start)
        if len(times) == 1:
            return np.asarray(high)
        goal, low = self._sum(1, start) + more, np.broadcast_to(start, high.shape)
        for _ in range(200):  # bisection: the sum of hazards is not behind any one of them
            middle = np.where(np.isfinite(high), 0.5 * (low + high), high)
            before = self._sum(1, middle) < goal
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        return np.asarray(high)

    def in_years(self, years_per_unit: float) -> Survival:
        """The same times, given in a unit of so many years (1 / 12 for months)."""
        unit = positive("years_per_unit", years_per_unit)
        return Survival(tuple(_in_years(each, unit) for each in self.hazards))

    def _sum(self, what: int, t: ArrayLike) -> Floats:
        parts = np.broadcast_arrays(*(each.factor * _evaluate(what, each, t) for each in self.hazards))
        return np.asarray(np.sum(parts, axis=0))

    def __add__(self, other: Survival) -> Survival:
        if not isinstance(other, Survival):
            raise InputError(f"Survival + {shorten(other)}: only a Survival can be added; * takes a hazard ratio")
        return Survival(self.hazards + other.hazards)

    def __mul__(self, hazard_ratio: ArrayLike) -> Survival:
        factor = numbers("hazard ratio", hazard_ratio, 0.0)
        return Survival(tuple(each._replace(factor=each.factor * factor) for each in self.hazards))

    __rmul__ = __mul__


def numbers(name: str, values: ArrayLike, low: float = -np.inf, high: float = np.inf) -> Floats:
    """Values as an array of one dimension, an entry for each person or one for all.

    Raises:
        InputError: one of them is not a finite number in [low, high].
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name}: arrays of different lengths") from None
    if array.dtype.kind not in "biuf" or not (np.isfinite(array) & (array >= low) & (array <= high)).all():
        bounds = f" between {low:g} and {high:g}" if high < np.inf else f", {low:g} or more" if low > -np.inf else ""
        raise InputError(f"{name} = {shorten(values)}: must be finite numbers{bounds}")
    return np.ascontiguousarray(array, np.float64).reshape(-1)


def positive(name: str, values: ArrayLike) -> Floats:
    """The same, above 0."""
    array = numbers(name, values)
    if not (array > 0.0).all():
        raise InputError(f"{name} = {shorten(values)}: must be above 0")
    return array


def _of(family: int, a: Floats, b: Floats | None = None, c: Floats | None = None, pool: Floats = NO_POOL) -> Survival:
    nothing = np.zeros(1)
    return Survival((Hazard(family, a, nothing if b is None else b, nothing if c is None else c, np.ones(1), pool),))


def _in_years(one: Hazard, unit: Floats) -> Hazard:
    """A hazard of time in a unit, by the role of each number."""
    a, b, pool, size = one.a, one.b, one.pool.copy(), int(one.pool[0])
    if one.family in (kernel.EXPONENTIAL, kernel.GOMPERTZ):
        a, b = a / unit, b / unit
    elif one.family in (kernel.WEIBULL, kernel.LOG_LOGISTIC):
        b = b * unit
    elif one.family == kernel.GAMMA:
        b = b / unit
    elif one.family in (kernel.LOG_NORMAL, kernel.GENERALISED):
        a = a + np.log(unit)
    elif one.family == kernel.PIECEWISE:
        if one.always_forward:
            raise InputError("in_years: a life table is in years")
        pool[1 : 1 + size] *= unit
        pool[1 + 2 * size :] /= unit
    else:
        a = a - b * np.log(unit)
        pool[1 : 1 + size] += np.log(unit)
    return one._replace(a=a, b=b, pool=pool)


def _pieces(starts: Floats, rates: Floats) -> Floats:
    """A piecewise constant hazard as the kernel has it in its pool."""
    return np.concatenate([[len(starts)], starts, [0.0], np.cumsum(np.diff(starts) * rates[:-1]), rates])


def _lowest_slope(knots: Floats, d: Floats) -> float:
    """The lowest value of the slope of sum d max(x - knot, 0)**3, quadratic between knots, constant outside them."""

    def slope(x: float, order: int) -> float:
        return float(d @ np.maximum(x - knots, 0.0) ** order)

    places = list(knots)
    for left, right in pairwise(knots):
        bend, end = slope(left, 1), slope(right, 1)
        if bend * end < 0.0:
            places.append(left + (right - left) * bend / (bend - end))
    return min(3.0 * slope(x, 2) for x in places)


def _evaluate(what: int, one: Hazard, at: ArrayLike) -> Floats:
    a, b, c, x = np.broadcast_arrays(one.a, one.b, one.c, np.asarray(at, np.float64).reshape(-1))
    return np.asarray(kernel.evaluate(what, one.family, *map(np.ascontiguousarray, (a, b, c)), one.pool, x.copy()))
