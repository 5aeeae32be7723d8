"""Logistic regression against scikit-learn, and its quality by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from popsim.errors import InputError
from popsim.outcomes.risk_adjustment import c_statistic, calibration, fit_logistic, logistic


def discharges(rows: int = 800, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates on very different scales, one to three discharges each."""
    random = np.random.default_rng(seed)
    covariates = np.column_stack(
        [
            random.normal(80, 8, rows),
            random.random(rows) < 0.5,
            random.lognormal(8, 1, rows),
            random.normal(0, 0.1, rows),
        ]
    ).astype(float)
    log_odds = -6 + 0.05 * covariates[:, 0] + 0.4 * covariates[:, 1] + 1e-5 * covariates[:, 2] + 3 * covariates[:, 3]
    trials = random.integers(1, 4, rows).astype(float)
    return covariates, trials, random.binomial(trials.astype(int), logistic(log_odds)).astype(float)


def test_the_fit_is_that_of_scikit_learn():
    """LogisticRegression with C = 1e12, on one row for success and one for failure, on standardised covariates."""
    covariates, trials, successes = discharges()
    fit = fit_logistic(covariates, trials, successes)
    scale = covariates.std(axis=0)
    both = np.vstack([covariates, covariates]) / scale
    other = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    other.fit(both, np.repeat([1, 0], len(trials)), sample_weight=np.concatenate([successes, trials - successes]))
    assert fit.coefficients == pytest.approx(other.coef_[0] / scale, rel=1e-5)
    assert fit.intercept == pytest.approx(other.intercept_[0], rel=1e-5)
    assert fit.probability(covariates) == pytest.approx(other.predict_proba(covariates / scale)[:, 1], rel=1e-6)


def test_one_group_against_another_is_the_log_odds_ratio():
    """30 of 100 without, 60 of 120 with the trait: odds 3/7 and 1; error sqrt(1/30 + 1/70 + 1/60 + 1/60)."""
    fit = fit_logistic(np.array([[0.0], [1.0]]), np.array([100.0, 120.0]), np.array([30.0, 60.0]))
    assert fit.intercept == pytest.approx(np.log(3 / 7), rel=1e-6)
    assert fit.coefficients[0] == pytest.approx(np.log(7 / 3), rel=1e-6)
    assert fit.standard_errors[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 70 + 2 / 60), rel=1e-6)


def test_fits_that_maximum_likelihood_does_not_have():
    """A constant covariate has no coefficient; one that separates the outcomes has a large one, and no overflow."""
    constant = fit_logistic(np.array([[1.0, 5.0], [2.0, 5.0]]), np.array([9.0, 9.0]), np.array([3.0, 5.0]))
    assert constant.coefficients[1] == 0.0
    separated = fit_logistic(np.array([[0.0], [1.0]]), np.array([10.0, 10.0]), np.array([0.0, 10.0]))
    assert np.isfinite(separated.coefficients).all()
    assert separated.probability(np.array([[0.0], [1.0]])) == pytest.approx([0, 1], abs=1e-6)


def test_expected_equals_observed_where_it_was_fitted():
    covariates, trials, successes = discharges(seed=5)
    risk = fit_logistic(covariates, trials, successes).probability(covariates)
    assert trials @ risk == pytest.approx(successes.sum(), rel=1e-9)


@pytest.mark.parametrize("successes", [0.0, 2.0])
def test_nobody_or_everybody(successes):
    with pytest.raises(InputError, match=f"{successes:g} of 2 index discharges"):
        fit_logistic(np.zeros((1, 1)), np.array([2.0]), np.array([successes]))


def test_c_statistic():
    """Risks 0.1 (fails), 0.2 (one of each), 0.3 (succeeds): of 4 pairs 3 are in order and one is a tie: 3.5 / 4."""
    assert c_statistic(np.array([0.1, 0.2, 0.3]), np.array([1.0, 2, 1]), np.array([0.0, 1, 1])) == 3.5 / 4
    covariates, trials, successes = discharges()
    risk, ones = covariates[:, 0].round(), np.ones(len(trials))
    outcome = successes > 0
    assert c_statistic(risk, ones, outcome.astype(float)) == pytest.approx(roc_auc_score(outcome, risk), rel=1e-12)


def test_calibration_by_groups_of_risk():
    """Two halves of two trials each: risks 0.1, 0.2 with one success and 0.6, 0.8 with two."""
    frame = calibration(np.array([0.8, 0.1, 0.6, 0.2]), np.ones(4), np.array([1.0, 1, 1, 0]), groups=2)
    assert frame.columns == ["group", "trials", "predicted", "observed"]
    assert frame.rows() == [(1, 2.0, pytest.approx(0.15), 0.5), (2, 2.0, pytest.approx(0.7), 1.0)]
