"""Performance of forecasts: proper scores, calibration and discrimination of risks, CRPS of ensembles.

A risk is the probability of an event; persons are treated as independent. Brier score, log score and CRPS are proper:
smaller is better, and only the forecaster's true belief minimises their expectation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit, xlog1py, xlogy

from popsim.errors import InputError
from popsim.statistics import Estimate, wilson

type Floats = NDArray[np.float64]
type Flags = NDArray[np.bool_]

CERTAIN = 1e-12  # risks are clipped to CERTAIN .. 1 - CERTAIN where a finite logit is needed
MAX_STEPS, CONVERGED = 100, 1e-10


class Brier(NamedTuple):
    """Brier score = reliability - resolution + uncertainty.

    Attributes:
        score: mean squared difference between the risk and the outcome (1 or 0).
        reliability: by how much the score would fall if the risks were recalibrated; 0 is best.
        resolution: by how much the recalibrated risks beat the base rate; more is better.
        uncertainty: of the base rate, p (1 - p).
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float


class CalibrationCurve(NamedTuple):
    """Logistic regression of the outcome on the logit of the risk.

    Attributes:
        intercept: with the slope fixed at 1 (calibration in the large); above 0 if risks were too low.
        slope: 1 is best; below 1 if risks are too extreme.
    """

    intercept: Estimate
    slope: Estimate


def brier(risk: ArrayLike, happened: ArrayLike) -> Brier:
    """Brier score and its parts.

    Recalibration is the isotonic regression of the outcome on the risk, which needs no bins (the CORP decomposition,
    Dimitriadis, Gneiting and Jordan 2021, doi:10.1073/pnas.2016191118). If risks take few values and observed shares
    rise with them, the parts equal those of the usual grouping by value.

    Args:
        risk: (persons,), 0 to 1.
        happened: (persons,), whether the event occurred.

    Raises:
        InputError: see `log_score`.
    """
    p, y = _pair(risk, happened)
    order = np.argsort(p, kind="stable")
    _, first, count = np.unique(p[order], return_index=True, return_counts=True)
    shares = np.add.reduceat(y[order].astype(np.float64), first) / count
    again = np.repeat(isotonic_regression(shares, weights=count).x, count)
    score, recalibrated = float(np.mean((p - y) ** 2)), float(np.mean((again - y[order]) ** 2))
    uncertainty = float(y.mean() * (1.0 - y.mean()))
    # Neither can be negative except by rounding.
    return Brier(score, max(score - recalibrated, 0.0), max(uncertainty - recalibrated, 0.0), uncertainty)


def log_score(risk: ArrayLike, happened: ArrayLike) -> float:
    """Mean negative log probability of the observed outcome; infinite if a risk of 0 or 1 was wrong.

    Raises:
        InputError: there are no persons, arrays differ in length, or a risk is not between 0 and 1.
    """
    p, y = _pair(risk, happened)
    return float(-np.mean(xlogy(y, p) + xlog1py(~y, -p)))


def crps(members: ArrayLike, observed: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """The fair continuous ranked probability score of an ensemble, unbiased for few members.

    E|X - y| - E|X - X'| / 2, where X and X' are different members. Weights enter both means; the second is divided by
    the weight of all pairs of different members.

    Args:
        members: (..., members) forecasts of each person.
        observed: (...) observed values.
        weights: as `members`, summing to one per person; equal when None.

    Returns:
        (...) in the unit of the quantity. NaN where a value is NaN or all weight is on one member.

    Raises:
        InputError: shapes do not match, or there is only one member.
    """
    x, y = np.asarray(members, np.float64), np.asarray(observed, np.float64)
    if x.ndim == 0 or x.shape[:-1] != y.shape or x.shape[-1] < 2:
        raise InputError(f"crps: members {x.shape} must be two or more for each of the observed values {y.shape}")
    w = np.full(x.shape, 1.0 / x.shape[-1]) if weights is None else np.asarray(weights, np.float64)
    if w.shape != x.shape:
        raise InputError(f"crps: weights {w.shape} must have the shape of the members {x.shape}")
    order = np.argsort(x, axis=-1)
    x, w = np.take_along_axis(x, order, axis=-1), np.take_along_axis(w, order, axis=-1)
    # Sum over pairs w_i w_j |x_i - x_j|: each gap between neighbours, times the weight below it, times that above.
    below = np.cumsum(w, axis=-1)[..., :-1]
    pairs = 2.0 * np.sum(np.diff(x, axis=-1) * below * (1.0 - below), axis=-1)
    different = 1.0 - np.sum(w * w, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(different > CERTAIN, pairs / different, np.nan)
    return np.asarray(np.sum(w * np.abs(x - y[..., None]), axis=-1) - 0.5 * spread)


def calibration_table(risk: ArrayLike, happened: ArrayLike, groups: int = 10) -> pl.DataFrame:
    """Forecast and observed shares in groups of about equal size, by rising risk.

    Equal risks stay in one group, so there may be fewer groups than requested.

    Returns:
        group (from 1), persons, forecast (mean risk), happened (share), low, high (95% interval of the share, Wilson).
    """
    p, y = _pair(risk, happened)
    group_index = np.searchsorted(np.sort(p), p) * groups // len(p)
    _, group = np.unique(group_index, return_inverse=True)
    persons = np.bincount(group)
    share = np.bincount(group, weights=y) / persons
    low, high = wilson(share, persons)
    forecast = np.bincount(group, weights=p) / persons
    return pl.DataFrame(
        {
            "group": np.arange(1, len(persons) + 1),
            "persons": persons,
            "forecast": forecast,
            "happened": share,
            "low": low,
            "high": high,
        }
    )


def calibration(risk: ArrayLike, happened: ArrayLike) -> CalibrationCurve:
    """Calibration in the large and calibration slope, by maximum likelihood; NaN if there is no maximum.

    There is no maximum if nobody or everybody had the event, and no slope if all risks are equal or separate the events
    perfectly.
    """
    p, y = _pair(risk, happened)
    x = logit(np.clip(p, CERTAIN, 1.0 - CERTAIN))
    constant = np.ones((len(x), 1))
    return CalibrationCurve(
        _logistic(constant, y, x)[0], _logistic(np.column_stack([x, constant]), y, np.zeros(len(x)))[0]
    )


def recalibrated(points: ArrayLike, happened: ArrayLike) -> Floats:
    """Risks from the points of a score, by a logistic regression on the same persons: the score's best performance.

    Returns:
        (persons,) risks; the base rate for all if the regression has no maximum.
    """
    x, y = np.asarray(points, np.float64), np.asarray(happened, np.bool_)
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    level, slope = _logistic(design, y, np.zeros(len(x)))
    if not np.isfinite([level.value, slope.value]).all():
        return np.full(len(x), y.mean())
    return np.asarray(expit(level.value + slope.value * design[:, 1]))


def c_statistic(points: ArrayLike, happened: ArrayLike) -> Estimate:
    """Probability that a person with the event had more points than one without (ties count half).

    The standard error is that of DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837-845), from midranks (Sun and
    Xu 2014, doi:10.1109/LSP.2014.2337313).

    Args:
        points: (persons,) risks or points of a score.
        happened: (persons,).

    Returns:
        The area under the ROC curve; NaN if nobody or everybody had the event.
    """
    x, y = np.asarray(points, np.float64), np.asarray(happened, np.bool_)
    cases, controls = int(y.sum()), int((~y).sum())
    if not cases or not controls:
        return Estimate()
    ranks = _ranks(x)
    of_cases = (ranks[y] - _ranks(x[y])) / controls  # share of controls below each case
    of_controls = 1.0 - (ranks[~y] - _ranks(x[~y])) / cases  # share of cases above each control
    if min(cases, controls) < 2:
        return Estimate(float(of_cases.mean()))
    variance = of_cases.var(ddof=1) / cases + of_controls.var(ddof=1) / controls
    return Estimate(float(of_cases.mean()), float(np.sqrt(variance)))


def _pair(risk: ArrayLike, happened: ArrayLike) -> tuple[Floats, Flags]:
    p, y = np.asarray(risk, np.float64), np.asarray(happened)
    if p.ndim != 1 or p.shape != y.shape or not len(p):
        raise InputError(f"risks {p.shape} and events {y.shape}: must be one of each per person, not none")
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise InputError("risks: must be between 0 and 1")
    return p, y.astype(np.bool_)


def _logistic(design: Floats, happened: Flags, offset: Floats) -> list[Estimate]:
    """Coefficients of a logistic regression by Newton's method; NaN if it has no maximum."""
    unknown = [Estimate()] * design.shape[1]
    if happened.all() or not happened.any():
        return unknown
    beta = np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        p = expit(design @ beta + offset)
        information = design.T @ (design * (p * (1.0 - p))[:, None])
        if np.linalg.cond(information) > 1.0 / CERTAIN:
            return unknown
        step = np.linalg.solve(information, design.T @ (happened - p))
        beta = beta + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < CONVERGED:
            errors = np.sqrt(np.diag(np.linalg.inv(information)))
            return [Estimate(float(b), float(e)) for b, e in zip(beta, errors, strict=True)]
    return unknown


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Midranks from 1; importing scipy.stats would cost half a second in every process."""
    ordered = np.sort(values)
    return np.asarray((np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right") + 1) / 2)
