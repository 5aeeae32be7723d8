"""Drift that was planted is found, and none where there is none, at the stated rate."""

import numpy as np
import polars as pl
import pytest
from planted import FEATURES, people

from popsim.evidence.parameters import load_parameters
from popsim.learning.drift import CumulativeSums, Reference, average_run_length, balance
from popsim.learning.performance import JudgedRisks

CONSTANTS = load_parameters("learning")


def test_average_run_lengths_are_the_published_ones():
    """Two-sided, slack 0.5: 168 periods at limit 4 and 465 at limit 5; 8.38 and 10.4 for a shift of one.

    Recalled from Montgomery, Introduction to Statistical Quality Control, table of the tabular CUSUM.
    """
    assert average_run_length(0.5, 4.0) == pytest.approx(168.0, rel=0.005)
    assert average_run_length(0.5, 5.0) == pytest.approx(465.0, rel=0.005)
    assert average_run_length(0.5, 4.0, 1.0) == pytest.approx(8.38, rel=0.005)
    assert average_run_length(0.5, 5.0, 1.0) == pytest.approx(10.4, rel=0.005)


def periods(number: int, seed: int, factor: float) -> list[float]:
    """Balances of periods in which risks are too low by a factor."""
    balances = []
    for period in range(number):
        table = people(300, seed * 1000 + period)
        happened = np.random.default_rng((seed, period)).random(300) < table["true_risk"].to_numpy() * factor
        balances.append(balance(JudgedRisks.of(table["true_risk"].to_numpy(), happened)))
    return balances


@pytest.mark.slow
def test_right_risks_raise_alarms_as_seldom_as_stated():
    """60 series of 20 periods: the number of alarms against the average run length (Poisson, 99.9%)."""
    alarms = 0
    for seed in range(60):
        sums = CumulativeSums(CONSTANTS["cusum_slack"], CONSTANTS["cusum_limit"])
        alarms += sum(sums.add(z) for z in periods(20, seed, 1.0))
    expected = 60 * 20 / average_run_length(CONSTANTS["cusum_slack"], CONSTANTS["cusum_limit"])
    assert abs(alarms - expected) < 3.3 * np.sqrt(expected)


@pytest.mark.parametrize("factor", [1.4, 0.65])
def test_risks_that_lost_their_level_are_found_within_four_periods(factor):
    for seed in range(10):
        sums = CumulativeSums(CONSTANTS["cusum_slack"], CONSTANTS["cusum_limit"])
        assert any(sums.add(z) for z in periods(4, seed, factor))


@pytest.mark.slow
def test_features_that_have_not_shifted_are_called_shifted_as_seldom_as_stated():
    """1% of comparisons of all features (and 3 standard errors), of few persons (chance rules) and many."""
    for size in (200, 2000):
        called, repeats = 0, 400 if size == 200 else 100
        for seed in range(repeats):
            reference = Reference(people(size, 2 * seed), FEATURES, CONSTANTS)
            called += reference.shifts(people(size, 2 * seed + 1))["shifted"].any()
        assert called / repeats < CONSTANTS["shift_false_alarms"] + 3.0 * np.sqrt(0.01 * 0.99 / repeats)


def test_a_feature_that_has_shifted_is_named():
    reference = Reference(people(1000, 1), FEATURES, CONSTANTS)
    shifts = reference.shifts(people(1000, 2, shift=0.6))
    assert shifts.filter("shifted")["feature"].to_list() == ["x0"]
    # Two normals apart by d: the index is d squared (the divergence both ways), less what tenths cannot see.
    assert shifts["index"][0] == pytest.approx(0.36, rel=0.25)
    missing = people(1000, 3).with_columns(x1=pl.when(pl.col("x2") > 0.5).then(None).otherwise("x1"))
    assert reference.shifts(missing).filter("shifted")["feature"].to_list() == ["x1"]
