"""Kernels in single precision: what they and the functions that they call compute with, and what their callers pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from popsim.kernels.numerics.compiling import njit, single_number
from popsim.kernels.numerics.math import exp
from popsim.kernels.numerics.random import RandomKey, uniform, uniforms

THIRD = 1.0 / 3.0


class Constants(NamedTuple):
    tenth: float
    hundredth: float


@njit
def helper(x):
    return x * THIRD + 0.1


@njit(single=True)
def steps(x, constants, days, out):
    for i in range(len(x)):
        out[i] = helper(np.float64(x[i])) * constants.tenth + exp(constants.hundredth * days) * float(2)


def by_hand(x, constants, days, number):
    """The same in numbers of one kind."""
    tenth, hundredth = map(number, constants)
    grows = exp.in_single(number(hundredth * number(days))) if number is np.float32 else exp(hundredth * days)
    return [(number(one) * number(THIRD) + number(0.1)) * tenth + number(grows) * number(2.0) for one in x]


@pytest.mark.parametrize(("precision", "number"), [("single", np.float32), ("double", np.float64)])
def test_a_single_kernel_computes_in_single_numbers_unless_doubles_are_asked_for(precision, number, monkeypatch):
    monkeypatch.setenv("POPSIM_PRECISION", precision)
    x, constants = np.linspace(0.1, 7.0, 50, dtype=np.float32), Constants(0.1, 0.01)
    out = np.zeros(len(x))
    kernel = njit(steps.py_func, single=True)
    kernel(x, constants, 3.3, out)
    assert out.tolist() == [float(one) for one in by_hand(x, constants, 3.3, number)]


def test_floats_and_tuples_of_floats_become_single_and_nothing_else():
    constants = single_number(Constants(0.1, 0.2))
    assert isinstance(constants, Constants) and [type(one) for one in constants] == [np.float32, np.float32]
    assert type(single_number(0.1)) is np.float32
    array = np.zeros(2)
    for value in (3, True, None, array, RandomKey(1, 2), ()):
        assert single_number(value) is value


def test_uniforms_in_single_precision_are_those_in_double_rounded_and_below_one():
    for person in range(2000):
        single, double = uniforms.in_single(RandomKey(3, 1), person, 2, 9), uniforms(RandomKey(3, 1), person, 2, 9)
        assert [type(u) for u in single] == [float] * 4  # as numba returns them to Python
        np.testing.assert_allclose(single, double, rtol=1.2e-7)
        assert max(single) < 1.0


def test_the_greatest_uniform_stays_below_one():
    from popsim.kernels.numerics.random import _open_unit_single  # noqa: PLC0415

    assert _open_unit_single(np.uint64(2**32 - 1)) == np.float32(1 - 2.0**-24)
    assert _open_unit_single(np.uint64(0)) == np.float32(2.0**-33)
    assert uniform(RandomKey(), 1, 1, 1) < 1.0
