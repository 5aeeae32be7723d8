"""The answer in one figure: net benefit, and what each strategy costs the region and its beds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from popsim.analyses.decision_view import DecisionView
from popsim.economics.cost_effectiveness import TOTAL_COST, net_benefit
from popsim.errors import InputError
from popsim.reporting.answer import BED_DAYS, answer, as_sharp, difference_of
from popsim.reporting.figures import style
from popsim.reporting.intervals import has_intervals, readable
from popsim.reporting.text.formatting import with_interval
from popsim.runs.run import StoredRun

MILLION = 1e6


@style.styled
def answer_figure(run: StoredRun | DecisionView) -> Figure:
    """Each strategy against the comparator: net benefit per person, extra cost of the region, bed-days of the region.

    Raises:
        InputError: there is nothing to compare.
    """
    view = DecisionView.of_run(run)
    found = answer(view)
    if found is None:
        raise InputError("there is nothing to compare: one strategy, or all are the same")
    titles = view.strategies
    names = [name for name in titles if name != view.comparator]
    benefits = readable(net_benefit(view.measures, view.comparator, view.willingness_to_pay), view)
    worth = {row["strategy"]: row for row in benefits.iter_rows(named=True)}
    region = f"{found.people:,} people"
    panels: list[tuple[str, str, Mapping[str, Any], int]] = [
        (f"Net benefit per person, {view.currency}", "right of 0: worth its cost", worth, 1),
        (f"Extra cost of {region}, {view.currency}", "right of 0: costs more", _rows(view, TOTAL_COST, names),
         found.people),
        (f"Extra bed-days of {region}", "right of 0: takes more", _rows(view, BED_DAYS, names), found.people),
    ]  # fmt: skip
    panels = [panel for panel in panels if any(row is not None for row in panel[2].values())]
    base = titles[view.comparator].lower()
    drawn = any(row["parameter_low"] is not None for row in worth.values())
    few = "Parameters are held certain. " if view.draws <= 1 else ""
    spread = "Thin bars: 95% of the uncertain parameters. " if drawn else few
    thick = "Thick bars: 95% Monte Carlo intervals. " if has_intervals(view) else ""
    note = (
        f"All against {base}, the line at 0, at {view.willingness_to_pay:,.0f} {view.currency} per QALY. "
        f"{thick}{spread}Ring: the best buy. Costs are in {view.prices}."
    )
    figure = style.blank(10.5, 1.75 + 0.55 * len(names), "The answer: what to choose, and what it takes", note)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, hint, rows, people) in zip(axes, panels, strict=True):
        axis.axvline(0, color=style.INK, lw=1.0)
        unit = _unit(rows, people)
        shown = title.replace(view.currency, f"million {view.currency}") if unit > 1.0 else title
        for place, (name, look) in enumerate((n, style.looks(titles, view.comparator)[n]) for n in names):
            if rows.get(name) is not None:
                _draw(axis, place, rows[name], look, people / unit, name == found.best and people == 1)
        axis.set_title(shown)
        axis.set_xlabel(hint, color=style.QUIET)
        axis.set_yticks(range(len(names)), [titles[name] for name in names])
        axis.set_ylim(len(names) - 0.45, -0.75)
        axis.margins(x=0.4)
        axis.locator_params(axis="x", nbins=4)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.0f}")
        axis.grid(axis="y", visible=False)
    return figure


def _rows(view: DecisionView, measure: str, names: list[str]) -> dict[str, Any]:
    return {name: difference_of(view, measure, name) for name in names}


def _unit(rows: Mapping[str, Any], people: int) -> float:
    """A million where amounts of money are that large, else one."""
    largest = max((abs(row["mean"]) * people for row in rows.values() if row is not None), default=0.0)
    return MILLION if largest >= MILLION else 1.0


def _draw(axis: Axes, place: int, row: Mapping[str, Any], look: style.Look, people: float, best: bool) -> None:
    """A point with its intervals, and its value above."""
    mean, ends = row["mean"] * people, [row[end] for end in ("low", "high", "parameter_low", "parameter_high")]
    low, high, least, most = (None if end is None else end * people for end in ends)
    if least is not None:
        axis.plot([least, most], [place] * 2, color=look.colour, lw=1.1)
    if low is not None:
        axis.plot([low, high], [place] * 2, color=look.colour, lw=3.6, solid_capstyle="butt")
    axis.plot([mean], [place], look.marker, color=look.colour, ms=7, mec="white")
    if best:
        axis.plot([mean], [place], "o", ms=14, mfc="none", mec=style.INK, mew=1.2)
    axis.annotate(
        with_interval(*as_sharp(mean, low, high)), (mean, place), (0, 8), textcoords="offset points", ha="center",
        va="bottom",
        fontsize=8, color=style.INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
    )  # fmt: skip
