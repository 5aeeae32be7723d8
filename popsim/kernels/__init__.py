"""Compiled kernels: plain functions over arrays, and the only modules that import numba.

They get `njit` and `prange` from `numerics.compiling`, which loads numba, the cache of compiled code (`cache`) and the
threads that run it (`numerics.threads`) with the first kernel that is called.
"""
