"""Elementary functions as branch-free scalar arithmetic that LLVM vectorises inside `prange` loops.

No function here calls a maths library, looks up a table, branches on data or lets the compiler contract a multiply and
an add: every step is one IEEE 754 double operation, so the results are the same bits on every CPU, compiled or not.
That is why they are written out here, and it makes them several times faster in a loop than calls into libm.

Where an argument is outside the range in which a double can hold the answer, the result saturates as each docstring
says; NaN always comes back as NaN. The accuracy stated is tested against mpmath. One ulp is the spacing of doubles at
the exact result.

Sources
-------
Cody and Waite (1980), Software Manual for the Elementary Functions: reduction of the argument in two parts.
FDLIBM 5.3, e_log.c (Sun Microsystems 1993): the logarithm and its polynomial.
Shepherd and Laframboise (1981), Mathematics of Computation 36, 249-253: one expansion of the scaled complementary error
function for the whole half line, in (x - k)/(x + k).
Other coefficients were computed for this file with mpmath at 40 digits, as said beside them; the tests check what they
give, not how they were found.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# ln 2 in two parts: the first has 21 trailing zero bits (of e_log.c), so k * LN2_HIGH is exact for every exponent k.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2_E = 1.4426950408889634

# Adding 1.5 * 2**52 rounds to the nearest integer and leaves it in the low bits of the double.
ROUNDER = 6755399441055744.0
ROUNDER_BITS = 0x4338000000000000

EXPONENT_SHIFT = 52
EXPONENT_BIAS = 1023
MANTISSA_MASK = 0x000FFFFFFFFFFFFF
UPPER_HALF_MASK = -0x8000000  # clears 27 bits of the mantissa: the square of what is left is exact
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD  # the double nearest to sqrt(1/2)
SMALLEST_NORMAL = 2.2250738585072014e-308

EXP_LOWEST = -708.0
EXP_HIGHEST = 709.0
CDF_FURTHEST = 38.0  # normal_cdf(-38) = 2.9e-316 is already subnormal
UNIFORM_LOWEST = 2.0**-33
UNIFORM_HIGHEST = 1.0 - 2.0**-33


@njit(cache=True, error_model="numpy", forceinline=True)
def exp(x):
    """e**x; error below 1 ulp for x in [-708, 709], and saturating at exp(-708) = 3.3e-308 and exp(709) = 8.2e307.

    x = k ln 2 + r with |r| <= ln(2)/2; e**r = 1 + r + r**2 q(r), q the Chebyshev interpolant of degree 9 (relative
    error of e**r 2e-17); 2**k is put together from its exponent bits.
    """
    x = EXP_LOWEST if x < EXP_LOWEST else x
    x = EXP_HIGHEST if x > EXP_HIGHEST else x
    rounded = x * LOG2_E + ROUNDER
    k = rounded - ROUNDER
    exponent = np.float64(rounded).view(np.int64) - ROUNDER_BITS
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    q = 2.510038549551032e-08
    q = q * r + 2.7620088445409746e-07
    q = q * r + 2.7557268459997064e-06
    q = q * r + 2.4801521295954376e-05
    q = q * r + 0.00019841269863053618
    q = q * r + 0.0013888888917213717
    q = q * r + 0.008333333333330062
    q = q * r + 0.04166666666662413
    q = q * r + 0.16666666666666669
    q = q * r + 0.5
    scale = np.int64((exponent + EXPONENT_BIAS) << EXPONENT_SHIFT).view(np.float64)
    return scale * (1.0 + (r + r * r * q))


@njit(cache=True, error_model="numpy", forceinline=True)
def _log_of_normal(x):
    """Natural logarithm of a positive, finite, normal double: the core of `log`, without its special values."""
    # x = 2**k * m with m in [sqrt(1/2), sqrt(2)): adding to the bits carries into the exponent from sqrt(1/2) on.
    bits = np.float64(x).view(np.int64)
    shifted = bits - SQRT_HALF_BITS + (EXPONENT_BIAS << EXPONENT_SHIFT)
    biased = shifted >> EXPONENT_SHIFT
    m = np.int64((shifted & MANTISSA_MASK) + SQRT_HALF_BITS).view(np.float64)
    k = np.int64(biased + ROUNDER_BITS).view(np.float64) - (ROUNDER + EXPONENT_BIAS)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half_square = 0.5 * f * f
    return k * LN2_HIGH - ((half_square - (s * (half_square + (even + odd)) + k * LN2_LOW)) - f)


@njit(cache=True, error_model="numpy", forceinline=True)
def log(x):
    """Natural logarithm; error below 1 ulp for every positive normal double.

    Zero and positive subnormal numbers (below 2.2e-308) give -inf, negative numbers NaN, inf gives inf.
    """
    value = _log_of_normal(x)
    value = value if x < math.inf else x
    return value if x >= SMALLEST_NORMAL else (-math.inf if x >= 0.0 else math.nan)


@njit(cache=True, error_model="numpy", forceinline=True)
def power(x, y):
    """x**y for x >= 0 as exp(y log x); relative error below (2 + |y log x|) * 2.3e-16, NaN for negative x.

    Saturates like `exp`; 0**y is 0 for y > 0, 1 for y = 0 and inf for y < 0.
    """
    value = exp(y * log(x if x > 0.0 else (1.0 if x == 0.0 else math.nan)))
    at_zero = 0.0 if y > 0.0 else (math.inf if y < 0.0 else value)
    return at_zero if x == 0.0 else value


@njit(cache=True, error_model="numpy", forceinline=True)
def logistic(x):
    """1 / (1 + e**-x); relative error below 3 ulp, saturating at 1.2e-308 and 1."""
    return 1.0 / (1.0 + exp(-x))


@njit(cache=True, error_model="numpy", forceinline=True)
def normal_cdf(x):
    """Standard normal distribution function; relative error below 2e-15, in the lower tail too, down to x = -37.5.

    For a = |x|: upper tail = exp(-a**2/2) R(a) with (1 + 2a) R(a) a polynomial of degree 22 in t = (a - 5)/(a + 5), the
    Chebyshev interpolant on 0 <= a <= 38 (relative error 9e-17). a**2 is taken in two parts, as its rounding error
    would be magnified by a**2/2. Saturates at 3e-316 below -38.
    """
    a = -x if x < 0.0 else x
    a = CDF_FURTHEST if a > CDF_FURTHEST else a
    t = (a - 5.0) / (a + 5.0)
    p = 1.8162651692677784e-09
    p = p * t + 8.768211987191514e-09
    p = p * t - 1.1108378435149745e-09
    p = p * t - 7.016799012456906e-08
    p = p * t - 3.313196644032023e-08
    p = p * t + 4.373975340237578e-07
    p = p * t + 1.726451811721315e-07
    p = p * t - 2.8635111075527025e-06
    p = p * t + 5.36927734243931e-07
    p = p * t + 1.9392515785366813e-05
    p = p * t - 2.6437259181263326e-05
    p = p * t - 0.00010817737899649801
    p = p * t + 0.0004250958623958791
    p = p * t - 0.00011869346375165567
    p = p * t - 0.0035716954314259602
    p = p * t + 0.015422845669726255
    p = p * t - 0.039332201355903276
    p = p * t + 0.07248782697656359
    p = p * t - 0.10065743821674478
    p = p * t + 0.10088858203453935
    p = p * t - 0.0540080750340771
    p = p * t - 0.039647008404005674
    p = p * t + 0.8461123547250693
    head = np.int64(np.float64(a).view(np.int64) & UPPER_HALF_MASK).view(np.float64)
    half_rest = 0.5 * ((a - head) * (a + head))
    bell = exp(-0.5 * (head * head)) * (1.0 - half_rest * (1.0 - half_rest * (0.5 - half_rest * (1.0 / 6.0))))
    upper_tail = bell * (p / (1.0 + 2.0 * a))
    return 1.0 - upper_tail if x > 0.0 else upper_tail


@njit(cache=True, error_model="numpy", forceinline=True)
def inverse_normal(u):
    """Standard normal quantile of u; relative error below 1e-13 for u in [2**-33, 1 - 2**-33], saturating at +-6.34.

    With q = u - 1/2 and w = -log(4 u (1 - u)), z / q is an even function of q that depends on w smoothly over the whole
    range, so one rational function of degree 10 in w does it without separate tails (Giles, 2011, uses the
    same w with polynomials); coefficients by iteratively reweighted least squares at 40 digits, error of the
    approximation itself 4e-14. Exactly antisymmetric: the quantile of 1 - u is minus that of u where 1 - u is exact.
    """
    u = UNIFORM_LOWEST if u < UNIFORM_LOWEST else u
    u = UNIFORM_HIGHEST if u > UNIFORM_HIGHEST else u
    w = -_log_of_normal(4.0 * (u * (1.0 - u)))
    p = 5.396492852183481e-11
    p = p * w + 1.0290406415077685e-08
    p = p * w + 2.6492255024617944e-07
    p = p * w + 5.24910810939671e-06
    p = p * w + 7.82671671049139e-05
    p = p * w + 0.0008872987814851021
    p = p * w + 0.0077622049002548455
    p = p * w + 0.052698918793497994
    p = p * w + 0.2699715973488505
    p = p * w + 0.9710903399931101
    p = p * w + 2.5066282746309176
    d = 4.345062837041665e-13
    d = d * w + 3.558218813402427e-10
    d = d * w + 2.3020067762938367e-08
    d = d * w + 3.793602741719034e-07
    d = d * w + 8.970558139108692e-06
    d = d * w + 8.245404674958087e-05
    d = d * w + 0.0012364148733960782
    d = d * w + 0.005846082025573903
    d = d * w + 0.0617865295869819
    d = d * w + 0.125609606910745
    d = d * w + 1.0
    return (u - 0.5) * (p / d)
