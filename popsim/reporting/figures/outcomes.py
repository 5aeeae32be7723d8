"""Main outcomes side by side, costs by component, and differences by subgroup."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.outcome_valuation import NET_BENEFIT
from popsim.economics.perspectives import SIGNS
from popsim.economics.subgroups import COST, EVERYONE, QALY, subgroup_effects
from popsim.errors import InputError
from popsim.plurals import counted
from popsim.reporting.figures import style
from popsim.reporting.intervals import has_intervals, readable
from popsim.reporting.intervals import note as note_of
from popsim.reporting.labels import level_label, measure_label
from popsim.reporting.text.formatting import change
from popsim.runs.run import StoredRun
from popsim.studies.measures import check_measures, measure_of
from popsim.studies.prices import prices_in_words

MAIN_MEASURES = ("readmission_30d", "admissions_per_person_year", "mortality", "bed_days", "cost_total", "qalys")
PERSONAL = {COST: measure_of(TOTAL_COST), QALY: measure_of(QALYS), NET_BENEFIT.name: NET_BENEFIT}  # of one person
SUBGROUPS = ("female", "age_years", "deprivation_quintile", "ethnicity")
TITLE_CHARACTERS = 40  # of a panel


@style.styled
def main_outcomes(run: StoredRun, measures: Sequence[str] | None = None) -> Figure:
    """Each measure with its 95% interval, strategies below one another; the main ones if none is named.

    Raises:
        InputError: the run has none of the main outcomes, or not one that is named.
    """
    summary, titles = readable(run.frame("summary"), run.experiment), run.strategies
    check_measures(measures or (), summary["measure"])
    shown = [measure for measure in measures or MAIN_MEASURES if measure in summary["measure"]]
    if not shown:
        raise InputError("none of the main outcomes was measured")
    rows, columns = -(-len(shown) // 3), min(3, len(shown))
    intervals = f", bars 95% intervals of the mean over {_repeats(run)}" if has_intervals(run.experiment) else ""
    lacking = note_of(run.experiment, run.again)
    missing = f" {lacking}" if lacking else ""
    note = f"Points are means{intervals}.{missing} Costs: {prices_in_words(run.experiment)}."
    figure = style.blank(11, 1.2 + rows * (0.9 + 0.27 * len(titles)), "Main outcomes of each strategy", note)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    settings = {setting.name: setting.title for setting in run.network.settings}
    for axis, measure in zip(axes, shown, strict=False):
        factor = measure_of(measure).factor
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
        axis.set_title(textwrap.fill(measure_label(measure, run.experiment.currency, settings), TITLE_CHARACTERS))
        axis.margins(x=0.15)
        if axis.get_xlim()[1] >= 1000:
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    return figure


@style.styled
def cost_breakdown(run: StoredRun) -> Figure:
    """Cost per person by the components that the perspective counts, stacked, with the 95% interval of the total.

    A component that the perspective subtracts (charges, for the payer) stands left of 0.

    Raises:
        InputError: the run has no costs.
    """
    summary, titles = readable(run.frame("summary"), run.experiment), run.strategies
    values = {(row["strategy"], row["measure"]): row for row in summary.iter_rows(named=True)}
    signs = SIGNS[run.experiment.perspective]
    costs = {
        name: [sign * (values.get((s, name), {}).get("mean") or 0.0) for s in titles] for name, sign in signs.items()
    }
    costs = {name: amounts for name, amounts in costs.items() if any(amounts)}
    if not costs:
        raise InputError("no costs were incurred")
    experiment = run.experiment
    bar = (
        f"; the thin black bar is the 95% interval of the total over {_repeats(run)}"
        if has_intervals(experiment)
        else ""
    )
    note = (
        f"Means per person, discounted{bar}. Per cent: a component's share of all, mean of the strategies; a thin one "
        f"may be narrower than a line. Costs are in {prices_in_words(experiment)}."
    )
    title = f"Cost per person by component, {experiment.currency}"
    narrow = style.COLUMN.get()
    # inches of a component in a legend above the bars; letters in the bars; share of the longest that a number takes
    line, letters, room = (0.28, 6.0, 0.096) if narrow else (0.0, 8.5, 0.048)
    figure = style.blank(9.5, 1.9 + 0.55 * len(titles) + line * len(costs), title, note)
    axis = figure.subplots()
    positions, left, below = np.arange(len(titles)), np.zeros(len(titles)), np.zeros(len(titles))
    first = [sum(amounts) / len(amounts) for amounts in costs.values()]
    whole = sum(abs(amount) for amount in first)
    widest = max(sum(amount for amount in amounts if amount > 0) for amounts in zip(*costs.values(), strict=True))
    for number, (name, amounts) in enumerate(costs.items()):
        look = style.look(number + 1)
        negative = signs[name] < 0
        axis.barh(
            positions,
            amounts,
            0.62,
            below if negative else left,
            color=look.colour,
            edgecolor="white",
            lw=0.4,
            hatch=look.hatch,
            label=f"{measure_of(name).short} ({_share(first[number] / whole)})",
        )
        for position, amount in enumerate(amounts):
            if amount > room * widest:
                axis.text(
                    left[position] + amount / 2, position, f"{amount:,.0f}", ha="center", va="center",
                    fontsize=letters,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.9},
                )  # fmt: skip
        left, below = (left, below + amounts) if negative else (left + amounts, below)
    for position, name in enumerate(titles):
        total = values[name, TOTAL_COST]
        end = total["high"] or total["mean"]
        if total["low"] is not None:
            reach = [[total["mean"] - total["low"]], [total["high"] - total["mean"]]]
            axis.errorbar(total["mean"], position + 0.2, xerr=reach, fmt="none", color=style.INK, capsize=4, lw=1.4)
        axis.text(end + room / 4 * widest, position, f"{total['mean']:,.0f}", va="center", weight="bold")
    axis.set_yticks(positions, list(titles.values()))
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    furthest = max(widest, *(values[name, TOTAL_COST]["high"] or 0.0 for name in titles))
    axis.set_xlim(right=(1.092 + room) * furthest)  # for the number of the total
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_xlabel(f"{experiment.currency} per person")
    if narrow:
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), handleheight=1.4, handlelength=2.2)
    else:
        figure.legend(loc="outside right center", handleheight=1.4, handlelength=2.2)
    return figure


@style.styled
def cost_differences(run: StoredRun) -> Figure:
    """What each strategy costs more or less than the comparator, by component that the perspective counts.

    Raises:
        InputError: the run has a single strategy, or no component differs.
    """
    if len(run.strategies) < 2:
        raise InputError("there is only one strategy, so there is nothing to compare")
    experiment, titles = run.experiment, run.strategies
    signs = dict(SIGNS[experiment.perspective]) | {TOTAL_COST: 1}
    table = readable(run.frame("comparisons"), experiment)
    rows = {(row["measure"], row["strategy"]): row for row in table.iter_rows(named=True) if row["measure"] in signs}
    shown = [name for name in signs if any(row["mean"] for (measure, _), row in rows.items() if measure == name)]
    if not shown:
        raise InputError("no component of cost differs between the strategies")
    base, names = titles[run.comparator].lower(), [name for name in titles if name != run.comparator]
    bars = "; bars: 95% intervals" if has_intervals(experiment) else ""
    note = (
        f"Discounted means per person, paired by replication{bars}. Left of 0: less than under {base}. "
        f"Costs are in {prices_in_words(experiment)}."
    )
    step = 0.2 * len(names) + 0.1
    figure = style.blank(8.6, 2.0 + step * len(shown), f"Extra cost against {base} by component", note)
    axis, looks = figure.subplots(), style.looks(titles, run.comparator)
    axis.axvline(0, color=style.INK, lw=1.0, zorder=1)
    for place, measure in enumerate(shown):
        for number, name in enumerate(names):
            row = rows.get((measure, name))
            if row is None or row["mean"] is None:
                continue
            sign, look, height = signs[measure], looks[name], place + 0.3 * (number - (len(names) - 1) / 2)
            low, high = (row["mean"] if row[end] is None else row[end] for end in ("low", "high"))
            reach = [[abs(row["mean"] - (low if sign > 0 else high))], [abs((high if sign > 0 else low) - row["mean"])]]
            axis.errorbar(
                sign * row["mean"], height, xerr=reach, fmt=look.marker, color=look.colour, ms=5, capsize=2.5,
                label=titles[name] if place == 0 else None,
            )  # fmt: skip
            right = max(sign * row["mean"] + reach[1][0], 0.0)
            axis.annotate(
                change(sign * row["mean"]), (right, height), (5, 0), textcoords="offset points", va="center",
                fontsize=8, color=style.INK,
            )  # fmt: skip
    if len(shown) > 1:
        axis.axhline(len(shown) - 1.5, color=style.RULE, lw=0.8)
    labels = [f"{'Less: ' if signs[name] < 0 else ''}{measure_of(name).short}" for name in shown]
    axis.set_yticks(range(len(shown)), labels)
    axis.set_ylim(len(shown) - 0.4, -0.6)
    axis.margins(x=0.1)
    axis.grid(axis="y", visible=False)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.set_xlabel(f"{experiment.currency} per person more than under {base}")
    style.legend_above(axis)
    return figure


def _share(part: float) -> str:
    """A share of all costs, in whole per cent."""
    return "under 1%" if 0.0 < abs(part) < 0.01 else f"{100 * abs(part):.0f}%"


@style.styled
def forest(
    frame: pl.DataFrame,
    titles: dict[str, str],
    measure: str,
    comparator: str = "",
    everyone: str = EVERYONE,
    more: str = "",
) -> Figure:
    """Differences from the comparator by subgroup, with intervals.

    Args:
        frame: strategy, subgroup, level (null: all), share (of all people), mean, low, high; rows as they are to stand.
        titles: title by name of strategy.
        measure: what the differences are, with its unit: "QALYs gained per person".
        comparator: name of the strategy that the others are compared with.
        everyone: name of the subgroup of all people; a dashed line is drawn through its means.
        more: text to add below.
    """
    frame = frame.with_columns(pl.col("level").cast(pl.String).fill_null(""))
    shown = [name for name in titles if name in frame["strategy"]]
    against = f" against {titles[comparator].lower()}" if comparator else ""
    bars = frame["low"].null_count() < len(frame)
    note = (
        f"Points are means{', bars 95% intervals' if bars else ''}. Dashed: the mean of everybody. "
        f"Left of the line at 0: less than under {titles.get(comparator, 'the comparator').lower()}. "
        f"%: share of all people. {more}"
    )
    rows = _forest_rows(frame.select("subgroup", "level").unique(maintain_order=True).rows())
    height = 1.9 + 0.27 * (max(rows.values()) + 2)
    figure = style.blank(3.4 + 3.1 * len(shown), height, f"{measure}{against}, by subgroup", note)
    axes = figure.subplots(1, len(shown), squeeze=False, sharex=True, sharey=True).ravel()
    for axis, name in zip(axes, shown, strict=True):
        look = style.looks(titles, comparator)[name]
        axis.axvline(0, color=style.RULE, lw=0.9)
        for row in frame.filter(pl.col("strategy") == name).iter_rows(named=True):
            if row["mean"] is None:
                continue
            if row["subgroup"] == everyone:
                axis.axvline(row["mean"], color=look.colour, ls=(0, (4, 3)), lw=1)
            low, high = (row["mean"] if row[end] is None else row[end] for end in ("low", "high"))
            reach, position = [[row["mean"] - low], [high - row["mean"]]], rows[row["subgroup"], row["level"]]
            axis.errorbar(row["mean"], position, xerr=reach, fmt=look.marker, color=look.colour, capsize=2.5, ms=5)
        axis.set_title(titles[name])
        axis.set_xlabel(measure)
        axis.locator_params(axis="x", nbins=5)
        if max(map(abs, axis.get_xlim())) >= 1000:
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.grid(axis="y", visible=False)
    share = {(row["subgroup"], row["level"]): row["share"] for row in frame.iter_rows(named=True)}
    labels = [f"{_level_name(*group)}  ({100 * share[group]:.0f}%)" for group in rows]
    axes[0].set_yticks(list(rows.values()), labels)
    axes[0].set_ylim(max(rows.values()) + 0.7, -0.9)
    return figure


def subgroup_forest(run: StoredRun, by: Sequence[str] = SUBGROUPS, measure: str = NET_BENEFIT.name) -> Figure:
    """The forest plot of a run: each strategy's effect on one measure of a person, by columns known at entry.

    Raises:
        InputError: the run keeps no persons, has a single strategy, persons have no such column, or no such measure.
    """
    check_measures([measure], PERSONAL)
    if "persons" not in run.tables:
        raise InputError(f"keeps no persons (the experiment's store is '{run.experiment.store}')")
    if len(run.strategies) < 2:
        raise InputError("there is only one strategy, so there is nothing to compare")
    experiment = run.experiment
    persons = run.table("persons")
    known = [column for column in by if column in persons.collect_schema()]
    run.refuse_small_groups(persons, known)
    effects = subgroup_effects(persons, run.comparator, known, experiment.willingness_to_pay)
    frame = (
        readable(effects, experiment)
        .filter(pl.col("measure") == measure)
        .with_columns(pl.col("strategy").cast(pl.String))
    )
    order = {name: position for position, name in enumerate((EVERYONE, *known))}
    under = ~pl.col("level").cast(pl.String).str.starts_with("under")
    frame = frame.sort(pl.col("subgroup").replace_strict(order), under, "level", maintain_order=True)
    money = "" if measure == QALY else f"Costs are in {prices_in_words(experiment)}."
    words = PERSONAL[measure].title(experiment.currency)
    if measure == NET_BENEFIT.name:
        words += f" at {experiment.willingness_to_pay:,.0f} per QALY"
    return forest(frame, run.strategies, words, run.comparator, more=money)


def _level_name(subgroup: str, level: str) -> str:
    """The label of a level of a column."""
    words = level_label(subgroup, level)
    return words[:1].upper() + words[1:]


def _forest_rows(groups: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Height of each subgroup's level; a gap between two subgroups."""
    rows: dict[tuple[str, str], float] = {}
    position, before = -1.0, ""
    for group, level in groups:
        position += 1.0 if group == before or not before else 1.5
        rows[group, level] = position
        before = group
    return rows


def _repeats(run: StoredRun) -> str:
    """What a mean is taken over, in words."""
    experiment = run.experiment
    replications = counted(experiment.replications, "replication")
    return f"{experiment.draws} parameter draws of {replications}" if experiment.draws else replications
