"""The value of data: net benefit against their quality."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from matplotlib.figure import Figure

from popsim.reporting.figures import style

COLUMNS = 3
SHIFT = 0.06  # between the curves of two strategies, in steps, so that their intervals do not hide each other


@style.styled
def data_value_curves(curve: pl.DataFrame, *, titles: Mapping[str, str], unit: str, against: str, title: str) -> Figure:
    """One panel for each quality of the data, with a curve for each strategy.

    Args:
        curve: `analyses.data_value.DataWorth.curve`.
        titles: of the strategies, by name.
        unit: of the net benefit.
        against: the comparator's title.
        title: what is shown.
    """
    axes = curve["axis"].unique(maintain_order=True).to_list()
    looks = style.looks(["", *curve["strategy"].unique(maintain_order=True).to_list()])
    rows, columns = -(-len(axes) // COLUMNS), min(COLUMNS, len(axes))
    note = (
        f"Net benefit per person over {against}, mean and 95% interval over replications, the same people and "
        "random numbers throughout. One quality is varied at a time; a ring marks the current strategies; changes from "
        "it are paired and more precise than the bars (see the table). Better data pay where the curve rises by more "
        "than they cost. "
        "For research, not for care."
    )
    figure = style.blank(1.6 + 3.0 * columns, 1.5 + 2.7 * rows, title, note)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axis, panel in zip(axes, panels.ravel(), strict=False):
        shown = curve.filter(pl.col("axis") == axis)
        values = shown["value"].unique(maintain_order=True).to_list()
        for index, ((name,), part) in enumerate(shown.group_by("strategy", maintain_order=True)):
            look = looks[str(name)]
            x = [values.index(value) + SHIFT * index for value in part["value"]]
            reach = [part["net_benefit"] - part["low"], part["high"] - part["net_benefit"]]
            panel.errorbar(
                x, part["net_benefit"], reach, color=look.colour, ls=look.line, marker=look.marker, ms=4.5, capsize=2,
                elinewidth=0.9, label=titles[str(name)],
            )  # fmt: skip
            own = part.with_columns(x=pl.Series(x)).filter(pl.col("own"))
            panel.plot(own["x"], own["net_benefit"], "o", ms=11, mfc="none", mec=style.INK, mew=1.0, ls="none")
        panel.axhline(0.0, color=style.RULE, lw=0.9, zorder=1)
        panel.set_xticks(range(len(values)), values)
        panel.set_xlim(-0.4, len(values) - 0.6 + 2 * SHIFT)
        panel.set_xlabel(axis)
    for panel in panels.ravel()[len(axes) :]:
        panel.set_visible(False)
    for row in panels:
        row[0].set_ylabel(unit)
    panels[0][0].legend()
    return figure
