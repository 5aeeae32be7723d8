"""Gaps and slopes between the fifths of deprivation, by hand and by regression."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from popsim.outcomes.equity import by_deprivation, waits_by_deprivation, with_gaps
from popsim.outcomes.regions import Value, measure_frame


def gaps(values: dict[int, Value]) -> dict[str, float | None]:
    """Gap and slope of one measure given for the fifths."""
    frame = measure_frame({f"by_deprivation.qalys.{fifth}": value for fifth, value in values.items()})
    labels = [pl.lit("usual").alias("strategy"), pl.lit(0).alias("draw"), pl.lit(0).alias("replication")]
    found = with_gaps(frame.select(*labels, pl.all()))
    return dict(found.filter(~pl.col("measure").str.starts_with("by_")).select("measure", "value").rows())


def test_equal_fifths():
    """Middles of the ranks 0.1, 0.3, ..., 0.9; values on the line 1 - 0.5 rank: gap 0.8 x 0.5, slope 0.5."""
    values = {fifth: Value(1 - 0.5 * (0.2 * fifth - 0.1), 100) for fifth in range(1, 6)}
    assert gaps(values) == pytest.approx({"gap_deprivation.qalys": 0.4, "slope_deprivation.qalys": 0.5})


def test_unequal_fifths_against_weighted_least_squares():
    number, value = np.array([400, 100, 50, 300, 150]), np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    rank = (np.cumsum(number) - number / 2) / 1000
    slope, _ = np.polyfit(rank, value, 1, w=np.sqrt(number))
    found = gaps({fifth + 1: Value(float(value[fifth]), int(number[fifth])) for fifth in range(5)})
    assert found == pytest.approx({"gap_deprivation.qalys": -2.0, "slope_deprivation.qalys": -slope})


def test_what_cannot_be_told():
    assert gaps({1: Value(1.0, 3)}) == {"gap_deprivation.qalys": None, "slope_deprivation.qalys": None}
    missing = gaps({1: Value(1.0, 3), 3: Value(2.0, 3), 5: Value(None, 0)})
    assert missing == pytest.approx({"gap_deprivation.qalys": None, "slope_deprivation.qalys": -2.0})


def test_fifths_of_persons():
    """Two in the first fifth, one in the last, one of unknown deprivation; a person of the first fifth waited twice."""
    table = pl.DataFrame(
        {
            "person_id": [1, 2, 3, 4],
            "deprivation_quintile": [1, 1, 5, 0],
            "readmitted_30d": [True, None, False, True],
            "died": [True, False, False, False],
            "days_alive_out_of_hospital": [10.0, 20.0, 30.0, 99.0],
            "qaly": [0.5, 0.7, 0.8, 0.0],
        }
    )
    hours = pl.DataFrame({"person_id": [1, 1, 4], "hours": [2.0, 4.0, 50.0]})
    values = by_deprivation(table) | waits_by_deprivation(hours, table)
    assert values["by_deprivation.readmission_30d_at_entry.1"] == (1.0, 1)
    assert values["by_deprivation.mortality.1"] == (0.5, 2)
    assert values["by_deprivation.days_alive_out_of_hospital.1"] == (15.0, 2)
    assert values["by_deprivation.qalys.5"] == (0.8, 1)
    assert values["by_deprivation.wait_mean_hours.1"] == (3.0, 2)
    assert values["by_deprivation.wait_mean_hours.5"] == (None, 0)
    assert len(values) == 10
