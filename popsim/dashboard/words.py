"""The answer in plain words, with absolute numbers for the people of the planner's own region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from popsim.dashboard.revaluing import Basis
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import horizon_in_words
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST, effect_of, strategy_means
from popsim.plurals import counted
from popsim.reporting.intervals import readable
from popsim.reporting.text.formatting import NOT_KNOWN, rounded, with_interval
from popsim.units import DAYS_PER_YEAR

type Row = Mapping[str, Any]


class Absolute(NamedTuple):
    """A measure per person that is told as a number of a region.

    Attributes:
        measure: its name.
        label: for all people of a year.
        less: whether less of it is better.
        factor: from the sum over people to the number told.
    """

    measure: str
    label: str
    less: bool = True
    factor: float = 1.0


ABSOLUTE = (
    Absolute("readmission_30d_at_entry", "People readmitted within 30 days of their first discharge"),
    Absolute("admissions_per_person", "Admissions"),
    Absolute("mortality", "Deaths during follow-up"),
    Absolute("bed_days", "Bed-days"),
    Absolute("bed_days", "Beds in use on an average day", factor=1.0 / DAYS_PER_YEAR),
    Absolute(QALYS, "QALYs in follow-up", less=False),
)


def region_rows(
    means: pl.DataFrame,
    differences: pl.DataFrame,
    basis: Basis,
    strategies: Mapping[str, str],
    people: int,
    currency: str,
) -> list[list[str]]:
    """Numbers for all people of a year: label, the comparator's, and every other strategy's difference.

    Args:
        means, differences: of the measures, as in a run's tables.
        basis: the costs as valued.
        strategies: title by name; the comparator may stand anywhere.
        people: whom the decision affects in a year.
        currency: of the costs.
    """
    others = [name for name in strategies if name != basis.comparator]
    mean, apart = _cells(means), _cells(differences)
    valued = _cells(basis.differences)
    rows = []
    for one in ABSOLUTE:
        if (basis.comparator, one.measure) not in mean:
            continue
        scale = people * one.factor
        cells = [_scaled(apart.get((name, one.measure)), scale, signed=True) for name in others]
        rows.append([one.label, _scaled(mean[basis.comparator, one.measure], scale), *cells])
    spent = basis.measures.filter(pl.col("measure") == TOTAL_COST)
    base = _cells(readable(strategy_means(spent), basis.experiment))[basis.comparator, TOTAL_COST]
    costs = [_scaled(valued.get((name, TOTAL_COST)), people, signed=True) for name in others]
    return [*rows, [f"Cost, {currency}", _scaled(base, people), *costs]]


def sentences(
    means: pl.DataFrame, differences: pl.DataFrame, basis: Basis, experiment: ExperimentDefinition, people: int,
    threshold: float,
) -> list[str]:  # fmt: skip
    """The answer in a few sentences: what to choose, how sure that is, what it changes for the region.

    Args:
        means, differences: as in a run's tables.
        basis: the costs and effects as valued.
        experiment: what was run.
        people: whom the decision affects in a year.
        threshold: willingness to pay for one unit of the effect.
    """
    titles = {strategy.name: strategy.title for strategy in experiment.strategies}
    benefit = {row["strategy"]: row for row in basis.benefit(threshold).iter_rows(named=True)}
    best = max(benefit.values(), key=lambda row: row["mean"] or 0.0, default=None)
    worth = f"at {experiment.currency} {threshold:,.0f} per {effect_of(basis.effect).unit}"
    comparator = titles[basis.comparator]
    if best is None:
        return []
    if best["mean"] is None or best["mean"] <= 0.0:
        said = [f"Stay with {_lower(comparator)}: {worth}, no other strategy is worth its cost."]
        chosen = None
    else:
        chosen = best["strategy"]
        said = [f"Choose {_lower(titles[chosen])}: {worth}, it has the highest net benefit."]
    said.append(_sure(basis, titles, chosen or basis.comparator, threshold, benefit))
    shown = chosen or (best["strategy"] if len(benefit) == 1 else None)
    for name in [shown] if shown else [name for name in titles if name != basis.comparator]:
        said.append(_change(_cells(means), _cells(differences), basis, titles, name, people, experiment))
    return said


def _sure(basis: Basis, titles: Mapping[str, str], best: str, threshold: float, benefit: Mapping[str, Row]) -> str:
    """How sure the choice is."""
    chances = basis.chances(threshold)
    if chances is not None:
        share = {row["strategy"]: row["probability"] for row in chances.iter_rows(named=True)}
        draws = len(basis.decision.draws)
        return (
            f"It is the best buy in {100 * share[best]:.0f}% of {counted(draws, 'draw')} of the uncertain parameters."
        )
    rows = list(benefit.values())
    if any(row["low"] is None for row in rows):
        return "There are too few replications yet to say how sure that is."
    clear = all(row["high"] < 0.0 for row in rows) if best == basis.comparator else benefit[best]["low"] > 0.0
    if clear:
        return "The 95% interval of chance leaves no doubt; uncertain parameters were not drawn."
    return "Not sure: the 95% interval of chance includes no difference. More replications narrow it."


def _change(
    means: Mapping[tuple[str, str], Row], apart: Mapping[tuple[str, str], Row], basis: Basis, titles: Mapping[str, str],
    name: str, people: int, experiment: ExperimentDefinition,
) -> str:  # fmt: skip
    """What a strategy changes for the people of a year."""
    parts = []
    for measure, fewer, more in (
        ("readmission_30d_at_entry", "fewer people readmitted within 30 days", "more people readmitted within 30 days"),
        ("mortality", "fewer deaths", "more deaths"),
        ("bed_days", "fewer bed-days", "more bed-days"),
    ):
        row = apart.get((name, measure))
        if row is not None and row["mean"] is not None:
            parts.append(_fewer(row, people, fewer, more, means.get((basis.comparator, measure))))
    cost = _cells(basis.differences).get((name, TOTAL_COST))
    if cost is not None and cost["mean"] is not None:
        parts.append(
            _fewer(cost, people, f"{experiment.currency} lower cost", f"{experiment.currency} higher cost", None)
        )
    whose = f"For {people:,} people a year, over {horizon_in_words(experiment)}, {_lower(titles[name])} means "
    return f"{whose}{_listed(parts)}, compared with {_lower(titles[basis.comparator])}."


def _fewer(row: Row, people: int, fewer: str, more: str, base: Row | None) -> str:
    """A difference without a sign: "24 fewer people readmitted (22 to 26), of 268"."""
    sign = -1.0 if row["mean"] < 0.0 else 1.0
    low, high = (None if row[end] is None else row[end] * people * sign for end in ("low", "high"))
    ends = (low, high) if low is None or high is None or low <= high else (high, low)
    number = told(abs(row["mean"]) * people, *ends)
    head, _, interval = number.partition(" ")
    of = f", of {rounded(base['mean'] * people)}" if base is not None and base["mean"] is not None else ""
    return f"{head} {fewer if sign < 0 else more}{f' {interval}' if interval else ''}{of}"


def told(value: float | None, low: float | None, high: float | None) -> str:
    """A number of a region: to two digits of its interval's width, or to three of its own where it has none."""
    if value is None:
        return NOT_KNOWN
    size = abs(value) / 10.0 if low is None or high is None else high - low
    unit = 10.0 ** (math.floor(math.log10(size)) - 1) if size > 0.0 else 1.0
    if unit < 1.0:
        return with_interval(value, low, high)
    ends = (None if one is None else unit * round(one / unit) for one in (value, low, high))
    whole = [f"{one:,.0f}" for one in ends if one is not None]
    return whole[0] if len(whole) == 1 else f"{whole[0]} ({whole[1]} to {whole[2]})"


def _listed(parts: list[str]) -> str:
    return "; ".join(parts)


def _scaled(row: Row | None, scale: float, *, signed: bool = False) -> str:
    """A figure of the region with its interval."""
    if row is None or row["mean"] is None:
        return NOT_KNOWN
    mean, low, high = (None if row[end] is None else row[end] * scale for end in ("mean", "low", "high"))
    text = told(mean, low, high)
    return f"+{text}" if signed and mean is not None and mean > 0.0 else text


def _cells(frame: pl.DataFrame) -> dict[tuple[str, str], Row]:
    if frame.is_empty():
        return {}
    return {(str(row["strategy"]), row["measure"]): row for row in frame.iter_rows(named=True)}


def _lower(title: str) -> str:
    """A title within a sentence; acronyms stay."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
