"""Regressions that papers report: Cox's model, logistic and negative binomial regression."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from popsim.calibration.observed import Flags, Floats
from popsim.statistics import Estimate

STEPS, ENOUGH = 60, 1e-10  # Newton's method


def hazard_ratio(days: Floats, events: Flags, treated: Flags) -> Estimate:
    """Cox's hazard ratio of the treated against the others.

    Args:
        days: to the event or to the end of follow-up, each above 0.
        events: whether the event occurred.
        treated: arm.
    """
    if not (events & treated).any() or not (events & ~treated).any():
        return Estimate()
    return hazard_ratio_per_unit(days, events, (treated.astype(np.float64),))


def hazard_ratio_per_unit(days: Floats, events: Flags, columns: Sequence[Floats], per: float = 1.0) -> Estimate:
    """Cox's hazard ratio per `per` units of the first column, adjusted for the others (lifelines, Efron's ties)."""
    from lifelines import CoxPHFitter
    from pandas import DataFrame

    if not events.any() or not np.ptp(columns[0]):
        return Estimate()
    names = [f"x{number}" for number in range(len(columns))]
    frame = DataFrame({"days": days, "event": events.astype(np.int8)} | dict(zip(names, columns, strict=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitter = CoxPHFitter().fit(frame, "days", "event")
    return _ratio(float(fitter.params_["x0"]), float(fitter.standard_errors_["x0"]), per)


def odds_ratio_per_unit(events: Flags, columns: Sequence[Floats], per: float = 1.0) -> Estimate:
    """Odds ratio of the event per `per` units of the first column, adjusted for the others (logistic regression)."""
    y = events.astype(np.float64)
    spread = np.array([float(np.std(column)) for column in columns])
    if not events.any() or events.all() or not spread.all():
        return Estimate()
    scaled = [(column - column.mean()) / sd for column, sd in zip(columns, spread, strict=True)]
    x = np.column_stack([np.ones(len(y)), *scaled])
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-x @ beta))
        information = x.T @ (x * (p * (1.0 - p))[:, None])
        try:
            step = np.linalg.solve(information, x.T @ (y - p))
        except np.linalg.LinAlgError:  # a column separates those with the event from those without
            return Estimate()
        beta += step
        if np.abs(step).max() < ENOUGH:
            error = math.sqrt(float(np.linalg.inv(information)[1, 1]))
            return _ratio(float(beta[1] / spread[0]), error / float(spread[0]), per)
    return Estimate()


def negative_binomial_rate_ratio(counts: Floats, years: Floats, treated: Flags) -> Estimate:
    """Ratio of rates of repeated events by negative binomial regression with time at risk as offset."""
    from scipy.special import digamma, polygamma

    if not (counts[treated].any() and counts[~treated].any()):
        return Estimate()
    rates = {arm: float(counts[treated == arm].sum() / years[treated == arm].sum()) for arm in (True, False)}
    log_size = 0.0  # of the shape r: variance = mean + mean^2 / r
    for _ in range(STEPS):
        mean = years * np.where(treated, rates[True], rates[False])
        r = math.exp(log_size)
        weight = 1.0 / (1.0 + mean / r)
        moved = 0.0
        for arm in (True, False):
            of = treated == arm
            step = float((weight[of] * (counts[of] - mean[of])).sum() / (weight[of] * mean[of]).sum())
            rates[arm] *= math.exp(step)
            moved = max(moved, abs(step))
        score = (digamma(counts + r) - digamma(r) + np.log(weight) + (mean - counts) / (mean + r)).sum()
        slope = (polygamma(1, counts + r) - polygamma(1, r) + 1.0 / r - 1.0 / (mean + r)).sum()
        slope -= ((mean - counts) / (mean + r) ** 2).sum()
        curvature = r * (r * slope + score)
        step = -r * score / curvature if curvature < 0.0 else math.copysign(0.5, score)
        log_size = min(max(log_size + min(max(step, -1.0), 1.0), -12.0), 12.0)
        if max(moved, abs(step)) < ENOUGH or (abs(log_size) == 12.0 and moved < ENOUGH):
            break
    variance = sum(1.0 / float((weight * mean)[treated == arm].sum()) for arm in (True, False))
    return _ratio(math.log(rates[True] / rates[False]), math.sqrt(variance))


def _ratio(log_ratio: float, error: float, per: float = 1.0) -> Estimate:
    """A ratio per `per` units from its logarithm per unit and that one's error."""
    ratio = math.exp(log_ratio * per)
    return Estimate(ratio, ratio * error * abs(per))
