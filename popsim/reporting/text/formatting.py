"""Tables and numbers as plain text, for every command."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from popsim.outcomes.measure import OutcomeMeasure
from popsim.statistics import Estimate

type Cell = Mapping[str, Any]  # mean, low, high, and the parameters' interval where there is one

NOT_KNOWN = "n/a"
SAME = 1e-9  # relative: numbers that differ by less differ by rounding


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Align lines of cells in columns two blanks apart: the first flush left, the others flush right, titles as is."""
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[place]) for line in full) for place in range(len(full[0]))]
    shown = []
    for line in lines:
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False))
        shown.append("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join(shown)


def rounded(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number to this many significant digits (whole numbers keep all theirs), or n/a."""
    if value is None or math.isnan(value):
        return NOT_KNOWN
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:{'+' if signed and value else ''},.{max(0, digits - 1 - size)}f}"


def change(amount: float) -> str:
    """A change of money in whole units with its sign; one written as 0 has none."""
    text = f"{amount:+,.0f}"
    return "0" if text in ("+0", "-0") else text


def estimate(cell: Cell | None, measure: OutcomeMeasure) -> str:
    """A mean with those of its intervals that are known, or n/a where there was nobody to count."""
    return _with_intervals(cell, partial(_written, measure=measure))


def difference(cell: Cell | None, measure: OutcomeMeasure) -> str:
    """A paired difference: signed, one digit more than the estimates, because pairing makes it more precise."""
    return _with_intervals(cell, partial(_written, measure=measure, sign="+", more=1))


def _with_intervals(cell: Cell | None, written: Callable[[float], str]) -> str:
    """mean (Monte Carlo interval) [interval of the parameters, or their SD where draws are few; if there are any]."""
    if cell is None or cell["mean"] is None:
        return NOT_KNOWN
    interval = _ends(cell["low"], cell["high"], written)
    text = written(cell["mean"]) if interval is None else f"{written(cell['mean'])} ({interval})"
    parameters = _ends(cell.get("parameter_low"), cell.get("parameter_high"), written)
    sd = cell.get("parameter_sd")
    if parameters is None and sd is not None:
        parameters = f"SD {written(sd).removeprefix('+')}"
    return text if parameters is None else f"{text} [{parameters}]"


def _ends(low: float | None, high: float | None, written: Callable[[float], str]) -> str | None:
    """Both ends, if they are known."""
    return None if low is None or high is None else f"{written(low)} to {written(high)}"


def _written(value: float, measure: OutcomeMeasure, sign: str = "", more: int = 0) -> str:
    """A value with the digits of its measure and `more`; a value written as 0 has no sign."""
    text = f"{value * measure.factor:{sign},.{measure.digits + more}f}"
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")


def sharp(row: Cell | None, factor: float = 1.0) -> str:
    """A mean with its Monte Carlo interval, rounded as the interval's width warrants; n/a where it is unknown."""
    if row is None or row["mean"] is None:
        return NOT_KNOWN
    value, low, high = (None if row[name] is None else row[name] * factor for name in ("mean", "low", "high"))
    return with_interval(value, low, high)


def estimated(one: Estimate) -> str:
    """An estimate with its 95% interval."""
    return with_interval(one.value, one.low, one.high)


def in_columns(row: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """A figure with the interval from the columns <name>_low and <name>_high."""
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], digits)


def with_interval(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """A number with its interval, rounded as the interval's width warrants; alone when it has none."""
    decimals = _decimals(low, high, digits)
    if value is None or decimals is None:
        return rounded(value, digits)
    return f"{value:,.{decimals}f} ({low:,.{decimals}f} to {high:,.{decimals}f})"


def span(low: float | None, high: float | None, digits: int = 3) -> str | None:
    """Both ends of an interval, rounded as its width warrants; None when there is no interval."""
    decimals = _decimals(low, high, digits)
    return None if decimals is None else f"{low:,.{decimals}f} to {high:,.{decimals}f}"


def _decimals(low: float | None, high: float | None, digits: int) -> int | None:
    """Decimals that show an interval's width to one digit fewer than `digits`; None if the width is only rounding."""
    if low is None or high is None or not high - low > SAME * max(abs(low), abs(high)):
        return None
    return max(0, digits - 2 - math.floor(math.log10(high - low)))
