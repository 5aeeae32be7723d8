"""Occupancy of settings, day by day: twins and external patients together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.network import SettingDefinition
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.regions import TOTAL, Value, measure_frame

CENSUS, PLACES = "census_", "places_"  # columns of the daily table, by setting
PERCENTILES = (50, 90, 95)
# assumption: recalled targets, to be checked: above 85% a hospital regularly runs out of beds (Bagust, Place and
# Posnett, BMJ 1999); 92% is the ceiling of the English health service's plans for winter.
CROWDED_PERCENT = (85, 92)

OCCUPANCY = (
    OutcomeMeasure("occupancy_mean.*", "Occupancy, people, mean", "people",
                   "People there at the end of a day, mean over days", each="ward"),
    OutcomeMeasure("occupancy_share.*", "Occupancy, % of places, mean", "%",
                   "People there as a share of places, both means over days", each="ward"),
    OutcomeMeasure("occupancy_peak.*", "Occupancy, people, peak day", "people",
                   "People there on the fullest day", "lower", "peak", "ward"),
    OutcomeMeasure("places.*", "Places", "places", "Of a setting, mean over days", "neither", "places", "limited"),
    *(
        OutcomeMeasure(f"occupancy_p{q}.*", f"Occupancy, people, {words}", "people",
                       f"People there at the end of a day, {words} over days", short=words, each="limited")
        for q, words in zip(PERCENTILES, ("median", "90th centile", "95th centile"), strict=True)
    ),
    *(
        OutcomeMeasure(f"days_over_{percent}_percent.*", f"Days with over {percent}% of places taken, %", "%",
                       f"Share of days that end with more than {percent}% of the day's places taken", "lower",
                       f"over {percent}%", "limited")
        for percent in CROWDED_PERCENT
    ),
)  # fmt: skip


def occupancy(daily: pl.DataFrame, settings: Iterable[SettingDefinition]) -> pl.DataFrame:
    """People in each setting at the end of a day, twins and external patients.

    Args:
        daily: the days that count, with census_<setting> and, where capacity is limited, places_<setting>.
        settings: of the network.

    Returns:
        measure, value, weight. On each ward and in intensive care: occupancy_mean.<setting> and
        occupancy_peak.<setting> in people and, where capacity is limited, occupancy_share.<setting>, the mean as a
        share of mean capacity. In every setting with limited capacity: places.<setting> (mean capacity),
        occupancy_p<50|90|95>.<setting> (centiles over days, in people), days_over_<85|92>_percent.<setting> (share of
        days with a higher share of the capacity occupied).
    """
    values: dict[str, Value] = {}
    for setting in settings:
        if setting.setting_class == "outpatient" or f"{CENSUS}{setting.name}" not in daily:
            continue
        census = daily[f"{CENSUS}{setting.name}"].to_numpy()
        limit = daily[name].to_numpy() if (name := f"{PLACES}{setting.name}") in daily else None
        if setting.setting_class in HOSPITAL:
            mean = float(census.mean())
            values[f"occupancy_mean.{setting.name}"] = Value(mean, TOTAL)
            values[f"occupancy_peak.{setting.name}"] = Value(float(census.max()), TOTAL)
            if limit is not None and limit.any():
                values[f"occupancy_share.{setting.name}"] = Value(mean / float(limit.mean()), float(limit.mean()))
        if limit is not None and limit.any():
            values |= _distribution(census, limit, setting.name)
    return measure_frame(values)


def _distribution(census: NDArray[np.int32], places: NDArray[np.int32], name: str) -> dict[str, Value]:
    """Centiles over days, and the share of days above each target."""
    mean = float(places.mean())
    centiles = np.percentile(census, PERCENTILES)
    values = {f"places.{name}": Value(mean, TOTAL)}
    values |= {f"occupancy_p{q}.{name}": Value(float(v), TOTAL) for q, v in zip(PERCENTILES, centiles, strict=True)}
    for percent in CROWDED_PERCENT:
        crowded = float((census * 100 > places * percent).mean())
        values[f"days_over_{percent}_percent.{name}"] = Value(crowded, mean)
    return values
