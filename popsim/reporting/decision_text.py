"""What `popsim decide` prints: who is on the frontier, what is likely to be worth it, and what it is worth to know."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.economics.cost_effectiveness import QALYS, cost_per_effect, effect_of, net_benefit
from popsim.economics.decision import Decision, acceptability, discounted_people, icer_table
from popsim.economics.information import EVERYTHING, LEAST_DRAWS, Study, information, sample_information
from popsim.experiments.run import Run
from popsim.reporting.text import NOT_KNOWN, aligned, rounded, span, with_interval

HIGHEST = 10  # parameters shown
DRAWS_TABLE = "draws"
INFORMATION = "Value of information"


def decision_text(
    run: Run,
    effect: str = QALYS,
    willingness_to_pay: float | None = None,
    people_per_year: float = 0.0,
    years: int = 1,
    top: int = HIGHEST,
    study: Study | None = None,
) -> str:
    """Everything that a run says about which strategy to choose.

    Args:
        run: finished.
        effect: what money buys, a measure of EFFECTS.
        willingness_to_pay: for one unit of it; the experiment's, for a QALY, when None.
        people_per_year: whom the decision concerns; 0: values are given per person only.
        years: for how long it will stand.
        top: parameters shown.
        study: a proposed one, to be valued.

    Raises:
        InputError: the run has no such effect or parameter, or a number is out of bounds.
    """
    price = run.experiment.willingness_to_pay if willingness_to_pay is None else willingness_to_pay
    measures = run.frame("measures")
    decision = Decision.of(measures, run.comparator, effect)
    parts = [_head(run, decision), _frontier(run, decision, effect), _each_effect(run, measures)]
    parts.append(_value_for_money(run, measures, decision, effect, price))
    if run.experiment.draws < LEAST_DRAWS:
        parts.append(f"Value of information: needs {LEAST_DRAWS} parameter draws, the run has {run.experiment.draws}.")
    else:
        people = discounted_people(people_per_year, years, run.experiment.discount_rate_costs or 0.0)
        draws = run.frame(DRAWS_TABLE) if DRAWS_TABLE in run.tables else pl.DataFrame({"draw": decision.draws})
        parts.append(_information(run, information(decision, draws, price), people, top))
        if study is not None:
            table = sample_information(decision, draws, price, study, run.experiment.seed)
            observed = f"Value of studies of {study.parameter}, standard deviation {study.standard_deviation:g}"
            parts.append(_information(run, table, people, len(table), observed))
    return "\n\n".join(parts)


def _head(run: Run, decision: Decision) -> str:
    """What was run; how luck and parameters are told apart."""
    experiment = run.experiment
    sizes = [f"{experiment.population:,} people", f"{experiment.replications} replications"]
    if experiment.draws:
        sizes.append(f"{experiment.draws} parameter draws")
    lines = [experiment.title or experiment.name, f"{', '.join(sizes)}; {experiment.currency} and health per person"]
    if experiment.draws and decision.noise is None:
        lines.append(
            "One replication for each draw: Monte Carlo error counts as parameter uncertainty; two tell them apart."
        )
    return "\n".join(lines)


def _frontier(run: Run, decision: Decision, effect: str) -> str:
    """The incremental analysis, cheapest first."""
    unit = effect_of(effect).unit
    lines: list[Sequence[str]] = [["Incremental analysis", "Cost", effect, f"Cost per {unit}", ""]]
    for row in icer_table(decision).iter_rows(named=True):
        lines.append(
            [
                f"  {run.strategies[row['strategy']]}",
                rounded(row["cost"], 4),
                rounded(row["effect"], 4),
                "" if row["icer"] is None else rounded(row["icer"]),
                row["status"],
            ]
        )
    return aligned(lines)


def _each_effect(run: Run, measures: pl.DataFrame) -> str:
    """What one unit of each effect costs against the comparator, with its Monte Carlo interval."""
    table = cost_per_effect(measures, run.comparator)
    names = [name for name in run.strategies if name != run.comparator]
    titles = [run.strategies[name] for name in names]
    against = run.strategies[run.comparator].lower()
    lines: list[Sequence[str]] = [[f"Cost per effect against {against} (95% Monte Carlo interval)", *titles]]
    for (unit,), rows in table.group_by("unit", maintain_order=True):
        found = {row["strategy"]: row for row in rows.iter_rows(named=True)}
        lines.append([f"  {unit}", *(_ratio(found[name]) for name in names)])
    return aligned(lines)


def _ratio(row: dict[str, float | str | None]) -> str:
    """A ratio with its interval, or in words why there is none."""
    ratio, form, verdict = row["icer"], row["icer_interval"], row["verdict"]
    if not isinstance(ratio, float):
        return str(verdict)
    low, high = row["icer_low"], row["icer_high"]
    saved = "saves " if verdict == "saves money, loses health" else ""
    if form == "bounded" and isinstance(low, float) and isinstance(high, float):
        return f"{saved}{with_interval(ratio, low, high)}"
    return f"{saved}{rounded(ratio)} (no bounded interval)"


def _value_for_money(run: Run, measures: pl.DataFrame, decision: Decision, effect: str, price: float) -> str:
    """Net benefit against the comparator with both kinds of uncertainty, probability and expected loss."""
    names = decision.strategies
    lines: list[Sequence[str]] = [
        [
            f"At {run.experiment.currency} {price:,.0f} per {effect_of(effect).unit}",
            "Net benefit (95% Monte Carlo)",
            "95% of parameters",
            "Probability best",
            "Expected loss",
        ]
    ]
    table = net_benefit(measures, run.comparator, price, effect)
    benefits = {row["strategy"]: row for row in table.iter_rows(named=True)}
    chances = {}
    if run.experiment.draws > 1:
        chances = {row["strategy"]: row for row in acceptability(decision, price).iter_rows(named=True)}
    for name in names:
        benefit, chance = benefits.get(name), chances.get(name)
        lines.append(
            [
                f"  {run.strategies[name]}{' *' if chance and chance['optimal'] else ''}",
                with_interval(benefit["mean"], benefit["low"], benefit["high"]) if benefit else "0",
                (span(benefit["parameter_low"], benefit["parameter_high"]) or NOT_KNOWN) if benefit else "0",
                f"{100 * chance['probability']:.0f}%" if chance else NOT_KNOWN,
                rounded(chance["expected_loss"]) if chance else NOT_KNOWN,
            ]
        )
    note = "* highest expected net benefit; net benefit is over that of the comparator, per person"
    return f"{aligned(lines)}\n{note}" if chances else aligned(lines)


def _information(run: Run, table: pl.DataFrame, people: float, top: int, what: str = INFORMATION) -> str:
    """EVPI, then what is worth most to know."""
    if table["value"][0] == 0.0:
        return f"{what}: none. The same strategy is best in every draw, so that to know more would change nothing."
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
        "\nWhere an interval reaches 0, more draws are needed to tell a value from luck." if 0.0 in table["low"] else ""
    )
    bound = "" if table["luck_removed"][0] else "\nEVPI includes Monte Carlo error and is an upper bound."
    return f"{aligned(lines)}{more}{unsure}{bound}"
