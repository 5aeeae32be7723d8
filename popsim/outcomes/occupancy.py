"""How full the places were, day by day: twins and external patients together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from popsim.definitions.network import SettingDefinition
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.regions import TOTAL, Value, measure_frame


def occupancy(daily: pl.DataFrame, settings: Iterable[SettingDefinition], places: Mapping[str, float]) -> pl.DataFrame:
    """People on each ward and in intensive care at the end of a day, twins and external patients.

    Args:
        daily: `PopulationModel.daily_frame()`.
        settings: of the network.
        places: number of them in the network as it was simulated, mean over the days, where they are limited.

    Returns:
        measure, value, weight: occupancy_mean.<setting> and occupancy_peak.<setting> in people, and, where places are
        limited, occupancy_share.<setting>, the mean as a share of the places.
    """
    values: dict[str, Value] = {}
    for setting in settings:
        if setting.setting_class in HOSPITAL:
            census = daily[f"census_{setting.name}"].to_numpy()
            mean = float(census.mean())
            values[f"occupancy_mean.{setting.name}"] = Value(mean, TOTAL)
            values[f"occupancy_peak.{setting.name}"] = Value(float(census.max()), TOTAL)
            if limit := places.get(setting.name):
                values[f"occupancy_share.{setting.name}"] = Value(mean / limit, limit)
    return measure_frame(values)
