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

from popsim.kernels.numerics.compiling import njit

# ln 2 in two parts: the first has 21 trailing zero bits (of e_log.c), so k * LN2_HIGH is exact for every exponent k.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LN2 = 0.6931471805599453
LOG2_E = 1.4426950408889634

# Adding 1.5 * 2**52 rounds to the nearest integer and leaves it in the low bits of the double.
ROUNDER = 6755399441055744.0
ROUNDER_BITS = 0x4338000000000000

EXPONENT_SHIFT = 52
EXPONENT_BIAS = 1023
MANTISSA_MASK = 0x000FFFFFFFFFFFFF
UPPER_HALF_MASK = -0x8000000  # clears 27 bits of the mantissa: the square of what is left is exact
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD  # the double nearest to sqrt(1/2)
ABOVE_SQRT_HALF = (EXPONENT_BIAS << EXPONENT_SHIFT) - SQRT_HALF_BITS
MIN_NORMAL = 2.2250738585072014e-308

EXP_LOWEST = -708.0
EXP_HIGHEST = 709.0
CDF_FURTHEST = 38.0  # normal_cdf(-38) = 2.9e-316 is already subnormal
FURTHEST_PRODUCT = 2.0**-33 * (1.0 - 2.0**-33)  # u (1 - u) of the outermost uniforms


# In single precision: Cephes' expf and logf (Moshier 1992), ln 2 in two parts and polynomials.
SINGLE_LN2_HIGH, SINGLE_LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
SINGLE_ROUNDER, SINGLE_LOG2_E = np.float32(12582912.0), np.float32(LOG2_E)  # 1.5 * 2**23
SINGLE_EXP_LOWEST, SINGLE_EXP_HIGHEST = np.float32(-87.0), np.float32(88.0)
SINGLE_SQRT_HALF_BITS, SINGLE_MANTISSA_MASK = np.int32(0x3F3504F3), np.int32(0x7FFFFF)
SINGLE_ABOVE_SQRT_HALF = np.int32(0x3F800000 - 0x3F3504F3)
SINGLE_SHIFT, SINGLE_BIAS = np.int32(23), np.int32(127)
SINGLE_HALF, SINGLE_ONE, SINGLE_ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
SINGLE_MIN_NORMAL = np.float32(1.17549435e-38)
E0, E1, E2 = np.float32(0.5), np.float32(1.6666665459e-1), np.float32(4.1665795894e-2)
E3, E4, E5 = np.float32(8.3334519073e-3), np.float32(1.3981999507e-3), np.float32(1.9875691500e-4)
L0, L1, L2 = np.float32(3.3333331174e-1), np.float32(-2.4999993993e-1), np.float32(2.0000714765e-1)
L3, L4, L5 = np.float32(-1.6668057665e-1), np.float32(1.4249322787e-1), np.float32(-1.2420140846e-1)
L6, L7, L8 = np.float32(1.1676998740e-1), np.float32(-1.1514610310e-1), np.float32(7.0376836292e-2)


@njit(forceinline=True)
def exp_single(x):
    """e**x in single precision; relative error below 2e-7 for x in [-87, 88], where it saturates."""
    x = SINGLE_EXP_LOWEST if x < SINGLE_EXP_LOWEST else x
    x = SINGLE_EXP_HIGHEST if x > SINGLE_EXP_HIGHEST else x
    rounded = x * SINGLE_LOG2_E + SINGLE_ROUNDER
    k = rounded - SINGLE_ROUNDER
    r = (x - k * SINGLE_LN2_HIGH) - k * SINGLE_LN2_LOW
    q = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    scale = np.int32((np.float32(rounded).view(np.int32) + SINGLE_BIAS) << SINGLE_SHIFT).view(np.float32)
    return scale * (SINGLE_ONE + (r + r * r * q))


@njit(forceinline=True)
def log_single(x):
    """Natural logarithm in single precision; error below 2 ulp for positive normal numbers, beyond which as `log`."""
    bits = np.int32(np.float32(x).view(np.int32) + SINGLE_ABOVE_SQRT_HALF)
    k = np.float32(np.int32(bits >> SINGLE_SHIFT) - SINGLE_BIAS)
    m = np.int32((bits & SINGLE_MANTISSA_MASK) + SINGLE_SQRT_HALF_BITS).view(np.float32)
    f = m - SINGLE_ONE
    z = f * f
    q = (((((((L8 * f + L7) * f + L6) * f + L5) * f + L4) * f + L3) * f + L2) * f + L1) * f + L0
    value = (f + (q * f * z + k * SINGLE_LN2_LOW - SINGLE_HALF * z)) + k * SINGLE_LN2_HIGH
    value = value if x < np.float32(math.inf) else x
    return value if x >= SINGLE_MIN_NORMAL else np.float32(-math.inf if x >= SINGLE_ZERO else math.nan)


@njit(forceinline=True, single=exp_single)
def exp(x):
    """e**x; error below 1.5 ulp for x in [-708, 709], saturating at exp(-708) = 3.3e-308 and exp(709) = 8.2e307.

    x = k ln 2 + r with |r| <= ln(2)/2; e**r = 1 + r + r**2 q(r), q the Chebyshev interpolant of degree 9 (relative
    error of e**r 2e-17); 2**k is put together from its exponent bits.
    """
    x = EXP_LOWEST if x < EXP_LOWEST else x
    x = EXP_HIGHEST if x > EXP_HIGHEST else x
    rounded = x * LOG2_E + ROUNDER
    k = rounded - ROUNDER
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    r8 = r4 * r4
    q0 = (0.5 + 0.16666666666666669 * r) + (0.04166666666662413 + 0.008333333333330062 * r) * r2
    q4 = (0.0013888888917213717 + 0.00019841269863053618 * r) + (
        2.4801521295954376e-05 + 2.7557268459997064e-06 * r
    ) * r2
    q8 = 2.7620088445409746e-07 + 2.510038549551032e-08 * r
    q = (q0 + q4 * r4) + q8 * r8
    scale = np.int64((np.float64(rounded).view(np.int64) + EXPONENT_BIAS) << EXPONENT_SHIFT).view(np.float64)
    return scale * (1.0 + (r + r2 * q))


@njit(forceinline=True, single=log_single)
def log(x):
    """Natural logarithm; error below 1 ulp for every positive normal double.

    Zero and positive subnormal numbers (below 2.2e-308) give -inf, negative numbers NaN, inf gives inf.
    """
    # x = 2**k * m with m in [sqrt(1/2), sqrt(2)): adding to the bits carries into the exponent from sqrt(1/2) on.
    bits = np.float64(x).view(np.int64) + ABOVE_SQRT_HALF
    k = np.int64((bits >> EXPONENT_SHIFT) + ROUNDER_BITS).view(np.float64) - (ROUNDER + EXPONENT_BIAS)
    m = np.int64((bits & MANTISSA_MASK) + SQRT_HALF_BITS).view(np.float64)
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
    value = k * LN2_HIGH - ((half_square - (s * (half_square + (even + odd)) + k * LN2_LOW)) - f)
    value = value if x < math.inf else x
    return value if x >= MIN_NORMAL else (-math.inf if x >= 0.0 else math.nan)


@njit(forceinline=True)
def power(x, y):
    """x**y for x >= 0 as exp(y log x); relative error below (1 + |y log x|) * 5e-16, NaN for negative x.

    Saturates like `exp`; 0**y is 0 for y > 0, 1 for y = 0 and inf for y < 0.
    """
    value = exp(y * log(x if x > 0.0 else (1.0 if x == 0.0 else math.nan)))
    at_zero = 0.0 if y > 0.0 else (math.inf if y < 0.0 else value)
    return at_zero if x == 0.0 else value


@njit(forceinline=True)
def logistic(x):
    """1 / (1 + e**-x); relative error below 3 ulp, saturating at 1.2e-308 and 1."""
    return 1.0 / (1.0 + exp(-x))


@njit(forceinline=True)
def normal_cdf(x):
    """Standard normal distribution function; relative error below 2e-15, in the lower tail too, down to x = -37.5.

    For a = |x|: upper tail = exp(-a**2/2) R(a) with (1 + 2a) R(a) a polynomial of degree 22 in t = (a - 5)/(a + 5), the
    Chebyshev interpolant on 0 <= a <= 38 (relative error 9e-17). a**2 is taken in two parts, as its rounding error
    would be magnified by a**2/2. Saturates at 3e-316 below -38.
    """
    a = -x if x < 0.0 else x
    a = CDF_FURTHEST if a > CDF_FURTHEST else a
    t = (a - 5.0) / (a + 5.0)
    t2 = t * t
    t4 = t2 * t2
    t8 = t4 * t4
    t16 = t8 * t8
    p0 = (0.8461123547250693 - 0.039647008404005674 * t) + (-0.0540080750340771 + 0.10088858203453935 * t) * t2
    p4 = (-0.10065743821674478 + 0.07248782697656359 * t) + (-0.039332201355903276 + 0.015422845669726255 * t) * t2
    p8 = (-0.0035716954314259602 - 0.00011869346375165567 * t) + (
        0.0004250958623958791 - 0.00010817737899649801 * t
    ) * t2
    p12 = (-2.6437259181263326e-05 + 1.9392515785366813e-05 * t) + (
        5.36927734243931e-07 - 2.8635111075527025e-06 * t
    ) * t2
    p16 = (1.726451811721315e-07 + 4.373975340237578e-07 * t) + (
        -3.313196644032023e-08 - 7.016799012456906e-08 * t
    ) * t2
    p20 = (-1.1108378435149745e-09 + 8.768211987191514e-09 * t) + 1.8162651692677784e-09 * t2
    p = ((p0 + p4 * t4) + (p8 + p12 * t4) * t8) + (p16 + p20 * t4) * t16
    head = np.int64(np.float64(a).view(np.int64) & UPPER_HALF_MASK).view(np.float64)
    half_rest = 0.5 * ((a - head) * (a + head))
    bell = exp(-0.5 * (head * head)) * (1.0 - half_rest * (1.0 - half_rest * (0.5 - half_rest * (1.0 / 6.0))))
    upper_tail = bell * (p / (1.0 + 2.0 * a))
    return 1.0 - upper_tail if x > 0.0 else upper_tail


@njit(forceinline=True)
def inverse_normal(u):
    """Standard normal quantile of u; relative error below 1e-11 for u in [2**-33, 1 - 2**-33].

    Saturates at -+6.34 from there to 0 and 1; outside [0, 1] the result has no meaning. Exactly antisymmetric: the
    quantile of 1 - u is minus that of u wherever 1 - u is exact, as for all of `random.uniforms`.

    With w = -log(4 u (1 - u)), the quantile over u - 1/2 is a smooth function of w from the centre to the far tails, so
    one rational function of degree 9 serves the whole range and no tail has to be selected (Giles, 2011, Approximating
    the erfinv function, uses the same w with polynomials). Coefficients: reweighted least squares at 40 digits, with
    relative error 2e-12 for 0 <= w <= 31 ln 2. The logarithm need be good to 1e-12 only, so it is shorter than `log`.
    """
    v = u * (1.0 - u)
    v = v if v > FURTHEST_PRODUCT else FURTHEST_PRODUCT
    bits = np.float64(v).view(np.int64) + ABOVE_SQRT_HALF
    k = np.int64((bits >> EXPONENT_SHIFT) + ROUNDER_BITS).view(np.float64) - (ROUNDER + EXPONENT_BIAS - 2.0)
    m = np.int64((bits & MANTISSA_MASK) + SQRT_HALF_BITS).view(np.float64)
    # -log m = 2 artanh s = 2 s + s z (2/3 + 2/5 z + 2/7 z**2 + ...)
    s = (1.0 - m) / (1.0 + m)
    z = s * s
    z2 = z * z
    series = (2.0 / 3.0 + 2.0 / 5.0 * z) + ((2.0 / 7.0 + 2.0 / 9.0 * z) + 2.0 / 11.0 * z2) * z2
    w = (2.0 * s - k * LN2) + (s * z) * series
    w2 = w * w
    w4 = w2 * w2
    w8 = w4 * w4
    p0 = (2.5066282746354083 + 1.1970150423439745 * w) + (0.3117135067068604 + 0.05729197988150765 * w) * w2
    p4 = (0.00781819671306087 + 0.0008107133203415804 * w) + (6.482650842597693e-05 + 4.08177866819142e-06 * w) * w2
    p8 = 2.140299848791778e-07 + 1.90754542680689e-09 * w
    p = (p0 + p4 * w4) + p8 * w8
    q0 = (1.0 + 0.21574052299278132 * w) + (0.05484292198042054 + 0.008321697577924234 * w) * w2
    q4 = (0.0009385964063122366 + 9.235398561980687e-05 * w) + (5.659717320404698e-06 + 3.943258974214791e-07 * w) * w2
    q8 = 9.543424136524614e-09 + 2.0646036593731164e-11 * w
    q = (q0 + q4 * w4) + q8 * w8
    return (u - 0.5) * p / q
