"""The tornado diagram of a one-way sensitivity analysis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.reporting.figures import style
from popsim.reporting.labels import parameter_label

MAX_BARS = 20
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8}  # of words over lines
LOW, HIGH, UNKNOWN = "#56b4e9", "#d55e00", "#c8c8c8"


@style.styled
def tornado(frame: pl.DataFrame, outcome: str, title: str = "Which parameter matters most") -> Figure:
    """Bars from the outcome at a parameter's low value to that at its high value, widest on top.

    Args:
        frame: parameter, low_value, high_value, outcome_low, outcome_high, base (the same in every row: the outcome
            in the base case); of one strategy. With low_reach, high_reach (half-widths of the 95% Monte Carlo intervals
            of both ends) these are drawn; with told, swings smaller than their Monte Carlo error are grey and come
            last. An end without a number has its words in low_verdict or high_verdict.
        outcome: label of the outcome, with its unit.
        title: what is shown.
    """
    width = pl.max_horizontal("outcome_low", "outcome_high", "base") - pl.min_horizontal(
        "outcome_low", "outcome_high", "base"
    )
    told = pl.col("told").fill_null(True) if "told" in frame.columns else pl.lit(True)
    beyond = pl.any_horizontal(pl.col("outcome_low", "outcome_high").is_null())
    frame = frame.with_columns(lucky=~told, width=pl.when(beyond).then(math.inf).otherwise(width))
    errors = "low_reach" in frame.columns and not frame["low_reach"].is_null().all()
    shown = frame.sort("lucky", -pl.col("width"), maintain_order=True).head(MAX_BARS)
    more = len(frame) - len(shown)
    note = (
        "Each bar: the outcome when one parameter goes from its low value (hatched) to its high value (plain), the "
        "others in the base case. Numbers at the bar are the parameter's values. Vertical line: the base case."
        + (f" {more} narrower bars are left out." if more else "")
        + (" Thin lines: 95% Monte Carlo error of either end." if errors else "")
        + (
            " Grey: unknown, because the swing is smaller than its Monte Carlo error, which may run out of the figure."
            if frame["lucky"].any()
            else ""
        )
        + (" Words: no ratio at that end." if frame["width"].is_infinite().any() else "")
    )
    figure = style.blank(9.0, 1.7 + 0.36 * len(shown), title, note)
    axis = figure.subplots()
    base = float(frame["base"][0])
    first, last = _view(shown, base)
    for position, row in enumerate(shown.iter_rows(named=True)):
        grey = row["lucky"]
        words: list[str] = []
        ends = (("low", UNKNOWN if grey else LOW, "////"), ("high", UNKNOWN if grey else HIGH, ""))
        for end, colour, hatch in ends:
            value = row[f"outcome_{end}"]
            if value is None:
                words.append(f"{row[f'{end}_value']:.3g}: {row[f'{end}_verdict']}")
                continue
            axis.barh(position, value - base, 0.62, base, color=colour, hatch=hatch, edgecolor="white")
            reach = row.get(f"{end}_reach")
            if reach:
                axis.errorbar(value, position, xerr=reach, fmt="none", color=style.INK, capsize=2.5, lw=0.9)
            other = row[f"outcome_{'high' if end == 'low' else 'low'}"]
            left = value < (base if other is None else other) or (value == other and end == "low")
            edge = (
                max(min(value - (reach or 0.0), base), first) if left else min(max(value + (reach or 0.0), base), last)
            )
            axis.annotate(
                f"{row[f'{end}_value']:.3g}", (edge, position), (-4 if left else 4, 0), textcoords="offset points",
                ha="right" if left else "left", va="center", fontsize=6.5 if style.COLUMN.get() else 8, color=style.INK,
                bbox=BEHIND,
            )  # fmt: skip
        if words:
            _beside(axis, position, "; ".join(words), row, base)
    axis.axvline(base, color=style.INK, lw=1.1)
    axis.set_yticks(range(len(shown)), [parameter_label(name) for name in shown["parameter"]])
    axis.invert_yaxis()
    margin = (0.36 if style.COLUMN.get() else 0.12) * (last - first)  # room for the values at the bars
    axis.set_xlim(first - margin, last + margin)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(outcome)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}")
    return figure


def _view(shown: pl.DataFrame, base: float) -> tuple[float, float]:
    """Ends of what is shown: all bars, and the errors of those that are known; others may run out of the figure."""
    ends = [base, base + 1e-9 * max(1.0, abs(base))]
    for row in shown.iter_rows(named=True):
        for end in ("low", "high"):
            value, reach = row[f"outcome_{end}"], 0.0 if row["lucky"] else row.get(f"{end}_reach") or 0.0
            ends += [] if value is None else [value - reach, value + reach]
    return min(ends), max(ends)


def _beside(axis: Axes, position: int, words: str, row: Mapping[str, Any], base: float) -> None:
    """Words for ends without a number, on the side of the base case that the bar leaves free."""
    drawn = next((row[f"outcome_{end}"] for end in ("low", "high") if row[f"outcome_{end}"] is not None), base)
    left = drawn > base
    axis.annotate(
        words, (base, position), (-5 if left else 5, 0), textcoords="offset points", ha="right" if left else "left",
        va="center", fontsize=8, style="italic", color=style.INK,
        bbox=BEHIND,
    )  # fmt: skip
