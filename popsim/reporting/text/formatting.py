"""Tables and numbers as plain text, for every command that prints some."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOT_KNOWN = "n/a"
SAME = 1e-9  # relative: numbers that differ by less differ by rounding


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as columns two blanks apart: the first flush left, the others flush right; titles as they are."""
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[place]) for line in full) for place in range(len(full[0]))]
    shown = []
    for line in lines:
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False))
        shown.append("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join(shown)


def rounded(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number with so many significant digits (whole numbers keep all theirs), or n/a."""
    if value is None or math.isnan(value):
        return NOT_KNOWN
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:{'+' if signed and value else ''},.{max(0, digits - 1 - size)}f}"


def with_interval(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """A number with its interval, all to the decimals that its width makes sensible; alone when it has none."""
    decimals = _decimals(low, high, digits)
    if value is None or decimals is None:
        return rounded(value, digits)
    return f"{value:,.{decimals}f} ({low:,.{decimals}f} to {high:,.{decimals}f})"


def span(low: float | None, high: float | None, digits: int = 3) -> str | None:
    """Both ends of an interval to the decimals that its width makes sensible; None when it has none."""
    decimals = _decimals(low, high, digits)
    return None if decimals is None else f"{low:,.{decimals}f} to {high:,.{decimals}f}"


def _decimals(low: float | None, high: float | None, digits: int) -> int | None:
    """Decimals that show an interval's width with one digit less than `digits`; None for no width but rounding."""
    if low is None or high is None or not high - low > SAME * max(abs(low), abs(high)):
        return None
    return max(0, digits - 2 - math.floor(math.log10(high - low)))
