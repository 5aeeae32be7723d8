"""Random numbers by position: Philox streams, and inverse distribution functions that turn them into variates.

A uniform is a pure function of (key, person, stream, index), so what one person draws depends neither on the number of
threads nor on who else is simulated. Every variate is an inverse distribution function of one uniform,
increasing in it; nothing is drawn by rejection. The transforms are part of the results' version: changing any bit of
what they return changes every simulation.

`philox`, `uniforms`, `uniform`, `exponential`, `lognormal` and `weibull` are branch-free and vectorise inside `prange`
loops; `gamma` iterates and is for events, not for hot loops.

Sources
-------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11: Philox4x32 with ten rounds.
Abramowitz and Stegun (1964), Handbook of Mathematical Functions: 6.1.40 (Stirling's series), 6.5.29 and 6.5.31 (series
and continued fraction of the incomplete gamma function), 26.4.17 (Wilson and Hilferty).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.arguments import MAX_WORD, whole_number
from popsim.errors import InputError
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp, inverse_normal, log

LOW_32 = np.uint64(0xFFFFFFFF)
HALF_WORD = np.uint64(32)
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)  # golden ratio
WEYL_1 = np.uint64(0xBB67AE85)  # sqrt(3) - 1
ROUNDS = 10

WORD = 0xFFFFFFFF
TWO_52_BITS = np.uint64(0x4330000000000000)  # the double 2**52; or-ing in a word w makes 2**52 + w
TWO_52_LESS_HALF = 4503599627370495.5
TWO_TO_MINUS_32 = 2.0**-32
SINGLE_TWO_TO_MINUS_32, SINGLE_TWO_TO_MINUS_33 = np.float32(2.0**-32), np.float32(2.0**-33)
SINGLE_BELOW_ONE = np.float32(1.0 - 2.0**-24)

MAX_STEPS = 60  # of the search for the gamma quantile; it needs 1 to 6
MAX_TERMS = 2000  # of the incomplete gamma function; it needs under 250 for shapes up to 500
CLOSE_ENOUGH = 1e-8  # in log x. Newton's error is squared in each step, so the last one leaves about 1e-14
HALF_LOG_TWO_PI = 0.9189385332046727
STIRLING_FROM = 10.0


class RandomKey(NamedTuple):
    """Key of all random numbers of one population: whatever is drawn for a person depends on it and on the person.

    Compiled code that makes one gives both words: numba knows no default of a field.

    Attributes:
        seed: first word, 0 .. 2**32 - 1.
        stream: second word, as large: a number of its own for each replication, parameter draw and region.
    """

    seed: int = 0
    stream: int = 0

    @classmethod
    def of(cls, seed: int | RandomKey, replication: int = 0) -> RandomKey:
        """The key that a user's seed and replication make; a key instead of the seed is taken as it is.

        Raises:
            InputError: one of them is no such word, or a key has a replication beside it.
        """
        if not isinstance(seed, RandomKey):
            return cls(whole_number("seed", seed, 0, MAX_WORD), whole_number("replication", replication, 0, MAX_WORD))
        if replication:
            raise InputError(f"replication = {replication}: must be 0 beside {seed}, which has a stream of its own")
        return seed


@njit(forceinline=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 of a counter of four words under a key of two; all np.uint64 below 2**32, as are the results."""
    for _ in range(ROUNDS):
        product_0 = MULTIPLIER_0 * c0
        product_1 = MULTIPLIER_1 * c2
        c0 = (product_1 >> HALF_WORD) ^ c1 ^ k0
        c2 = (product_0 >> HALF_WORD) ^ c3 ^ k1
        c1 = product_1 & LOW_32
        c3 = product_0 & LOW_32
        k0 = (k0 + WEYL_0) & LOW_32
        k1 = (k1 + WEYL_1) & LOW_32
    return c0, c1, c2, c3


@njit(forceinline=True)
def _open_unit_single(word):
    """(word + 1/2) / 2**32 rounded to single precision, and below 1."""
    u = np.float32(np.uint32(word)) * SINGLE_TWO_TO_MINUS_32 + SINGLE_TWO_TO_MINUS_33
    return u if u < SINGLE_BELOW_ONE else SINGLE_BELOW_ONE


@njit(forceinline=True, single=_open_unit_single)
def _open_unit(word):
    """(word + 1/2) / 2**32: exact, strictly between 0 and 1."""
    return (np.uint64(word | TWO_52_BITS).view(np.float64) - TWO_52_LESS_HALF) * TWO_TO_MINUS_32


@njit(forceinline=True)
def uniforms(key, person, stream, index):
    """Four uniforms in (0, 1), the multiples (x + 1/2) 2**-32, of one block of a person's stream.

    `key` is a RandomKey, all else int64. Counter: low and high word of `person`, `stream`, `index`. Of all but `person`
    only the low 32 bits are used, so they must be within 0 .. 2**32 - 1 to be distinct.
    """
    x0, x1, x2, x3 = philox(
        np.uint64(person & WORD),
        np.uint64((person >> 32) & WORD),
        np.uint64(stream & WORD),
        np.uint64(index & WORD),
        np.uint64(key.seed & WORD),
        np.uint64(key.stream & WORD),
    )
    return _open_unit(x0), _open_unit(x1), _open_unit(x2), _open_unit(x3)


@njit(forceinline=True)
def uniform(key, person, stream, index):
    """The first of the four `uniforms`."""
    return uniforms(key, person, stream, index)[0]


@njit(forceinline=True)
def exponential(u, mean):
    """Quantile u of the exponential distribution, -mean log(1 - u); error below 2 ulp for u from `uniforms`."""
    return -mean * log(1.0 - u)


@njit(forceinline=True)
def weibull(u, shape, scale):
    """Quantile u of the Weibull distribution, scale (-log(1 - u))**(1 / shape); shape > 0.

    Relative error below (4 + 25 / shape) 2.3e-16.
    """
    return scale * exp(log(-log(1.0 - u)) / shape)


@njit(forceinline=True)
def lognormal(u, mean, sd):
    """Quantile u of the lognormal variable with this mean (> 0) and standard deviation (>= 0) of its own, not its log.

    sigma**2 = log(1 + (sd / mean)**2), value = mean exp(sigma z - sigma**2 / 2). Relative error below 1e-12 for sd up
    to ten times the mean.
    """
    ratio = sd / mean
    square = ratio * ratio
    # log(1 + square) without losing a small square: Kahan's correction by the ratio of square to what was really added.
    one_more = 1.0 + square
    added = one_more - 1.0
    variance = log(one_more) * (square / (added if added > 0.0 else 1.0)) if added > 0.0 else square
    return mean * exp(np.sqrt(variance) * inverse_normal(u) - 0.5 * variance)


@njit
def log_gamma(a):
    """Logarithm of the gamma function for a > 0; absolute error below 1e-14 * (1 + |log gamma|).

    Stirling's series (A&S 6.1.40, eight terms) at a + n >= 10, reduced by the recurrence gamma(a + 1) = a gamma(a).
    """
    product = 1.0
    while a < STIRLING_FROM:
        product = product * a
        a = a + 1.0
    inverse = 1.0 / a
    square = inverse * inverse
    series = -3617.0 / 122400.0
    series = series * square + 1.0 / 156.0
    series = series * square - 691.0 / 360360.0
    series = series * square + 1.0 / 1188.0
    series = series * square - 1.0 / 1680.0
    series = series * square + 1.0 / 1260.0
    series = series * square - 1.0 / 360.0
    series = series * square + 1.0 / 12.0
    return (a - 0.5) * log(a) - a + HALF_LOG_TWO_PI + series * inverse - log(product)


@njit
def gamma_tails(a, x, log_gamma_a):
    """Lower and upper regularised incomplete gamma functions P(a, x), Q(a, x), and x times the density at x; x > 0."""
    weight = exp(a * log(x) - x - log_gamma_a)
    if x < a + 1.0:
        term = 1.0 / a
        total = term
        for n in range(1, MAX_TERMS):
            term = term * (x / (a + n))
            total = total + term
            if term < total * 1e-17:
                break
        lower = weight * total
        return lower, 1.0 - lower, weight
    # Lentz's evaluation of the continued fraction, A&S 6.5.31 in its even form.
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    fraction = d
    for n in range(1, MAX_TERMS):
        numerator = -n * (n - a)
        b = b + 2.0
        d = 1.0 / (numerator * d + b)
        c = b + numerator / c
        change = c * d
        fraction = fraction * change
        if abs(change - 1.0) < 1e-16:
            break
    upper = weight * fraction
    return 1.0 - upper, upper, weight


@njit
def gamma(u, shape, scale):
    """Quantile u of the gamma distribution with this shape (0.04 to 1e4) and scale; relative error below 1e-11.

    Newton's method for y = log x on the logarithm of the smaller tail, kept inside a bracket that every step narrows
    (bisection where Newton would leave it), from Wilson and Hilferty's approximation (A&S 26.4.17) or, for small x,
    from the first term of the series, x**a / gamma(a + 1).
    """
    log_gamma_a = log_gamma(shape)
    upper_half = u > 0.5
    tail = 1.0 - u if upper_half else u
    log_tail = log(tail)

    first_term = (log(u) + log(shape) + log_gamma_a) / shape
    root = 1.0 - 1.0 / (9.0 * shape) + inverse_normal(u) / (3.0 * np.sqrt(shape))
    y = first_term
    if root > 0.2:
        y = max(first_term, log(shape) + 3.0 * log(root))
    low = -708.0
    high = 20.0
    for _ in range(MAX_STEPS):
        lower, upper, weight = gamma_tails(shape, exp(y), log_gamma_a)
        part = upper if upper_half else lower
        difference = log(part) - log_tail
        # Either tail: d log(tail) / dy = -+ weight / tail, and `over` says on which side of the answer y lies.
        over = difference < 0.0 if upper_half else difference > 0.0
        if over:
            high = y
        else:
            low = y
        step = difference * part / weight if upper_half else -difference * part / weight
        close = abs(step) < CLOSE_ENOUGH
        new = y + step
        # Once close, rounding may put the last step outside the bracket, which means nothing any more.
        y = new if close or low < new < high else 0.5 * (low + high)
        if close:
            break
    return scale * exp(y)
