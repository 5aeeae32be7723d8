"""Arguments of public functions, checked before they reach a kernel, which checks nothing."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from popsim.errors import InputError, shorten

MAX_DAYS = 36_525  # a century
MAX_WORD = 2**32 - 1  # a word of the random key


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number of Python or NumPy; neither a boolean, a float nor an array."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Whether it is a number of Python or NumPy; neither a boolean, a complex number nor an array."""
    return isinstance(value, Real) and not isinstance(value, bool)


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """`value` as a Python int.

    Raises:
        InputError: it is not a whole number in [low, high].
    """
    if is_whole(value) and low <= value <= high:
        return int(value)
    raise InputError(f"{name} = {shorten(value)}: must be a whole number between {low} and {high}")


def real_number(name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a Python float; infinity and NaN are refused.

    Raises:
        InputError: it is not a finite number in [low, high].
    """
    if is_real(value) and math.isfinite(value) and low <= value <= high:
        return float(value)
    bounds = f" between {low:g} and {high:g}" if high < math.inf else f", {low:g} or more" if low > -math.inf else ""
    raise InputError(f"{name} = {shorten(value)}: must be a number{bounds}")


def array(name: str, values: ArrayLike, dtype: DTypeLike, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """`values` as a contiguous, writable array of this type and shape (None: any length), copied only if need be.

    Raises:
        InputError: they have another shape, or values that this type cannot hold.
    """
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    if given.ndim != len(shape) or any(want not in (None, has) for want, has in zip(shape, given.shape, strict=True)):
        required = " x ".join("any" if want is None else str(want) for want in shape)
        raise InputError(f"{name}: has shape {given.shape}, must be {required}")
    if given.size and not _fits(given, np.dtype(dtype)):
        raise InputError(f"{name}: holds {given.dtype}, must be numbers of type {np.dtype(dtype)}")
    return np.require(given, dtype, ["C", "A", "W"])


def _fits(given: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether they are numbers; for an integer type, whole numbers within its range."""
    if dtype.kind == "f":
        return given.dtype.kind in "biuf"
    if given.dtype.kind not in "biu":
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= int(given.min()) and int(given.max()) <= limits.max)
