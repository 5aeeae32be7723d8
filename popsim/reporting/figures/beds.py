"""Occupancy and queue of each setting day by day, with its capacity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean
from popsim.outcomes.follow_up import HOSPITAL
from popsim.reporting.figures import style
from popsim.runs.run import StoredRun
from popsim.runs.warm_up import warm_up_of
from popsim.studies.unit import build, limited_capacities

SHOWN = ("emergency", "observation", *HOSPITAL)
UNIT = ["strategy", "draw", "replication", "day"]
WEEK = 7  # days over which noise is evened out
LIMIT = "#b2182b"
WARM_UP = "#e9e2d0"


@style.styled
def occupancy(run: StoredRun, settings: Sequence[str] = ()) -> Figure:
    """People in each setting and people waiting for it, day by day, with the setting's capacity.

    Args:
        run: finished.
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
    limits = [capacity(run, strategy) for strategy in run.strategies]
    days = _days(run, names)
    warm_up = warm_up_of(run.experiment, run.network, run.table("daily"), run.table("admissions"))
    if run.network.study_beds:
        counts = pl.concat(days.values()).drop("strategy", "day").to_numpy()
        run.refuse_small_counts(counts.ravel().tolist(), "people in beds")
    shaded = " They are shaded." if warm_up.days else ""
    note = (
        "People at each day's end, seven-day means, study and external patients together. Lines are means over "
        "replications, bands hold all of them; the red line of dashes and dots is the capacity (one for each strategy "
        f"where they differ). {warm_up.rule}{shaded}"
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
            axis.set_ylim(0, max(axis.get_ylim()[1], 1.0))
        _limit(row[0], [limit[name] for limit in limits if name in limit])
        for axis in row:
            axis.axvspan(0, warm_up.days, color=WARM_UP, lw=0, zorder=0)
        row[0].set_title(f"{known[name].title}: people there")
        row[1].set_title("waiting for a place")
    for axis in axes[-1]:
        axis.set_xlabel("Day since the first entry")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def capacity(run: StoredRun, strategy: str) -> dict[str, NDArray[np.int64]]:
    """Capacity of every limited setting, by day of the simulation, in all regions together.

    Raises:
        InputError: popsim or its inputs have changed since the run.
    """
    total: dict[str, NDArray[np.int64]] = {}
    for region in range(run.experiment.regions):
        model = build(run.unit(strategy, region=region))
        for name, numbers in limited_capacities(model.care.capacity, model.network).items():
            total[name] = total.get(name, np.zeros_like(numbers)) + numbers
    return total


def _days(run: StoredRun, names: Sequence[str]) -> dict[str, pl.DataFrame]:
    """By strategy, for each day: mean (by the column's own name), _low and _high over draws and replications."""
    columns = [f"{kind}_{name}" for name in names for kind in ("census", "queue")]
    every = (
        run.table("daily")
        .group_by(UNIT)
        .agg(pl.col(columns).sum())  # over regions
        .sort(UNIT)
        .with_columns(pl.col(columns).rolling_mean(WEEK, min_samples=1).over(UNIT[:-1]))
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


def _limit(axis: Axes, limits: Sequence[NDArray[np.int64]]) -> None:
    """A line at the capacity under each strategy, and room above it."""
    distinct = {tuple(limit.tolist()): limit for limit in limits}
    for limit in distinct.values():
        axis.step(np.arange(len(limit)), limit, where="post", color=LIMIT, lw=1.0, ls=(0, (8, 2, 1, 2)))
        axis.annotate(
            f"{limit[-1]:,} place{'s' if limit[-1] != 1 else ''}", (1.0, limit[-1]), (0, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="bottom", fontsize=8, color=LIMIT,
        )  # fmt: skip
    if distinct:
        axis.set_ylim(0, max(axis.get_ylim()[1], 1.22 * max(float(limit.max()) for limit in limits)))
