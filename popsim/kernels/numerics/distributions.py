"""The quantile functions of popsim: of people's columns, of stays and patience, and of parameters.

A distribution is a sequence of pieces in a record array. A piece covers the probabilities from the end of the piece
before it to its own `end`. With t in (0, 1) the position of a probability within the piece, its quantile is

    VALUE        a
    UNIFORM      a + (b - a) t
    NORMAL       a + b inverse_normal(p_low + (p_high - p_low) t)
    LOGNORMAL    exp of the same: a and b are mean and sd of the logarithm
    EXPONENTIAL  -a log(1 - t)
    GAMMA        of mean a and sd b
    LOGNORMAL_OF_MOMENTS  a exp(s inverse_normal(t) - s**2 / 2), s**2 = log(1 + (b / a)**2): mean a and sd b

clamped to [low, high]; so a truncated distribution is sampled through its own inverse CDF, without rejection. The two
forms of the lognormal are equal but for rounding: LOGNORMAL can be truncated, LOGNORMAL_OF_MOMENTS keeps its last bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.numerics.compiling import njit
from popsim.kernels.numerics.math import exp, inverse_normal
from popsim.kernels.numerics.random import exponential, gamma, lognormal

VALUE, UNIFORM, NORMAL, LOGNORMAL, EXPONENTIAL, GAMMA, LOGNORMAL_OF_MOMENTS = range(7)
PIECE = np.dtype(
    [(name, "f8") for name in ("end", "a", "b", "p_low", "p_high", "low", "high")] + [("kind", "i1")], align=True
)

# The normal quantile is evaluated inside these: exactly 0 or 1 (which u reaches by rounding beyond 8 sd) has none.
MIN_PROBABILITY = 1e-16
MAX_PROBABILITY = 1.0 - 2.0**-53


class Piece(NamedTuple):
    """A part of a distribution that holds this share of its probability."""

    share: float
    kind: int
    a: float
    b: float = 1.0
    p_low: float = 0.0
    p_high: float = 1.0
    low: float = -np.inf
    high: float = np.inf


def value_piece(share: float, value: float) -> Piece:
    """A value that is drawn with this probability."""
    return Piece(share, VALUE, value, low=value, high=value)


def uniform_piece(share: float, low: float, high: float) -> Piece:
    """A uniform part."""
    return Piece(share, UNIFORM, low, high, low=low, high=high)


def joined(pieces: Iterable[Piece]) -> NDArray[Any]:
    """Pieces one after the other; those without probability are left out, the last ends at exactly 1."""
    kept = [piece for piece in pieces if piece.share > 0]
    table = np.array([(piece.share, *piece[2:], piece.kind) for piece in kept], PIECE)
    table["end"] = np.cumsum(table["end"])
    table["end"][-1] = 1.0
    return table.view(np.recarray)


@njit
def quantile(pieces, first, last, u):
    """The u-quantile of the distribution made of the pieces first..last of a table."""
    start_at = first
    before = last - 1
    while first < before:  # the first piece that ends above u
        middle = (first + before) // 2
        if u < pieces[middle].end:
            before = middle
        else:
            first = middle + 1
    piece = pieces[first]
    start = 0.0
    if first > start_at:
        start = pieces[first - 1].end
    t = (u - start) / (piece.end - start)
    if piece.kind == VALUE:
        value = piece.a
    elif piece.kind == UNIFORM:
        value = piece.a + (piece.b - piece.a) * t
    elif piece.kind == EXPONENTIAL:
        value = exponential(t, piece.a)
    elif piece.kind == GAMMA:
        shape = (piece.a / piece.b) * (piece.a / piece.b)
        value = gamma(t, shape, piece.a / shape)
    elif piece.kind == LOGNORMAL_OF_MOMENTS:
        value = lognormal(t, piece.a, piece.b)
    else:
        p = piece.p_low + (piece.p_high - piece.p_low) * t
        p = min(max(p, MIN_PROBABILITY), MAX_PROBABILITY)
        value = piece.a + piece.b * inverse_normal(p)
        if piece.kind == LOGNORMAL:
            value = exp(value)
    return min(max(value, piece.low), piece.high)


@njit
def quantiles(pieces, u, out):
    """`quantile` of the distribution made of all the pieces, at the probabilities u[n]."""
    for i in range(u.shape[0]):
        out[i] = quantile(pieces, 0, pieces.shape[0], u[i])
