"""Times to event: hazard, cumulative hazard and its inverse for each family of distributions.

A distribution is a family and three numbers a, b, c; splines and piecewise hazards have the rest in `pool`, from place
`c` on. Of a time T: S(t) = exp(-H(t)), so the time with cumulative hazard H is the quantile 1 - exp(-H), and with E a
unit exponential variate, the inverse of H(s) + E is a random time of somebody who has survived to s.

    EXPONENTIAL     a rate                     H = a t
    WEIBULL         a shape, b scale           H = (t / b)**a
    GOMPERTZ        a shape, b rate            H = b (exp(a t) - 1) / a; with a < 0 a share never has the event
    LOG_LOGISTIC    a shape, b scale           H = log(1 + (t / b)**a)
    LOG_NORMAL      a mean, b SD of log t      S = 1 - Phi((log t - a) / b)
    GAMMA           a shape, b rate            S = Q(a, b t), the upper incomplete gamma function
    GENERALISED     a mu, b sigma, c Q         Prentice's generalised gamma, with w = (log t - mu) / sigma and
                                               x = exp(Q w) / Q**2: S = Q(1 / Q**2, x) for Q > 0, 1 - that for Q < 0
    PIECEWISE       a origin                   H = C(a + t) - C(a); C has constant slopes between places of the pool
    SPLINE_HAZARD   a, b coefficients          log H = s(log t), Royston and Parmar's natural cubic spline
    SPLINE_ODDS                                log(exp(H) - 1) = s(log t)
    SPLINE_NORMAL                              -Phi**-1(S) = s(log t)

PIECEWISE in the pool: number n, then n places, n values of C and n slopes. Splines: number n, then n knots k, n
coefficients d and the value at the last knot less a + b k: s(x) = a + b x + sum d max(x - k, 0)**3.

Sources
-------
Prentice (1974), Biometrika 61, 539-544. Royston and Parmar (2002), Statistics in Medicine 21, 2175-2197.
Jackson (2016), Journal of Statistical Software 70(8): flexsurv, whose parameters these are.
Wilson and Hilferty (1931): the cube root of a gamma variate is nearly normal; for |Q| below 0.01, where the error of S
is below 1e-6.
"""

from __future__ import annotations

import numpy as np

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp, inverse_normal, log, normal_cdf, power
from popsim.kernels.numerics.random import gamma, gamma_tails, log_gamma

(
    EXPONENTIAL, WEIBULL, GOMPERTZ, LOG_LOGISTIC, LOG_NORMAL, GAMMA, GENERALISED, PIECEWISE,
    SPLINE_HAZARD, SPLINE_ODDS, SPLINE_NORMAL,
) = range(11)  # fmt: skip
HALF_LOG_TWO_PI = 0.9189385332046727
FURTHEST = 36.0  # standard deviations, above which the normal tail is its asymptotic series
FURTHEST_GAMMA = 650.0  # cumulative hazard, likewise
NEARLY_NORMAL = 0.01  # |Q|
MAX_INVERSE_NORMAL = 22.0  # cumulative hazard up to which `inverse_normal` is exact
STEPS = 60


@njit
def log1p(x):
    """log(1 + x) without losing a small x (Kahan)."""
    y = 1.0 + x
    return log(y) * (x / (y - 1.0)) if y - 1.0 != 0.0 and y < np.inf else (x if y == 1.0 else log(y))


@njit
def expm1(x):
    """exp(x) - 1 without losing a small x (Kahan)."""
    y = exp(x)
    return (y - 1.0) * (x / log(y)) if abs(x) < 0.5 and y != 1.0 else (x if y == 1.0 else y - 1.0)


@njit
def normal_cumulative(z):
    """Cumulative hazard of the standard normal distribution, -log(1 - Phi(z))."""
    if z < 0.0:
        return -log1p(-normal_cdf(z))
    if z < FURTHEST:
        return -log(normal_cdf(-z))
    return 0.5 * z * z + log(z) + HALF_LOG_TWO_PI - log1p(-1.0 / (z * z) + 3.0 / (z * z * z * z))


@njit
def normal_place(h):
    """The inverse of `normal_cumulative`; saturates at -6.34."""
    if h < MAX_INVERSE_NORMAL:
        return inverse_normal(-expm1(-h)) if h < 0.5 else -inverse_normal(exp(-h))
    z = np.sqrt(2.0 * h)  # to the right of the answer, and the function is convex: Newton's method goes straight there
    for _ in range(STEPS):
        value = normal_cumulative(z)
        step = (value - h) / exp(value - 0.5 * z * z - HALF_LOG_TWO_PI)
        z -= step
        if step < 1e-10:
            break
    return z


@njit
def gamma_cumulative(shape, x):
    """Cumulative hazard of the gamma distribution with this shape and rate 1."""
    log_gamma_a = log_gamma(shape)
    furthest = x - (shape - 1.0) * log(x) + log_gamma_a + log1p(-(shape - 1.0) / x) if x > shape + 50.0 else 0.0
    if furthest > FURTHEST_GAMMA:
        return furthest
    lower, upper, _ = gamma_tails(shape, x, log_gamma_a)
    return -log(upper) if upper < 0.5 else -log1p(-lower)


@njit
def gamma_place(shape, h):
    """The inverse of `gamma_cumulative`."""
    if h < 0.5:
        return gamma(-expm1(-h), shape, 1.0)
    near = min(h, 30.0)
    x = gamma(1.0 - exp(-near), shape, 1.0)
    log_gamma_a = log_gamma(shape)
    for _ in range(STEPS if h > 15.0 else 0):  # the hazard rises to 1 or falls to it: H is nearly a straight line
        value = gamma_cumulative(shape, x)
        step = (value - h) / exp((shape - 1.0) * log(x) - x - log_gamma_a + value)
        x = max(x - step, 0.5 * x)
        if abs(step) < 1e-11 * x:
            break
    return x


@njit
def generalised_cumulative(w, q):
    """Cumulative hazard of the generalised gamma distribution at w = (log t - mu) / sigma."""
    if abs(q) < NEARLY_NORMAL:
        return normal_cumulative(w if q == 0.0 else 3.0 / q * (expm1(q * w / 3.0) + q * q / 9.0))
    shape = 1.0 / (q * q)
    x = shape * exp(q * w)
    if q > 0.0:
        return gamma_cumulative(shape, x)
    lower, upper, _ = gamma_tails(shape, x, log_gamma(shape))
    return -log(lower) if lower < 0.5 else -log1p(-upper)


@njit
def generalised_place(h, q):
    """The inverse of `generalised_cumulative`."""
    if abs(q) < NEARLY_NORMAL:
        z = normal_place(h)
        return z if q == 0.0 else 3.0 / q * log1p(max(q * z / 3.0 - q * q / 9.0, -0.999999))
    shape = 1.0 / (q * q)
    if q > 0.0:
        return log(gamma_place(shape, h) / shape) / q
    if h < 1e-7:  # the upper tail of x, which the lower one does not resolve
        return log(gamma_place(shape, -log(max(h, 1e-300))) / shape) / q
    return log(gamma(exp(-min(h, FURTHEST_GAMMA)), shape, 1.0) / shape) / q


@njit
def piece(pool, first, size, value):
    """Number of the last of `size` ascending entries of the pool from `first` on that is at most `value`, or 0."""
    low, high = 0, size
    while high - low > 1:
        middle = (low + high) >> 1
        if pool[first + middle] <= value:
            low = middle
        else:
            high = middle
    return low


@njit
def piecewise_cumulative(pool, first, place):
    """The integral of the piecewise constant hazard up to a place, and its slope there."""
    size = np.int64(pool[first])
    i = first + 1 + piece(pool, first + 1, size, place)
    return pool[i + size] + (place - pool[i]) * pool[i + 2 * size], pool[i + 2 * size]


@njit
def piecewise_place(pool, first, value):
    """Where the integral of the hazard reaches a value; infinite if it never does."""
    size = np.int64(pool[first])
    i = first + 1 + piece(pool, first + 1 + size, size, value)
    rate = pool[i + 2 * size]
    return pool[i] + (value - pool[i + size]) / rate if rate > 0.0 else np.inf


@njit
def spline(a, b, pool, first, x):
    """The spline and its slope at x."""
    size = np.int64(pool[first])
    last = pool[first + size]
    if x >= last:  # a straight line, written so that it keeps its digits far out
        slope = b
        for i in range(first + 1, first + 1 + size):
            slope += 3.0 * pool[i + size] * (last - pool[i]) * (last - pool[i])
        return a + b * last + pool[first + 1 + 2 * size] + slope * (x - last), slope
    value, slope = a + b * x, b
    for i in range(first + 1, first + 1 + size):
        beyond = max(x - pool[i], 0.0)
        value += pool[i + size] * beyond * beyond * beyond
        slope += 3.0 * pool[i + size] * beyond * beyond
    return value, slope


@njit
def spline_place(a, b, pool, first, value):
    """Where the spline, which ascends, reaches a value."""
    size = np.int64(pool[first])
    low, high = pool[first + 1], pool[first + size]
    if a + b * low >= value:
        return (value - a) / b
    top, slope = spline(a, b, pool, first, high)
    if top <= value:
        return high + (value - top) / slope
    x = low + (high - low) * (value - a - b * low) / (top - a - b * low)
    for _ in range(STEPS):
        at, slope = spline(a, b, pool, first, x)
        if at > value:
            high = x
        else:
            low = x
        new = x - (at - value) / slope
        close = abs(new - x) < 1e-12
        x = new if close or low < new < high else 0.5 * (low + high)
        if close:
            break
    return x


@njit
def spline_cumulative(family, value):
    """Cumulative hazard where the spline has a value."""
    if family == SPLINE_HAZARD:
        return exp(value)
    if family == SPLINE_ODDS:
        return log1p(exp(value)) if value < 700.0 else value
    return normal_cumulative(value)


@njit
def spline_value(family, h):
    """The inverse of `spline_cumulative`."""
    if family == SPLINE_HAZARD:
        return log(h)
    if family == SPLINE_ODDS:
        return log(expm1(h)) if h < 700.0 else h
    return normal_place(h)


@njit
def cumulative_hazard(family, a, b, c, pool, t):  # noqa: PLR0911 - one for each family
    """H(t) for t >= 0."""
    if family == EXPONENTIAL:
        return a * t
    if family == WEIBULL:
        return power(t / b, a)
    if family == PIECEWISE:
        first = np.int64(c)
        return piecewise_cumulative(pool, first, a + t)[0] - piecewise_cumulative(pool, first, a)[0]
    if t <= 0.0:
        return 0.0
    if family == GOMPERTZ:
        return b * t if a == 0.0 else b * (expm1(a * t) / a)
    if family == LOG_LOGISTIC:
        return log1p(power(t / b, a))
    if family == LOG_NORMAL:
        return normal_cumulative((log(t) - a) / b)
    if family == GAMMA:
        return gamma_cumulative(a, b * t)
    if family == GENERALISED:
        return generalised_cumulative((log(t) - a) / b, c)
    return spline_cumulative(family, spline(a, b, pool, np.int64(c), log(t))[0])


@njit
def time_at(family, a, b, c, pool, h):  # noqa: PLR0911 - one for each family
    """The time at which the cumulative hazard reaches h > 0, infinite if it never does."""
    if family == EXPONENTIAL:
        return h / a
    if family == WEIBULL:
        return b * power(h, 1.0 / a)
    if family == PIECEWISE:
        first = np.int64(c)
        return piecewise_place(pool, first, piecewise_cumulative(pool, first, a)[0] + h) - a
    if family == GOMPERTZ:
        share = a * h / b
        return np.inf if share <= -1.0 else (h / b if a == 0.0 else log1p(share) / a)
    if family == LOG_LOGISTIC:
        return b * power(expm1(h), 1.0 / a)
    if family == LOG_NORMAL:
        return exp(a + b * normal_place(h))
    if family == GAMMA:
        return gamma_place(a, h) / b
    if family == GENERALISED:
        return exp(a + b * generalised_place(h, c))
    return exp(spline_place(a, b, pool, np.int64(c), spline_value(family, h)))


@njit
def hazard(family, a, b, c, pool, t):  # noqa: PLR0911 - one for each family
    """The hazard at t > 0, the derivative of `cumulative_hazard`."""
    if family == EXPONENTIAL:
        return a
    if family == WEIBULL:
        return a / b * power(t / b, a - 1.0)
    if family == GOMPERTZ:
        return b * exp(a * t)
    if family == LOG_LOGISTIC:
        return a / b * power(t / b, a - 1.0) / (1.0 + power(t / b, a))
    if family == PIECEWISE:
        return piecewise_cumulative(pool, np.int64(c), a + t)[1]
    h = cumulative_hazard(family, a, b, c, pool, t)
    if family == LOG_NORMAL:
        z = (log(t) - a) / b
        return exp(h - 0.5 * z * z - HALF_LOG_TWO_PI) / (b * t)
    if family == GAMMA:
        return b * exp((a - 1.0) * log(b * t) - b * t - log_gamma(a) + h)
    if family == GENERALISED:
        w = (log(t) - a) / b
        if abs(c) < NEARLY_NORMAL:
            z = w if c == 0.0 else 3.0 / c * (expm1(c * w / 3.0) + c * c / 9.0)
            return exp(h - 0.5 * z * z - HALF_LOG_TWO_PI + c * w / 3.0) / (b * t)
        shape = 1.0 / (c * c)
        x = shape * exp(c * w)
        return exp(shape * log(x) - x - log_gamma(shape) + h) * abs(c) / (b * t)
    value, slope = spline(a, b, pool, np.int64(c), log(t))
    if family == SPLINE_HAZARD:
        return exp(value) * slope / t
    if family == SPLINE_ODDS:
        return slope / (t * (1.0 + exp(-value)))
    return exp(h - 0.5 * value * value - HALF_LOG_TWO_PI) * slope / t


@njit
def evaluate(what, family, a, b, c, pool, at):
    """Of each distribution (arrays of as many numbers): what 0: hazard, 1: cumulative hazard, 2: time, at `at`."""
    values = np.empty(len(at))
    for i in range(len(at)):
        if what == 0:
            values[i] = hazard(family, a[i], b[i], c[i], pool, at[i])
        elif what == 1:
            values[i] = cumulative_hazard(family, a[i], b[i], c[i], pool, at[i])
        else:
            values[i] = time_at(family, a[i], b[i], c[i], pool, at[i])
    return values
