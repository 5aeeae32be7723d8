"""The analyses of trials, against published figures and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from popsim.calibration.regression import hazard_ratio
from popsim.calibration.survival import mean, proportion, rate, total_rate_ratio

# Weeks of remission in acute leukaemia, 6-mercaptopurine and placebo; a minus sign marks remissions that lasted
# (Gehan, Biometrika 1965;52:203-23, as printed in Cox, J R Stat Soc B 1972;34:187-220).
MERCAPTOPURINE = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_hazard_ratio_of_the_leukaemia_trial_is_the_published_one():
    """coxph of R's survival package with Efron's ties gives 1.5721 for placebo, standard error 0.4124."""
    weeks = np.array([*MERCAPTOPURINE, *PLACEBO], float)
    placebo = np.arange(len(weeks)) >= len(MERCAPTOPURINE)
    found = hazard_ratio(np.abs(weeks), weeks > 0.0, placebo)
    assert math.log(found.value) == pytest.approx(1.5721, abs=5e-5)
    assert found.standard_error / found.value == pytest.approx(0.4124, abs=5e-5)


def test_without_an_event_in_an_arm_there_is_no_hazard_ratio():
    found = hazard_ratio(np.array([1.0, 2.0]), np.array([True, False]), np.array([True, False]))
    assert math.isnan(found.value) and math.isnan(found.standard_error)


def test_a_rate_counts_years_until_the_event():
    """Three events in 365.25 x 1.5 days: 200 per 100 person-years, relative error 1 / sqrt(3)."""
    days = np.array([365.25 / 2, 365.25 / 4, 365.25 / 4, 365.25 / 2])
    found = rate(days, np.array([True, True, True, False]))
    assert found.value == pytest.approx(200.0) and found.standard_error == pytest.approx(200.0 / math.sqrt(3.0))


def test_a_proportion_has_its_binomial_error():
    found = proportion(np.array([True] * 20 + [False] * 80))
    assert found.value == 0.2 and found.standard_error == pytest.approx(0.04)
    assert math.isnan(proportion(np.array([False] * 5)).value)


def test_the_error_of_a_mean_is_that_of_its_sample():
    found = mean(np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.value == 2.5 and found.standard_error == pytest.approx(math.sqrt(5.0 / 3.0) / 2.0)


def test_repeated_events_of_poisson_people_have_a_poisson_error():
    """With one year each and Poisson counts the robust variance of the log is near 1/a + 1/b of the totals a and b.

    40,000 people; the variance of a variance gives a relative error of about 1% of the standard error.
    """
    random = np.random.default_rng(1)
    treated = np.arange(40_000) % 2 == 0
    counts = random.poisson(np.where(treated, 0.6, 0.8)).astype(float)
    found = total_rate_ratio(counts, np.ones(40_000), treated)
    a, b = counts[treated].sum(), counts[~treated].sum()
    assert found.value == pytest.approx(a / b)
    assert found.standard_error / found.value == pytest.approx(math.sqrt(1.0 / a + 1.0 / b), rel=0.03)
