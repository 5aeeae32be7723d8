"""What files say of a distribution as the pieces of its quantile function (kernels/numerics/distributions.py).

Marginals of people's columns and lengths of stay alike; a truncated distribution is solved for the moments it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.definitions import distributions as given
from popsim.definitions import durations
from popsim.kernels.care.records import NO_TIME
from popsim.kernels.numerics.distributions import (
    EXPONENTIAL,
    GAMMA,
    LOGNORMAL,
    LOGNORMAL_OF_MOMENTS,
    NORMAL,
    Piece,
    joined,
    uniform_piece,
    value_piece,
)  # fmt: skip
from popsim.kernels.numerics.math import normal_cdf
from popsim.statistics import lognormal_parameters

# Solved parameters are rounded to this number of digits, so that platforms agree whose solvers differ in the last bits.
SOLVED_DIGITS = 10
MOMENT_TOLERANCE = 1e-11
MAX_STEPS = 200
NOT_YET = math.nan  # the probability at an end of a truncated part, until the outline is completed

type Bounds = tuple[float, float] | None


def pieces_of(distribution: given.AnyMarginal | durations.Duration) -> NDArray[Any]:
    """The pieces of a marginal (`same_as` has none: it is copied) or of a duration in days (NO_TIME for `forever`).

    Raises:
        ValueError: no truncated distribution has this mean and sd.
    """
    return completed(outline_of(distribution))


def outline_of(distribution: given.AnyMarginal | durations.Duration) -> NDArray[Any]:
    """The same but for the probabilities at the ends of truncated parts, which take a kernel: enough to check them.

    Raises:
        ValueError: no truncated distribution has this mean and sd.
    """
    return joined(_pieces(distribution))


def completed(outline: NDArray[Any]) -> NDArray[Any]:
    """The pieces of an outline, with the probabilities at the ends of truncated parts."""
    pieces = outline.copy()
    for place in np.flatnonzero(np.isnan(pieces["p_low"])):
        piece = pieces[place]
        for bound, probability in (("low", "p_low"), ("high", "p_high")):
            end = float(piece[bound])
            if piece["kind"] == LOGNORMAL:
                end = float(np.log(end)) if end > 0 else -math.inf
            piece[probability] = normal_cdf((end - float(piece["a"])) / float(piece["b"])) if end > -math.inf else 0.0
    return pieces


def support(pieces: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest value that can be drawn."""
    return float(pieces["low"].min()), float(pieces["high"].max())


def _pieces(distribution: given.AnyMarginal | durations.Duration) -> list[Piece]:  # noqa: PLR0911 - one line for each
    match distribution:
        case given.FixedMarginal(value=value) | durations.FixedDuration(value=value):
            return [value_piece(1.0, value)]
        case durations.Forever():
            return [value_piece(1.0, NO_TIME)]
        case given.Bernoulli(probability=p):
            return [value_piece(1.0 - p, 0.0), value_piece(p, 1.0)]
        case given.Categorical(values=values, probabilities=shares):
            return [value_piece(share, value) for share, value in zip(shares, values, strict=True)]
        case given.EmpiricalMarginal(values=values):
            return [value_piece(1.0 / len(values), value) for value in sorted(values)]
        case durations.EmpiricalDuration(values=values):
            return [value_piece(share, value) for share, value in zip(distribution.shares, values, strict=True)]
        case given.UniformMarginal(low=low, high=high) | durations.UniformDuration(low=low, high=high):
            return [uniform_piece(1.0, low, high)]
        case given.Quantiles(at=at, values=values):
            steps = zip(np.diff(at), values[:-1], values[1:], strict=True)
            return [uniform_piece(float(share), low, high) for share, low, high in steps]
        case (
            given.NormalMarginal(mean=mean, sd=sd, bounds=bounds)
            | durations.NormalDuration(mean=mean, sd=sd, bounds=bounds)
        ):
            return [_normal(1.0, mean, sd, bounds)]
        case given.LognormalMarginal(mean=mean, sd=sd, bounds=bounds):
            return [_lognormal(mean, sd, bounds)]
        case durations.LognormalDuration(mean=mean, sd=sd, bounds=bounds) if bounds is not None:
            return [_lognormal(mean, sd, bounds)]
        case given.Strata(parts=parts):
            return [_normal(part.share, part.mean, part.sd, part.bounds) for part in parts]
        case durations.Exponential(mean=mean):
            return [Piece(1.0, EXPONENTIAL, mean)]
        case durations.GammaDuration(mean=mean, sd=sd):
            return [Piece(1.0, GAMMA, mean, sd)]
        case durations.LognormalDuration(mean=mean, sd=sd):
            return [Piece(1.0, LOGNORMAL_OF_MOMENTS, mean, sd)]
        case given.SameAs():
            raise ValueError("same_as has no distribution of its own")


def _normal(share: float, mean: float, sd: float, bounds: Bounds) -> Piece:
    if bounds is None:
        return Piece(share, NORMAL, mean, sd)
    location, scale = truncated_normal_parameters(mean, sd, bounds)
    return Piece(share, NORMAL, location, scale, NOT_YET, NOT_YET, *bounds)


def _lognormal(mean: float, sd: float, bounds: Bounds) -> Piece:
    location, scale = lognormal_parameters(mean, sd)
    if bounds is None:
        return Piece(1.0, LOGNORMAL, location, scale, low=0.0)
    location, scale = truncated_lognormal_parameters(mean, sd, bounds)
    return Piece(1.0, LOGNORMAL, location, scale, NOT_YET, NOT_YET, *bounds)


def truncated_normal_parameters(mean: float, sd: float, bounds: tuple[float, float]) -> tuple[float, float]:
    """Location and scale of the normal that has this mean and sd once truncated to `bounds`.

    Raises:
        ValueError: there is none (the sd is near or above that of a uniform between the bounds).
    """
    low, high = bounds

    def misfit(location: float, log_scale: float) -> tuple[float, float]:
        scale = math.exp(log_scale)
        alpha, beta = (low - location) / scale, (high - location) / scale
        share = _mass(alpha, beta)
        at_low, at_high = _density(alpha) / share, _density(beta) / share
        shift = at_low - at_high
        variance = 1.0 + alpha * at_low - beta * at_high - shift**2
        return (location + scale * shift - mean) / sd, scale * max(variance, 0.0) ** 0.5 / sd - 1.0

    return _solved(misfit, (mean, sd), (mean, sd), bounds)


def truncated_lognormal_parameters(mean: float, sd: float, bounds: tuple[float, float]) -> tuple[float, float]:
    """Location and scale of the log of the lognormal that has this mean and sd once truncated to `bounds`.

    Raises:
        ValueError: there is none.
    """
    low, high = bounds

    def misfit(location: float, log_scale: float) -> tuple[float, float]:
        scale = math.exp(log_scale)
        alpha = (math.log(low) - location) / scale if low > 0 else -math.inf
        beta = (math.log(high) - location) / scale
        share = _mass(alpha, beta)
        first, second = (
            math.exp(k * location + (k * scale) ** 2 / 2) * _mass(alpha - k * scale, beta - k * scale) / share
            for k in (1, 2)
        )
        return (first - mean) / sd, max(second - first**2, 0.0) ** 0.5 / sd - 1.0

    return _solved(misfit, lognormal_parameters(mean, sd), (mean, sd), bounds)


def _mass(alpha: float, beta: float) -> float:
    """Standard normal probability between two points, exact in both tails; never 0, so that it can divide."""
    low, high = (-beta, -alpha) if alpha > 0 else (alpha, beta)
    return max(0.5 * (math.erfc(-high / math.sqrt(2.0)) - math.erfc(-low / math.sqrt(2.0))), 1e-300)


def _density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _solved(
    misfit: Callable[[float, float], tuple[float, float]],
    start: tuple[float, float],
    moments: tuple[float, float],
    bounds: tuple[float, float],
) -> tuple[float, float]:
    """Location and scale at which the misfit of both moments vanishes, by Newton's method with halved steps.

    Written out because importing a solver would double the start-up time of a run.
    """
    x, y = start[0], math.log(start[1])
    at = misfit(x, y)
    for _ in range(MAX_STEPS):
        if max(map(abs, at)) < MOMENT_TOLERANCE:
            location, scale = (float(f"{value:.{SOLVED_DIGITS}g}") for value in (x, math.exp(y)))
            return location, scale
        step = _newton_step(misfit, x, y, at)
        if step is None:
            break
        for halvings in range(30):
            trial = x + step[0] * 0.5**halvings, y + max(-1.0, min(1.0, step[1])) * 0.5**halvings
            try:
                after = misfit(*trial)
            except OverflowError:
                continue
            if math.hypot(*after) < math.hypot(*at):
                break
        else:
            break
        (x, y), at = trial, after
    mean, sd = moments
    raise ValueError(
        f"no truncated distribution within {list(bounds)} has mean {mean} and sd {sd}: widen the bounds or lower the sd"
    )


def _newton_step(
    misfit: Callable[[float, float], tuple[float, float]], x: float, y: float, at: tuple[float, float]
) -> tuple[float, float] | None:
    """Newton's step with a Jacobian from small differences; None where it is singular."""
    dx, dy = 1e-6 * math.exp(y), 1e-6
    in_x, in_y = misfit(x + dx, y), misfit(x, y + dy)
    a, c = (in_x[0] - at[0]) / dx, (in_x[1] - at[1]) / dx
    b, d = (in_y[0] - at[0]) / dy, (in_y[1] - at[1]) / dy
    determinant = a * d - b * c
    if abs(determinant) < 1e-14 * (abs(a * d) + abs(b * c)) or determinant == 0:
        return None
    return (b * at[1] - d * at[0]) / determinant, (c * at[0] - a * at[1]) / determinant
