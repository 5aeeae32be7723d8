"""The cost-effectiveness plane and acceptability curves."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import chi2, f

from popsim.analyses.decision_view import DecisionView
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.decision import Decision
from popsim.economics.decision import acceptability as acceptability_curves
from popsim.errors import InputError
from popsim.reporting.figures import style
from popsim.runs.run import StoredRun

CONFIDENCE = 0.95
GRID = 121  # points of a curve
MIN_QUADRANT = 0.14  # of the view: a smaller quadrant has no room for its name
QUADRANTS = (  # right, up, and what a strategy there is
    (True, True, "better, dearer"), (True, False, "better, cheaper"),
    (False, True, "worse, dearer"), (False, False, "worse, cheaper"),
)  # fmt: skip
ALL_THE_SAME = "all strategies have the same costs and effects: no difference in any replication"


@style.styled
def cost_effectiveness_plane(run: StoredRun | DecisionView) -> Figure:
    """Extra cost against extra QALYs of each strategy, with means, 95% ellipses and the willingness to pay.

    A point is a parameter draw (the mean of its replications), or a replication where parameters are not uncertain.
    The ellipse holds 95% of the draws, or the mean over replications with 95% confidence (Hotelling).

    Raises:
        InputError: the run has a single strategy.
    """
    shown = DecisionView.of_run(run)
    titles = shown.strategies
    points = increments(shown)
    if points.is_empty():
        raise InputError("there is only one strategy, so there is nothing to compare")
    same = Decision.of(shown.measures, shown.comparator).same_as
    if len(same) == len(titles) - 1:
        raise InputError(ALL_THE_SAME)
    titles = {name: f"{title} (same as {titles[same[name]].lower()})" if name in same else title
              for name, title in titles.items()}  # fmt: skip
    drawn = shown.draws > 0
    kind = "parameter draw" if drawn else "batch of people" if shown.batches else "replication"
    region = "holds 95% of the draws" if drawn else "holds the mean with 95% confidence (Monte Carlo error alone)"
    note = (
        f"Each small point is one {kind}, the same people under both strategies; large points are means; the ellipse "
        f"{region}. Below the dashed line a strategy is worth its cost at {shown.willingness_to_pay:,.0f} "
        f"{shown.currency} per QALY. Costs: {shown.prices}."
    )
    base = titles[shown.comparator].lower()
    figure = style.blank(7.6, 6.0, f"Extra cost and extra health against {base}, per person", note)
    axis = figure.subplots()
    style.zero_lines(axis)
    for name, look in style.looks(titles, shown.comparator).items():
        cloud = points.filter(pl.col("strategy") == name).select("qalys", "cost").to_numpy()
        if len(cloud):
            _cloud(axis, cloud, look, titles[name], drawn)
    _threshold(axis, shown.willingness_to_pay, shown.currency)
    _quadrants(axis)
    axis.set_xlabel(f"QALYs gained per person in {shown.horizon}, against {base}")
    axis.set_ylabel(f"Extra cost per person, {shown.currency}")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    style.legend_above(axis)
    return figure


@style.styled
def acceptability(run: StoredRun | DecisionView, highest: float | None = None) -> Figure:
    """Probability that each strategy is the best buy, by willingness to pay for a QALY, with the frontier.

    Args:
        run: with parameter draws.
        highest: willingness to pay at the right end; three times the experiment's when None.

    Raises:
        InputError: the run has no parameter draws.
    """
    shown = DecisionView.of_run(run)
    titles = shown.strategies
    grid = np.linspace(0.0, 3.0 * shown.willingness_to_pay if highest is None else highest, GRID)
    decision = Decision.of(shown.measures, shown.comparator)
    same = decision.same_as
    if len(same) == len(titles) - 1:
        raise InputError(ALL_THE_SAME)
    curves = acceptability_curves(decision.distinct, grid)
    note = (
        f"Probability, over {shown.draws:,} parameter draws, that the strategy has the highest net benefit. "
        "The thick band marks the frontier: the strategy with the highest expected net benefit, the one to choose. "
        f"Dotted line: {shown.willingness_to_pay:,.0f} {shown.currency} per QALY. Costs are in {shown.prices}."
    )
    figure = style.blank(7.6, 4.8, "Which strategy is worth choosing, by willingness to pay for a QALY", note)
    axis = figure.subplots()
    axis.axvline(shown.willingness_to_pay, color=style.QUIET, ls=":", lw=1.1)
    for name, look in style.looks(titles, shown.comparator).items():
        if name in same:
            continue
        alike = [name, *(other for other, first in same.items() if first == name)]
        label = ", ".join(titles[one] for one in alike) + (" (the same)" if len(alike) > 1 else "")
        mine = curves.filter(pl.col("strategy").cast(pl.String) == name).sort("willingness_to_pay")
        x, y = mine["willingness_to_pay"].to_numpy(), mine["probability"].to_numpy()
        best = np.where(mine["optimal"].to_numpy(), y, np.nan)
        axis.plot(x, best, color=look.colour, lw=7, alpha=0.3, solid_capstyle="butt")
        axis.plot(x, y, color=look.colour, ls=look.line, marker=look.marker, markevery=0.1, ms=4.5, label=label)
    axis.set_ylim(0, 1.02)
    axis.set_xlim(0, grid[-1])
    axis.set_xlabel(f"Willingness to pay for a QALY, {shown.currency}")
    axis.set_ylabel("Probability of being the best buy")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    style.legend_above(axis)
    return figure


def increments(run: StoredRun | DecisionView) -> pl.DataFrame:
    """Differences from the comparator: strategy, draw, replication, qalys, cost; with draws, the mean of each draw.

    Replications without a cost or QALYs are left out.
    """
    shown = DecisionView.of_run(run)
    wide = (
        shown.measures.filter(pl.col("measure").is_in([TOTAL_COST, QALYS]))
        .group_by("strategy", "draw", "replication")
        .agg(
            cost=pl.col("value").filter(pl.col("measure") == TOTAL_COST).mean(),
            qalys=pl.col("value").filter(pl.col("measure") == QALYS).mean(),
        )
    )
    pair_keys = ["draw", "replication"]
    base = wide.filter(pl.col("strategy") == shown.comparator).drop("strategy")
    pairs = (
        wide.filter(pl.col("strategy") != shown.comparator)
        .join(base, on=pair_keys, suffix="_base")
        .select("strategy", *pair_keys, *(pl.col(name) - pl.col(f"{name}_base") for name in ("qalys", "cost")))
        .drop_nulls()
    )
    if shown.draws:
        pairs = pairs.group_by("strategy", "draw").agg(pl.col("qalys", "cost").mean()).with_columns(replication=0)
    return pairs.sort("strategy", *pair_keys)


def ellipse(points: NDArray[np.float64], of_the_mean: bool) -> NDArray[np.float64] | None:
    """Outline of a 95% ellipse, shape (100, 2), of normal points (n, 2) or of their mean (Hotelling's T squared).

    None if there are too few points, or they lie on a line.
    """
    n = len(points)
    if n < 3:
        return None
    covariance = np.cov(points.T)
    reach = 2.0 * (n - 1) / (n - 2) / n * f.ppf(CONFIDENCE, 2, n - 2) if of_the_mean else chi2.ppf(CONFIDENCE, 2)
    try:
        root = np.linalg.cholesky(covariance * reach)
    except np.linalg.LinAlgError:
        return None
    angle = np.linspace(0.0, 2.0 * np.pi, 100)
    return np.asarray(points.mean(axis=0) + np.column_stack([np.cos(angle), np.sin(angle)]) @ root.T)


def _cloud(axis: Axes, cloud: NDArray[np.float64], look: style.Look, title: str, drawn: bool) -> None:
    """One strategy's points, their mean and its ellipse."""
    large = len(cloud) > style.MAX_VECTOR_POINTS
    axis.scatter(
        cloud[:, 0], cloud[:, 1], s=14, marker=look.marker, color=look.colour, lw=0, zorder=2,
        alpha=0.45 if len(cloud) < 100 else 0.2, rasterized=large,
    )  # fmt: skip
    outline = ellipse(cloud, of_the_mean=not drawn)
    if outline is not None:
        axis.plot(*outline.T, color=look.colour, ls=look.line, lw=1.3, zorder=3)
    axis.plot(
        *cloud.mean(axis=0), marker=look.marker, ms=10, mfc=look.colour, mec="white", mew=1.2, ls="none", label=title,
        zorder=4,
    )  # fmt: skip


def _quadrants(axis: Axes) -> None:
    """The name of each quadrant in its outer corner, where the view has room for it."""
    low, high = np.array([axis.get_xlim(), axis.get_ylim()]).T
    for right, up, words in QUADRANTS:
        corner = np.where([right, up], high, low)
        if np.all(np.abs(corner) >= MIN_QUADRANT * (high - low)) and np.all((corner > 0) == [right, up]):
            axis.annotate(
                words, corner, (-4 if right else 4, -4 if up else 4), textcoords="offset points",
                ha="right" if right else "left", va="top" if up else "bottom",
                fontsize=6.5 if style.COLUMN.get() else 8.5, style="italic", color=style.QUIET,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
            )  # fmt: skip


def _threshold(axis: Axes, willingness_to_pay: float, currency: str) -> None:
    """The willingness-to-pay line through the origin, across the view that the points have set."""
    axis.autoscale_view()
    x, y = np.array(axis.get_xlim()), np.array(axis.get_ylim())
    low, high = willingness_to_pay * x
    room = 0.4 * (y[1] - y[0])  # how much the view may grow to show more of the line
    y = np.array([min(y[0], max(low, y[0] - room)), max(y[1], min(high, y[1] + room))])
    axis.set_xlim(*x)
    axis.set_ylim(*y)
    axis.plot(x, willingness_to_pay * x, ls=(0, (5, 3)), color=style.QUIET, lw=1.1, zorder=1)
    right = min(x[1], y[1] / willingness_to_pay) if willingness_to_pay > 0 else x[1]
    near = (0.78 if style.COLUMN.get() else 0.93) * right  # in a column the corner is for the quadrant's name
    axis.annotate(
        f"{willingness_to_pay:,.0f} {currency}\nper QALY", (near, willingness_to_pay * near), (-8, 0),
        textcoords="offset points", ha="right", va="center", fontsize=6.5 if style.COLUMN.get() else 8.5,
        color=style.QUIET,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
    )  # fmt: skip
