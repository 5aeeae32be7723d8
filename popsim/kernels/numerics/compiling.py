"""How the care network's functions are compiled.

`inner` functions are only called by other kernels: they get no Python wrapper of their own, which for arguments as
large as the network's state would cost more time to compile than the function itself, and are cached as a part of the
`entry` function that calls them. Constants are passed as attributes of a module (`codes.X`): numba would compile one
version of the called function for each literal.
"""

from __future__ import annotations

from numba import njit

inner = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(cache=True, error_model="numpy")
