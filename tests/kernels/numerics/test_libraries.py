"""What only kernels call is linked to its callers; machine code is made for what Python calls."""

from __future__ import annotations

import subprocess
import sys

import numba
import pytest

from popsim.kernels.numerics.compiling import njit


@njit
def root(x):
    if x < 0.0:
        raise ValueError("negative")
    return x**0.5


@njit
def distance(x, y):
    return root(x * x + y * y - 1.0)


@njit(cache=False)
def from_python(x, y):
    return distance(x, y)


def library(compiled):
    (version,) = compiled.overloads.values()
    return version.library


def test_what_python_calls_is_translated_with_all_that_it_calls():
    assert from_python(3.0, 4.0) == 24.0**0.5
    assert library(from_python.compiled)._translated
    assert not library(root.linked)._translated and not library(distance.linked)._translated
    with pytest.raises(ValueError, match="negative"):  # raised two calls below
        from_python(0.0, 0.0)


SCRIPT = """
import sys
from popsim.kernels.numerics.sampling import keyed
from popsim.kernels.numerics.random import RandomKey
import numpy as np
print(keyed(RandomKey(1, 2), np.arange(3), 4).tolist())
"""


@pytest.mark.slow
def test_from_the_cache_it_computes_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("POPSIM_CACHE", str(tmp_path))
    first, again = (
        subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert first.stdout == again.stdout and first.stdout.count(",") == 2
    assert len(list(tmp_path.rglob("*keyed*.nbc"))) == 1


def test_a_users_own_numba_function_works_beside_them():
    @numba.njit
    def helper(x):
        return x + 1

    @numba.njit
    def own(x):
        return helper(x) * 2

    @numba.vectorize(["float64(float64)"])
    def doubled(x):
        return helper(x) * 2

    @numba.cfunc("float64(float64)")
    def for_c(x):
        return helper(x) * 3

    assert own(3) == 8 and helper(3) == 4
    assert doubled([1.0, 2.0]).tolist() == [4.0, 6.0]
    assert for_c.ctypes(1.0) == 6.0
