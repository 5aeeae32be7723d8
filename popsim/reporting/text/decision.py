"""What `popsim decide` prints: the frontier, the probability of being best, and the value of information."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.economics.cost_effectiveness import QALYS, cost_per_effect, effect_of, net_benefit
from popsim.economics.decision import Decision, acceptability, discounted_people, icer_table
from popsim.economics.information import EVERYTHING, MIN_DRAWS, ProposedStudy, information, sample_information
from popsim.economics.prices import priced
from popsim.economics.relevance import without_influence
from popsim.errors import InputError
from popsim.reporting.intervals import has_intervals, readable, sizes, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import NOT_KNOWN, aligned, rounded, span, with_interval
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of
from popsim.studies.parameters import resolve_parameters
from popsim.studies.prices import prices_in_words

MAX_PARAMETERS_LISTED = 10  # parameters shown
DRAWS_TABLE = "draws"
INFORMATION = "Value of information"
BY_GROUP = "Value of information about groups of parameters"


def decision_text(
    run: StoredRun,
    effect: str = QALYS,
    willingness_to_pay: float | None = None,
    people_per_year: float = 0.0,
    years: int = 1,
    top: int = MAX_PARAMETERS_LISTED,
    study: ProposedStudy | None = None,
) -> str:
    """Everything in a run that bears on which strategy to choose.

    Args:
        run: finished.
        effect: a measure of EFFECTS.
        willingness_to_pay: for one unit of it; the experiment's, for a QALY, when None.
        people_per_year: people whom the decision affects; 0: values are given per person only.
        years: for which the decision stands.
        top: number of parameters shown.
        study: a proposed study, to be valued.

    Raises:
        InputError: the run has no such effect or parameter, or a number is out of bounds.
    """
    price = run.experiment.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
    measures = run.frame("measures")
    decision = Decision.of(measures, run.comparator, effect)
    parts = [_head(run, decision), _frontier(run, decision, effect), _each_effect(run, measures)]
    parts.append(_value_for_money(run, measures, decision, effect, price))
    people = discounted_people(people_per_year, years, run.experiment.discount_rate_costs or 0.0)
    if run.experiment.draws < MIN_DRAWS:
        parts.append(f"Value of information: needs {MIN_DRAWS} parameter draws, the run has {run.experiment.draws}.")
    elif len(decision.distinct.strategies) == 1:
        parts.append("Value of information: none. All strategies are the same.")
    else:
        draws = run.frame(DRAWS_TABLE) if DRAWS_TABLE in run.tables else pl.DataFrame({"draw": decision.draws})
        idle = _idle(run, draws, effect)
        if study is not None and study.parameter in idle:
            raise InputError(f"study of '{study.parameter}': {_cannot_matter(run, effect)}")
        table = information(decision, draws.drop(idle), price)
        parts.append(_information(run, table, people, top))
        if idle:
            left = f"{len(idle)} uncertain parameters are left out" if len(idle) > 1 else "1 is left out"
            parts[-1] += f"\n  {left}: {_cannot_matter(run, effect)} ({_listed(idle)})"
        groups = _groups(run, draws.drop(["draw", *idle]).columns)
        if len(groups) > 1:
            table = information(decision, draws.drop(idle), price, groups)
            parts.append(_information(run, table, people, len(groups), BY_GROUP))
        if study is not None:
            table = sample_information(decision, draws, price, study, run.experiment.seed)
            observed = f"Value of studies of {study.parameter}, standard deviation {study.standard_deviation:g}"
            parts.append(_information(run, table, people, len(table), observed))
    return with_note("\n\n".join(parts), run.experiment)


def _idle(run: StoredRun, draws: pl.DataFrame, effect: str) -> list[str]:
    """Uncertain parameters that cannot matter under the run's perspective."""
    experiment = run.experiment
    sets, _ = resolve_parameters(experiment, run.folder)
    return without_influence(draws.drop("draw").columns, sets, priced(run.network), experiment.perspective, effect)


def _groups(run: StoredRun, names: Sequence[str]) -> dict[str, list[str]]:
    """The parameters by what a study would inform together: the experiment's groups, then sets."""
    named = run.experiment.information_groups
    group_of = {name: group for group, members in named.items() for name in members}
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(group_of.get(name, name.partition(".")[0]), []).append(name)
    return groups


def _cannot_matter(run: StoredRun, effect: str) -> str:
    """Why parameters are left out."""
    perspective = run.experiment.perspective.replace("_", " ")
    return f"they change neither the costs that the {perspective} perspective counts nor {effect}"


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = names[:3]
    return ", ".join([*shown, *([f"{len(names) - len(shown)} more"] if len(names) > len(shown) else [])])


def _head(run: StoredRun, decision: Decision) -> str:
    """What was run, and how Monte Carlo error is separated from parameter uncertainty."""
    experiment = run.experiment
    horizon = f"costs and health per person, over {experiment.follow_up_days} days of follow-up"
    lines = [experiment.title or experiment.name, f"{sizes(experiment)}; {horizon}"]
    lines.append(f"Costs are in {prices_in_words(experiment)}")
    if experiment.draws and decision.noise is None:
        lines.append(
            "One replication per draw: Monte Carlo error counts as parameter uncertainty; two or more separate them."
        )
    return "\n".join(lines)


def _frontier(run: StoredRun, decision: Decision, effect: str) -> str:
    """The incremental analysis, cheapest strategy first."""
    heads = ("Cost", measure_of(effect).label, f"Cost per {effect_of(effect).unit}", "")
    lines: list[Sequence[str]] = [["Incremental analysis", *heads]]
    same = decision.same_as
    table = tabled("Incremental analysis", icer_table(decision), effect=measure_of(effect).label)
    for row in table.iter_rows(named=True):
        lines.append(
            [
                f"  {run.strategies[row['strategy']]}",
                rounded(row["cost"], 4),
                rounded(row["effect"], 4),
                "" if row["icer"] is None else rounded(row["icer"]),
                _same(run, same[row["strategy"]]) if row["strategy"] in same else row["status"],
            ]
        )
    return aligned(lines)


def _same(run: StoredRun, name: str) -> str:
    """The label of a strategy that costs and gains the same as another."""
    return f"same as {run.strategies[name].lower()}: no difference in any replication"


def _each_effect(run: StoredRun, measures: pl.DataFrame) -> str:
    """What one unit of each effect costs against the comparator, with its Monte Carlo interval."""
    table = tabled("Cost per effect", readable(cost_per_effect(measures, run.comparator), run.experiment))
    names = [name for name in run.strategies if name != run.comparator]
    titles = [run.strategies[name] for name in names]
    against = run.strategies[run.comparator].lower()
    interval = " (95% Monte Carlo interval)" if has_intervals(run.experiment) else ""
    lines: list[Sequence[str]] = [[f"Cost per effect against {against}{interval}", *titles]]
    for (effect,), rows in table.group_by("effect", maintain_order=True):
        found = {row["strategy"]: row for row in rows.iter_rows(named=True)}
        unit, horizon = effect_of(str(effect)).unit, effect_of(str(effect)).horizon
        label = f"  {unit}, to the end of life expectancy" if horizon == "lifetime" else f"  {unit}"
        lines.append([label, *(_ratio(found[name], has_intervals(run.experiment)) for name in names)])
    days = run.experiment.follow_up_days
    note = (
        f"  Costs and effects cover {days} days of follow-up, except DALYs: these count a death by the years of life\n"
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


def _value_for_money(run: StoredRun, measures: pl.DataFrame, decision: Decision, effect: str, price: float) -> str:
    """Net benefit over the comparator with both kinds of uncertainty, probability and expected loss."""
    same = decision.same_as
    table = readable(net_benefit(measures, run.comparator, price, effect), run.experiment)
    drawn = run.experiment.draws > 1
    tabled("Net benefit", table, mean=run.experiment.currency)
    head = [f"At {run.experiment.currency} {price:,.0f} per {effect_of(effect).unit}"]
    head.append("Net benefit (95% Monte Carlo)" if has_intervals(run.experiment) else "Net benefit")
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
        if same.get(name) == run.comparator:
            benefit = None
        cells = [f"  {run.strategies[name]}{' *' if chance and chance['optimal'] else ''}"]
        cells.append("0" if benefit is None else with_interval(benefit["mean"], benefit["low"], benefit["high"]))
        if spread:
            ends = None if benefit is None else span(benefit["parameter_low"], benefit["parameter_high"])
            cells.append("0" if benefit is None else ends or NOT_KNOWN)
        if chance is not None:
            cells += [f"{100 * chance['probability']:.0f}%", rounded(chance["expected_loss"])]
        lines.append(cells)
    notes = ["* highest expected net benefit; net benefit is over that of the comparator, per person"] if drawn else []
    if not drawn:
        notes.append("Probability best and expected loss need parameter draws: popsim run ... --draws 100")
    if same and drawn:
        notes.append("Strategies that are the same share the probability of being best.")
    return "\n".join([aligned(lines), *notes])


def _information(run: StoredRun, table: pl.DataFrame, people: float, top: int, what: str = INFORMATION) -> str:
    """EVPI, then the parameters most worth knowing."""
    tabled(what, table, value=f"{run.experiment.currency} per person")
    if table["value"][0] == 0.0:
        return f"{what}: none. The same strategy is best in every draw, so more information would change nothing."
    title = f"{what}, {run.experiment.currency} per person (95% Monte Carlo)"
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
