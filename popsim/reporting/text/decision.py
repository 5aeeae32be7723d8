"""What `popsim decide` prints: the frontier, the probability of being best, and the value of information."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.analyses.decision_view import DecisionView
from popsim.definitions.horizon import over_horizon
from popsim.economics.cost_effectiveness import QALYS, cost_per_effect, effect_of, net_benefit
from popsim.economics.decision import Decision, acceptability, discounted_people, icer_table
from popsim.economics.information import EVERYTHING, MIN_DRAWS, ProposedStudy, information, sample_information
from popsim.reporting.intervals import ADVISED_DRAWS, any_run, has_intervals, readable, sizes, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import NOT_KNOWN, aligned, rounded, span, with_interval
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of

MAX_PARAMETERS_LISTED = 10  # parameters shown
INFORMATION = "Value of information"
BY_GROUP = "Value of information about groups of parameters"


def decision_text(
    shown: StoredRun | DecisionView,
    effect: str = QALYS,
    willingness_to_pay: float | None = None,
    people_per_year: float = 0.0,
    years: int = 1,
    top: int = MAX_PARAMETERS_LISTED,
    study: ProposedStudy | None = None,
) -> str:
    """Everything in a run that bears on which strategy to choose.

    Args:
        shown: a finished run, or a model of one's own.
        effect: a measure of EFFECTS.
        willingness_to_pay: for one unit of it; the experiment's, for a QALY, when None.
        people_per_year: people whom the decision affects; 0: values are given per person only.
        years: for which the decision stands.
        top: number of parameters shown.
        study: a proposed study, to be valued.

    Raises:
        InputError: the run has no such effect or parameter, or a number is out of bounds.
    """
    view = DecisionView.of_run(shown)
    price = view.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
    measures = view.measures
    decision = Decision.of(measures, view.comparator, effect)
    parts = [_head(view, decision), _frontier(view, decision, effect), _each_effect(view, measures)]
    parts.append(_value_for_money(view, measures, decision, effect, price))
    people = discounted_people(people_per_year, years, view.discount_rate_costs)
    if view.draws < MIN_DRAWS:
        parts.append(
            f"Value of information: needs {MIN_DRAWS} parameter draws, the run has {view.draws}. "
            f"{_again(view)} gives them."
        )
    elif len(decision.distinct.strategies) == 1:
        parts.append("Value of information: none. All strategies are the same.")
    else:
        known = view.known(effect)
        if study is not None:
            known.check_study(study)
        table = information(decision, known.draws, price)
        parts.append(_information(view, table, people, top))
        if known.idle:
            parts[-1] += f"\n  {known.left_out} ({_listed(known.idle)})"
        if len(known.groups) > 1:
            table = information(decision, known.draws, price, known.groups)
            parts.append(_information(view, table, people, len(known.groups), BY_GROUP))
        if study is not None:
            table = sample_information(decision, known.draws, price, study, view.seed)
            observed = f"Value of studies of {study.parameter}, standard deviation {study.standard_deviation:g}"
            parts.append(_information(view, table, people, len(table), observed))
    return with_note("\n\n".join(parts), view, view.again)


def _again(view: DecisionView) -> str:
    """What gives the study enough draws."""
    return (view.again or any_run)("--draws", ADVISED_DRAWS)


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = names[:3]
    return ", ".join([*shown, *([f"{len(names) - len(shown)} more"] if len(names) > len(shown) else [])])


def _head(view: DecisionView, decision: Decision) -> str:
    """What was run, and how Monte Carlo error is separated from parameter uncertainty."""
    horizon = f"costs and health per person, over {view.horizon}{' of follow-up' if view.perspective else ''}"
    lines = [view.title, f"{sizes(view).capitalize()}; {horizon}"]
    lines.append(f"Costs are in {view.prices}")
    if view.draws and decision.noise is None:
        lines.append(
            "One replication per draw: Monte Carlo error counts as parameter uncertainty; two or more separate them."
        )
    return "\n".join(lines)


def _frontier(view: DecisionView, decision: Decision, effect: str) -> str:
    """The incremental analysis, cheapest strategy first."""
    heads = ("Cost", over_horizon(measure_of(effect).label, view), f"Cost per {effect_of(effect).unit}", "")
    lines: list[Sequence[str]] = [["Incremental analysis", *heads]]
    same = decision.same_as
    table = tabled("Incremental analysis", icer_table(decision), effect=measure_of(effect).label)
    for row in table.iter_rows(named=True):
        lines.append(
            [
                f"  {view.strategies[row['strategy']]}",
                rounded(row["cost"], 4),
                rounded(row["effect"], 4),
                "" if row["icer"] is None else rounded(row["icer"]),
                _same(view, same[row["strategy"]]) if row["strategy"] in same else row["status"],
            ]
        )
    return aligned(lines)


def _same(view: DecisionView, name: str) -> str:
    """The label of a strategy that costs and gains the same as another."""
    return f"same as {view.strategies[name].lower()}: no difference in any replication"


def _each_effect(view: DecisionView, measures: pl.DataFrame) -> str:
    """What one unit of each effect costs against the comparator, with its Monte Carlo interval."""
    table = tabled("Cost per effect", readable(cost_per_effect(measures, view.comparator), view))
    names = [name for name in view.strategies if name != view.comparator]
    titles = [view.strategies[name] for name in names]
    against = view.strategies[view.comparator].lower()
    interval = " (95% Monte Carlo interval)" if has_intervals(view) else ""
    lines: list[Sequence[str]] = [[f"Cost per effect against {against}{interval}", *titles]]
    for (effect,), rows in table.group_by("effect", maintain_order=True):
        found = {row["strategy"]: row for row in rows.iter_rows(named=True)}
        unit, of = effect_of(str(effect)).unit, effect_of(str(effect)).horizon
        label = f"  {unit}, to the end of life expectancy" if of == "lifetime" else f"  {unit}"
        lines.append([label, *(_ratio(found[name], has_intervals(view)) for name in names)])
    horizon = view.horizon
    note = (
        f"  Costs and effects cover {horizon} of follow-up, except DALYs: these count a death by the years of life\n"
        "  lost to the end of life expectancy, so their ratio has a longer horizon than the others."
    )
    return f"{aligned(lines)}\n{note}" if "dalys" in table["effect"] else aligned(lines)


def _ratio(row: dict[str, float | str | None], interval: bool) -> str:
    """A ratio with its interval, or in words why there is none."""
    ratio, form, verdict = row["icer"], row["icer_interval"], row["verdict"]
    if not isinstance(ratio, float):
        return str(verdict)
    low, high = row["icer_low"], row["icer_high"]
    saved = "saves " if verdict == "saves money, loses health" else ""
    if form == "bounded" and isinstance(low, float) and isinstance(high, float):
        return f"{saved}{with_interval(ratio, low, high)}"
    return f"{saved}{rounded(ratio)} (no bounded interval)" if interval else f"{saved}{rounded(ratio)}"


def _value_for_money(view: DecisionView, measures: pl.DataFrame, decision: Decision, effect: str, price: float) -> str:
    """Net benefit over the comparator with both kinds of uncertainty, probability and expected loss."""
    same = decision.same_as
    table = readable(net_benefit(measures, view.comparator, price, effect), view)
    drawn = view.draws > 1
    tabled("Net benefit", table, mean=view.currency)
    head = [f"At {view.currency} {price:,.0f} per {effect_of(effect).unit}"]
    head.append("Net benefit (95% Monte Carlo)" if has_intervals(view) else "Net benefit")
    spread = any(low is not None for low in table["parameter_low"])
    head += [*(["95% of parameters"] if spread else []), *(["Probability best", "Expected loss"] if drawn else [])]
    lines: list[Sequence[str]] = [head]
    benefits = {row["strategy"]: row for row in table.iter_rows(named=True)}
    chances = {}
    if drawn:
        sure = tabled("Probability best", acceptability(decision, price))
        chances = {row["strategy"]: row for row in sure.iter_rows(named=True)}
    for name in decision.strategies:
        benefit, chance = benefits.get(name), chances.get(name)
        if same.get(name) == view.comparator:
            benefit = None
        cells = [f"  {view.strategies[name]}{' *' if chance and chance['optimal'] else ''}"]
        cells.append("0" if benefit is None else with_interval(benefit["mean"], benefit["low"], benefit["high"]))
        if spread:
            ends = None if benefit is None else span(benefit["parameter_low"], benefit["parameter_high"])
            cells.append("0" if benefit is None else ends or NOT_KNOWN)
        if chance is not None:
            cells += [f"{100 * chance['probability']:.0f}%", rounded(chance["expected_loss"])]
        lines.append(cells)
    notes = ["* highest expected net benefit; net benefit is over that of the comparator, per person"] if drawn else []
    if not drawn:
        notes.append(f"Probability best and expected loss need parameter draws: {_again(view)}")
    if same and drawn:
        notes.append("Strategies that are the same share the probability of being best.")
    return "\n".join([aligned(lines), *notes])


def _information(view: DecisionView, table: pl.DataFrame, people: float, top: int, what: str = INFORMATION) -> str:
    """EVPI, then the parameters most worth knowing."""
    tabled(what, table, value=f"{view.currency} per person")
    if table["value"][0] == 0.0:
        return f"{what}: none. The same strategy is best in every draw, so more information would change nothing."
    title = f"{what}, {view.currency} per person (95% Monte Carlo)"
    scaled = [f"for {people:,.0f} people (discounted)"] if people else []
    lines: list[Sequence[str]] = [[title, "", "of EVPI", *scaled]]
    shown = table.head(1 + top)
    if what == INFORMATION:
        shown = shown.filter(pl.col("value") > 0.0)
    for row in shown.iter_rows(named=True):
        share = NOT_KNOWN if row["share_of_evpi"] is None else f"{100 * row['share_of_evpi']:.0f}%"
        known = "All parameters (EVPI)" if row["known"] == EVERYTHING else row["known"]
        total = [rounded(people * row["value"])] if people else []
        lines.append([f"  {known}", with_interval(row["value"], row["low"], row["high"]), share, *total])
    left = len(table) - len(shown)
    more = f"\n  and {left} of the parameters alone, each worth no more than the last line or nothing" if left else ""
    unsure = (
        "\nWhere an interval reaches 0, more draws are needed to distinguish the value from noise."
        if 0.0 in table["low"]
        else ""
    )
    bound = "" if table["luck_removed"][0] else "\nEVPI includes Monte Carlo error and is an upper bound."
    return f"{aligned(lines)}{more}{unsure}{bound}"
