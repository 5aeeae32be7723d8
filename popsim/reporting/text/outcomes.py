"""What `popsim outcomes` prints: outcome measures for policy, each with its paired difference from the comparator."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.economics.cost_effectiveness import paired_differences, strategy_means
from popsim.outcomes.discharges import AVOIDABLE, COUNTED, INDEX_COUNTS, WINDOWS_DAYS
from popsim.outcomes.equity import BY_PERSON, GAP, SLOPE, WAIT
from popsim.outcomes.home_time import WINDOWS_DAYS as HOME_WINDOWS_DAYS
from popsim.outcomes.occupancy import CROWDED_PERCENT
from popsim.outcomes.small_cells import note
from popsim.outcomes.standardised import (
    StandardisationModel,
    hospital_ratios,
    observed_and_expected,
    risk_model,
    standardised,
)
from popsim.reporting.intervals import of_means, readable, sizes, with_note
from popsim.reporting.table_files import tabled
from popsim.reporting.text.beds import beds_text
from popsim.reporting.text.formatting import aligned, difference, estimate, rounded
from popsim.reporting.text.tables import TableSection, section_rows
from popsim.runs.run import StoredRun
from popsim.studies.measures import measure_of

MAX_REGIONS_SHOWN = 20


SECTIONS = (
    TableSection(
        "Readmission",
        tuple(
            name
            for days in WINDOWS_DAYS
            for name in (
                f"readmission_{days}d", f"readmission_{days}d_index_cause",
                f"risk_standardised_readmission_{days}d", f"readmission_ratio_{days}d",
            )
        ),
    ),
    TableSection(
        "Readmission, cumulative incidence with death competing",
        tuple(
            f"readmission_{days}d_cumulative_incidence{counted}"
            for days in WINDOWS_DAYS
            for counted in COUNTED
        ),
        detail=True,
    ),
    TableSection("Avoidable admissions per person-year", tuple(measure.name for measure in AVOIDABLE)),
    TableSection(
        "Days alive per person, mean",
        tuple(
            f"{name}{window}"
            for name in ("days_alive_out_of_hospital", "home_days")
            for window in (*(f"_{days}d" for days in HOME_WINDOWS_DAYS), "")
        ),
    ),
    TableSection(
        "Time in the emergency department, from asking to leaving",
        (
            "emergency_median_hours.*", "emergency_p90_hours.*", "emergency_p95_hours.*",
            "emergency_share_over_4_hours.*", "emergency_share_over_12_hours.*",
        ),
    ),
    TableSection("Wait for a bed", ("wait_p95_hours.*", "wait_share_over_12_hours.*")),
    TableSection(
        "Wait for a bed, more of its distribution",
        ("wait_mean_hours.*", "wait_median_hours.*", "wait_p90_hours.*", "wait_share_over_4_hours.*"),
        detail=True,
    ),
    TableSection(
        "Occupancy over days, people",
        ("places.*", "occupancy_p50.*", "occupancy_p90.*", "occupancy_p95.*", "occupancy_peak.*"),
        detail=True,
    ),
    TableSection(
        "Share of days with most places taken, %",
        tuple(f"days_over_{percent}_percent.*" for percent in CROWDED_PERCENT),
    ),
    TableSection(
        "Equity: most less least deprived fifth", tuple(f"{GAP}.{name}" for name in (*BY_PERSON, WAIT))
    ),
    TableSection(
        "Equity: slope index, most less least deprived",
        tuple(f"{SLOPE}.{name}" for name in (*BY_PERSON, WAIT)),
        detail=True,
    ),
)  # fmt: skip


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
    tabled("Outcomes", summary)
    if len(run.strategies) > 1:
        tabled("Differences", comparisons)
    parts = [_head(run), _table(run, summary, comparisons, everything)]
    if beds := beds_text(run):
        parts.append(beds)
    if not models:
        parts.append('Risk-standardised readmission needs the persons of the run: store = "persons" or "events".')
    if models and run.experiment.regions > 1:
        parts.append(_hospitals(run, models[0]))
    if models and everything:
        parts += [_quality(model) for model in models]
    if said := note(run.hidden_measures, run.least_count):
        parts.append(said)
    return with_note("\n\n".join(parts), run.experiment, run.again)


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
        and f"readmission_{days}d" not in run.hidden_measures
    ]


def _head(run: StoredRun) -> str:
    experiment = run.experiment
    others = " and differences from it, same people, paired" if len(run.strategies) > 1 else ""
    said = f"{run.strategies[run.comparator]}{others}{of_means(experiment)}"
    return f"{experiment.title or experiment.name}\n{sizes(experiment)}\n{said}"


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
        rows = section_rows(section, present, labels)
        if rows and (everything or not section.detail):
            lines.append([section.title])
            for row in rows:
                base = estimate(means.get((run.comparator, row.name)), row.measure)
                differences = [difference(against.get((name, row.name)), row.measure) for name in others]
                lines.append([f"  {row.label}", base, *differences])
    return aligned(lines)


def _hospitals(run: StoredRun, model: StandardisationModel) -> str:
    """Predicted / expected of each region under each strategy, mean over draws and replications."""
    ratios = hospital_ratios(run.table("persons"), model)
    means = strategy_means(
        ratios.select("strategy", "draw", "replication", measure=pl.col("region").cast(pl.String), value="excess_ratio")
    )
    found = tabled("Readmission ratio by region", readable(means, run.experiment).rename({"measure": "region"}))
    cells = {(row["strategy"], row["region"]): row for row in found.iter_rows(named=True)}
    lines: list[Sequence[str]] = [["Readmission by region", *run.strategies.values()]]
    shown = min(run.experiment.regions, MAX_REGIONS_SHOWN)
    ratio = measure_of(f"readmission_ratio_{model.days}d")
    for region in range(shown):
        lines.append([f"  {region}", *(estimate(cells.get((name, str(region))), ratio) for name in run.strategies)])
    more = run.experiment.regions - shown
    note = f"{model.days} days; predicted / expected, each region a hospital, drawn towards the average of its strategy"
    return f"{aligned(lines)}\n{note}{f'; {more} more regions are not shown' if more else ''}"


def _quality(model: StandardisationModel) -> str:
    """How well the risk model tells people apart, and how its risks compare with what happened."""
    lines: list[Sequence[str]] = [["  Tenth of risk", "Predicted, %", "Observed, %"]]
    for row in tabled(f"Risk model, {model.days} days", model.calibration).iter_rows(named=True):
        lines.append([f"  {row['group']}", f"{100 * row['predicted']:.1f}", f"{100 * row['observed']:.1f}"])
    head = f"Risk model, {model.days} days: {model.discharges:,} index discharges, {100 * model.rate:.1f}% readmitted"
    return f"{head}, c-statistic {rounded(model.c_statistic)}\n{aligned(lines)}"
