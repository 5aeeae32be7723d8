"""(e) Whether the hot loop is vectorised: its arithmetic in single precision in machine code, by how many go at once.

The loop is compiled afresh for this: numba keeps no machine code to read for what it takes from its cache. Counted is
the block of instructions with most packed arithmetic, which is the loop that does the work; the others are its
remainders of fewer than a vector of twins.
"""

from __future__ import annotations

import re

from benchmarks.measuring import Row, Section
from benchmarks.physiology import settled
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.physiology import heart_failure as kernel

ARITHMETIC = r"v?(?:add|sub|mul|div|min|max|sqrt|fn?m(?:add|sub)\d+)"
WIDTHS = {
    "packed, 16 numbers (zmm)": rf"\b{ARITHMETIC}ps\b[^\n]*%zmm",
    "packed, 8 numbers (ymm)": rf"\b{ARITHMETIC}ps\b[^\n]*%ymm",
    "packed, 4 numbers (xmm)": rf"\b{ARITHMETIC}ps\b[^\n]*%xmm",
    "one number": rf"\b{ARITHMETIC}s[ds]\b",
    "calls": r"\tcall",
}


def hot_block() -> str:
    """Machine code of the block of the day loop with most packed arithmetic."""
    fresh = njit(kernel.advance_day.py_func, parallel=True, single=True, cache=False)
    people, physiology = settled(64)
    fresh(*physiology.core._call.arguments(kernel.advance_day, people, physiology.influences))
    blocks = re.split(r"^\.?L\w+:", "\n".join(fresh.in_single.compiled.inspect_asm().values()), flags=re.MULTILINE)
    return max(blocks, key=lambda block: len(re.findall(rf"\b{ARITHMETIC}ps\b[^\n]*%[yz]mm", block)))


def section() -> Section:
    """Instructions by width."""
    block = hot_block()
    rows = [Row(name, (float(len(re.findall(pattern, block))),)) for name, pattern in WIDTHS.items()]
    notes = ["x86 only: elsewhere all counts are 0."]
    return Section("(e) Arithmetic in the physiology's loop", "instructions", rows, notes, digits=0)
