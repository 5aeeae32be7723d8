"""Analyses of times to an event, against lifelines, closed forms and figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter

from popsim.calibration.regression import (
    hazard_ratio_per_unit,
    negative_binomial_rate_ratio,
    odds_ratio_per_unit,
)
from popsim.calibration.survival import (
    cumulative_incidence,
    kaplan_meier,
    mean_cumulative_count,
    ratio_of_sums,
    restricted_mean,
    win_ratio,
)

# Weeks of remission under 6-mercaptopurine; a minus sign marks remissions that lasted (Gehan, Biometrika 1965;52:203).
MERCAPTOPURINE = np.array([6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35.0])


def test_the_curve_of_the_leukaemia_trial_is_the_published_one():
    """Kaplan-Meier 0.6275 at 16 weeks with Greenwood's error 0.1141 (Collett, Modelling Survival Data, chapter 2)."""
    found = kaplan_meier(np.abs(MERCAPTOPURINE), MERCAPTOPURINE > 0.0, 16.0)
    assert 1.0 - found.value == pytest.approx(0.6275, abs=5e-5)
    assert found.standard_error == pytest.approx(0.1141, abs=5e-5)


def test_the_restricted_mean_is_the_area_under_the_curve():
    days, events = np.abs(MERCAPTOPURINE), MERCAPTOPURINE > 0.0
    curve = KaplanMeierFitter().fit(days, events).survival_function_["KM_estimate"]
    times = np.append(curve.index[curve.index < 30.0], 30.0)
    area = float((np.diff(times) * curve.to_numpy()[: len(times) - 1]).sum())
    assert restricted_mean(days, events, 30.0).value == pytest.approx(area)
    # without censoring: the mean of min(time, limit) and its error with n in the denominator
    times = np.array([1.0, 2.0, 3.0, 5.0, 8.0, 9.0])
    found = restricted_mean(times, np.ones(6, bool), 6.0)
    cut = np.minimum(times, 6.0)
    assert found.value == pytest.approx(cut.mean())
    assert found.standard_error == pytest.approx(cut.std() / math.sqrt(6))


def test_incidence_with_competing_deaths_is_that_of_lifelines():
    random = np.random.default_rng(5)
    days = random.exponential(100.0, 300) + np.arange(300) * 1e-6  # no ties, which lifelines would break at random
    kind = random.choice(3, 300, p=[0.2, 0.5, 0.3])
    found = cumulative_incidence(days, kind == 1, kind == 2, 90.0)
    fitter = AalenJohansenFitter(calculate_variance=True).fit(days, kind, event_of_interest=1)
    last = fitter.cumulative_density_.index <= 90.0
    assert found.value == pytest.approx(float(fitter.cumulative_density_[last].iloc[-1, 0]))
    assert found.standard_error == pytest.approx(math.sqrt(float(fitter.variance_[last].iloc[-1])), rel=0.01)


def test_incidence_without_censoring_is_the_share_of_people():
    days, kind = np.arange(1.0, 11.0), np.array([1, 2, 1, 2, 0, 1, 1, 2, 2, 1])
    kind[4] = 2
    found = cumulative_incidence(days, kind == 1, kind == 2, 6.0)
    assert found.value == pytest.approx(0.3) and found.standard_error == pytest.approx(math.sqrt(0.3 * 0.7 / 10))


def test_the_mean_cumulative_count_without_censoring_is_the_mean_number():
    """Of 4 people one dies on day 20: 5 events by day 100 are 1.25 a person, whether or not they come before it."""
    last, dead = np.array([20.0, 100.0, 100.0, 100.0]), np.array([True, False, False, False])
    assert mean_cumulative_count(np.array([5.0, 10.0, 40.0, 60.0, 80.0]), last, dead, 100.0) == pytest.approx(1.25)
    # by hand: the person censored on day 50 leaves 2 of 3 at risk on day 60; death before took a quarter of survival
    last = np.array([20.0, 50.0, 100.0, 100.0])
    expected = 1.0 / 4.0 + 0.75 * 1.0 / 2.0
    assert mean_cumulative_count(np.array([5.0, 60.0]), last, dead, 100.0) == pytest.approx(expected)


def test_a_ratio_of_sums_of_equal_people_has_a_binomial_error():
    numbers = np.array([1.0] * 30 + [0.0] * 70)
    found = ratio_of_sums(numbers, np.ones(100))
    assert found.value == pytest.approx(0.3) and found.standard_error == pytest.approx(math.sqrt(0.3 * 0.7 / 100))


def test_the_win_ratio_decides_by_death_first():
    """Three against two people, all six pairs compared by hand, each pair over the shorter of two follow-ups.

    Treated: dies on day 50; admitted on day 30; nothing. Others: dies on day 40, followed 100; admitted on 20, followed
    60. Pairs: (50, 40) win, (50, none) loss; (30, dead 40) win, (30, 20) win; (nothing) two wins. 5 wins, 1 loss.
    """
    none = math.inf
    deaths = np.array([50.0, none, none, 40.0, none])
    admissions = np.array([none, 30.0, none, none, 20.0])
    last, treated = np.array([100.0, 100.0, 100.0, 100.0, 60.0]), np.array([True] * 3 + [False] * 2)
    assert win_ratio((deaths, admissions), last, treated).value == pytest.approx(5.0)


def test_the_error_of_the_win_ratio_is_that_of_repeated_samples():
    """One endpoint without censoring: of 300 samples of 60 against 60 the log ratios vary by 4% of its own (chi2)."""
    random = np.random.default_rng(3)
    treated = np.arange(120) < 60
    found = []
    for _ in range(300):
        days = random.exponential(np.where(treated, 1.4, 1.0))
        found.append(win_ratio((days,), np.full(120, 1e9), treated))
    logs = np.log([one.value for one in found])
    errors = [one.standard_error / one.value for one in found]
    assert np.mean(errors) == pytest.approx(logs.std(), rel=3 * 0.041)
    assert logs.mean() == pytest.approx(math.log(1.4), abs=3 * logs.std() / math.sqrt(300) + 0.02)


def test_the_odds_ratio_of_a_table_of_four_is_its_cross_product():
    """a, b, c, d = 30, 70, 15, 85: ratio ad/bc, error of its log sqrt(1/a + 1/b + 1/c + 1/d) (Woolf)."""
    exposed = np.repeat([1.0, 0.0], 100)
    events = np.concatenate([np.arange(100) < 30, np.arange(100) < 15])
    found = odds_ratio_per_unit(events, (exposed,))
    assert found.value == pytest.approx(30 * 85 / (70 * 15))
    assert found.standard_error / found.value == pytest.approx(math.sqrt(1 / 30 + 1 / 70 + 1 / 15 + 1 / 85))
    assert odds_ratio_per_unit(events, (exposed,), per=2.0).value == pytest.approx(found.value**2)
    assert math.isnan(odds_ratio_per_unit(exposed > 0.5, (exposed,)).value)  # the column separates them: no estimate


def test_adjusting_within_strata_recovers_the_ratio_that_generated_them():
    """A confounder that raises exposure and risk: the crude odds ratio is higher than the adjusted one, 2."""
    rows = []
    for stratum, (odds, share) in enumerate(((0.2, 0.2), (1.0, 0.8))):
        for exposed in (0, 1):
            number = 10_000 * (share if exposed else 1 - share)
            risk = odds * 2.0**exposed / (1 + odds * 2.0**exposed)
            rows += [(exposed, stratum, i < round(number * risk)) for i in range(round(number))]
    exposed, stratum, events = (np.array(column, float) for column in zip(*rows, strict=True))
    assert odds_ratio_per_unit(events > 0, (exposed, stratum)).value == pytest.approx(2.0, rel=0.001)
    assert odds_ratio_per_unit(events > 0, (exposed,)).value > 3.0


def test_the_hazard_ratio_per_unit_is_that_of_the_exponential_that_made_it():
    random = np.random.default_rng(8)
    column = random.normal(60.0, 10.0, 4000)
    days = random.exponential(1000.0 * np.exp(-0.03 * (column - 60.0)))
    found = hazard_ratio_per_unit(np.minimum(days, 1500.0), days < 1500.0, (column,), per=10.0)
    assert math.log(found.value) == pytest.approx(0.3, abs=3 * found.standard_error / found.value)
    assert found.standard_error / found.value == pytest.approx(
        10.0 / (10.0 * math.sqrt((days < 1500.0).sum())), rel=0.1
    )


def test_negative_binomial_regression_finds_the_ratio_of_means_and_the_dispersion():
    """One year each: the maximum-likelihood ratio is that of the means; the variance of the log with shape r = 0.8 is
    (1 / mean + 1 / r) / n in each arm (20,000 people)."""
    random = np.random.default_rng(4)
    treated = np.arange(20_000) % 2 == 0
    counts = random.poisson(np.where(treated, 0.5, 0.7) * random.gamma(0.8, 1 / 0.8, 20_000)).astype(float)
    found = negative_binomial_rate_ratio(counts, np.ones(20_000), treated)
    assert found.value == pytest.approx(counts[treated].mean() / counts[~treated].mean(), rel=1e-6)
    expected = math.sqrt((1 / 0.5 + 1 / 0.8) / 10_000 + (1 / 0.7 + 1 / 0.8) / 10_000)
    assert found.standard_error / found.value == pytest.approx(expected, rel=0.03)


def test_negative_binomial_regression_of_poisson_counts_is_poisson_regression():
    counts = np.array([c for c in range(4) for _ in range(5)] * 2, float)  # less dispersed than Poisson
    years = np.full(len(counts), 2.0)
    treated = np.arange(len(counts)) < 20
    found = negative_binomial_rate_ratio(counts, years, treated)
    assert found.value == pytest.approx(1.0)
    assert found.standard_error == pytest.approx(math.sqrt(2 / 30), rel=0.01)
