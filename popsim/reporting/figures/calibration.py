"""Results of a calibration: prior and posterior of each parameter, their correlations, the fit of each target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from popsim.reporting.figures import style

COLUMNS = 4
BINS = 40
PRIOR, POSTERIOR, BEFORE = style.QUIET, style.COLOURS[1], style.COLOURS[2]


@style.styled
def marginals(
    table: pl.DataFrame, prior: Mapping[str, NDArray[np.float64]], posterior: Mapping[str, NDArray[np.float64]]
) -> Figure:
    """A panel for each parameter: density of prior (line) and posterior (bars), and the value before.

    Args:
        table: parameter, unit, own, left.
        prior: values at evenly spaced probabilities, by parameter.
        posterior: draws, by parameter.
    """
    rows = math.ceil(len(table) / COLUMNS)
    note = (
        "Grey line: prior. Bars: posterior. Dashed: the value before. The percentage is the posterior standard "
        "deviation as a share of the prior's: at 100% the targets do not inform the parameter."
    )
    figure = style.blank(10.0, 1.2 + 1.9 * rows, "What the targets tell about each parameter", note)
    panels = np.atleast_1d(figure.subplots(rows, min(COLUMNS, len(table)))).ravel()
    for panel in panels[len(table) :]:
        panel.set_visible(False)
    for panel, row in zip(panels, table.iter_rows(named=True), strict=False):
        values = prior[row["parameter"]]
        steps = np.linspace(0.0, 1.0, len(values))
        density = (steps[1] - steps[0]) / np.diff(values) * (0.99)
        panel.plot((values[1:] + values[:-1]) / 2.0, density, color=PRIOR, lw=1.3)
        panel.hist(posterior[row["parameter"]], BINS, density=True, color=POSTERIOR, alpha=0.55)
        panel.axvline(row["own"], color=BEFORE, lw=1.2, ls="--")
        name = row["parameter"].partition(".")[2].replace("_", " ")
        panel.set_title(f"{name}\n{row['left']:.0%} of the prior sd", fontsize=8)
        panel.set_xlabel(row["unit"], fontsize=8)
        panel.set_yticks([])
        panel.tick_params(labelsize=7.5)
        panel.xaxis.set_major_locator(MaxNLocator(4))
    return figure


@style.styled
def correlations(names: Sequence[str], matrix: NDArray[np.float64]) -> Figure:
    """Posterior correlation of the parameters, as a coloured table with its numbers."""
    size = len(names)
    side = 3.4 + 0.52 * size
    note = "Parameters with a strong correlation stand in for each other: the targets inform their combination better."
    figure = style.blank(side + 0.6, side, "Posterior correlations", note)
    axis = figure.subplots()
    image = axis.imshow(matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0)
    labels = [name.partition(".")[2].replace("_", " ") for name in names]
    axis.set_xticks(range(size), labels, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(size), labels, fontsize=8)
    axis.grid(visible=False)
    for i in range(size):
        for j in range(size):
            dark = abs(matrix[i, j]) > 0.6
            text = f"{matrix[i, j]:.2f}".replace("-0.00", "0.00")
            axis.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else style.INK)
    figure.colorbar(image, ax=axis, shrink=0.7)
    return figure


@style.styled
def fit(table: pl.DataFrame) -> Figure:
    """Distance of each target from the published figure, before and after.

    Args:
        table: target, group, error_before, error_after, error_low, error_high, explained.
    """
    note = (
        "Standard deviations of published figure, model discrepancy and Monte Carlo error together, on the target's "
        "scale (log odds, logarithm or as it is). Open: parameters before. Filled: posterior mean, 95% of draws. "
        "Simulated with people and random numbers that the fit did not use. Band: within 2 sd."
    )
    figure = style.blank(9.0, 1.9 + 0.27 * len(table), "Simulated against published", note)
    axis = figure.subplots()
    axis.axvspan(-2.0, 2.0, color="#e9eef2", zorder=0)
    axis.axvline(0.0, color=style.RULE, lw=0.9)
    positions = np.arange(len(table))
    axis.hlines(positions, table["error_low"], table["error_high"], color=POSTERIOR, lw=2.0, alpha=0.6)
    axis.plot(table["error_before"], positions, "o", mfc="white", mec=BEFORE, ms=6, label="before")
    axis.plot(table["error_after"], positions, "o", color=POSTERIOR, ms=6, label="after")
    axis.set_yticks(positions, [name.replace("_", " ") for name in table["target"]], fontsize=8)
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("Simulated minus published, sd")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
