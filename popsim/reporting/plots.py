"""Figures of a finished run, from the Parquet files in its folder.

Each function takes the run's folder (results/<experiment>/<run id>) and returns a matplotlib figure to show or save.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#4c5b6b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")  # Okabe and Ito, told apart by all
MEASURES = {
    "readmission_30d": ("30-day readmission, %", 100.0),
    "admissions_per_person_year": ("Admissions per person-year", 1.0),
    "mortality": ("Died in follow-up, %", 100.0),
    "bed_days": ("Bed-days per person", 1.0),
    "cost_total": ("Cost per person", 1.0),
    "qalys": ("QALYs per person", 1.0),
}


def strategies(run: Path | str, measures: Sequence[str] = tuple(MEASURES)) -> Figure:
    """Each measure with its 95% interval over replications, strategies side by side."""
    summary = pl.read_parquet(Path(run) / "summary.parquet")
    titles = _titles(run)
    figure = Figure(figsize=(11, 1.0 + 2.2 * -(-len(measures) // 3)), layout="constrained")
    axes = figure.subplots(-(-len(measures) // 3), min(3, len(measures)), squeeze=False).ravel()
    for axis, measure in zip(axes, measures, strict=False):
        label, factor = MEASURES.get(measure, (measure.replace("_", " "), 1.0))
        for place, name in enumerate(titles):
            row = summary.filter((pl.col("strategy").cast(pl.String) == name) & (pl.col("measure") == measure))
            mean, low, high = (row[column].item() for column in ("mean", "low", "high"))
            low, high = (mean if low is None else low), (mean if high is None else high)
            axis.errorbar(
                mean * factor, place, xerr=[[(mean - low) * factor], [(high - mean) * factor]],
                fmt="o", color=COLOURS[place % len(COLOURS)], capsize=3,
            )  # fmt: skip
        axis.set_yticks(range(len(titles)), list(titles.values()))
        axis.set_ylim(len(titles) - 0.5, -0.5)
        axis.set_title(label, fontsize=10, loc="left")
        _quiet(axis)
    for axis in axes[len(measures) :]:
        axis.set_axis_off()
    figure.suptitle("Mean and 95% interval over replications", x=0.01, ha="left", fontsize=11)
    return figure


def cost_effectiveness_plane(run: Path | str) -> Figure:
    """Extra cost against extra QALYs of each strategy, one point a replication, with the willingness to pay."""
    manifest, titles = _manifest(run), _titles(run)
    experiment = manifest["experiment"]
    comparator, threshold = experiment["comparator"], experiment["willingness_to_pay"]
    values = pl.read_parquet(Path(run) / "measures.parquet").filter(pl.col("measure").is_in(["cost_total", "qalys"]))
    wide = values.with_columns(pl.col("strategy").cast(pl.String)).pivot(
        "measure", index=["strategy", "draw", "replication"], values="value"
    )
    base = wide.filter(pl.col("strategy") == comparator).drop("strategy")
    pairs = wide.filter(pl.col("strategy") != comparator).join(base, on=["draw", "replication"], suffix="_base")
    figure = Figure(figsize=(7, 5), layout="constrained")
    axis = figure.subplots()
    for place, (name, title) in enumerate(titles.items()):
        points = pairs.filter(pl.col("strategy") == name)
        if len(points):
            axis.scatter(
                points["qalys"] - points["qalys_base"], points["cost_total"] - points["cost_total_base"],
                s=28, label=title, color=COLOURS[place % len(COLOURS)],
            )  # fmt: skip
    axis.axhline(0, color="0.6", lw=0.8)
    axis.axvline(0, color="0.6", lw=0.8)
    limits = axis.get_xlim()
    axis.plot(limits, [threshold * x for x in limits], "--", color="0.4", lw=1)
    worth = f"dashed: {threshold:,.0f} {experiment['currency']} per QALY; worth paying for below it"
    axis.text(0.99, 0.02, worth, transform=axis.transAxes, ha="right", fontsize=9, color="0.3")
    axis.set_xlim(limits)
    axis.set_xlabel(f"QALYs gained per person, against {titles[comparator].lower()}")
    axis.set_ylabel(f"Extra cost per person, {experiment['currency']}")
    axis.legend(frameon=False, fontsize=9)
    _quiet(axis)
    return figure


def occupancy(run: Path | str, settings: Sequence[str]) -> Figure:
    """People in each setting day by day: the mean over replications and the range between them."""
    daily = pl.read_parquet(Path(run) / "daily.parquet").with_columns(pl.col("strategy").cast(pl.String))
    names = {s["name"]: s.get("label") or s["name"] for s in _manifest(run)["network"]["settings"]}
    figure = Figure(figsize=(11, 2.4 * len(settings)), layout="constrained")
    for axis, setting in zip(figure.subplots(len(settings), 1, squeeze=False).ravel(), settings, strict=True):
        census = pl.col(f"census_{setting}")
        for place, (name, title) in enumerate(_titles(run).items()):
            days = daily.filter(pl.col("strategy") == name).group_by("day").agg(
                census.mean().alias("mean"), census.min().alias("low"), census.max().alias("high")
            ).sort("day")  # fmt: skip
            colour = COLOURS[place % len(COLOURS)]
            axis.plot(days["day"], days["mean"], color=colour, lw=1.2, label=title)
            axis.fill_between(days["day"].to_numpy(), days["low"], days["high"], color=colour, alpha=0.12, lw=0)
        axis.set_title(f"{names[setting]}: people at the end of the day", fontsize=10, loc="left")
        axis.set_ylim(bottom=0)
        _quiet(axis)
    axis.set_xlabel("Day since the first discharge")
    figure.axes[0].legend(frameon=False, fontsize=9, ncols=3, loc="lower right")
    return figure


def _quiet(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)


def _manifest(run: Path | str) -> Any:
    return json.loads((Path(run) / "manifest.json").read_text(encoding="utf-8"))


def _titles(run: Path | str) -> dict[str, str]:
    """Label by name of every strategy, in the order of the experiment."""
    strategies = _manifest(run)["experiment"]["strategies"]
    return {s["name"]: s.get("label") or s["name"].replace("_", " ").capitalize() for s in strategies}
