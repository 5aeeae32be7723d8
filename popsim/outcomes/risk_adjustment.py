"""Logistic regression for risk adjustment, fitted by iteratively reweighted least squares, with its calibration.

Every row has a number of trials (index discharges) and of successes (readmissions), so that a person with several
discharges is one row. A negligible ridge penalty keeps the fit finite if a covariate is constant or separates the
outcomes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError

RIDGE = 1e-9  # on standardised coefficients, per trial
TOLERANCE = 1e-10  # on the standardised coefficients
MAX_STEPS = 100
TENTHS = 10


class LogisticFit(NamedTuple):
    """A fitted logistic regression.

    Attributes:
        intercept: log odds where all covariates are 0.
        coefficients: (covariates,) change of the log odds for one unit of each.
        standard_errors: (covariates,) of the coefficients; meaningless for a constant covariate.
    """

    intercept: float
    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]

    def probability(self, covariates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of success; covariates (rows, covariates)."""
        return logistic(self.intercept + covariates @ self.coefficients)


def logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)) without overflow."""
    positive = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0.0, 1.0, positive) / (1.0 + positive)


def fit_logistic(
    covariates: NDArray[np.float64], trials: NDArray[np.float64], successes: NDArray[np.float64]
) -> LogisticFit:
    """Maximum likelihood by Newton's method with halved steps, on standardised covariates.

    Args:
        covariates: (rows, covariates), without a column of ones.
        trials: (rows,) at least 0.
        successes: (rows,) 0 .. trials.

    Raises:
        InputError: there are no successes or no failures.
    """
    total, hits = float(trials.sum()), float(successes.sum())
    if not 0.0 < hits < total:
        raise InputError(f"risk model: {hits:g} of {total:g} index discharges were followed by a readmission")
    centre = (trials @ covariates) / total
    spread = np.sqrt((trials @ (covariates - centre) ** 2) / total)
    scale = np.where(spread > 0.0, spread, 1.0)
    design = np.column_stack([np.ones(len(trials)), (covariates - centre) / scale])
    penalty = np.full(design.shape[1], RIDGE * total)
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(hits / (total - hits))
    value = _log_likelihood(design, trials, successes, beta, penalty)
    for _ in range(MAX_STEPS):
        risk = logistic(design @ beta)
        gradient = design.T @ (successes - trials * risk) - penalty * beta
        step = np.linalg.solve(_information(design, trials, risk, penalty), gradient)
        for _ in range(MAX_STEPS):
            trial = _log_likelihood(design, trials, successes, beta + step, penalty)
            if trial >= value or np.abs(step).max() < TOLERANCE:
                break
            step /= 2.0
        beta, value = beta + step, max(trial, value)
        if np.abs(step).max() < TOLERANCE:
            break
    covariance = np.linalg.inv(_information(design, trials, logistic(design @ beta), penalty))
    coefficients = beta[1:] / scale
    intercept = float(beta[0] - coefficients @ centre)
    return LogisticFit(intercept, coefficients, np.sqrt(np.diag(covariance)[1:]) / scale)


def _information(
    design: NDArray[np.float64], trials: NDArray[np.float64], risk: NDArray[np.float64], penalty: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Negative second derivatives of the penalised log-likelihood."""
    return np.asarray((design.T * (trials * risk * (1.0 - risk))) @ design + np.diag(penalty))


def _log_likelihood(
    design: NDArray[np.float64],
    trials: NDArray[np.float64],
    successes: NDArray[np.float64],
    beta: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> float:
    log_odds = design @ beta
    return float(successes @ log_odds - trials @ np.logaddexp(0.0, log_odds) - penalty @ beta**2 / 2.0)


def c_statistic(risk: NDArray[np.float64], trials: NDArray[np.float64], successes: NDArray[np.float64]) -> float:
    """Probability that a success had a higher risk than a failure (ties count half): the area under the ROC curve."""
    _, place = np.unique(risk, return_inverse=True)
    hits = np.bincount(place, weights=successes)
    misses = np.bincount(place, weights=trials - successes)
    below = np.cumsum(misses) - misses
    return float((hits @ (below + misses / 2.0)) / (hits.sum() * misses.sum()))


def calibration(
    risk: NDArray[np.float64], trials: NDArray[np.float64], successes: NDArray[np.float64], groups: int = TENTHS
) -> pl.DataFrame:
    """Observed against predicted, by groups of rising risk with about equal numbers of trials.

    Returns:
        group (1 the lowest risk), trials, predicted, observed (shares of the trials).
    """
    order = np.argsort(risk, kind="stable")
    before = np.cumsum(trials[order]) - trials[order]
    group = np.minimum((before * groups / trials.sum()).astype(np.int64), groups - 1)
    frame = pl.DataFrame(
        {"group": group + 1, "trials": trials[order], "expected": (trials * risk)[order], "hits": successes[order]}
    )
    of = pl.col("trials").sum()
    return (
        frame.group_by("group")
        .agg(trials=of, predicted=pl.col("expected").sum() / of, observed=pl.col("hits").sum() / of)
        .sort("group")
    )
