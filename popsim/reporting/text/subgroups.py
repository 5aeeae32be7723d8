"""What `popsim subgroups` and `popsim equity` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from popsim.definitions.horizon import horizon_in_words
from popsim.economics.equity import distribution, equity_weighted, gradient
from popsim.economics.individual import individual_effects, individualised_care
from popsim.economics.subgroups import COST, EVERYONE, NET_BENEFIT, QALY, Cuts, refuse_outcome, subgroup_effects
from popsim.errors import InputError
from popsim.population.baseline import KNOWN_AT_ENTRY
from popsim.reporting.intervals import has_intervals, readable, with_note
from popsim.reporting.labels import level_label, level_of
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import NOT_KNOWN, aligned, rounded, sharp, span
from popsim.runs.run import StoredRun
from popsim.simulation.schema import SCHEMA
from popsim.studies.parameters import unconverted_parameters
from popsim.studies.prices import prices_in_words

UNORDERED = ("ethnicity", "female")  # columns whose codes have no order that means anything
NOT_DEFINED = "not defined: a group's health is 0 or less"
HEALTH_WORDS, WORTH_WORDS = ("gained", "the same", "lost"), ("yes", "the same", "no")
UNCLEAR = "unclear"  # the interval has 0 in it
type Row = Mapping[str, float | None]


def subgroups_text(
    run: StoredRun, by: Sequence[str], cuts: Cuts | None = None, weights: Mapping[str, float] | None = None
) -> str:
    """Effects by subgroup, the distribution of individual effects, and the value of choosing by subgroup.

    Args:
        run: finished, with its persons kept.
        by: columns that describe people at entry.
        cuts: where to cut them into bands, by name.
        weights: share of each level of a single column in the population that the decision is for; the run's if None.

    Raises:
        InputError: the run has no persons or they have no such column, or the weights are refused.
    """
    price, currency = run.experiment.willingness_to_pay, run.experiment.currency
    persons, weights = _persons(run, by, cuts), _by_level(by[0], weights)
    effects = subgroup_effects(persons, run.comparator, by, price, cuts=cuts, weights=weights)
    table = readable(effects, run.experiment)
    spread = individual_effects(persons, run.comparator, price)
    tabled("Effects by subgroup", table)
    tabled("Individual effects", spread)
    against = run.strategies[run.comparator].lower()
    parts = [
        _head(
            run,
            f"Difference from {against} per person, the same people in pairs{_intervals(run)}{_weighed(by, weights)}",
        )
    ]
    for strategy, title in _others(run):
        head = [title, "People", f"Cost, {currency}", "QALYs", f"Net benefit at {price:,.0f}"]
        lines: list[Sequence[str]] = [[*head, *(["Health", "Worth its cost"] if has_intervals(run.experiment) else [])]]
        own = table.filter(pl.col("strategy") == strategy)
        for (column, level), rows in own.group_by("subgroup", "level", maintain_order=True):
            found = {row["measure"]: row for row in rows.iter_rows(named=True)}
            name = "Everyone" if column == EVERYONE else level_label(str(column), level)
            cells = [_estimate(found[measure]) for measure in (COST, QALY, NET_BENEFIT)]
            if has_intervals(run.experiment):
                cells += [_side(found[QALY], HEALTH_WORDS), _side(found[NET_BENEFIT], WORTH_WORDS)]
            lines.append([f"  {name[:1].upper()}{name[1:]}", f"{100 * found[COST]['share']:.0f}%", *cells])
        parts.append(aligned(lines))
        parts.append(_individuals(spread.filter(pl.col("strategy") == strategy), currency, price))
    care = individualised_care(persons, run.comparator, price, by, cuts=cuts, weights=weights)
    lines = [["Value of individualised care", f"{currency} per person"]]
    values = tabled("Value of individualised care", readable(care.value, run.experiment), mean=currency)
    lines += [[f"  {row['policy']}", _estimate(row)] for row in values.iter_rows(named=True)]
    note = "over the best single strategy, cross-fitted over replications; perfect foresight includes chance: a bound"
    labels = pl.col("level").map_elements(lambda level: _cell(by, level), pl.String)
    best = care.choice.sort("level").group_by("strategy", maintain_order=True).agg(labels, pl.col("share").sum())
    tabled(f"Best by {' | '.join(by)}", best)
    rules = [
        f"  {run.strategies[row['strategy']]} for {100 * row['share']:.0f}%: {', '.join(row['level'])}"
        for row in best.iter_rows(named=True)
    ]
    text = "\n\n".join([*parts, f"{aligned(lines)}\n  {note}", "\n".join([f"Best by {' | '.join(by)}", *rules])])
    return with_note(text, run.experiment, run.again)


def equity_text(
    run: StoredRun,
    by: Sequence[str],
    cuts: Cuts | None = None,
    lifetime: Mapping[str, float] | None = None,
    opportunity_cost: Mapping[str, float] | None = None,
) -> str:
    """Distributional cost-effectiveness over each of several groupings.

    Args:
        run: finished, with its persons kept.
        by: columns that describe people at entry.
        cuts: where to cut them into bands, by name.
        lifetime, opportunity_cost: as for `equity_weighted`, by level; only for a single column.

    Raises:
        InputError: the run has no persons or they have no such column.
    """
    if (lifetime or opportunity_cost) and len(by) > 1:
        raise InputError("lifetime health and opportunity cost by level: name exactly one column with --by")
    price, persons = run.experiment.willingness_to_pay, _persons(run, by, cuts)
    parameters = unconverted_parameters(run.experiment, run.folder)
    aversion = parameters["equity"]
    burden = "by given shares" if opportunity_cost else "equally by everybody"
    weighed = (
        "lifetime health as given"
        if lifetime
        else f"health within the run's horizon, {horizon_in_words(run.experiment)}"
    )
    parts = [
        _head(
            run,
            f"Against {run.strategies[run.comparator].lower()}, per person of each group{_intervals(run)}. "
            f"Extra cost displaces care: one QALY is lost for every {run.experiment.currency} {price:,.0f}, "
            f"borne {burden} (assumption).",
        )
    ]
    for column in by:
        meaning = SCHEMA.columns[column].meaning if column in SCHEMA.columns else column
        parts.append(f"{column}: {meaning}")
        borne, whole = _by_level(column, opportunity_cost), _by_level(column, lifetime)
        table = distribution(persons, run.comparator, column, price, cuts=cuts, opportunity_cost=borne)
        table = readable(table, run.experiment)
        weighted = equity_weighted(
            persons, run.comparator, column, price, cuts=cuts, lifetime=whole, opportunity_cost=borne,
            atkinson_aversion=aversion["atkinson_aversion"], kolm_aversion=aversion["kolm_aversion"],
        )  # fmt: skip
        weighted = readable(weighted, run.experiment)
        tabled(f"Health and cost by {column}", table.with_columns(subgroup=pl.lit(column)))
        tabled(f"Equity-weighted, {column}", weighted)
        for strategy, title in _others(run):
            groups = table.filter(pl.col("strategy") == strategy)
            parts.append(_groups(groups, title, column, run.experiment.currency))
            parts.append(_weighted(weighted.filter(pl.col("strategy") == strategy), aversion, weighed))
        if column not in UNORDERED:
            slopes = readable(gradient(persons, run.comparator, column, cuts=cuts), run.experiment)
            parts.append(_gradient(run, tabled(f"Gradient, {column}", slopes)))
    return with_note("\n\n".join(parts), run.experiment, run.again)


def _persons(run: StoredRun, by: Sequence[str], cuts: Cuts | None) -> pl.LazyFrame:
    """The persons of a run, if they can be grouped so: columns not known at entry are outcomes."""
    if "persons" not in run.tables:
        raise InputError(f"{run.folder}: keeps no persons (the experiment's store is '{run.experiment.store}')")
    persons = run.table("persons")
    present = persons.collect_schema().names()
    for column in by:
        if column in present and column not in KNOWN_AT_ENTRY:
            refuse_outcome(column, present)
    run.refuse_small_groups(persons, [column for column in by if column in present], cuts)
    return persons


def _by_level(column: str, numbers: Mapping[str, float] | None) -> Mapping[str, float] | None:
    """Numbers by level, which may be given by its code or its label in tables."""
    if numbers is None:
        return None
    named = {level_of(column, level): number for level, number in numbers.items()}
    if len(named) < len(numbers):
        raise InputError(f"{', '.join(numbers)}: a level is named twice")
    return named


def _cell(by: Sequence[str], level: str) -> str:
    """The combination of levels of several columns, by label."""
    levels = level.split(" | ")
    known = (None if one == "not known" else one for one in levels)
    return " | ".join(level_label(column, one) for column, one in zip(by, known, strict=True))


def _intervals(run: StoredRun) -> str:
    """The explanation of the brackets after a figure, where there are any."""
    return " (95% Monte Carlo interval) [95% of the parameters]" if has_intervals(run.experiment) else ""


def _weighed(by: Sequence[str], weights: Mapping[str, float] | None) -> str:
    """How everybody's figures and the value of individualised care are weighted, where they are."""
    if weights is None:
        return ""
    shares = ", ".join(f"{100 * share:.3g}% {level_label(by[0], level)}" for level, share in weights.items())
    return f"; everybody and individualised care weighted to {shares}, person by person as simulated"


def _head(run: StoredRun, what: str) -> str:
    title = run.experiment.title or run.experiment.name
    return f"{title}\n{what}\nCosts are in {prices_in_words(run.experiment)}."


def _others(run: StoredRun) -> list[tuple[str, str]]:
    """Name and title of every strategy but the comparator."""
    return [(name, title) for name, title in run.strategies.items() if name != run.comparator]


def _estimate(row: Row) -> str:
    """A mean with its Monte Carlo interval and, in brackets, that of the parameters where draws determine it."""
    parameters = span(row["parameter_low"], row["parameter_high"])
    return sharp(row) if parameters is None else f"{sharp(row)} [{parameters}]"


def _individuals(spread: pl.DataFrame, currency: str, price: float) -> str:
    """Who gains and who loses health, and separately for whom that is worth its cost."""
    mean = dict(zip(spread["measure"], spread["mean"], strict=True))
    fates = {
        "health": {"gains": "gain QALYs", "loses": "lose QALYs", "unchanged": "have the same"},
        "net_benefit": {
            "gains": "have a gain",
            "harmed": "a loss because they lose health",
            "pays": "a loss without losing health (cost above value)",
            "unchanged": "neither",
        },
    }
    names = {"health": "Health", "net_benefit": f"Net benefit at {price:,.0f} per QALY, {currency}"}
    lines = ["  Person by person, chance included"]
    for of, words in fates.items():
        shares = ", ".join(f"{100 * (mean[f'{of}_share_{fate}'] or 0):.0f}% {word}" for fate, word in words.items())
        spans = ", ".join(f"{rounded(mean[f'{of}_p{q:02}'], 3)} ({q}%)" for q in (5, 25, 50, 75, 95))
        lines.append(f"    {names[of]}: {shares}; {'QALYs' if of == 'health' else 'quantiles'}: {spans}")
    return "\n".join(lines)


def _side(row: Row, words: tuple[str, str, str]) -> str:
    """On which side of 0 a difference is, as far as its Monte Carlo interval tells."""
    low, high = row["low"], row["high"]
    if low is None or high is None:
        return NOT_KNOWN
    if low == high == 0.0:
        return words[1]
    return words[0] if low > 0.0 else words[2] if high < 0.0 else UNCLEAR


def _groups(table: pl.DataFrame, title: str, column: str, currency: str) -> str:
    """Gain, cost, loss elsewhere and net benefit of each group."""
    measures = {
        "qalys_gained": "QALYs gained",
        "cost": f"Cost, {currency}",
        "qalys_lost_elsewhere": "QALYs lost elsewhere",
        "net_health_benefit": "Net health benefit, QALYs",
    }
    lines: list[Sequence[str]] = [[title, "People", *measures.values()]]
    for (level,), rows in table.group_by("level", maintain_order=True):
        found = {row["measure"]: row for row in rows.iter_rows(named=True)}
        share = f"{100 * found['cost']['share']:.0f}%"
        lines.append(
            [f"  {level_label(column, str(level))}", share, *(_estimate(found[measure]) for measure in measures)]
        )
    return aligned(lines)


def _weighted(table: pl.DataFrame, aversion: Mapping[str, float], weighed: str) -> str:
    """Equity-weighted net benefit, and the health that it weighs."""
    found = {row["measure"]: row for row in table.iter_rows(named=True)}
    names = {
        "net_health_benefit": "mean",
        "atkinson": f"equally distributed equivalent, Atkinson {aversion['atkinson_aversion']:g}",
        "atkinson_equity": "  of which equity",
        "kolm": f"equally distributed equivalent, Kolm {aversion['kolm_aversion']:g}",
        "kolm_equity": "  of which equity",
    }
    lines: list[Sequence[str]] = [[f"  Net health benefit, QALYs per person ({weighed})", ""]]
    for measure, label in names.items():
        row = found[measure]
        lines.append([f"    {label}", NOT_DEFINED if row["mean"] is None else _estimate(row)])
    return aligned(lines)


def _gradient(run: StoredRun, table: pl.DataFrame) -> str:
    """Inequality indices of QALYs under each strategy, and their changes."""
    lines: list[Sequence[str]] = [
        ["  QALYs from first to last level", "Slope index", "Relative index", "Concentration"]
    ]
    for (strategy, against), rows in table.group_by("strategy", "against", maintain_order=True):
        found = {row["measure"]: row for row in rows.iter_rows(named=True)}
        name = f"{run.strategies[str(strategy)]}{'' if against is None else ', difference'}"
        indices = ("slope_index", "relative_index", "concentration_index")
        lines.append([f"    {name}", *(_estimate(found[index]) for index in indices)])
    return aligned(lines)
