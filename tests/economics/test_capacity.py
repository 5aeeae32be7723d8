"""Capacity-aware economics against numbers worked by hand."""

from __future__ import annotations

import polars as pl
import pytest

from popsim.economics.capacity import value_by_level, value_of_capacity
from popsim.errors import InputError

# Means per person by (level, strategy): cost, QALYs. Another place brings health; care gets cheaper, then dearer.
WORTH = {
    (10, "usual"): (5000.0, 0.500), (10, "new"): (5200.0, 0.520),
    (12, "usual"): (4900.0, 0.530), (12, "new"): (5300.0, 0.540),
    (16, "usual"): (4900.0, 0.534), (16, "new"): (5400.0, 0.542),
}  # fmt: skip


def levels(shift=0.0, replications=2, places=None):
    """Replications differ by `shift` QALYs at 12 places; half the places are simulated."""
    rows = []
    for (level, strategy), (cost, qalys) in WORTH.items():
        for replication in range(replications):
            luck = 0.1 * replication  # the same at every level and under every strategy: it cancels
            values = {
                "cost_total": cost,
                "qalys": qalys + luck + (shift * replication if level == 12 else 0.0),
                "places.ward": (places or {}).get(level, level / 2),
            }
            key = {"level": level, "strategy": strategy, "draw": 0, "replication": replication}
            rows += [key | {"measure": name, "value": value} for name, value in values.items()]
    return pl.DataFrame(rows)


def test_value_of_a_place_by_hand():
    """1000 people, one place more for two years: 1000 x (20000 x 0.03 + 100) / (1 x 2) = 350,000 a year."""
    table = value_of_capacity(levels(), "ward", 20_000.0, 1000, 2.0)
    found = {(r["strategy"], r["from_level"], r["to_level"]): r["mean"] for r in table.iter_rows(named=True)}
    assert found == pytest.approx(
        {
            ("usual", 10, 12): 1000 * (20_000 * 0.030 + 100) / (1 * 2),
            ("new", 10, 12): 1000 * (20_000 * 0.020 - 100) / (1 * 2),
            ("usual", 12, 16): 1000 * (20_000 * 0.004) / (2 * 2),
            ("new", 12, 16): 1000 * (20_000 * 0.002 - 100) / (2 * 2),
        }
    )


def test_what_replications_share_cancels_and_what_they_do_not_is_the_interval():
    alone = value_of_capacity(levels(), "ward", 20_000.0, 1000, 2.0)
    assert alone["high"].to_list() == pytest.approx(alone["low"].to_list())
    # 0.001 QALYs apart in two replications: standard error 0.0005 x 20,000 x 1000 / 2 years, Student t(1) = 12.706.
    table = value_of_capacity(levels(shift=0.001), "ward", 20_000.0, 1000, 2.0)
    row = table.row(by_predicate=(pl.col("strategy") == "usual") & (pl.col("from_level") == 10), named=True)
    assert row["high"] - row["mean"] == pytest.approx(12.7062 * 0.0005 * 20_000 * 1000 / 2, rel=1e-4)


def test_cost_effectiveness_depends_on_how_full_the_ward_is():
    table = value_by_level(levels(), "usual", 20_000.0)
    assert table["level"].to_list() == [10, 12, 16]
    assert table["icer_per_qaly"].to_list() == pytest.approx([200 / 0.02, 400 / 0.01, 500 / 0.008])
    assert table["net_monetary_benefit"].to_list() == pytest.approx([200.0, -200.0, -340.0])


def test_what_is_refused():
    with pytest.raises(InputError, match="simulate more people"):
        value_of_capacity(levels(places={10: 1.0, 12: 1.0, 16: 2.0}), "ward", 20_000.0, 30, 1.0)
    with pytest.raises(InputError, match="not measured"):
        value_of_capacity(levels(), "clinic", 20_000.0, 30, 1.0)
    with pytest.raises(InputError, match="two levels"):
        value_of_capacity(levels().filter(pl.col("level") == 10), "ward", 20_000.0, 30, 1.0)
