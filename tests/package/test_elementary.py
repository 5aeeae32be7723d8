"""Elementary functions of arrays have the bits of the C library."""

import math

import numpy as np
import pytest

from popsim import elementary


@pytest.mark.parametrize("name", ["exp", "expm1", "log1p"])
def test_bits_are_those_of_the_c_library(name):
    x = np.linspace(0.01, 9.0, 257).reshape(1, -1)
    found = getattr(elementary, name)(x)
    assert found.dtype == np.float64
    assert found.tolist() == [[getattr(math, name)(value) for value in x[0].tolist()]]


def test_powers_and_single_numbers():
    assert elementary.power(1.035, np.array([-1.0, 2.5])).tolist() == [1.035**-1.0, 1.035**2.5]
    assert float(elementary.exp(1.0)) == math.e
