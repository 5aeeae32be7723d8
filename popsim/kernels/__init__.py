"""Compiled kernels: plain functions over arrays, and the only modules that import numba.

What holds for all of them is set here, before the first is loaded: where compiled code is kept (`cache`) and which
threads run it (`threads`).
"""

from popsim.kernels import cache as cache
from popsim.kernels.numerics import threads as threads
