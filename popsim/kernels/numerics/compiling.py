"""How kernels are compiled: when they are first called, so that their modules are as quick to import as any other.

numba and its settings (`cache`, `threads`) are loaded with the first kernel that runs: whoever only reads a constant, a
dtype or a parameter class of a kernel's module pays for none of it.

`inner` functions are only called by other kernels: they get no Python wrapper of their own, which for arguments as
large as the network's state would cost more time to compile than the function itself, and are cached as a part of the
`entry` function that calls them. Constants are passed as attributes of a module (`codes.X`): numba would compile one
version of the called function for each literal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial, update_wrapper

# Called before each function that has to be compiled, with whether the cache was empty when the process began.
WATCHERS: list[Callable[[bool], None]] = []


def prange(*bounds):
    """Like range; numba's own, which runs on all threads, takes its place before a function is compiled."""
    return range(*bounds)


class Kernel:
    """A function that is compiled when it is first called, from Python or by another kernel."""

    def __init__(self, function, options):
        update_wrapper(self, function)
        self._options = options

    @property
    def py_func(self):
        """The plain function, ready to be compiled."""
        names = self.__wrapped__.__globals__
        if names.get("prange") is prange:
            from numba import prange as parallel_range  # noqa: PLC0415

            names["prange"] = parallel_range
        return self.__wrapped__

    @cached_property
    def compiled(self):
        """The function as numba compiles it, a version for each signature."""
        import numba  # noqa: PLC0415

        from popsim.kernels import cache  # noqa: F401, PLC0415
        from popsim.kernels.numerics import threads  # noqa: F401, PLC0415

        return numba.njit(**self._options)(self.py_func)

    @property
    def _numba_type_(self):
        return self.compiled._numba_type_  # by which numba types a function that another one calls

    def __reduce__(self):
        return self.__qualname__  # a copy, and another process, has the function of that name

    def __call__(self, *arguments):
        """Call the compiled function."""
        return self.compiled(*arguments)

    def __getattr__(self, name):
        if name.startswith("__"):  # Python's own protocols ask for what no function has
            raise AttributeError(name)
        return getattr(self.compiled, name)


def njit(function=None, **options):
    """`numba.njit`, put off until the function is called, and without the entrance for C, which nobody uses."""
    if function is None:
        return partial(njit, **options)
    return Kernel(function, {"no_cfunc_wrapper": True, **options})


inner = njit(error_model="numpy", no_cpython_wrapper=True)
entry = njit(cache=True, error_model="numpy")
