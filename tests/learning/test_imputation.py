"""Chained equations against what is known of a normal distribution and of codes."""

from __future__ import annotations

import numpy as np
import pytest

from popsim.kernels.numerics.random import RandomKey
from popsim.learning.imputation import DONORS, impute, matched

PEOPLE = 3000


@pytest.fixture(scope="module")
def bivariate():
    """x standard normal, y = 2 + 1.5 x + noise of SD 0.8; y is missing with a probability that rises with x."""
    random = np.random.default_rng(5)
    x = random.normal(size=PEOPLE)
    y = 2.0 + 1.5 * x + 0.8 * random.normal(size=PEOPLE)
    lost = random.random(PEOPLE) < 1.0 / (1.0 + np.exp(-1.5 * x))
    return x, y, lost


def test_missing_at_random_values_of_a_normal_pair_lie_on_the_regression(bivariate):
    """Closed form: given x they are normal about 2 + 1.5 x with SD 0.8; the known ones alone are biased."""
    x, y, lost = bivariate
    filled = impute({"x": x, "y": np.where(lost, np.nan, y)}, RandomKey(1))["y"]
    expected = 2.0 + 1.5 * x[lost]
    residual = filled[lost] - expected
    # The draw of the missing values, and the regression fitted to the known ones at the mean of the missing.
    known = ~lost
    spread = ((x[known] - x[known].mean()) ** 2).sum()
    error = 0.8 * np.sqrt(1 / lost.sum() + 1 / known.sum() + (x[lost].mean() - x[known].mean()) ** 2 / spread)
    error = np.hypot(error, 0.8 * np.sqrt(1 / known.sum() + (x[lost].mean() - x[known].mean()) ** 2 / spread))
    assert abs(residual.mean()) < 3.0 * error
    assert residual.std() == pytest.approx(0.8, rel=0.1)
    assert abs(y[known].mean() - 2.0) > 10.0 * error  # the mean of all is 2
    assert abs(filled.mean() - 2.0) < 3.0 * np.hypot(np.sqrt((1.5**2 + 0.8**2) / PEOPLE), error)


def test_known_values_stay_and_the_same_key_gives_the_same(bivariate):
    x, y, lost = bivariate
    table = {"x": x, "y": np.where(lost, np.nan, y)}
    first, again, other = (impute(table, RandomKey(seed))["y"] for seed in (1, 1, 2))
    assert (first[~lost] == y[~lost]).all()
    assert (first == again).all()
    assert (first[lost] != other[lost]).mean() > 0.5


def test_a_rare_condition_keeps_its_frequency_and_stays_a_code():
    """One in twenty, missing completely at random in half: the share of the drawn is that of the known."""
    random = np.random.default_rng(9)
    age = random.normal(75.0, 10.0, PEOPLE)
    rare = (random.random(PEOPLE) < 0.05).astype(float)
    lost = random.random(PEOPLE) < 0.5
    filled = impute({"age": age, "rare": np.where(lost, np.nan, rare)}, RandomKey(3))["rare"]
    assert set(np.unique(filled)) == {0.0, 1.0}
    error = np.sqrt(0.05 * 0.95 * (1 / lost.sum() + 1 / (~lost).sum()))
    assert abs(filled[lost].mean() - rare[~lost].mean()) < 3.0 * error


def test_columns_that_never_vary_and_few_people_are_no_obstacle():
    nan = np.nan
    table = {"a": np.array([1.0, 1.0, nan]), "b": np.array([nan, 2.0, 4.0]), "c": np.array([5.0, 6.0, 7.0])}
    filled = impute(table, RandomKey(1))
    assert filled["a"].tolist() == [1.0, 1.0, 1.0]
    assert filled["b"][0] in (2.0, 4.0)
    assert filled["c"].tolist() == [5.0, 6.0, 7.0]


def test_a_donor_is_one_of_the_nearest():
    predicted = np.arange(100.0)
    wanted = np.array([-5.0, 50.2, 200.0])
    drawn = [matched(predicted, predicted, wanted, np.full(3, u)) for u in (0.01, 0.25, 0.5, 0.7, 0.99)]
    assert {value[0] for value in drawn} == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert {value[1] for value in drawn} == {48.0, 49.0, 50.0, 51.0, 52.0}
    assert {value[2] for value in drawn} == {95.0, 96.0, 97.0, 98.0, 99.0}
    assert len(drawn) == DONORS
