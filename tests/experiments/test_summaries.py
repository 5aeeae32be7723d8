import numpy as np
import polars as pl
import pytest
from scipy import stats

from popsim.experiments.summary import compare, summarise


def measures(values):
    """Rows from {strategy: {measure: [value of replication 0, 1, ...]}}."""
    return pl.DataFrame(
        [
            {"strategy": strategy, "replication": replication, "measure": measure, "value": value}
            for strategy, table in values.items()
            for measure, series in table.items()
            for replication, value in enumerate(series)
        ]
    )


def row(frame, **where):
    return frame.filter(**where).row(0, named=True)


def test_intervals_agree_with_scipy():
    rng = np.random.default_rng(3)
    usual, other = rng.normal(10, 2, 7), rng.normal(11, 2, 7)
    frame = measures({"usual": {"bed_days": usual}, "other": {"bed_days": other}})
    found = row(summarise(frame), strategy="usual")
    expected = stats.ttest_1samp(usual, 0).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found["mean"] == pytest.approx(usual.mean(), rel=1e-14)
    found = row(compare(frame, "usual", 20000.0), measure="bed_days")
    expected = stats.ttest_rel(other, usual).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_one_replication_has_no_interval():
    frame = measures({"usual": {"bed_days": [4.0]}, "other": {"bed_days": [5.0]}})
    for table in (summarise(frame), compare(frame, "usual", 20000.0)):
        assert table.select("standard_error", "low", "high").null_count().row(0) == (table.height,) * 3
    assert row(compare(frame, "usual", 20000.0), measure="bed_days")["mean"] == 1.0


def test_a_replication_without_a_value_is_left_out():
    found = row(summarise(measures({"usual": {"wait": [1.0, None, 3.0]}})), measure="wait")
    assert (found["replications"], found["mean"]) == (2, 2.0)
    frame = measures({"usual": {"wait": [1.0, None, 3.0]}, "other": {"wait": [2.0, 9.0, 5.0]}})
    assert row(compare(frame, "usual", 1.0), measure="wait")["mean"] == 1.5


@pytest.mark.parametrize(
    ("cost", "qalys", "ratio"),
    [(100.0, 0.01, 10_000.0), (-100.0, 0.01, None), (100.0, -0.01, None), (-100.0, -0.01, 10_000.0), (0.0, 0.0, None)],
)
def test_the_ratio_exists_only_where_it_means_something(cost, qalys, ratio):
    frame = measures(
        {
            "usual": {"cost_total": [1000.0, 1200.0], "qalys": [0.5, 0.6]},
            "other": {"cost_total": [1000.0 + cost, 1200.0 + cost], "qalys": [0.5 + qalys, 0.6 + qalys]},
        }
    )
    table = compare(frame, "usual", 20000.0)
    found = row(table, measure="cost_total")["ratio"]
    assert found == (None if ratio is None else pytest.approx(ratio, rel=1e-9))
    benefit = row(table, measure="net_monetary_benefit")
    assert benefit["mean"] == pytest.approx(20000 * qalys - cost, abs=1e-9)


def test_the_same_strategy_twice_differs_by_exactly_nothing():
    values = {"cost_total": [1000.1, 1200.7], "qalys": [0.51, 0.63], "bed_days": [3.3, 4.4]}
    table = compare(measures({"usual": values, "other": values}), "usual", 20000.0)
    assert table["mean"].to_list() == table["low"].to_list() == table["high"].to_list() == [0.0] * 4
