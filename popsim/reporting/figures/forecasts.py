"""Calibration and discrimination of forecasts, evaluated on simulated people."""

from __future__ import annotations

import textwrap

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.analyses.forecasting import BASE_RATE, TRUTH, TWIN, EvaluatedForecasts, risk_table
from popsim.assimilation.forecast import EVENTS
from popsim.outcomes.scoring import calibration_table
from popsim.reporting.figures import style
from popsim.reporting.text.forecasts import twins_are_last
from popsim.statistics import Estimate

COLOURS = {TWIN: "#0072b2", TRUTH: "#009e73"}
MARKERS = {TWIN: "o", TRUTH: "s"}
TITLE_CHARACTERS = 23


@style.styled
def calibration_figure(judged: EvaluatedForecasts) -> Figure:
    """Forecast against observed events, by tenths of the risk; below, the c-statistics of all forecasters."""
    risks = risk_table(judged)
    events = [event for event in EVENTS if event in risks["event"]]
    note = (
        f"Above: people in ten groups by forecast risk within {judged.days} days; on the line, as many events happened "
        "as were forecast. Bars are 95% intervals of the observed share. Below: probability that of two people the one "
        "with the event had the higher risk or more points, with 95% intervals; 0.5 is no better than chance. True "
        "state: the most that could be known. Simulated people. For research, not for care."
    )
    figure = style.blank(2.7 * len(events), 7.2, "Forecasts and outcomes", note)
    axes = figure.subplots(2, len(events), squeeze=False, height_ratios=[1.2, 1.0])
    for index, event in enumerate(events):
        _calibration(axes[0, index], judged.risks.filter(pl.col("event") == event), event)
        _discrimination(axes[1, index], risks.filter(pl.col("event") == event), labelled=index == 0)
    axes[0, 0].set_ylabel("Happened, %")
    axes[0, 0].legend(loc="upper left")
    return figure


def _calibration(axis: Axes, risks: pl.DataFrame, event: str) -> None:
    most = 0.0
    for forecaster in (TRUTH, TWIN):
        part = risks.filter(pl.col("forecaster") == forecaster)
        table = calibration_table(part["value"].to_numpy(), part["happened"].to_numpy()) * 100.0
        x, y = table["forecast"].to_numpy(), table["happened"].to_numpy()
        reach = np.maximum([y - table["low"].to_numpy(), table["high"].to_numpy() - y], 0.0)
        colour, marker = COLOURS[forecaster], MARKERS[forecaster]
        axis.errorbar(x, y, reach, color=colour, marker=marker, label=forecaster, lw=1.2, ms=4.5, capsize=2)
        most = max(most, float(x.max()), float(y.max()))
    limit = min(100.0, 1.15 * most)
    axis.plot([0, limit], [0, limit], color=style.RULE, lw=0.9, zorder=1)
    axis.set_xlim(-0.02 * limit, limit)
    axis.set_ylim(-0.02 * limit, limit)
    axis.set_title(textwrap.fill(EVENTS[event], TITLE_CHARACTERS))
    axis.set_xlabel("Forecast, %")


def _discrimination(axis: Axes, rows: pl.DataFrame, *, labelled: bool) -> None:
    names = [name for name in twins_are_last(rows) if name != BASE_RATE]
    for index, name in enumerate(names):
        row = rows.row(by_predicate=pl.col("forecaster") == name, named=True)
        reach = Estimate(row["c_statistic"], row["c_standard_error"]).reach
        colour, marker = COLOURS.get(name, style.QUIET), MARKERS.get(name, "D")
        axis.errorbar([row["c_statistic"]], [index], xerr=[reach], color=colour, marker=marker, ms=5, capsize=2)
    axis.axvline(0.5, color=style.RULE, lw=0.9, zorder=1)
    axis.set_xlim(0.3, 1.03)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_yticks(range(len(names)), names if labelled else [""] * len(names))
    axis.set_xlabel("c-statistic")
