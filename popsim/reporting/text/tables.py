"""The tables that a run prints: outcomes of every strategy, then what each one changes against the comparator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST
from popsim.economics.perspectives import SIGNS
from popsim.reporting.intervals import note, readable, told
from popsim.reporting.text.formatting import NOT_KNOWN, aligned
from popsim.studies.prices import prices_in_words

if TYPE_CHECKING:
    from popsim.runs.runner import RunResult

type Kind = Literal["share", "rate", "number", "days", "hours", "money", "qaly", "ratio"]
type Lines = list[Sequence[str]]
type Cell = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line of a table: the measure, what people call it, and how its numbers are written."""

    measure: str
    label: str
    kind: Kind


SECTIONS: tuple[tuple[str, tuple[TableRow, ...]], ...] = (
    (
        "Readmission, admission and death",
        (
            TableRow("readmission_30d", "30-day readmission, all causes, %", "share"),
            TableRow("readmission_30d_heart_failure", "30-day readmission, heart failure, %", "share"),
            TableRow("readmission_90d", "90-day readmission, all causes, %", "share"),
            TableRow("admissions_per_person_year", "Admissions per person-year", "rate"),
            TableRow("mortality", "Died during follow-up, %", "share"),
            TableRow("bed_days", "Bed-days per person", "days"),
            TableRow("home_days", "Days at home per person", "days"),
        ),
    ),
    (
        "Presentations that drugs can cause, per person-year",
        (
            TableRow("presentations_arrhythmia_per_person_year", "Slow or fast rhythm", "rate"),
            TableRow("presentations_renal_per_person_year", "Kidney, potassium, low pressure", "rate"),
            TableRow("presentations_bleeding_per_person_year", "Bleeding", "rate"),
            TableRow("presentations_glucose_per_person_year", "Low or very high sugar", "rate"),
            TableRow("adverse_presentations_per_person_year", "Together", "rate"),
        ),
    ),
    (
        "Alerts and the desk that answers them",
        (
            TableRow("alerts_per_person_year", "Alerts per person-year", "rate"),
            TableRow("alerts_false_share", "Alerts with neither heart failure nor death in 14 days, %", "share"),
            TableRow("alerts_ignored_share", "Alerts on which nobody acts, %", "share"),
            TableRow(
                "heart_failure_unforeseen_share", "Heart failure without an alert in the 14 days before, %", "share"
            ),
            TableRow("desk_visits_per_day", "Contacts of the desk per day", "number"),
        ),
    ),
    ("Occupancy, people, mean", (TableRow("occupancy_mean.*", "", "number"),)),
    ("Occupancy, % of places, mean", (TableRow("occupancy_share.*", "", "share"),)),
    ("Occupancy, people, peak day", (TableRow("occupancy_peak.*", "", "number"),)),
    ("Wait for a bed, hours, mean", (TableRow("wait_mean_hours.*", "", "hours"),)),
    ("Wait for a bed, hours, 95th centile", (TableRow("wait_p95_hours.*", "", "hours"),)),
    (
        "Cost per person, {currency}, {perspective} perspective",
        (
            TableRow("cost_ward", "Wards and intensive care", "money"),
            TableRow("cost_emergency", "Emergency and assessment", "money"),
            TableRow("cost_clinic", "Specialist contacts", "money"),
            TableRow("cost_community", "Community, home care, facilities", "money"),
            TableRow("cost_drugs", "Drugs", "money"),
            TableRow("cost_devices", "Devices", "money"),
            TableRow("cost_telemonitoring", "Telemonitoring", "money"),
            TableRow("cost_programme", "Programme", "money"),
            TableRow("cost_out_of_pocket", "Charges that patients pay", "money"),
            TableRow("cost_travel", "Travel", "money"),
            TableRow("cost_informal_care", "Informal care", "money"),
            TableRow("cost_productivity", "Lost work", "money"),
            TableRow(TOTAL_COST, "Total", "money"),
        ),
    ),
    (
        "Health per person, discounted (DALYs count a death by the years of life lost, beyond follow-up)",
        (
            TableRow("life_years", "Life years in follow-up, not discounted", "qaly"),
            TableRow(QALYS, "QALYs in follow-up", "qaly"),
            TableRow("dalys", "DALYs to the end of life expectancy", "qaly"),
        ),
    ),
)


def label_of(measure: str) -> str:
    """What people call a measure."""
    labels = {row.measure: row.label for _, rows in SECTIONS for row in rows}
    return labels.get(measure) or measure.removeprefix("cost_").replace("_", " ").capitalize()


def print_run(result: RunResult) -> None:
    """Print both tables of a finished run."""
    experiment = result.study.experiment
    labels = {setting.name: setting.title for setting in result.study.network.settings}
    print(outcome_table(result.tables["summary"], experiment, labels))
    if len(experiment.strategies) > 1:
        print()
        print(comparison_table(result.tables["comparisons"], result.tables["cost_effectiveness"], experiment, labels))


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
        lines += [[f"  {row.label}", *(estimate(cells.get((n, row.measure)), row.kind) for n in names)] for row in rows]
    repeated = f"{experiment.replications} replication{'s' if experiment.replications > 1 else ''}"
    interval = "mean (95% interval of the mean over replications)" if told(experiment) else "means"
    if experiment.draws:
        repeated += f" of {experiment.draws} parameter draws"
    if experiment.draws and told(experiment):
        interval = "mean (95% interval of the mean, Monte Carlo error) [95% of the parameters]"
    head = (
        f"{experiment.title or experiment.name}\n{experiment.population:,} people, {repeated}, "
        f"{experiment.follow_up_days} days from each person's entry; {interval}\n"
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
            [f"  {row.label}", *(difference(cells.get((s.name, row.measure)), row.kind) for s in others)]
            for row in rows
        ]
    found = {row["strategy"]: row for row in readable(value, experiment).iter_rows(named=True)}
    lines.append([f"Value for money, {experiment.currency}"])
    lines.append(["  Incremental cost per QALY", *(ratio_in_words(found[s.name]) for s in others)])
    if told(experiment):
        lines.append(["    95% interval (Fieller)", *(ratio_interval_in_words(found[s.name]) for s in others)])
    if any(found[s.name]["parameter_icer_interval"] != "none" for s in others):
        lines.append(["    95% of parameters", *(ratio_interval_in_words(found[s.name], "parameter_") for s in others)])
    lines.append(
        [f"  Net benefit at {experiment.willingness_to_pay:,.0f} per QALY", *(_benefit(found[s.name]) for s in others)]
    )
    comparator = experiment.strategy(experiment.reference).title
    intervals = " (95% Monte Carlo interval) [95% of the parameters]" if experiment.draws else " (95% interval)"
    shown = intervals if told(experiment) else ""
    head = f"Difference from {comparator.lower()}, same people, paired by replication{shown}"
    return head, lines


def _sections(
    frame: pl.DataFrame, experiment: ExperimentDefinition, labels: dict[str, str]
) -> Iterable[tuple[str, list[TableRow]]]:
    """Sections with the rows that the run has; a measure `x.*` stands for one row for each setting.

    Costs are those that the experiment's perspective counts.
    """
    not_counted = set(COST_NAMES) - set(SIGNS[experiment.perspective])
    present = [m for m in frame["measure"].unique(maintain_order=True).to_list() if m not in not_counted]
    perspective = experiment.perspective.replace("_", " ")
    for title, rows in SECTIONS:
        found: list[TableRow] = []
        for row in rows:
            stem = row.measure.removesuffix("*")
            if stem == row.measure:
                found += [row] if row.measure in present else []
                continue
            settings = [measure.removeprefix(stem) for measure in present if measure.startswith(stem)]
            found += [TableRow(f"{stem}{name}", labels.get(name, name), row.kind) for name in settings]
        if found:
            yield title.format(currency=experiment.currency, perspective=perspective), found


def estimate(cell: Cell | None, kind: Kind) -> str:
    """A mean with those of its intervals that are known, or n/a where there was nobody to count."""
    return _with_intervals(cell, partial(_number, kind=kind))


def difference(cell: Cell | None, kind: Kind) -> str:
    """A paired difference: signed, one digit more than the estimates, because pairing makes it sharper."""
    return _with_intervals(cell, partial(_signed, kind=kind))


def _with_intervals(cell: Cell | None, written: Callable[[float], str]) -> str:
    """mean (Monte Carlo interval) [interval of the parameters, or their SD where draws are few; if there are any]."""
    if cell is None or cell["mean"] is None:
        return NOT_KNOWN
    interval = _interval(cell["low"], cell["high"], written)
    text = written(cell["mean"]) if interval is None else f"{written(cell['mean'])} ({interval})"
    parameters = _interval(cell.get("parameter_low"), cell.get("parameter_high"), written)
    sd = cell.get("parameter_sd")
    if parameters is None and sd is not None:
        parameters = f"SD {written(sd).removeprefix('+')}"
    return text if parameters is None else f"{text} [{parameters}]"


def _interval(low: float | None, high: float | None, written: Callable[[float], str]) -> str | None:
    """Both ends, if they are known."""
    return None if low is None or high is None else f"{written(low)} to {written(high)}"


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
    stem = "net_monetary_benefit"
    rest = ("low", "high", "parameter_sd", "parameter_low", "parameter_high")
    return difference({"mean": row[stem], **{name: row[f"{stem}_{name}"] for name in rest}}, "money")


DIGITS: dict[Kind, int] = {"share": 1, "rate": 2, "number": 1, "days": 1, "hours": 1, "money": 0, "qaly": 3, "ratio": 3}


def _number(value: float, kind: Kind) -> str:
    text = f"{value * 100 if kind == 'share' else value:,.{DIGITS[kind]}f}"
    return text.removeprefix("-") if _is_zero(text) else text


def _signed(value: float, kind: Kind) -> str:
    text = f"{value * 100 if kind == 'share' else value:+,.{DIGITS[kind] + 1}f}"
    return text[1:] if _is_zero(text) else text


def _is_zero(text: str) -> bool:
    """Whether a number as written is 0; then it has no sign."""
    return not any(digit in text for digit in "123456789")
