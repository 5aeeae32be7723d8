"""History matching: the part of the prior that the targets do not rule out, and how small it is.

Subset simulation (Au and Beck 2001, Probabilistic Engineering Mechanics 16:263) lowers the limit of implausibility in
steps that keep a fifth of the points, and moves the points that are left within the limit (preconditioned
Crank-Nicolson steps, which leave the normal prior unchanged). The share of the prior is the product of the steps'.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from popsim.evidence.distributions import Floats
from popsim.kernels.codes import STREAM_STUDIES
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.statistics import normal_quantile

POINTS = 2000
KEPT = 0.2  # of the points in every step
MOVES = 15  # of every point in every step
MAX_STEPS = 60  # then the cut cannot be reached
WANTED_ACCEPTED = 0.3


class Normals:
    """Standard normal numbers, other ones in every call."""

    def __init__(self, seed: int) -> None:
        self._key, self._call = RandomKey(seed), 0

    def __call__(self, *shape: int) -> Floats:
        """An array of this shape."""
        self._call += 1
        return normal_quantile(keyed(self._key, np.arange(math.prod(shape)), STREAM_STUDIES, self._call)).reshape(shape)


class Space(NamedTuple):
    """What is not ruled out: points[point, parameter], their share of the prior, and the limit that they are within."""

    points: Floats
    share: float
    limit: float


def not_ruled_out(implausibility: Callable[[Floats], Floats], parameters: int, cut: float, normals: Normals) -> Space:
    """The part of a standard normal prior with an implausibility of at most `cut`; the least if there is none."""
    x = normals(POINTS, parameters)
    distance, share, limit, stride = implausibility(x), 1.0, np.inf, 0.5
    for _ in range(MAX_STEPS):
        limit = max(cut, float(np.quantile(distance, KEPT)))
        inside = np.flatnonzero(distance <= limit)
        share *= len(inside) / POINTS
        chosen = np.resize(inside, POINTS)
        x, distance = x[chosen], distance[chosen]
        for _ in range(MOVES):
            moved = np.sqrt(1.0 - stride**2) * x + stride * normals(*x.shape)
            there = implausibility(moved)
            accepted = there <= limit
            x, distance = np.where(accepted[:, np.newaxis], moved, x), np.where(accepted, there, distance)
            stride = float(np.clip(stride * np.exp(accepted.mean() - WANTED_ACCEPTED), 0.005, 0.9))
        if limit <= cut:
            break
    return Space(x, share, limit)
