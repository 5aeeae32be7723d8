"""The tables that a run prints: outcomes of every strategy, then what each one changes against the comparator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from popsim.analyses.decision_view import StudyFacts
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.horizon import horizon_in_words, observed_part, over_horizon
from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.outcome_valuation import LATER_PART, NET_BENEFIT
from popsim.economics.perspectives import SIGNS
from popsim.outcomes.measure import OutcomeMeasure
from popsim.outcomes.presentations import BY_DRUGS
from popsim.outcomes.small_cells import masked
from popsim.outcomes.small_cells import note as hidden_note
from popsim.plurals import counted
from popsim.reporting.intervals import has_intervals, note, of_means, readable
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import NOT_KNOWN, aligned, difference, estimate
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of
from popsim.studies.prices import prices_in_words

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

type Lines = list[Sequence[str]]


class TableSection(NamedTuple):
    """Measures by name under a title; `x.*` stands for a row for each setting.

    Attributes:
        title: that of the only family in it when empty.
        names: of the measures.
        short: whether rows bear the short labels, as the title says the rest.
        detail: shown on request only.
    """

    title: str
    names: tuple[str, ...]
    short: bool = True
    detail: bool = False


class TableRow(NamedTuple):
    """A line of a table: the measure's own name, what people call it here, and its declaration."""

    name: str
    label: str
    measure: OutcomeMeasure


SECTIONS = (
    TableSection(
        "Readmission, admission and death",
        (
            "readmission_30d", "readmission_30d_index_cause", "readmission_90d", "admissions_per_person_year",
            "mortality", "bed_days", "home_days",
        ),
        short=False,
    ),
    TableSection(
        "Presentations that drugs can cause, per person-year",
        (
            *(f"presentations_{cause}_per_person_year" for cause in BY_DRUGS),
            "adverse_presentations_per_person_year",
        ),
    ),
    TableSection(
        "Alerts and the desk that answers them",
        (
            "alerts_per_person_year", "alerts_false_share", "alerts_ignored_share", "heart_failure_unforeseen_share",
            "desk_visits_per_day",
        ),
    ),
    *(
        TableSection("", (name,))
        for name in (
            "occupancy_mean.*", "occupancy_share.*", "occupancy_peak.*", "wait_mean_hours.*", "wait_p95_hours.*",
        )
    ),
    TableSection("Cost per person, {currency}, {perspective} perspective", (*COST_NAMES, TOTAL_COST)),
    TableSection(
        "Health per person, discounted (DALYs count a death by the years of life lost, beyond follow-up)",
        ("life_years", QALYS, "dalys"),
    ),
    TableSection(
        "Of these, what comes after day {observed}{how}",
        tuple(measure.name for measure in LATER_PART),
    ),
)  # fmt: skip


def section_rows(section: TableSection, present: Sequence[str], labels: Mapping[str, str]) -> list[TableRow]:
    """The rows that a run has; families by setting stand below the others, grouped by setting.

    Args:
        section: of a table.
        present: names of the measures that the run has.
        labels: title by name of setting.
    """
    known = set(present)
    declared = {name: measure_of(name) for name in section.names}
    rows = [
        TableRow(name, measure.within() if section.short else measure.title(), measure)
        for name, measure in declared.items()
        if name in known
    ]
    families = {name.removesuffix("*"): measure for name, measure in declared.items() if measure.each}
    settings = dict.fromkeys(name.partition(".")[2] for name in present if name.startswith(tuple(families)))
    for setting in settings if families else ():
        title = labels.get(setting, setting)
        rows += [
            TableRow(f"{stem}{setting}", title if len(families) == 1 else f"{title}, {measure.within()}", measure)
            for stem, measure in families.items()
            if f"{stem}{setting}" in known
        ]
    return rows


def run_text(result: RunResult) -> str:
    """Both tables of a finished run."""
    experiment = result.study.experiment
    labels = {setting.name: setting.title for setting in result.study.network.settings}
    least = result.study.cohort.definition.least_count
    hidden = StoredRun.open(result.folder).hidden_measures if least > 1 else set()
    summary, comparisons = (masked(result.tables[name], hidden).collect() for name in ("summary", "comparisons"))
    outcomes = outcome_table(tabled("Outcomes", readable(summary, experiment)), experiment, labels)
    parts = [f"{outcomes}\n{result.warm_up.rule}"]
    if len(experiment.strategies) > 1:
        differences = tabled("Differences", readable(comparisons, experiment))
        value = tabled("Cost-effectiveness", readable(result.tables["cost_effectiveness"], experiment))
        parts.append(comparison_table(differences, value, experiment, labels))
    return "\n\n".join(part for part in (*parts, hidden_note(hidden, least)) if part)


def outcome_table(summary: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]) -> str:
    """Mean and 95% interval of every measure, one column for each strategy, as plain text."""
    head, lines = outcome_lines(summary, experiment, labels)
    return f"{head}\n\n{aligned(lines)}"


def outcome_lines(summary: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]) -> tuple[str, Lines]:
    """The head of the table of outcomes, and its lines of cells; a line of one cell is a heading."""
    cells = {(row["strategy"], row["measure"]): row for row in readable(summary, experiment).iter_rows(named=True)}
    names = [strategy.name for strategy in experiment.strategies]
    lines: Lines = [["", *(strategy.title for strategy in experiment.strategies)]]
    for title, rows in _sections(summary, experiment, labels):
        lines.append([title])
        lines += [[f"  {row.label}", *(estimate(cells.get((n, row.name)), row.measure) for n in names)] for row in rows]
    repeated = counted(experiment.replications, "replication")
    if experiment.draws:
        repeated += f" of {counted(experiment.draws, 'parameter draw')}"
    interval = f"mean{of_means(experiment)}" if has_intervals(experiment) else "means"
    head = (
        f"{experiment.title or experiment.name}\n{experiment.population:,} people, {repeated}, "
        f"{horizon_in_words(experiment)} from each person's entry; {interval}\n"
        f"Costs are in {prices_in_words(experiment)}."
    )
    return "\n".join(part for part in (head, note(experiment)) if part), lines


def comparison_table(
    comparisons: pl.DataFrame, value: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]
) -> str:
    """Paired differences from the comparator with 95% intervals, then what a QALY costs, as plain text."""
    head, lines = comparison_lines(comparisons, value, experiment, labels)
    return f"{head}\n\n{aligned(lines)}"


def comparison_lines(
    comparisons: pl.DataFrame, value: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]
) -> tuple[str, Lines]:
    """The head of the table of differences, and its lines of cells; a line of one cell is a heading.

    Args:
        comparisons: `paired_differences(...)`.
        value: `cost_effectiveness(...)`.
        experiment: what was run.
        labels: title by name of setting.
    """
    cells = {(row["strategy"], row["measure"]): row for row in readable(comparisons, experiment).iter_rows(named=True)}
    others = [strategy for strategy in experiment.strategies if strategy.name != experiment.reference]
    lines: Lines = [["", *(strategy.title for strategy in others)]]
    for title, rows in _sections(comparisons, experiment, labels):
        lines.append([title])
        lines += [
            [f"  {row.label}", *(difference(cells.get((s.name, row.name)), row.measure) for s in others)]
            for row in rows
        ]
    lines += value_lines(value, experiment)
    comparator = experiment.strategy(experiment.reference).title
    intervals = " (95% Monte Carlo interval) [95% of the parameters]" if experiment.draws else " (95% interval)"
    shown = intervals if has_intervals(experiment) else ""
    head = f"Difference from {comparator.lower()}, same people, paired by replication{shown}"
    return head, lines


def value_lines(value: pl.DataFrame, study: ExperimentDefinition | StudyFacts) -> Lines:
    """What a QALY costs under each other strategy, and net benefit; a line of one cell is a heading.

    Args:
        value: `cost_effectiveness(...)`.
        study: what was run.
    """
    facts = StudyFacts.of(study)
    found = {row["strategy"]: row for row in readable(value, facts).iter_rows(named=True)}
    rows = [found[name] for name in facts.strategies if name != facts.comparator]
    lines: Lines = [[f"Value for money, {facts.currency}"]]
    lines.append(["  Incremental cost per QALY", *(ratio_in_words(row) for row in rows)])
    if has_intervals(facts):
        lines.append(["    95% interval (Fieller)", *(ratio_interval_in_words(row) for row in rows)])
    if any(row["parameter_icer_interval"] != "none" for row in rows):
        lines.append(["    95% of parameters", *(ratio_interval_in_words(row, "parameter_") for row in rows)])
    lines.append([f"  Net benefit at {facts.willingness_to_pay:,.0f} per QALY", *(_benefit(row) for row in rows)])
    return lines


def _sections(
    frame: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]
) -> Iterable[tuple[str, list[TableRow]]]:
    """Sections with the rows that the run has; costs are those that the experiment's perspective counts."""
    not_counted = set(COST_NAMES) - set(SIGNS[experiment.perspective])
    present = [m for m in frame["measure"].unique(maintain_order=True).to_list() if m not in not_counted]
    for section in SECTIONS:
        rows = section_rows(section, present, labels)
        if rows:
            said = [row._replace(label=over_horizon(row.label, experiment)) for row in rows]
            yield section_title(section, rows[0].measure, experiment), said


def section_title(section: TableSection, first: OutcomeMeasure, experiment: ExperimentDefinition) -> str:
    """The title of a section whose first row is of a measure, in the words of an experiment."""
    return over_horizon(section.title or first.title(), experiment).format(
        currency=experiment.currency,
        perspective=experiment.perspective.replace("_", " "),
        observed=observed_part(experiment),
        how=f", extrapolated (curve: {said.family})" if (said := experiment.extrapolation) else "",
    )


def ratio_in_words(row: Mapping[str, Any]) -> str:
    """What a QALY gained costs, or in words why there is no such number."""
    if row["verdict"] in ("dominant", "dominated", "no difference", "unknown"):
        words = {
            "dominant": "dominant: better, cheaper",
            "dominated": "dominated: worse, dearer",
            "no difference": "no difference in any replication",
        }
        return words.get(row["verdict"], str(row["verdict"]))
    ratio = f"{row['icer_per_qaly']:,.0f}"
    return f"saves {ratio} per QALY lost" if row["qaly_difference"] < 0 else ratio


def ratio_interval_in_words(row: Mapping[str, Any], of: str = "") -> str:
    """An interval of a ratio in words: it need not have two ends. `of` is "" or "parameter_"."""
    if row["verdict"] == "no difference":
        return ""
    form = row[f"{of}icer_interval"]
    if form == "none":
        return NOT_KNOWN
    if form == "unbounded":
        return "any value"
    low, high = f"{row[f'{of}icer_low']:,.0f}", f"{row[f'{of}icer_high']:,.0f}"
    return f"{low} to {high}" if form == "bounded" else f"below {low} or above {high}"


def _benefit(row: dict[str, Any]) -> str:
    """Net monetary benefit with its intervals."""
    stem = NET_BENEFIT.name
    rest = ("low", "high", "parameter_sd", "parameter_low", "parameter_high")
    return difference({"mean": row[stem], **{name: row[f"{stem}_{name}"] for name in rest}}, NET_BENEFIT)
