"""What uncertainty costs and what it would be worth to know: EVPI, EVPPI, EVSI, and the density of net benefit."""

from __future__ import annotations

import textwrap
from itertools import groupby

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from popsim.analyses.decision_view import DecisionView
from popsim.economics.cost_effectiveness import QALYS, ROUNDING
from popsim.economics.decision import Decision, need_draws
from popsim.economics.information import (
    EVERYTHING,
    MIN_DRAWS,
    ProposedStudy,
    information,
    perfect_information,
    sample_information,
)
from popsim.errors import InputError
from popsim.evidence.sets import VALUATION_SETS
from popsim.plurals import counted
from popsim.reporting.figures import style
from popsim.reporting.figures.value import ALL_THE_SAME, GRID
from popsim.reporting.labels import parameter_label
from popsim.reporting.text.formatting import rounded, span
from popsim.runs.run import StoredRun
from popsim.statistics import central_interval

MAX_BARS = 15
POINTS = 300  # of a density
MARGIN = 0.25  # of the draws' range, on either side of a density
UPPER_BOUND = " One replication per draw: Monte Carlo error is included, so values are upper bounds."
NAME_A_STUDY = "name a study with --study PARAMETER=SD:PEOPLE/..., like {}=200:50/100/500"


@style.styled
def net_benefit_density(run: StoredRun | DecisionView) -> Figure:
    """Density over parameter draws of each strategy's net benefit over the comparator, Monte Carlo noise removed.

    Raises:
        InputError: the run has fewer than MIN_DRAWS parameter draws, or its strategies are all the same.
    """
    shown = DecisionView.of_run(run)
    decision, titles = _decision(shown), shown.strategies
    price = shown.willingness_to_pay
    benefit = decision.net_monetary_benefit(price)
    named = {name: place for place, name in enumerate(decision.strategies) if place}
    gains = {name: decision.net_benefit_over_first(place, price) for name, place in named.items()}
    low = min(0.0, *(float(gain.min()) for gain in gains.values()))
    high = max(0.0, *(float(gain.max()) for gain in gains.values()))
    x = np.linspace(low - MARGIN * (high - low), high + MARGIN * (high - low), POINTS)
    base = titles[shown.comparator].lower()
    note = (
        f"Net benefit: QALYs gained at {price:,.0f} {shown.currency} each, less extra "
        f"cost, over {base}, per person in {shown.horizon}. Each curve: how {shown.draws:,} "
        "parameter draws spread (Gaussian kernel, Scott's bandwidth), all scaled to one height. "
        f"Right of 0 the strategy is worth its cost. Marks: means. Costs are in {shown.prices}."
    )
    if decision.noise is None:
        note += UPPER_BOUND.replace("values are upper bounds", "curves are too wide")
    figure = style.blank(7.6, 4.8, f"How sure it is that a strategy is worth more than {base}", note)
    axis = figure.subplots()
    axis.axvline(0, color=style.RULE, lw=0.9, zorder=1)
    for name, look in style.looks(titles, shown.comparator).items():
        if name in gains:
            words = f"{titles[name]}: {_in_words(gains[name], benefit[:, named[name]] - benefit[:, 0])}"
            _curve(axis, x, gains[name], look, textwrap.fill(words, 44) if style.COLUMN.get() else words)
    axis.set_ylim(0, 1.08)
    axis.set_yticks([])
    axis.set_xlim(x[0], x[-1])
    axis.set_xlabel(f"Net benefit over {base}, {shown.currency} per person")
    axis.set_ylabel("Density of parameter draws, scaled")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    style.legend_above(axis)
    return figure


@style.styled
def evpi(run: StoredRun | DecisionView, highest: float | None = None) -> Figure:
    """EVPI per person by willingness to pay for a QALY, with its 95% Monte Carlo interval.

    Args:
        run: with parameter draws.
        highest: willingness to pay at the right end; three times the experiment's when None.

    Raises:
        InputError: the run has fewer than MIN_DRAWS parameter draws, or its strategies are all the same.
    """
    shown = DecisionView.of_run(run)
    decision = _decision(shown)
    price = shown.willingness_to_pay
    grid = np.linspace(0.0, 3.0 * price if highest is None else highest, GRID)
    table = perfect_information(decision, grid)
    (here,) = perfect_information(decision, [price]).iter_rows(named=True)
    note = (
        "Expected value of perfect information: what a wrong choice costs on average because parameters are "
        f"uncertain, the most that any research is worth per person whom the decision affects. Band: 95% Monte Carlo "
        f"interval over {counted(shown.draws, 'draw')}. {_best(shown, decision, grid)} Costs are in {shown.prices}."
    ) + ("" if here["luck_removed"] else UPPER_BOUND)
    if here["value"] == 0.0:
        note += f" At {price:,.0f} the same strategy is best in every draw: to know more would not change the choice."
    figure = style.blank(7.6, 4.6, "What it is worth to know all parameters, by willingness to pay for a QALY", note)
    axis = figure.subplots()
    colour = style.COLOURS[1]
    axis.fill_between(grid, table["low"], table["high"], color=colour, alpha=0.18, lw=0)
    axis.plot(grid, table["value"], color=colour)
    axis.axvline(price, color=style.QUIET, ls=":", lw=1.1)
    axis.plot([price], [here["value"]], "o", color=colour, ms=5)
    gap = "\n" if style.COLUMN.get() else " "
    axis.annotate(
        f"{rounded(here['value'])} {shown.currency}{gap}at {price:,.0f} per QALY", (price, here["value"]), (8, 10),
        textcoords="offset points", fontsize=8.5, color=style.INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
    )  # fmt: skip
    axis.set_xlim(0, grid[-1])
    axis.set_ylim(0, 1.12 * max(float(table["high"].max() or 0.0), 1e-9))  # type: ignore[arg-type]
    axis.set_xlabel(f"Willingness to pay for a QALY, {shown.currency}")
    axis.set_ylabel(f"EVPI, {shown.currency} per person")
    _money(axis.xaxis)
    _money(axis.yaxis)
    return figure


@style.styled
def evppi(run: StoredRun | DecisionView) -> Figure:
    """EVPPI of single parameters, and of what one study would inform together, as bars with their intervals.

    Raises:
        InputError: the run has fewer than MIN_DRAWS parameter draws, or its strategies are all the same.
    """
    shown = DecisionView.of_run(run)
    decision = _decision(shown)
    known = shown.known(QALYS)
    tables = {"Each parameter alone": information(decision, known.draws, shown.willingness_to_pay)}
    if len(known.groups) > 1:
        grouped = information(decision, known.draws, shown.willingness_to_pay, known.groups)
        tables["What one study would inform together"] = grouped
    everything = tables["Each parameter alone"].row(0, named=True)
    if everything["value"] == 0.0:
        raise InputError("the same strategy is best in every draw: more information would change nothing")
    listed = {title: table.filter(pl.col("known") != EVERYTHING).head(MAX_BARS) for title, table in tables.items()}
    left = len(known.draws.columns) - 1 - len(listed["Each parameter alone"])
    note = (
        f"Expected value of partial perfect information at {shown.willingness_to_pay:,.0f} "
        f"{shown.currency} per QALY, {counted(shown.draws, 'draw')}: the most that research on it alone is worth. "
        f"Whiskers: 95% Monte Carlo intervals; where one reaches 0, draws are too few to tell the value from noise. "
        f"Dashed line: all parameters (EVPI), {rounded(everything['value'])}. Costs are in {shown.prices}."
    )
    note += f" {left} parameters of no larger value are not shown." if left else ""
    note += f" {known.left_out}." if known.left_out else ""
    note += "" if everything["luck_removed"] else UPPER_BOUND
    rows = [max(1, len(table)) for table in listed.values()]
    figure = style.blank(
        8.2, 2.0 + 0.3 * sum(rows) + 0.3 * len(rows), "Which parameters are worth knowing better", note
    )
    axes = figure.subplots(len(listed), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for axis, (title, table) in zip(axes, listed.items(), strict=True):
        _bars(axis, table, everything["value"])
        axis.set_title(title)
    axes[-1].set_xlabel(f"EVPPI, {shown.currency} per person")
    return figure


@style.styled
def evsi(run: StoredRun | DecisionView, study: ProposedStudy | None = None) -> Figure:
    """EVSI per person of studies of one parameter, by number of people, beside what knowing it exactly is worth.

    Raises:
        InputError: no study is named, the run has fewer than MIN_DRAWS parameter draws, its strategies are all the
            same, or the parameter is unknown or cannot matter.
    """
    if study is None:
        care = VALUATION_SETS[run.experiment.prices].care if isinstance(run, StoredRun) else ""
        raise InputError(NAME_A_STUDY.format(f"{care}.inpatient_day" if care else "NAME"))
    shown = DecisionView.of_run(run)
    decision = _decision(shown)
    known = shown.known(QALYS)
    known.check_study(study)
    table = sample_information(decision, known.draws, shown.willingness_to_pay, study, shown.seed)
    found = {row["known"]: row for row in table.iter_rows(named=True)}
    sizes = sorted(study.people)
    studies = pl.DataFrame([found[f"study of {size:,}"] for size in sizes])
    exactly, everything = found[f"{study.parameter}, exactly"], found[EVERYTHING]
    label = parameter_label(study.parameter)
    note = (
        f"Expected value of sample information at {shown.willingness_to_pay:,.0f} {shown.currency} per QALY: "
        f"what the data of a study of {study.parameter} are worth for each person whom the decision affects; one "
        f"person's observation has a standard deviation of {study.standard_deviation:g}. Whiskers: 95% Monte Carlo "
        f"intervals over {counted(shown.draws, 'draw')}. A study pays if EVSI times the people affected exceeds its "
        f"cost. Costs are in {shown.prices}."
    ) + ("" if everything["luck_removed"] else UPPER_BOUND)
    figure = style.blank(7.6, 4.6, f"What a study of {label} is worth, by its size", note)
    axis = figure.subplots()
    reach = [studies["value"] - studies["low"], studies["high"] - studies["value"]]
    axis.errorbar(sizes, studies["value"], reach, color=style.COLOURS[1], marker="o", ms=5, capsize=3, label="EVSI")
    for row, words, line in ((exactly, f"knowing {label} exactly (EVPPI)", "--"),
                             (everything, "knowing all parameters (EVPI)", ":")):  # fmt: skip
        axis.axhline(row["value"], color=style.QUIET, ls=line, lw=1.2, label=f"{words}: {rounded(row['value'])}")
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set_xlabel("People in the study")
    axis.set_ylabel(f"EVSI, {shown.currency} per person")
    _money(axis.yaxis)
    style.legend_above(axis)
    return figure


def _decision(shown: DecisionView) -> Decision:
    """The run's draws, if they are enough for the value of information and strategies differ."""
    decision = Decision.of(shown.measures, shown.comparator)
    if len(decision.strategies) < 2:
        raise InputError("there is only one strategy, so there is nothing to compare")
    need_draws(decision, MIN_DRAWS)
    if len(decision.distinct.strategies) == 1:
        raise InputError(ALL_THE_SAME)
    return decision


def _best(shown: DecisionView, decision: Decision, grid: NDArray[np.float64]) -> str:
    """Which strategy has the highest expected net benefit over which part of the grid, in a sentence."""
    means = np.array([decision.net_monetary_benefit(price).mean(axis=0) for price in grid])
    parts = []
    for place, part in groupby(zip(means.argmax(axis=1), grid, strict=True), key=lambda pair: pair[0]):
        start = next(part)[1]
        title = shown.strategies[decision.strategies[place]].lower()
        parts.append(f"{title} from {start:,.0f}" if start else title)
    return f"Strategy with the highest expected net benefit: {', '.join(parts)}."


def _varies(gain: NDArray[np.float64]) -> bool:
    """Whether draws differ by more than rounding."""
    return bool(np.ptp(gain) > ROUNDING * np.abs(gain).max())


def _curve(axis: Axes, x: NDArray[np.float64], gain: NDArray[np.float64], look: style.Look, label: str) -> None:
    """The density of one strategy, with a dot at its mean; a line where all draws agree."""
    from scipy.stats import gaussian_kde  # noqa: PLC0415

    if _varies(gain):
        density = gaussian_kde(gain)
        y, height = density(x), density(gain.mean())[0]
        axis.fill_between(x, y / y.max(), color=look.colour, alpha=0.12, lw=0)
        axis.plot(x, y / y.max(), color=look.colour, ls=look.line, label=label)
        axis.plot([gain.mean()], [height / y.max()], look.marker, color=look.colour, ms=6)
    else:
        axis.plot([gain[0]] * 2, [0.0, 1.0], color=look.colour, ls=look.line, label=label)


def _in_words(gain: NDArray[np.float64], noisy: NDArray[np.float64]) -> str:
    """Mean, 95% of the draws, and the share above 0.

    Args:
        gain: of every draw, without noise.
        noisy: with it.
    """
    if not _varies(gain):
        same = f"{rounded(gain[0])} in every draw"
        return f"mean {rounded(gain[0])}, draws differ by no more than noise" if _varies(noisy) else same
    low, high = central_interval(gain)
    ends = span(low, high)
    reach = f" (95% of parameters {ends})" if ends else ""
    return f"mean {rounded(gain.mean())}{reach}, above 0 in {np.mean(gain > 0):.0%} of draws"


def _bars(axis: Axes, table: pl.DataFrame, everything: float) -> None:
    """One bar for each row with its interval and value."""
    for place, row in enumerate(table.iter_rows(named=True)):
        unsure = row["low"] == 0.0
        axis.barh(place, row["value"], 0.62, color="#c8c8c8" if unsure else style.COLOURS[1], edgecolor="white")
        reach = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        axis.errorbar(row["value"], place, xerr=reach, fmt="none", color=style.INK, capsize=2.5, lw=0.9)
        axis.annotate(
            f"{rounded(row['value'])}",
            (row["high"], place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axis.axvline(everything, color=style.QUIET, ls="--", lw=1.1)
    axis.set_yticks(range(len(table)), [parameter_label(name) for name in table["known"]])
    axis.invert_yaxis()
    axis.set_xlim(left=0.0)
    axis.margins(x=0.12)
    axis.grid(axis="y", visible=False)
    _money(axis.xaxis)


def _money(axis: object) -> None:
    """Whole amounts with separators, small ones with their decimals."""
    axis.set_major_formatter(lambda value, _: f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}")  # type: ignore[attr-defined]
