"""Who fills the beds and who waits: occupancy and queue of each setting day by day, with its capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.care.network import CareNetwork
from popsim.definitions.network import UNLIMITED, SettingDefinition
from popsim.errors import InputError, did_you_mean
from popsim.experiments.run import Run
from popsim.outcomes.follow_up import HOSPITAL
from popsim.reporting.figures import style
from popsim.schema import SCHEMA

SHOWN = ("emergency", "observation", *HOSPITAL)
UNIT = ["strategy", "draw", "replication", "day"]


@style.styled
def occupancy(run: Run, settings: Sequence[str] = ()) -> Figure:
    """People in each setting and people waiting for it, day by day, with the places there are.

    Args:
        run: which.
        settings: names; the emergency department, wards and intensive care when empty.

    Raises:
        InputError: the run keeps no days, or the network has no such setting.
    """
    if "daily" not in run.tables:
        raise InputError(f"keeps no days (the experiment's store is '{run.experiment.store}')")
    known = {s.name: s for s in run.network.settings if s.setting_class != "router"}
    wrong = [name for name in settings if name not in known]
    if wrong:
        raise InputError(f"no setting '{wrong[0]}', {did_you_mean(wrong[0], known)}")
    names = list(settings) or [name for name, setting in known.items() if setting.setting_class in SHOWN]
    limits = {strategy: capacity(run, strategy) for strategy in run.strategies}
    days = _days(run, names)
    note = (
        "At the end of each day, patients of the study and all others together. Lines are means over replications, "
        "bands hold all of them; the thin red line is the number of places (where strategies differ, one line each)."
    )
    figure = style.blank(10.5, 1.6 + 1.75 * len(names), "Beds in use and people waiting for them", note)
    axes = figure.subplots(len(names), 2, squeeze=False, sharex=True, width_ratios=(3, 2))
    for row, name in zip(axes, names, strict=True):
        for axis, kind in zip(row, ("census", "queue"), strict=True):
            for strategy, look in style.looks(run.strategies, run.comparator).items():
                part = days[strategy]
                x, column = part["day"].to_numpy(), f"{kind}_{name}"
                band = (part[f"{column}_low"].to_numpy(), part[f"{column}_high"].to_numpy())
                axis.fill_between(x, *band, color=look.colour, alpha=0.12, lw=0)
                axis.plot(x, part[column], color=look.colour, ls=look.line, lw=1.2, label=run.strategies[strategy])
            axis.set_ylim(bottom=0)
        _places(row[0], [limit[name] for limit in limits.values()])
        row[0].set_title(f"{known[name].title}: people there")
        row[1].set_title("waiting for a place")
    for axis in axes[-1]:
        axis.set_xlabel("Day since the first entry")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def capacity(run: Run, strategy: str) -> Mapping[str, int | None]:
    """Places of every setting under a strategy, for the people who were simulated; None: no limit."""
    network = CareNetwork(run.network, SCHEMA.columns, run.folder).with_capacity(
        run.experiment.strategy(strategy).capacity
    )
    regions = run.experiment.regions
    sizes = [run.experiment.population // regions + (r < run.experiment.population % regions) for r in range(regions)]
    places: dict[str, list[int | None]] = {}
    for size in sizes:
        for setting in network.scaled(size).settings:
            places.setdefault(setting.name, []).append(_limit(setting))
    return {name: None if None in found else sum(n or 0 for n in found) for name, found in places.items()}


def _limit(setting: SettingDefinition) -> int | None:
    return None if setting.capacity == UNLIMITED or not isinstance(setting.capacity, int) else setting.capacity


def _days(run: Run, names: Sequence[str]) -> dict[str, pl.DataFrame]:
    """By strategy, for each day: mean (by the column's own name), _low and _high over draws and replications."""
    columns = [f"{kind}_{name}" for name in names for kind in ("census", "queue")]
    every = (
        run.table("daily")
        .group_by(UNIT)
        .agg(pl.col(columns).sum())  # over regions
        .group_by("strategy", "day")
        .agg(
            pl.col(columns).mean(),
            *(pl.col(column).min().alias(f"{column}_low") for column in columns),
            *(pl.col(column).max().alias(f"{column}_high") for column in columns),
        )
        .sort("day")
        .collect()
    )
    return {name: every.filter(pl.col("strategy") == name) for name in run.strategies}


def _places(axis: Axes, limits: Sequence[int | None]) -> None:
    """A line at each number of places, and room above it."""
    known = sorted({limit for limit in limits if limit is not None})
    for limit in known:
        axis.axhline(limit, color="#b2182b", lw=1.0, ls=(0, (8, 2, 1, 2)))
        axis.annotate(
            f"{limit:,} places", (1.0, limit), (0, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="right", va="bottom", fontsize=8, color="#b2182b",
        )  # fmt: skip
    if known:
        axis.set_ylim(0, max(axis.get_ylim()[1], float(np.max(known)) * 1.22))
