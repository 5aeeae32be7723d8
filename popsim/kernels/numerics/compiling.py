"""How kernels are compiled: when they are first called, so that their modules are as quick to import as any other.

numba and its settings (`cache`, `threads`) are loaded with the first kernel that runs: whoever only reads a constant, a
dtype or a parameter class of a kernel's module pays for none of it.

For another kernel that calls it, a kernel is compiled without an entrance from Python, which for arguments as large as
the network's state takes longer than the function itself, and is cached as a part of its caller. Constants are passed
as attributes of a module (`codes.X`): numba would compile one version of the called function for each literal.

The days of organ systems and drugs (`njit(single=True)`) are written in doubles and computed in single precision, in
which a vector holds twice as many twins: their columns are single anyway. The function and all that it calls are
compiled with every literal, float constant and `np.float64` made `np.float32`. Whole numbers stay, and arithmetic
between one and a float is double: such an expression in a loop over twins halves the vectors. With POPSIM_PRECISION set
to "double" everything is computed in doubles, which shows what rounding changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, lru_cache, partial, update_wrapper
from types import FunctionType

# Called before each function that has to be compiled, with whether the cache was empty when the process began.
WATCHERS: list[Callable[[bool], None]] = []


def prange(*bounds):
    """Like range; numba's own, which runs on all threads, takes its place before a function is compiled."""
    return range(*bounds)


class Kernel:
    """A function that is compiled when it is first called, from Python or by another kernel.

    single: what takes its place in single precision: False for the function itself with other numbers, or, for one that
    depends on the bits of doubles, its counterpart; True if it is also computed so when it is called from Python.
    """

    def __init__(self, function, options, single=False):
        update_wrapper(self, function)
        self._options, self._single = options, single

    @property
    def py_func(self):
        """The plain function, ready to be compiled."""
        names = self.__wrapped__.__globals__
        if names.get("prange") is prange:
            from numba import prange as parallel_range  # noqa: PLC0415

            names["prange"] = parallel_range
        return self.__wrapped__

    def _jitted(self, **options):
        import numba  # noqa: PLC0415

        from popsim.kernels import cache  # noqa: F401, PLC0415
        from popsim.kernels.numerics import libraries, threads, vectors  # noqa: F401, PLC0415

        return numba.njit(**self._options | options)(self.py_func)

    @cached_property
    def compiled(self):
        """The function as Python calls it, a version for each signature."""
        return self._jitted()

    @cached_property
    def linked(self):
        """The function as other kernels call it: without an entrance from Python, cached as a part of its callers."""
        return self._jitted(cache=False, no_cpython_wrapper=True)

    @cached_property
    def in_single(self):
        """The kernel that computes this one in single precision."""
        return self._single if isinstance(self._single, Kernel) else Kernel(_singled(self.py_func), self._options)

    @cached_property
    def called(self):
        """The kernel that a call from Python runs."""
        in_single = self._single is True and os.environ.get("POPSIM_PRECISION") != "double"
        return self.in_single if in_single else self

    def argument(self, value):
        """A value as `run` takes it."""
        return value if self.called is self else single_number(value)

    @cached_property
    def run(self):
        """What a call from Python runs, with arguments that are as `argument` makes them."""
        return self.called.compiled

    @property
    def _numba_type_(self):
        return self.linked._numba_type_  # by which numba types a function that another one calls

    def __reduce__(self):
        return self.__qualname__  # a copy, and another process, has the function of that name

    def __call__(self, *arguments):
        """Call the compiled function."""
        return self.run(*arguments) if self.called is self else self.run(*map(single_number, arguments))

    def __getattr__(self, name):
        if name.startswith("__"):  # Python's own protocols ask for what no function has
            raise AttributeError(name)
        return getattr(self.compiled, name)


def single_number(value):
    """A float, or a named tuple of floats, in single precision; everything else as it is."""
    if type(value) is float:
        import numpy as np  # noqa: PLC0415

        return np.float32(value)
    if isinstance(value, tuple) and value and type(value[0]) is float:
        return _single_tuple(value)
    return value


@lru_cache(maxsize=1024)
def _single_tuple(value):
    return type(value)(*map(single_number, value))


def _singled(function):
    """A function with all its numbers, and what it calls, in single precision."""
    code, names = function.__code__, dict(function.__globals__)
    for name in set(code.co_names) & names.keys():
        value = names[name]
        names[name] = value.in_single if isinstance(value, Kernel) else single_number(value)
    import numpy as np  # noqa: PLC0415

    names["float"] = np.float32
    single = code.replace(
        co_consts=tuple(map(single_number, code.co_consts)),
        co_names=tuple("float32" if name == "float64" else name for name in code.co_names),
    )
    other = FunctionType(single, names, function.__name__, function.__defaults__, function.__closure__)
    other.__module__, other.__qualname__ = function.__module__, f"{function.__qualname__}_in_single"
    return other


def njit(function=None, *, single=False, **options):
    """`numba.njit`, put off until the function is called: cached, and x / 0 is infinite, as in NumPy.

    single: as for `Kernel`.
    """
    if function is None:
        return partial(njit, single=single, **options)
    return Kernel(function, {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options}, single)
