"""Exponentials, logarithms and powers of arrays with the bits of the C library, on every processor.

NumPy computes them by other instructions on processors that have wide vectors (AVX-512), and the last bit of some
results differs. What ends up in a table of results is computed here instead, so that its hash is the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Floats = NDArray[np.float64]


def _elementwise(function: Callable[..., float], arguments: int) -> Callable[..., Floats]:
    of_objects = np.frompyfunc(function, arguments, 1)

    def of_arrays(*given: ArrayLike) -> Floats:
        return np.asarray(of_objects(*(np.asarray(one, np.float64) for one in given)), np.float64)

    return of_arrays


exp = _elementwise(math.exp, 1)
expm1 = _elementwise(math.expm1, 1)
log = _elementwise(math.log, 1)
log1p = _elementwise(math.log1p, 1)
power = _elementwise(math.pow, 2)
