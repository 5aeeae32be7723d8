"""How full the places were, day by day: twins and external patients together."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from popsim.definitions.network import SettingDefinition
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.regions import TOTAL, Value, measure_frame


def occupancy(daily: pl.DataFrame, settings: Iterable[SettingDefinition]) -> pl.DataFrame:
    """People on each ward and in intensive care at the end of a day, twins and external patients.

    Args:
        daily: `PopulationModel.daily_frame()`.
        settings: of the network as it was simulated (scaled, with the strategy's capacities).

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
            if isinstance(setting.capacity, int):  # else "unlimited"
                values[f"occupancy_share.{setting.name}"] = Value(mean / setting.capacity, setting.capacity)
    return measure_frame(values)
