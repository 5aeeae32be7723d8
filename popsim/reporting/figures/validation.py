"""Simulated against published figures, one line per target, stratum by stratum."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.reporting.figures import style

PUBLISHED, INSIDE, OUTSIDE = "#4d4d4d", "#0072b2", "#d55e00"
LOG_UNITS = ("ratio", "per 100 person-years", "days", "years")
LINE_INCHES = 0.34


@style.styled
def validation_figure(table: pl.DataFrame) -> Figure:
    """Published and simulated figures with 95% intervals, each relative to the published one.

    Args:
        table: of `calibration.validation.validated`.
    """
    note = (
        "Each line is one published figure at 1 (grey, 95% interval); the dot is what popsim simulates, divided by it "
        "(blue: agrees within both errors and tau; red with a cross: a miss). Hollow: fitted; filled: not fitted. "
        "Differences and slopes are shown as 1 + distance / 10 standard errors."
    )
    table = table.with_columns(pl.format("{} ({})", "source", "stratum").str.replace(r" \(\)$", "").alias("heading"))
    table = table.sort("stratum", maintain_order=True)
    figure = style.blank(9.5, 1.9 + LINE_INCHES * (len(table) + table["heading"].n_unique()), "Validation", note)
    axis = figure.subplots()
    position, ticks, labels = 0.0, [], []
    for (heading,), part in table.group_by("heading", maintain_order=True):
        position += 1.0
        axis.text(
            0.0, position, str(heading), transform=axis.get_yaxis_transform(), weight="bold", va="center", fontsize=9
        )
        for row in part.iter_rows(named=True):
            position += 1.0
            _draw(axis, position, row)
            ticks.append(position)
            labels.append(row["target"].replace("_", " "))
    axis.set_yticks(ticks, labels, fontsize=8)
    axis.set_ylim(position + 1.0, 0.3)
    axis.set_xscale("log")
    shown = [0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0]
    axis.set_xticks(shown, [f"{value:g}" for value in shown])
    axis.set_xticks([], minor=True)
    axis.set_xlim(0.2, 5.0)
    axis.axvline(1.0, color=PUBLISHED, lw=0.8)
    axis.set_xlabel("Simulated figure divided by the published one")
    return figure


def _draw(axis: Axes, position: float, row: dict[str, Any]) -> None:
    """One line."""
    relative = row["unit"] in (*LOG_UNITS, "proportion")
    published, low, high = row["published"], row["published_low"], row["published_high"]
    if relative:
        axis.plot([low / published, high / published], [position, position], color=PUBLISHED, lw=5.0, alpha=0.35)
    if row["simulated"] is None:
        return
    colour = {True: INSIDE, False: OUTSIDE, None: PUBLISHED}[row["inside"]]
    where = row["simulated"] / published if relative else 1.0 + row["distance"] / 10.0
    where = float(np.clip(where, 0.21, 4.8))
    if relative:
        ends = np.clip([row["simulated_low"] / published, row["simulated_high"] / published], 0.2, 5.0)
        axis.plot(ends, [position, position], color=colour, lw=1.6)
    face = "white" if row["use"] == "calibrate" else colour
    axis.plot([where], [position], "o", color=colour, mfc=face, ms=6)
    if row["inside"] is False:
        axis.plot([where], [position], "x", color="white" if face == colour else colour, ms=4, mew=1.3)
