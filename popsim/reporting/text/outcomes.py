"""What `popsim outcomes` prints: outcome measures for policy, each with its paired difference from the comparator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from popsim.economics.cost_effectiveness import paired_differences, strategy_means
from popsim.outcomes.discharges import INDEX_COUNTS, WINDOWS_DAYS
from popsim.outcomes.equity import GAP, SLOPE
from popsim.outcomes.standardised import (
    StandardisationModel,
    hospital_ratios,
    observed_and_expected,
    risk_model,
    standardised,
)
from popsim.reporting.intervals import readable, told, with_note
from popsim.reporting.text.formatting import aligned, rounded
from popsim.reporting.text.tables import TableRow, difference, estimate
from popsim.runs.run import StoredRun

MAX_REGIONS_SHOWN = 20


class Section(NamedTuple):
    """Rows under a title; `x.*` stands for one row for each setting. `detail` ones are shown on request only."""

    title: str
    rows: tuple[TableRow, ...]
    detail: bool = False


def _equity(stem: str) -> tuple[TableRow, ...]:
    return (
        TableRow(f"{stem}.readmission_30d_at_entry", "30-day readmission after entry, % points", "share"),
        TableRow(f"{stem}.mortality", "Died during follow-up, % points", "share"),
        TableRow(f"{stem}.days_alive_out_of_hospital", "Days alive and out of hospital", "days"),
        TableRow(f"{stem}.qalys", "QALYs", "qaly"),
        TableRow(f"{stem}.wait_mean_hours", "Wait for a bed, hours", "hours"),
    )


SECTIONS = (
    Section(
        "Readmission",
        (
            TableRow("readmission_30d", "Within 30 days, %", "share"),
            TableRow("readmission_30d_heart_failure", "Within 30 days, heart failure, %", "share"),
            TableRow("risk_standardised_readmission_30d", "Within 30 days, risk-standardised, %", "share"),
            TableRow("readmission_ratio_30d", "Within 30 days, observed / expected", "ratio"),
            TableRow("readmission_90d", "Within 90 days, %", "share"),
            TableRow("readmission_90d_heart_failure", "Within 90 days, heart failure, %", "share"),
            TableRow("risk_standardised_readmission_90d", "Within 90 days, risk-standardised, %", "share"),
            TableRow("readmission_ratio_90d", "Within 90 days, observed / expected", "ratio"),
        ),
    ),
    Section(
        "Readmission, cumulative incidence with death competing",
        (
            TableRow("readmission_30d_cumulative_incidence", "Day 30, %", "share"),
            TableRow("readmission_30d_cumulative_incidence_heart_failure", "Day 30, heart failure, %", "share"),
            TableRow("readmission_90d_cumulative_incidence", "Day 90, %", "share"),
            TableRow("readmission_90d_cumulative_incidence_heart_failure", "Day 90, heart failure, %", "share"),
        ),
        detail=True,
    ),
    Section(
        "Avoidable admissions per person-year",
        (
            TableRow("ambulatory_care_sensitive_admissions_per_person_year", "Heart failure and COPD", "rate"),
            TableRow("potentially_avoidable_readmissions_per_person_year", "Same cause within 30 days", "rate"),
        ),
    ),
    Section(
        "Days alive per person, mean",
        (
            TableRow("days_alive_out_of_hospital_30d", "Out of hospital, first 30 days", "days"),
            TableRow("days_alive_out_of_hospital_90d", "Out of hospital, first 90 days", "days"),
            TableRow("days_alive_out_of_hospital_365d", "Out of hospital, first 365 days", "days"),
            TableRow("days_alive_out_of_hospital", "Out of hospital, all of follow-up", "days"),
            TableRow("home_days_30d", "At home, first 30 days", "days"),
            TableRow("home_days_90d", "At home, first 90 days", "days"),
            TableRow("home_days_365d", "At home, first 365 days", "days"),
            TableRow("home_days", "At home, all of follow-up", "days"),
        ),
    ),
    Section(
        "Time in the emergency department, from asking to leaving",
        (
            TableRow("emergency_median_hours.*", "median, h", "hours"),
            TableRow("emergency_p90_hours.*", "90th centile, h", "hours"),
            TableRow("emergency_p95_hours.*", "95th centile, h", "hours"),
            TableRow("emergency_share_over_4_hours.*", "over 4 h, %", "share"),
            TableRow("emergency_share_over_12_hours.*", "over 12 h, %", "share"),
        ),
    ),
    Section(
        "Wait for a bed",
        (
            TableRow("wait_p95_hours.*", "95th centile, h", "hours"),
            TableRow("wait_share_over_12_hours.*", "over 12 h, %", "share"),
        ),
    ),
    Section(
        "Wait for a bed, more of its distribution",
        (
            TableRow("wait_mean_hours.*", "mean, h", "hours"),
            TableRow("wait_median_hours.*", "median, h", "hours"),
            TableRow("wait_p90_hours.*", "90th centile, h", "hours"),
            TableRow("wait_share_over_4_hours.*", "over 4 h, %", "share"),
        ),
        detail=True,
    ),
    Section(
        "Occupancy over days, people",
        (
            TableRow("places.*", "places", "number"),
            TableRow("occupancy_p50.*", "median", "number"),
            TableRow("occupancy_p90.*", "90th centile", "number"),
            TableRow("occupancy_p95.*", "95th centile", "number"),
            TableRow("occupancy_peak.*", "peak", "number"),
        ),
        detail=True,
    ),
    Section(
        "Share of days with most places taken, %",
        (
            TableRow("days_over_85_percent.*", "over 85%", "share"),
            TableRow("days_over_92_percent.*", "over 92%", "share"),
        ),
    ),
    Section("Equity: most less least deprived fifth", _equity(GAP)),
    Section("Equity: slope index, most less least deprived", _equity(SLOPE), detail=True),
)


def outcome_text(run: StoredRun, everything: bool = False) -> str:
    """All outcome measures of a finished run, grouped.

    Args:
        run: finished.
        everything: also the sections of detail, and how good the risk models are.
    """
    models = _models(run)
    summary, comparisons = run.frame("summary"), run.frame("comparisons")
    if models:
        persons = run.table("persons")
        ratios = pl.concat([standardised(observed_and_expected(persons, model), model) for model in models])
        columns = ["strategy", "measure", "mean", "low", "high", "parameter_sd", "parameter_low", "parameter_high"]
        differences = paired_differences(ratios, run.comparator)
        summary = pl.concat([summary.select(columns), strategy_means(ratios).select(columns)])
        comparisons = pl.concat([comparisons.select(columns), differences.select(columns)])
    summary, comparisons = readable(summary, run.experiment), readable(comparisons, run.experiment)
    parts = [_head(run), _table(run, summary, comparisons, everything)]
    if not models:
        parts.append('Risk-standardised readmission needs the persons of the run: store = "persons" or "events".')
    if models and run.experiment.regions > 1:
        parts.append(_hospitals(run, models[0]))
    if models and everything:
        parts += [_quality(model) for model in models]
    return with_note("\n\n".join(parts), run.experiment)


def _models(run: StoredRun) -> list[StandardisationModel]:
    """The risk models of the run; none where it has not kept its persons, or nobody's window is whole."""
    if "persons" not in run.tables:
        return []
    persons = run.table("persons")
    if not {*INDEX_COUNTS} <= set(persons.collect_schema().names()):
        return []
    sums = persons.filter(pl.col("strategy") == run.comparator).select(pl.col(INDEX_COUNTS).sum()).collect()
    counts = sums.row(0, named=True)
    return [
        risk_model(persons, run.comparator, days)
        for days in WINDOWS_DAYS
        if 0 < counts[f"index_readmitted_{days}d"] < counts[f"index_discharges_{days}d"]
    ]


def _head(run: StoredRun) -> str:
    experiment = run.experiment
    sizes = [f"{experiment.population:,} people", f"{experiment.replications} replications"]
    sizes += [f"{experiment.draws} parameter draws"] if experiment.draws else []
    sizes += [f"{experiment.regions} regions"] if experiment.regions > 1 else []
    others = " and differences from it, same people, paired" if len(run.strategies) > 1 else ""
    interval = " (95% interval of the mean over replications)"
    if experiment.draws:
        interval = " (95% interval of the mean, Monte Carlo error) [95% of the parameters]"
    said = f"{run.strategies[run.comparator]}{others}{interval if told(experiment) else ''}"
    return f"{experiment.title or experiment.name}\n{', '.join(sizes)}\n{said}"


def _table(run: StoredRun, summary: pl.DataFrame, comparisons: pl.DataFrame, everything: bool) -> str:
    """The comparator's means, and beside them every other strategy's paired differences."""
    means, against = (
        {(row["strategy"], row["measure"]): row for row in frame.iter_rows(named=True)}
        for frame in (summary, comparisons)
    )
    others = [name for name in run.strategies if name != run.comparator]
    titles = [run.strategies[name] for name in (run.comparator, *others)]
    lines: list[Sequence[str]] = [["", *titles]]
    labels = {setting.name: setting.title for setting in run.network.settings}
    whole = f"_{run.experiment.follow_up_days}d"  # a window as long as follow-up repeats the row of all of it
    known = summary.filter(pl.col("mean").is_not_null())["measure"].unique(maintain_order=True).to_list()
    present = [measure for measure in known if not measure.endswith(whole)]
    for section in SECTIONS:
        rows = list(_expanded(section.rows, present, labels))
        if rows and (everything or not section.detail):
            lines.append([section.title])
            for row in rows:
                base = estimate(means.get((run.comparator, row.measure)), row.kind)
                differences = [difference(against.get((name, row.measure)), row.kind) for name in others]
                lines.append([f"  {row.label}", base, *differences])
    return aligned(lines)


def _expanded(rows: Sequence[TableRow], present: Sequence[str], labels: dict[str, str]) -> Iterator[TableRow]:
    """The rows that the run has; those by setting are grouped by setting."""
    known = set(present)
    yield from (row for row in rows if row.measure in known)
    starred = [row for row in rows if row.measure.endswith(".*")]
    stems = [row.measure.removesuffix("*") for row in starred]
    settings = dict.fromkeys(m.partition(".")[2] for m in present if m.startswith(tuple(stems)))
    for setting in settings if stems else ():
        for row, stem in zip(starred, stems, strict=True):
            if f"{stem}{setting}" in known:
                yield replace(row, measure=f"{stem}{setting}", label=f"{labels.get(setting, setting)}, {row.label}")


def _hospitals(run: StoredRun, model: StandardisationModel) -> str:
    """Predicted / expected of each region under each strategy, mean over draws and replications."""
    ratios = hospital_ratios(run.table("persons"), model)
    means = strategy_means(
        ratios.select("strategy", "draw", "replication", measure=pl.col("region").cast(pl.String), value="excess_ratio")
    )
    cells = {(row["strategy"], row["measure"]): row for row in readable(means, run.experiment).iter_rows(named=True)}
    lines: list[Sequence[str]] = [["Readmission by region", *run.strategies.values()]]
    shown = min(run.experiment.regions, MAX_REGIONS_SHOWN)
    for region in range(shown):
        lines.append([f"  {region}", *(estimate(cells.get((name, str(region))), "ratio") for name in run.strategies)])
    more = run.experiment.regions - shown
    note = f"{model.days} days; predicted / expected, each region a hospital, drawn towards the average of its strategy"
    return f"{aligned(lines)}\n{note}{f'; {more} more regions are not shown' if more else ''}"


def _quality(model: StandardisationModel) -> str:
    """How well the risk model tells people apart, and how its risks compare with what happened."""
    lines: list[Sequence[str]] = [["  Tenth of risk", "Predicted, %", "Observed, %"]]
    for row in model.calibration.iter_rows(named=True):
        lines.append([f"  {row['group']}", f"{100 * row['predicted']:.1f}", f"{100 * row['observed']:.1f}"])
    head = f"Risk model, {model.days} days: {model.discharges:,} index discharges, {100 * model.rate:.1f}% readmitted"
    return f"{head}, c-statistic {rounded(model.c_statistic)}\n{aligned(lines)}"
