"""Scores of forecasts against closed forms and scikit-learn."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from popsim.errors import InputError
from popsim.outcomes.scoring import (
    brier,
    c_statistic,
    calibration,
    calibration_table,
    crps,
    log_score,
    recalibrated,
)  # fmt: skip


@pytest.fixture
def forecasts():
    """Risks that are too extreme and too low: the truth has logit 0.6 x + 0.4."""
    rng = np.random.default_rng(5)
    x = rng.normal(-1.0, 1.5, 4000)
    return expit(x), rng.random(4000) < expit(0.6 * x + 0.4)


def test_scores_are_those_of_scikit_learn(forecasts):
    risk, happened = forecasts
    assert brier(risk, happened).score == pytest.approx(brier_score_loss(happened, risk), abs=1e-12)
    assert log_score(risk, happened) == pytest.approx(log_loss(happened, risk), abs=1e-12)
    assert c_statistic(risk, happened).value == pytest.approx(roc_auc_score(happened, risk), abs=1e-12)
    coarse = np.round(risk, 1)
    assert c_statistic(coarse, happened).value == pytest.approx(roc_auc_score(happened, coarse), abs=1e-12)


def test_brier_parts_are_those_of_grouping_by_value():
    # Murphy's parts by hand: 40 persons at 0.2 of whom 4 had the event, 60 at 0.7 of whom 45 had it.
    risk = np.repeat([0.2, 0.7], [40, 60])
    happened = np.concatenate([np.arange(40) < 4, np.arange(60) < 45])
    found = brier(risk, happened)
    assert found.reliability == pytest.approx((40 * (0.2 - 0.1) ** 2 + 60 * (0.7 - 0.75) ** 2) / 100)
    assert found.resolution == pytest.approx((40 * (0.1 - 0.49) ** 2 + 60 * (0.75 - 0.49) ** 2) / 100)
    assert found.uncertainty == pytest.approx(0.49 * 0.51)


def test_brier_parts_add_up_whatever_the_order(forecasts):
    risk, happened = forecasts
    found = brier(risk, happened)
    assert found.score == pytest.approx(found.reliability - found.resolution + found.uncertainty, abs=1e-12)
    assert min(found.reliability, found.resolution) > 0.0
    assert brier(risk[::-1], happened[::-1]) == pytest.approx(found, abs=1e-12)


def test_a_certain_mistake_costs_everything():
    assert log_score([0.0, 1.0], [False, True]) == 0.0
    assert log_score([0.0, 1.0], [True, True]) == np.inf


def test_crps_of_a_normal():
    # CRPS(N(m, s), y) = s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), z = (y - m) / s.
    members = norm.ppf((np.arange(20_000) + 0.5) / 20_000, loc=3.0, scale=2.0)
    observed = np.array([3.0, 5.5, -4.0])
    z = (observed - 3.0) / 2.0
    exact = 2.0 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert crps(np.tile(members, (3, 1)), observed) == pytest.approx(exact, abs=2e-3)


def test_fair_crps_of_few_members_has_no_bias():
    rng = np.random.default_rng(6)
    found = crps(rng.normal(size=(200_000, 4)), np.full(200_000, 0.7))
    exact = 0.7 * (2 * norm.cdf(0.7) - 1) + 2 * norm.pdf(0.7) - 1 / np.sqrt(np.pi)
    error = found.std() / np.sqrt(len(found))
    assert abs(found.mean() - exact) < 4 * error
    assert 4 * error < 0.005  # the unfair score of 4 members is 1 / (4 sqrt(pi)) = 0.14 too high


def test_weighted_crps_is_that_of_pairs():
    x, w, y = np.array([1.0, 4.0, 2.0]), np.array([0.5, 0.2, 0.3]), 3.0
    pairs = sum(w[i] * w[j] * abs(x[i] - x[j]) for i in range(3) for j in range(3))
    expected = (w * abs(x - y)).sum() - 0.5 * pairs / (1 - (w**2).sum())
    assert crps(x, np.array(y), w) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(crps(x, np.array(y), np.array([1.0, 0.0, 0.0])))


def test_calibration_is_a_logistic_regression(forecasts):
    risk, happened = forecasts
    found = calibration(risk, happened)
    fitted = LogisticRegression(C=1e12, tol=1e-10).fit(logit(risk)[:, None], happened)
    assert found.slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-4)
    assert abs(found.slope.value - 0.6) < 4 * found.slope.standard_error
    # With the slope held at 1 the mean risk becomes the share that happened.
    assert expit(logit(risk) + found.intercept.value).mean() == pytest.approx(happened.mean(), abs=1e-9)
    # Fisher's information of one parameter, by hand.
    p = expit(logit(risk) + found.intercept.value)
    assert found.intercept.standard_error == pytest.approx((p * (1 - p)).sum() ** -0.5, rel=1e-6)


def test_calibration_without_a_maximum_is_not_known():
    assert np.isnan(calibration([0.1, 0.2], [False, False]).intercept.value)
    assert np.isnan(calibration([0.2, 0.2, 0.2], [True, False, True]).slope.value)
    assert np.isnan(calibration([0.1, 0.2, 0.8], [False, False, True]).slope.value)
    assert calibration([0.25, 0.25, 0.25, 0.25], [True, False, False, False]).intercept.value == pytest.approx(0.0)


def test_points_become_risks_on_the_very_persons(forecasts):
    risk, happened = forecasts
    points = np.round(10 * risk)
    fitted = LogisticRegression(C=1e12, tol=1e-10).fit(points[:, None], happened)
    assert recalibrated(points, happened) == pytest.approx(fitted.predict_proba(points[:, None])[:, 1], abs=1e-4)
    assert recalibrated([3, 3, 3, 3], [True, False, True, False]) == pytest.approx(0.5)


def test_standard_error_of_the_c_statistic_is_delongs():
    # By DeLong's definition, pair by pair.
    rng = np.random.default_rng(7)
    x, y = np.round(rng.normal(size=60), 1), rng.random(60) < 0.4
    pairs = (x[y][:, None] > x[~y]) + 0.5 * (x[y][:, None] == x[~y])
    variance = pairs.mean(axis=1).var(ddof=1) / y.sum() + pairs.mean(axis=0).var(ddof=1) / (~y).sum()
    found = c_statistic(x, y)
    assert (found.value, found.standard_error) == pytest.approx((pairs.mean(), variance**0.5), abs=1e-12)
    assert found.low == pytest.approx(found.value - 1.96 * found.standard_error)
    assert np.isnan(c_statistic(x, np.ones(60, bool)).value)


def test_calibration_table(forecasts):
    risk, happened = forecasts
    table = calibration_table(risk, happened)
    assert table["persons"].to_list() == [400] * 10
    assert table["forecast"].is_sorted()
    lowest = np.argsort(risk)[:400]
    assert table.row(0)[2:4] == pytest.approx((risk[lowest].mean(), happened[lowest].mean()))
    assert calibration_table([0.3] * 7, [True] * 7)["persons"].to_list() == [7]


@pytest.mark.parametrize(("risk", "happened"), [([], []), ([0.5], [True, False]), ([1.2], [True]), ([np.nan], [True])])
def test_what_is_no_forecast_is_refused(risk, happened):
    with pytest.raises(InputError):
        log_score(risk, happened)
