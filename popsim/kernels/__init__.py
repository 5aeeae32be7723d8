"""Compiled kernels: plain functions over arrays, and the only modules that import numba.

Settings for all kernels are made here, before the first one is loaded: the cache of compiled code (`cache`) and the
threads that run it (`threads`).
"""

from popsim.kernels import cache as cache
from popsim.kernels.numerics import threads as threads
