"""The answer of a run in three sentences: what to choose, how sure that is, what it costs the region and its beds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import polars as pl

from popsim.analyses.decision_view import DecisionView
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST, net_benefit
from popsim.economics.decision import Decision, acceptability
from popsim.economics.information import MIN_DRAWS, perfect_information
from popsim.errors import InputError
from popsim.plurals import counted
from popsim.reporting.intervals import has_intervals, readable
from popsim.reporting.text.formatting import rounded, with_interval
from popsim.runs.run import StoredRun
from popsim.units import DAYS_PER_YEAR

BED_DAYS = "bed_days"
BEST = "is the best buy"


class Answer(NamedTuple):
    """What a run says.

    Attributes:
        what, sure, region: a sentence or two each; a model of one's own has people instead of a region.
        best: the strategy with the highest expected net benefit.
        shown: the strategy that the figures of the sentences are of: the best, or the runner-up of a best comparator.
        people: in the region that the sentences are about.
    """

    what: str
    sure: str
    region: str
    best: str
    shown: str
    people: int

    @property
    def sentences(self) -> tuple[str, str, str]:
        """The three."""
        return self.what, self.sure, self.region


def answer(run: StoredRun | DecisionView) -> Answer | None:
    """The answer; None where there is nothing to compare, or costs or QALYs are not known of every strategy."""
    view = DecisionView.of_run(run)
    if len(view.strategies) < 2 or view.differences is None:
        return None
    measures = view.measures
    try:
        decision = Decision.of(measures, view.comparator)
    except InputError:  # no replication in which everybody has a cost and QALYs
        return None
    if len(decision.distinct.strategies) == 1:
        return None
    price = view.willingness_to_pay
    benefits = readable(net_benefit(measures, view.comparator, price), view)
    rows = {row["strategy"]: row for row in benefits.iter_rows(named=True)}
    sure = acceptability(decision, price) if view.draws > 1 else None
    means = {view.comparator: 0.0} | {name: row["mean"] for name, row in rows.items()}
    best = (
        max(means, key=lambda name: means[name]) if sure is None else str(sure.filter(pl.col("optimal"))["strategy"][0])
    )
    shown = best if best != view.comparator else max(rows, key=lambda name: rows[name]["mean"])
    people = view.reference_people
    return Answer(
        _what(view, best, shown, rows[shown]), _how_sure(view, decision, best, shown, rows[shown], sure),
        _region(view, best, shown, people), best, shown, people,
    )  # fmt: skip


def _what(view: DecisionView, best: str, shown: str, benefit: dict[str, Any]) -> str:
    """What to choose, and what it costs and gains per person."""
    base = view.strategies[view.comparator].lower()
    worth = with_interval(benefit["mean"], benefit["low"], benefit["high"])
    money = f"At {view.currency} {view.willingness_to_pay:,.0f} per QALY"
    cost = _verb(view, TOTAL_COST, shown, ("costs", "saves"), view.currency)
    health = _verb(view, QALYS, shown, ("gains", "loses"), "QALYs")
    person = f"per person over {view.horizon} it {cost} and {health} compared with {base}"
    if best == view.comparator:
        next_best = f"the next best is {view.strategies[shown].lower()}: {person}"
        return f"{money}, {base} remains the best buy; {next_best}, a net benefit of {worth} {view.currency}."
    among = f" of {len(view.strategies)}" if len(view.strategies) > 2 else ""
    chosen = f"{view.strategies[best].lower()} {BEST}{among}"
    return f"{money}, {chosen}: {person}, a net benefit of {worth} {view.currency}."


def _how_sure(
    view: DecisionView, decision: Decision, best: str, shown: str, benefit: dict[str, Any], sure: pl.DataFrame | None
) -> str:
    """How likely the choice is the right one, and what knowing more would be worth."""
    if sure is not None:
        row = sure.row(by_predicate=pl.col("strategy") == best, named=True)
        loss = rounded(row["expected_loss"])
        if view.draws >= MIN_DRAWS:
            (known,) = perfect_information(decision, [view.willingness_to_pay]).iter_rows(named=True)
            loss = with_interval(known["value"], known["low"], known["high"])
        draws = counted(view.draws, "draw")
        return (
            f"How sure: it is the best in {100 * row['probability']:.0f}% of {draws} of the uncertain parameters; "
            f"where it is not, that loses {loss} {view.currency} per person on average over all draws, which is "
            "what knowing more could save."
        )
    if view.exact:
        return "How sure: not known, because the uncertainty of the parameters is not counted; chance plays no part."
    if not has_intervals(view):
        return "How sure: not known, because the run has too few replications for an interval and no parameter draws."
    apart = benefit["low"] > 0.0 or benefit["high"] < 0.0
    than = f"{view.strategies[shown].lower()} from {view.strategies[view.comparator].lower()}"
    told = "chance does not explain the difference of" if apart else "chance alone may explain the difference of"
    return f"How sure: {told} {than} in net benefit, but the uncertainty of the parameters is not counted in this run."


def _region(view: DecisionView, best: str, shown: str, people: int) -> str:
    """What it costs the region, and its beds."""
    chosen = best != view.comparator
    verbs = (
        ("costs", "saves") if chosen else ("would cost", "would save"),
        ("takes", "frees") if chosen else ("take", "free"),
    )
    money = _verb(view, TOTAL_COST, shown, verbs[0], view.currency, people)
    who = "it" if chosen else view.strategies[shown].lower()
    row = difference_of(view, BED_DAYS, shown)
    if not view.perspective:
        return f"For {people:,} people like these {who} {money} in all, discounted as in the model."
    words = f"In a region of {people:,} people like these {who} {money} ({view.perspective} perspective)"
    if row is None:
        return f"{words}; bed-days were not stored."
    days = _verb(view, BED_DAYS, shown, verbs[1], "bed-days", people)
    return (
        f"{words} and {days}, as many as {rounded(abs(row['mean']) * people / DAYS_PER_YEAR, 2)} beds hold in a year."
    )


def difference_of(view: DecisionView, measure: str, strategy: str) -> dict[str, Any] | None:
    """The paired difference of a measure from the comparator, with its interval; None where it is not known."""
    if view.differences is None:
        return None
    found = readable(view.differences, view).filter((pl.col("strategy") == strategy) & (pl.col("measure") == measure))
    return None if found.is_empty() or found["mean"][0] is None else found.row(0, named=True)


def _verb(
    view: DecisionView, measure: str, strategy: str, verbs: tuple[str, str], unit: str, people: int = 1
) -> str:  # fmt: skip
    """A difference without a sign: "costs 123 GBP (95% interval 100 to 150)"; the second verb where it is below 0."""
    row = difference_of(view, measure, strategy)
    if row is None:
        return f"{verbs[0]} an unknown number of {unit}"
    mean = float(row["mean"]) * people
    low, high = (None if row[end] is None else float(row[end]) * people for end in ("low", "high"))
    if mean < 0.0:
        mean, low, high = -mean, None if high is None else -high, None if low is None else -low
    number, _, ends = with_interval(*as_sharp(mean, low, high)).partition(" (")
    interval = f" (95% interval {ends}" if ends else ""
    return f"{verbs[row['mean'] < 0.0]} {number} {unit}{interval}"


def as_sharp(mean: float, low: float | None, high: float | None) -> tuple[float, float | None, float | None]:
    """Large amounts rounded to two digits of their interval's width, or to three digits of their own."""
    width, digits = (abs(mean), 2) if low is None or high is None else (high - low, 1)
    step = 10.0 ** (math.floor(math.log10(width)) - digits) if width > 0.0 else 1.0
    return tuple(one if one is None or step <= 1.0 else round(one / step) * step for one in (mean, low, high))  # type: ignore[return-value]
