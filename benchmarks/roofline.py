"""How fast the physiology's loop could be: the machine's own rates for what a twin-day cannot do without.

A day of a twin moves the columns that it reads and writes, takes exponentials and logarithms, and draws blocks of four
random numbers. Each of these is measured alone, on as many twins and threads as the loop: bytes by updating one array
of as many bytes in place, functions by a loop that does nothing else. Memory and arithmetic go on at the same time, so
no loop can be faster than the slower of the two; the rest of the loop's time is plain arithmetic.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import njit, prange

from popsim.kernels.codes import STREAM_EVENTS
from popsim.kernels.numerics.math import exp, log
from popsim.kernels.numerics.random import RandomKey, uniforms

ELEMENTARY = ("exp", "log", "uniforms")
PER_TURN = 2_000_000  # least calls of a function in a turn


@dataclass(frozen=True)
class Work:
    """What one twin-day takes.

    Attributes:
        read, written: bytes of the columns; what is written is read as well.
        calls: of each elementary function.
    """

    read: int
    written: int
    calls: Counter[str]

    def by_memory(self, bytes_a_second: float) -> float:
        """Twin-days a second that memory would allow."""
        return bytes_a_second / (self.read + self.written)

    def by_functions(self, *calls_a_second: float) -> float:
        """Twin-days a second that the elementary functions would allow, at a rate for each of `calls`."""
        return 1.0 / sum(n / rate for n, rate in zip(self.calls.values(), calls_a_second, strict=True))


def elementary_calls(kernel: Any) -> Counter[str]:
    """Calls of elementary functions in the body of a kernel and in all that it calls.

    The loop has no branch on data: every call in the source is made for every twin.
    """
    function = kernel.py_func
    found: Counter[str] = Counter()
    waiting: list[ast.AST] = list(ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body)  # type: ignore[attr-defined]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ELEMENTARY:
                found[called] += 1
            elif hasattr(function.__globals__.get(called), "py_func") and called not in ELEMENTARY:
                found += elementary_calls(function.__globals__[called])
        waiting.extend(ast.iter_child_nodes(node))
    return found


@njit(parallel=True, error_model="numpy")
def update(values, factor):  # type: ignore[no-untyped-def]
    """Read and write every value."""
    for i in prange(len(values)):
        values[i] *= factor


@njit(parallel=True, error_model="numpy")
def exponentials(x, y):  # type: ignore[no-untyped-def]
    """Eight for each value."""
    for i in prange(len(x)):
        a = x[i]
        y[i] = (
            exp(a) + exp(a + 0.1) + exp(a + 0.2) + exp(a + 0.3) + exp(a + 0.4) + exp(a + 0.5) + exp(a + 0.6) + exp(-a)
        )


@njit(parallel=True, error_model="numpy")
def logarithms(x, y):  # type: ignore[no-untyped-def]
    """Eight for each value."""
    for i in prange(len(x)):
        a = x[i]
        y[i] = (
            log(a)
            + log(a + 0.1)
            + log(a + 0.2)
            + log(a + 0.3)
            + log(a + 0.4)
            + log(a + 0.5)
            + log(a + 0.6)
            + log(a + 9)
        )


@njit(parallel=True, error_model="numpy")
def blocks(day, y):  # type: ignore[no-untyped-def]
    """One block of four random numbers for each value."""
    for i in prange(len(y)):
        a, b, c, d = uniforms(RandomKey(1, 0), i, STREAM_EVENTS, day)
        y[i] = a + b + c + d


def bytes_a_second(work: Work, twins: int, threads: int) -> Callable[[], float]:
    """A candidate: bytes read and written a second, in as much memory as the columns of so many twins."""
    values = np.ones(twins * work.read // 4, np.float32)
    return _rate(lambda turn: update(values, np.float32(1.0)), 2 * values.nbytes, threads, repeats=5)


def calls_a_second(name: str, threads: int) -> Callable[[], float]:
    """A candidate: calls of an elementary function a second, with its values in the caches."""
    size = 1 << 14
    x, y = np.linspace(0.1, 3.0, size), np.empty(size)
    functions: dict[str, tuple[Callable[[int], None], int]] = {
        "exp": (lambda turn: exponentials(x, y), 8 * size),
        "log": (lambda turn: logarithms(x, y), 8 * size),
        "uniforms": (lambda turn: blocks(turn, y), size),
    }
    function, calls = functions[name]
    return _rate(function, calls, threads, repeats=max(1, PER_TURN // calls))


def _rate(run: Callable[[int], None], count: int, threads: int, repeats: int) -> Callable[[], float]:
    def turn() -> float:
        numba.set_num_threads(threads)
        run(0)
        began = time.perf_counter()
        for number in range(repeats):
            run(number)
        return count * repeats / (time.perf_counter() - began)

    return turn
