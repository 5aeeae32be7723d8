"""Main outcomes side by side, what they cost by component, and differences by subgroup."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import TOTAL_COST
from popsim.errors import InputError
from popsim.experiments.run import Run
from popsim.reporting.figures import style
from popsim.reporting.tables import label_of

MEASURES = {
    "readmission_30d": ("30-day readmission, %", 100.0),
    "admissions_per_person_year": ("Admissions per person-year", 1.0),
    "mortality": ("Died in follow-up, %", 100.0),
    "bed_days": ("Bed-days per person", 1.0),
    "cost_total": ("Cost per person, {currency}", 1.0),
    "qalys": ("QALYs per person", 1.0),
}
LEAST_SHARE = 0.03  # of the dearest strategy's cost: what a component must have to be named inside its bar


@style.styled
def main_outcomes(run: Run, measures: Sequence[str] = tuple(MEASURES)) -> Figure:
    """Each measure with its 95% interval, strategies below one another.

    Raises:
        InputError: the run has none of the measures.
    """
    summary, titles = run.frame("summary"), run.strategies
    shown = [measure for measure in measures if measure in summary["measure"]]
    if not shown:
        raise InputError("none of the main outcomes was measured")
    rows, columns = -(-len(shown) // 3), min(3, len(shown))
    note = f"Points are means, bars 95% intervals of the mean over {_repeats(run)}."
    figure = style.blank(11, 1.2 + rows * (0.9 + 0.27 * len(titles)), "Main outcomes of each strategy", note)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis, measure in zip(axes, shown, strict=False):
        label, factor = MEASURES.get(measure, (label_of(measure), 1.0))
        for name, look in style.looks(titles, run.comparator).items():
            row = summary.filter((pl.col("strategy") == name) & (pl.col("measure") == measure)).to_dicts()
            if not row or row[0]["mean"] is None:
                continue
            mean, low, high = row[0]["mean"], row[0]["low"], row[0]["high"]
            reach = None if low is None or high is None else [[(mean - low) * factor], [(high - mean) * factor]]
            axis.errorbar(
                mean * factor, list(titles).index(name), xerr=reach, fmt=look.marker, color=look.colour, capsize=3, ms=6
            )
        axis.set_yticks(range(len(titles)), list(titles.values()))
        axis.set_ylim(len(titles) - 0.5, -0.5)
        axis.set_title(label.format(currency=run.experiment.currency))
        axis.margins(x=0.15)
        if axis.get_xlim()[1] >= 1000:
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    return figure


@style.styled
def cost_breakdown(run: Run) -> Figure:
    """Cost per person by component, stacked, with the 95% interval of the total.

    Raises:
        InputError: the run has no costs.
    """
    summary, titles = run.frame("summary"), run.strategies
    values = {(row["strategy"], row["measure"]): row for row in summary.iter_rows(named=True)}
    costs = {name: [values.get((s, name), {}).get("mean") or 0.0 for s in titles] for name in COST_NAMES}
    costs = {name: amounts for name, amounts in costs.items() if any(amounts)}
    if not costs:
        raise InputError("nothing was paid for")
    note = f"Means per person, discounted; the thin black bar is the 95% interval of the total over {_repeats(run)}."
    experiment = run.experiment
    title = f"Cost per person by component, {experiment.currency} ({experiment.price_year} prices)"
    figure = style.blank(9.5, 1.9 + 0.55 * len(titles), title, note)
    axis = figure.subplots()
    places, left = np.arange(len(titles)), np.zeros(len(titles))
    widest = max(sum(amounts) for amounts in zip(*costs.values(), strict=True))
    for number, (name, amounts) in enumerate(costs.items()):
        look = style.look(number + 1)
        axis.barh(
            places, amounts, 0.62, left, color=look.colour, edgecolor="white", hatch=look.hatch, label=label_of(name)
        )
        for place, amount in enumerate(amounts):
            if amount > LEAST_SHARE * widest * 1.6:
                axis.text(
                    left[place] + amount / 2, place, f"{amount:,.0f}", ha="center", va="center", fontsize=8.5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.9},
                )  # fmt: skip
        left += amounts
    for place, name in enumerate(titles):
        total = values[name, TOTAL_COST]
        end = total["high"] or total["mean"]
        if total["low"] is not None:
            reach = [[total["mean"] - total["low"]], [total["high"] - total["mean"]]]
            axis.errorbar(total["mean"], place + 0.2, xerr=reach, fmt="none", color=style.INK, capsize=4, lw=1.4)
        axis.text(end + 0.012 * widest, place, f"{total['mean']:,.0f}", va="center", weight="bold")
    axis.set_yticks(places, list(titles.values()))
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set_xlim(0, widest * 1.12)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_xlabel(f"{experiment.currency} per person")
    figure.legend(loc="outside right center", handleheight=1.4, handlelength=2.2)
    return figure


@style.styled
def forest(
    frame: pl.DataFrame, titles: dict[str, str], measure: str, comparator: str = "", overall: str = "all"
) -> Figure:
    """Differences from the comparator by subgroup, with intervals.

    Args:
        frame: strategy, subgroup, level, n, mean, low, high; rows in the order in which they are to be shown.
        titles: title by name of strategy.
        measure: what the differences are, with its unit: "QALYs gained per person".
        comparator: name of the strategy that the others are compared with.
        overall: the subgroup that is everybody; a line is drawn through its means.
    """
    shown = [name for name in titles if name in frame["strategy"]]
    groups = frame.select("subgroup", "level").unique(maintain_order=True).rows()
    against = f" against {titles[comparator].lower()}" if comparator else ""
    note = (
        "Points are means, bars 95% intervals. Dashed: the mean of everybody. Left of the line at 0: less than under "
        f"{titles.get(comparator, 'the comparator').lower()}. n: people in the subgroup."
    )
    height = 1.5 + 0.27 * (len(groups) + len({group for group, _ in groups}))
    figure = style.blank(3.2 + 3.1 * len(shown), height, f"{measure}{against}, by subgroup", note)
    axes = figure.subplots(1, len(shown), squeeze=False, sharex=True, sharey=True).ravel()
    rows, labels = _forest_rows(groups)
    for axis, name in zip(axes, shown, strict=True):
        look = style.looks(titles, comparator)[name]
        mine = {(row["subgroup"], row["level"]): row for row in frame.filter(strategy=name).iter_rows(named=True)}
        axis.axvline(0, color=style.RULE, lw=0.9)
        for group, place in rows.items():
            row = mine.get(group)
            if row is None or row["mean"] is None:
                continue
            if group[0] == overall:
                axis.axvline(row["mean"], color=look.colour, ls=(0, (4, 3)), lw=1)
            low, high = (row["mean"] if row[end] is None else row[end] for end in ("low", "high"))
            reach = [[row["mean"] - low], [high - row["mean"]]]
            axis.errorbar(row["mean"], place, xerr=reach, fmt=look.marker, color=look.colour, capsize=2.5, ms=5)
        axis.set_title(titles[name])
        axis.set_xlabel(measure)
        axis.grid(axis="y", visible=False)
    count = {(row["subgroup"], row["level"]): row["n"] for row in frame.iter_rows(named=True)}
    named = [(place, f"{labels[group]}  (n = {count[group]:,})") for group, place in rows.items()]
    axes[0].set_yticks([place for place, _ in named], [text for _, text in named])
    axes[0].set_ylim(max(rows.values()) + 0.7, -0.9)
    return figure


def _forest_rows(groups: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], str]]:
    """Height and label of each subgroup's level; a gap between two subgroups."""
    rows: dict[tuple[str, str], float] = {}
    labels: dict[tuple[str, str], str] = {}
    place, before = -1.0, ""
    for group, level in groups:
        place += 1.0 if group == before or not before else 1.6
        rows[group, level] = place
        words = f"{group.replace('_', ' ')}: {level}" if level and level != group else group.replace("_", " ")
        labels[group, level] = words[:1].upper() + words[1:]
        before = group
    return rows, labels


def _repeats(run: Run) -> str:
    """Over what a mean is taken, in words."""
    experiment = run.experiment
    replications = f"{experiment.replications} replication{'s' if experiment.replications > 1 else ''}"
    return f"{experiment.draws} parameter draws of {replications}" if experiment.draws else replications
