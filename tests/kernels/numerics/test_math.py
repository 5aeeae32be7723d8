"""Elementary functions of the kernels against mpmath (accuracy), against plain Python (bits) and in assembly."""

from __future__ import annotations

import math as libm
import os
import platform
import re
import subprocess
import sys
import warnings

import mpmath
import numpy as np
import pytest
from llvmlite import binding
from numba import njit, prange

from popsim.kernels.numerics import math
from popsim.kernels.numerics.math import exp, exp_single, inverse_normal, log, log_single, logistic, normal_cdf, power
from popsim.kernels.numerics.random import RandomKey, uniforms

UNARY = (exp, log, logistic, normal_cdf, inverse_normal)
GRID = 2.0**-32


@pytest.fixture(autouse=True, scope="module")
def forty_digits():
    with mpmath.workdps(40):
        yield


def ulps(function, exact, points):
    """Largest error of `function` over the points, in spacings of doubles at the exact result."""
    errors = []
    for point in points:
        true = exact(mpmath.mpf(float(point)))
        errors.append(abs(mpmath.mpf(float(function(float(point)))) - true) / float(np.spacing(abs(float(true)))))
    return float(max(errors))


def relative_error(function, exact, points):
    """Largest relative error of `function` over the points, zeros of the exact function left out."""
    errors = []
    for point in points:
        true = exact(mpmath.mpf(float(point)))
        if true != 0:
            errors.append(abs(mpmath.mpf(float(function(float(point)))) / true - 1))
    return float(max(errors))


def exact_quantile(u):
    """Normal quantile to 40 digits: mpmath's inverse error function on the smaller tail, polished by Newton."""
    tail = min(u, 1 - u)
    z = mpmath.mpf(float(-np.sqrt(2.0)) * float(mpmath.erfinv(1 - 2 * mpmath.mpf(float(tail)))))
    for _ in range(4):
        z -= (mpmath.ncdf(z) - tail) / mpmath.npdf(z)
    return z if u < 0.5 else -z


def every_scale(rng, low, high, count):
    """Points of both signs whose sizes are spread evenly over the powers of two."""
    return np.exp2(rng.uniform(low, high, count)) * rng.choice([-1.0, 1.0], count)


def test_exp_is_within_one_and_a_half_ulp():
    rng = np.random.default_rng(1)
    points = np.concatenate(
        [
            np.linspace(-708.0, 709.0, 3001),
            rng.uniform(-2.0, 2.0, 2000),
            every_scale(rng, -60, 9, 2000),
            # just beside the ends of the reduced interval, where rounding to the nearest multiple of ln 2 flips
            *(np.nextafter((np.arange(-1020, 1020) + 0.5) * libm.log(2.0), way) for way in (-np.inf, np.inf)),
        ]
    )
    assert ulps(exp, mpmath.exp, points) < 1.5


def test_exp_saturates():
    assert exp(-1e9) == exp(-libm.inf) == exp(-708.0) > 0.0
    assert exp(1e9) == exp(libm.inf) == exp(709.0) < libm.inf
    assert exp(0.0) == 1.0


def test_log_is_within_one_ulp():
    rng = np.random.default_rng(2)
    sqrt_half = libm.sqrt(0.5)
    points = np.concatenate(
        [
            np.linspace(0.4, 2.5, 3001),
            np.exp2(rng.uniform(-1022, 1024, 3000)),
            1.0 + every_scale(rng, -52, -2, 2000),
            np.exp2(np.arange(-1022.0, 1024.0)),
            [sqrt_half, np.nextafter(sqrt_half, 0), np.nextafter(sqrt_half, 1), sys.float_info.min, sys.float_info.max],
        ]
    )
    assert ulps(log, mpmath.log, points) < 1.0


def test_log_of_special_numbers():
    assert log(1.0) == 0.0
    assert log(0.0) == log(5e-324) == -libm.inf
    assert log(libm.inf) == libm.inf
    assert libm.isnan(log(-1.0))
    assert libm.isnan(log(-libm.inf))


def single_ulps(function, exact, points):
    """Largest error over points in single precision, in spacings of single numbers at the exact result."""
    true = exact(points.astype(np.float64))
    found = np.array([function(point) for point in points])
    assert np.array_equal(found, found.astype(np.float32))
    return np.max(np.abs(found.astype(np.float64) - true) / np.spacing(np.abs(true).astype(np.float32)))


def test_exp_and_log_in_single_precision_are_within_two_ulp():
    """Against NumPy's in doubles, whose own error of some 1e-16 does not count here."""
    rng = np.random.default_rng(5)
    points = np.concatenate([rng.uniform(-87, 88, 3000), rng.normal(0, 1, 3000), [0.0]]).astype(np.float32)
    assert single_ulps(exp_single, np.exp, points) < 2.0
    points = np.concatenate([np.exp2(rng.uniform(-126, 128, 3000)), rng.uniform(0.5, 2, 3000)]).astype(np.float32)
    assert single_ulps(log_single, np.log, points[points != 1]) < 2.0
    assert log_single(np.float32(1.0)) == 0.0


def test_exp_and_log_in_single_precision_beyond_their_ranges():
    inf, nan = np.float32(np.inf), np.float32(np.nan)
    assert exp_single(-inf) == exp_single(np.float32(-87.0)) > 0.0
    assert exp_single(inf) == exp_single(np.float32(88.0)) < inf
    assert np.isnan(exp_single(nan))
    assert log_single(np.float32(0.0)) == -inf
    assert log_single(inf) == inf
    assert np.isnan(log_single(np.float32(-1.0)))


def test_logistic_is_within_three_ulp():
    rng = np.random.default_rng(3)
    points = np.concatenate([np.linspace(-700.0, 40.0, 3001), rng.uniform(-5.0, 5.0, 2000)])
    assert ulps(logistic, lambda x: 1 / (1 + mpmath.exp(-x)), points) < 3.0
    assert logistic(0.0) == 0.5
    assert logistic(libm.inf) == 1.0
    assert 0.0 < logistic(-libm.inf) < 1e-307


@pytest.mark.slow
def test_normal_cdf_has_a_relative_error_below_2e_15_in_both_tails():
    rng = np.random.default_rng(4)
    points = np.concatenate([np.linspace(-37.4, 9.0, 3001), every_scale(rng, -60, 3, 2000)])
    assert relative_error(normal_cdf, mpmath.ncdf, points) < 2e-15
    assert normal_cdf(0.0) == pytest.approx(0.5, rel=2e-15)
    assert normal_cdf(libm.inf) == 1.0
    assert 0.0 <= normal_cdf(-libm.inf) < 1e-300


@pytest.mark.slow
def test_inverse_normal_has_a_relative_error_below_1e_11():
    rng = np.random.default_rng(5)
    words = np.concatenate(
        [
            np.arange(100),  # the far tail that `uniforms` can reach
            np.exp2(rng.uniform(0, 31, 1500)).astype(np.int64),
            rng.integers(0, 2**32, 1000),
            2**31 + np.arange(-100, 100),  # the centre, where the quantile passes through zero
            2**32 - 1 - np.arange(100),
        ]
    )
    assert relative_error(inverse_normal, exact_quantile, (words + 0.5) * GRID) < 1e-11
    assert relative_error(inverse_normal, exact_quantile, rng.uniform(GRID / 2, 1 - GRID / 2, 500)) < 1e-11


def test_inverse_normal_is_antisymmetric_and_increasing():
    words = np.concatenate([np.arange(2000), np.random.default_rng(6).integers(0, 2**31, 5000)])
    u = (words + 0.5) * GRID
    low = np.array([inverse_normal(value) for value in u])
    high = np.array([inverse_normal(1.0 - value) for value in u])
    assert np.array_equal(low, -high)
    assert inverse_normal(0.5) == 0.0

    ordered = np.array([inverse_normal(value) for value in np.unique(u)])
    assert np.all(np.diff(ordered) > 0.0)


def test_inverse_normal_saturates_beyond_the_reach_of_32_bits():
    assert inverse_normal(0.0) == pytest.approx(inverse_normal(GRID / 2), rel=1e-9)
    assert inverse_normal(1.0) == -inverse_normal(0.0)


def test_power_is_accurate_to_the_size_of_its_exponent():
    rng = np.random.default_rng(7)
    bases = np.exp2(rng.uniform(-40, 40, 3000))
    exponents = rng.uniform(-15.0, 15.0, 3000)
    for x, y in zip(bases, exponents, strict=True):
        true = mpmath.power(mpmath.mpf(float(x)), mpmath.mpf(float(y)))
        bound = (1.0 + abs(y * libm.log(x))) * 5e-16
        assert abs(mpmath.mpf(float(power(x, y))) / true - 1) < bound


def test_power_at_zero_and_below():
    assert power(0.0, 2.5) == 0.0
    assert power(0.0, 0.0) == 1.0
    assert power(0.0, -1.0) == libm.inf
    assert power(3.0, 0.0) == 1.0
    assert power(1.0, 1e6) == 1.0
    assert libm.isnan(power(-2.0, 2.0))


@pytest.mark.parametrize("function", UNARY, ids=lambda function: function.__name__)
def test_nan_stays_nan(function):
    assert libm.isnan(function(libm.nan))


def test_nan_in_either_argument_of_power_stays_nan():
    assert libm.isnan(power(libm.nan, 2.0))
    assert libm.isnan(power(2.0, libm.nan))


def arguments(function, rng):
    """Random arguments over the whole domain of a function and a little beyond."""
    if function is log:
        return np.exp2(rng.uniform(-1022, 1024, 2000))
    if function is inverse_normal:
        return np.concatenate([rng.uniform(0, 1, 1500), (rng.integers(0, 2**32, 500) + 0.5) * GRID])
    return np.concatenate([rng.uniform(-750, 750, 1000), rng.normal(0, 3, 1000)])


@njit
def evaluate(function, points, out):
    for i in range(points.size):
        out[i] = function(points[i])


@pytest.mark.parametrize("function", UNARY, ids=lambda function: function.__name__)
def test_compiled_equals_plain_python_bit_for_bit(function):
    points = arguments(function, np.random.default_rng(8))
    compiled = np.full(points.size, np.nan)
    evaluate(function, points, compiled)
    plain = np.array([function.py_func(float(point)) for point in points])
    assert np.array_equal(compiled.view(np.int64), plain.view(np.int64))


ELSEWHERE = ({"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""})
ELSEWHERE_PROGRAM = """
import sys
import numpy as np
from popsim.kernels.numerics import math
points = np.load(sys.argv[1])
out = {name: [getattr(math, name)(float(x)) for x in points[name]] for name in points.files if name != "power"}
out["power"] = [math.power(float(x), float(y)) for x, y in points["power"]]
np.savez(sys.argv[2], **out)
"""


@pytest.mark.slow
@pytest.mark.parametrize("setting", ELSEWHERE, ids=["interpreted", "oldest_cpu"])
def test_vectorised_equals_other_processes_bit_for_bit(setting, tmp_path):
    """Vectorised for this CPU here; in another process interpreted throughout (`.py_func` would call compiled callees),
    or compiled for a CPU without vectors beyond the architecture's oldest.
    """
    rng = np.random.default_rng(9)
    points = {function.__name__: arguments(function, rng) for function in UNARY}
    points["power"] = np.column_stack([np.exp2(rng.uniform(-60, 60, 2000)), rng.uniform(-20, 20, 2000)])
    np.savez(tmp_path / "points.npz", **points)
    command = [sys.executable, "-c", ELSEWHERE_PROGRAM, str(tmp_path / "points.npz"), str(tmp_path / "elsewhere.npz")]
    subprocess.run(command, env=os.environ | setting, check=True)
    with np.load(tmp_path / "elsewhere.npz") as elsewhere:
        for kernel in VECTOR_KERNELS:
            name = kernel.__name__.removeprefix("vector_")
            columns = np.ascontiguousarray(points[name].T).reshape(-1, len(points[name]))
            out = np.full(columns.shape[1], np.nan)
            kernel(columns, out)
            assert np.array_equal(out.view(np.int64), elsewhere[name].view(np.int64)), name


@njit(parallel=True, error_model="numpy")
def vector_exp(x, out):
    for i in prange(out.size):
        out[i] = exp(x[0, i])


@njit(parallel=True, error_model="numpy")
def vector_log(x, out):
    for i in prange(out.size):
        out[i] = log(x[0, i])


@njit(parallel=True, error_model="numpy")
def vector_logistic(x, out):
    for i in prange(out.size):
        out[i] = logistic(x[0, i])


@njit(parallel=True, error_model="numpy")
def vector_normal_cdf(x, out):
    for i in prange(out.size):
        out[i] = normal_cdf(x[0, i])


@njit(parallel=True, error_model="numpy")
def vector_inverse_normal(x, out):
    for i in prange(out.size):
        out[i] = inverse_normal(x[0, i])


@njit(parallel=True, error_model="numpy")
def vector_power(x, out):
    for i in prange(out.size):
        out[i] = power(x[0, i], x[1, i])


@njit(parallel=True, error_model="numpy")
def vector_all(x, out):
    for i in prange(out.size):
        u0, u1, u2, u3 = uniforms(RandomKey(7, 0), i, 1, 5)
        out[i] = exp(x[0, i]) + log(u0) + inverse_normal(u1) + inverse_normal(u2) * u3


@njit(parallel=True, error_model="numpy")
def with_library(x, out):
    for i in prange(out.size):
        out[i] = libm.exp(x[0, i]) + libm.log(x[0, i])


VECTOR_KERNELS = (vector_exp, vector_log, vector_logistic, vector_normal_cdf, vector_inverse_normal, vector_power)
LIBRARY_NAMES = {"exp", "exp2", "expm1", "log", "log2", "log1p", "pow", "erf", "erfc", "sqrt", "ldexp", "frexp"}


def assembly(kernel):
    kernel(np.full((2, 64), 0.5), np.zeros(64))
    return "\n".join(kernel.inspect_asm().values())


def packed_arithmetic(text):
    """Number of instructions that add, subtract, multiply or divide the widest vectors of doubles of this CPU."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return len(re.findall(r"\bf(?:add|sub|mul|div)\.2d|\bf(?:add|sub|mul|div)\s+v\d+\.2d", text))
    features = binding.get_host_cpu_features()
    registers = ["zmm", "ymm"] if features.get("avx512f") else (["ymm"] if features.get("avx") else ["xmm"])
    return len(re.findall(rf"\bv?(?:add|sub|mul|div)pd\b[^\n]*%(?:{'|'.join(registers)})", text))


def library_calls(text):
    """Mathematical library functions whose address the code takes."""
    return LIBRARY_NAMES & set(
        re.findall(r"\$?\b([a-z0-9]+)\b(?:@PLT)?", " ".join(re.findall(r"mov\w*\s+\$\w+", text)))
    )


@pytest.mark.parametrize("kernel", [*VECTOR_KERNELS, vector_all], ids=lambda kernel: kernel.__name__)
def test_loops_are_vectorised_and_call_no_library(kernel):
    """Every function has at least 20 floating-point operations, so a vectorised loop shows as many packed ones."""
    text = assembly(kernel)
    assert packed_arithmetic(text) >= 20
    assert library_calls(text) == set()


def test_the_check_for_vectors_sees_a_loop_that_is_not():
    text = assembly(with_library)
    assert packed_arithmetic(text) < 20
    assert library_calls(text) == {"exp", "log"}


def test_no_multiply_and_add_is_contracted():
    """A fused multiply-add would give other bits on CPUs that have it."""
    assert re.findall(r"\bvfn?m(?:add|sub)\w*|\bfml[as]\b|\bfn?m(?:add|sub)\b", assembly(vector_all)) == []


def test_constants_are_the_doubles_that_their_names_say():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.float64(libm.sqrt(0.5)).view(np.int64) == math.SQRT_HALF_BITS
        assert np.float64(math.ROUNDER).view(np.int64) == math.ROUNDER_BITS
    assert libm.log(2.0) == math.LN2_HIGH + math.LN2_LOW
    assert abs(mpmath.mpf(math.LN2_HIGH) + mpmath.mpf(math.LN2_LOW) - mpmath.log(2)) < 1e-25
    assert float(mpmath.mpf(math.LN2_HIGH) * 1023) == math.LN2_HIGH * 1023
