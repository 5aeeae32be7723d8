"""Cost-effectiveness against scipy's tests and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.economics.cost_effectiveness import (
    cost_effectiveness,
    cost_per_effect,
    fieller,
    paired_differences,
    strategy_means,
    verdict,
)


def long_table(**values: dict[str, list[float]]) -> pl.DataFrame:
    """usual={"cost_total": [..], ..}, ... as strategy, replication, measure, value."""
    rows = [
        (strategy, replication, measure, value)
        for strategy, measures in values.items()
        for measure, series in measures.items()
        for replication, value in enumerate(series)
    ]
    return pl.DataFrame(rows, schema=["strategy", "replication", "measure", "value"], orient="row").with_columns(draw=0)


RANDOM = np.random.default_rng(8)
SHARED = RANDOM.normal(0, 300, 12)
MEASURES = long_table(
    usual={"cost_total": list(5000 + SHARED), "qalys": list(0.6 + SHARED / 1e5)},
    clinic={
        "cost_total": list(5200 + SHARED + RANDOM.normal(0, 30, 12)),
        "qalys": list(0.61 + SHARED / 1e5 + RANDOM.normal(0, 0.002, 12)),
    },
)


def values(strategy: str, measure: str) -> np.ndarray:
    found = MEASURES.filter((pl.col("strategy") == strategy) & (pl.col("measure") == measure))
    return found["value"].to_numpy()


def test_means_and_intervals_are_those_of_the_t_distribution():
    row = strategy_means(MEASURES).row(2, named=True)
    expected = stats.ttest_1samp(values("clinic", "cost_total"), 0.0).confidence_interval(0.95)
    assert (row["strategy"], row["measure"], row["replications"]) == ("clinic", "cost_total", 12)
    assert row["mean"] == pytest.approx(values("clinic", "cost_total").mean())
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_paired_differences_are_those_of_the_paired_t_test():
    row = paired_differences(MEASURES, "usual").row(0, named=True)
    test = stats.ttest_rel(values("clinic", "cost_total"), values("usual", "cost_total"))
    expected = test.confidence_interval(0.95)
    assert (row["strategy"], row["comparator"], row["measure"]) == ("clinic", "usual", "cost_total")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-10)
    assert row["high"] - row["low"] < 60, "pairing removes the noise that the strategies share (sd 300)"


def test_the_ends_of_fiellers_interval_are_just_significant():
    """By definition: at an end r, the t test of (cost - r x QALY) has p = 0.05; inside it is larger."""
    cost = values("clinic", "cost_total") - values("usual", "cost_total")
    qaly = values("clinic", "qalys") - values("usual", "qalys")
    interval = fieller(cost, qaly)
    assert interval.form == "bounded"
    assert interval.low < cost.mean() / qaly.mean() < interval.high
    for end in (interval.low, interval.high):
        assert stats.ttest_1samp(cost - end * qaly, 0.0).pvalue == pytest.approx(0.05, rel=1e-6)
    middle = (interval.low + interval.high) / 2
    assert stats.ttest_1samp(cost - middle * qaly, 0.0).pvalue > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cost", "qaly", "form"),
    [
        ([200.0, 210.0, 190.0, 200.0], [0.01, -0.012, 0.011, -0.008], "outside"),
        ([200.0, -210.0, 190.0, -200.0], [0.01, 0.012, -0.011, -0.008], "unbounded"),
    ],
)
def test_fiellers_interval_without_ends(cost, qaly, form):
    """Checked against the definition on a grid of ratios."""
    numerator, denominator = np.array(cost), np.array(qaly)
    interval = fieller(numerator, denominator)
    assert interval.form == form
    grid = np.linspace(-2e5, 2e5, 4001)
    p = np.array([stats.ttest_1samp(numerator - r * denominator, 0.0).pvalue for r in grid])
    contained = np.ones(len(grid), bool) if form == "unbounded" else (grid <= interval.low) | (grid >= interval.high)
    np.testing.assert_array_equal(p >= 0.05, contained)


def test_a_ratio_that_is_the_same_in_every_pair():
    """Rounding alone must not turn a known ratio into an unbounded one."""
    numerator = 0.3 + 500.0 + np.zeros(7) - 0.3
    interval = fieller(numerator, np.array([0.1, 0.2, 0.3, 0.7, 1.1, 1.3, 0.9]) * 0 + 0.005)
    assert interval.form == "bounded"
    assert (interval.low, interval.high) == pytest.approx((100_000, 100_000))
    proportional = np.array([0.1, 0.2, 0.3, 0.7, 1.1, 1.3, 0.9])
    assert fieller(3.0 * proportional, proportional).low == pytest.approx(3.0)


def test_fieller_by_hand():
    """m_n = 10, m_d = 2, variances of means 1 and 0.04, no covariance, t = 2: 3.84 r^2 - 40 r + 96 = 0."""
    pattern = np.array([1.0, 1.0, -1.0, -1.0, 0.0]), np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    # Five values whose sum of squares 4 s^2 gives a variance of the mean of s^2 / 5.
    numerator, denominator = 10 + np.sqrt(5) * pattern[0], 2 + np.sqrt(0.2) * pattern[1]
    confidence = 1 - 2 * stats.t.sf(2.0, 4)
    interval = fieller(numerator, denominator, confidence)
    root = np.sqrt(40**2 - 4 * 3.84 * 96)
    assert interval.low == pytest.approx((40 - root) / 7.68)
    assert interval.high == pytest.approx((40 + root) / 7.68)


def test_the_table_of_a_study():
    (row,) = cost_effectiveness(MEASURES, "usual", 20_000.0).to_dicts()
    cost = values("clinic", "cost_total") - values("usual", "cost_total")
    qaly = values("clinic", "qalys") - values("usual", "qalys")
    benefit = stats.ttest_1samp(20_000 * qaly - cost, 0.0).confidence_interval(0.95)
    assert row["verdict"] == "gains health at a cost"
    assert row["icer_per_qaly"] == pytest.approx(cost.mean() / qaly.mean())
    assert row["net_monetary_benefit"] == pytest.approx(20_000 * qaly.mean() - cost.mean())
    assert row["net_monetary_benefit_low"] == pytest.approx(benefit.low)
    assert row["net_monetary_benefit_high"] == pytest.approx(benefit.high)


def test_dominance_has_no_ratio():
    table = long_table(
        usual={"cost_total": [100.0, 110.0], "qalys": [0.5, 0.52]},
        better={"cost_total": [90.0, 100.0], "qalys": [0.6, 0.63]},
        worse={"cost_total": [120.0, 131.0], "qalys": [0.4, 0.41]},
        same={"cost_total": [100.0, 110.0], "qalys": [0.5, 0.52]},
    )
    result = cost_effectiveness(table, "usual", 20_000.0)
    assert result["verdict"].to_list() == ["dominant", "dominated", "no difference"]
    assert result["icer_per_qaly"].to_list() == [None, None, None]
    assert result["icer_interval"].to_list()[2] == "unbounded"


def test_one_replication_has_no_interval():
    table = long_table(usual={"cost_total": [100.0], "qalys": [0.5]}, other={"cost_total": [150.0], "qalys": [0.51]})
    (row,) = cost_effectiveness(table, "usual", 20_000.0).to_dicts()
    assert row["icer_per_qaly"] == pytest.approx(5000.0)
    assert row["icer_interval"] == "none"
    assert row["icer_low"] is None
    assert row["net_monetary_benefit_low"] is None
    assert strategy_means(table)["low"].to_list() == [None] * 4


def test_a_value_that_is_missing_leaves_its_pair_out():
    table = long_table(
        usual={"readmission_30d_at_entry": [0.2, None, 0.3]}, other={"readmission_30d_at_entry": [0.1, 0.2, 0.25]}
    )
    (row,) = paired_differences(table, "usual").to_dicts()
    assert row["replications"] == 2
    assert row["mean"] == pytest.approx(-0.075)


def test_an_effect_that_no_pair_has_is_left_out():
    """Readmissions of a few people of whom nobody was discharged: null in every replication of one strategy."""
    table = long_table(
        usual={"cost_total": [10.0, 11.0], "qalys": [0.5, 0.6], "readmission_30d_at_entry": [0.2, 0.3]},
        clinic={"cost_total": [12.0, 14.0], "qalys": [0.6, 0.8], "readmission_30d_at_entry": [None, None]},
    )
    assert cost_per_effect(table, "usual")["effect"].to_list() == ["qalys"]


def test_verdicts():
    assert verdict(-5.0, 0.0) == "dominant"
    assert verdict(5.0, 0.0) == "dominated"
    assert verdict(-5.0, -0.1) == "saves money, loses health"
    assert verdict(float("nan"), 0.1) == "unknown"
