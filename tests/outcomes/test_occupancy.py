"""How full the places were, by hand."""

from __future__ import annotations

import polars as pl
import pytest

from popsim.definitions.base import validate
from popsim.definitions.network import SettingDefinition
from popsim.outcomes.occupancy import occupancy


def setting(name: str, kind: str, places: int | str) -> SettingDefinition:
    stay = {"distribution": "fixed", "value": 1.0}
    return validate({"name": name, "class": kind, "capacity": places, "stay": stay}, SettingDefinition, "test")


def test_occupancy():
    """Census 0, 1, ..., 10 of 10 places: centiles by linear interpolation 5, 9, 9.5; above 8.5: 9 and 10, 2 of 11 days;
    above 9.2: 10, 1 of 11. Unlimited places have no centiles, home is no hospital."""
    daily = pl.DataFrame({"census_ward": range(11), "census_icu": [0] * 10 + [11], "census_home": [9] * 11,
                          "places_ward": [10] * 11})  # fmt: skip
    settings = [setting("ward", "inpatient", 10), setting("icu", "critical", "unlimited")]
    everything = [*settings, setting("home", "community", "unlimited")]
    frame = occupancy(daily, everything)
    assert dict(frame.select("measure", "value").iter_rows()) == pytest.approx({
        "occupancy_mean.ward": 5.0, "occupancy_peak.ward": 10.0, "occupancy_share.ward": 0.5,
        "places.ward": 10.0, "occupancy_p50.ward": 5.0, "occupancy_p90.ward": 9.0, "occupancy_p95.ward": 9.5,
        "days_over_85_percent.ward": 2 / 11, "days_over_92_percent.ward": 1 / 11,
        "occupancy_mean.icu": 1.0, "occupancy_peak.icu": 11.0,
    })  # fmt: skip
    shares = frame.filter(pl.col("measure").str.contains("share|days_over"))
    assert shares["weight"].to_list() == [10.0] * 3, "regions are weighted with their places"
    assert frame.filter(~pl.col("measure").str.contains("share|days_over"))["weight"].null_count() == 8


def test_places_that_change_with_the_days():
    """It has 4 places, later 8: 4 people fill it on the first day only; 6 places on average."""
    frame = occupancy(pl.DataFrame({"census_home": [4, 4], "places_home": [4, 8]}), [setting("home", "facility", 4)])
    value = dict(frame.select("measure", "value").iter_rows())
    assert value["days_over_92_percent.home"] == 0.5
    assert value["places.home"] == 6.0
    assert not frame["measure"].str.starts_with("occupancy_mean").any(), "it is no hospital"
