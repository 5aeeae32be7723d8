"""What the commands `popsim plan` and `popsim sensitivity` print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from popsim.analyses.decision_view import StudyFacts
from popsim.analyses.plan import Plan
from popsim.analyses.precision import OUT_OF_REACH
from popsim.analyses.sensitivity.parameters import Varied
from popsim.analyses.sensitivity.threshold import Threshold
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.plurals import counted
from popsim.reporting.intervals import ADVISED, Replicated, tells_swings, too_few
from popsim.reporting.labels import difference_label
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, rounded
from popsim.runs.engine import Engine
from popsim.statistics import Estimate
from popsim.studies.prices import prices_in_words

UNKNOWN = "unknown"  # a swing smaller than its Monte Carlo error
NO_NUMBER = "beyond"  # a swing into another quadrant of the cost-effectiveness plane


def plan_text(plan: Plan, experiment: ExperimentDefinition, engine: Engine) -> str:
    """Time, memory, and the precision to expect."""
    lines = [
        f"{experiment.title or experiment.name}",
        f"  {counted(plan.units, 'unit')}: {counted(len(experiment.strategies), 'strategy', 'strategies')} x "
        f"{counted(max(experiment.draws, 1), 'draw')} x {counted(experiment.replications, 'replication')} x "
        f"{counted(experiment.regions, 'region')}, {counted(experiment.population, 'person', 'people')}",
        f"  about {_duration(plan.unit_seconds)} a unit, {_duration(plan.seconds)} in all with "
        f"{counted(engine.workers, 'worker')}, {plan.peak_bytes / 1024**3:.1f} GiB of memory",
        "",
    ]
    repeats = "draws and replications" if experiment.draws else "replications"
    table = [["Half-width of the 95% interval of the difference", "this design", "of it Monte Carlo"]]
    for row in tabled("Precision", plan.precision).iter_rows(named=True):
        label = f"  {difference_label(row['measure'], experiment)}, {experiment.strategy(row['strategy']).title}"
        table.append([label, rounded(row["half_width"]), rounded(row["monte_carlo_half_width"])])
    lines.append(aligned(table))
    for row in plan.precision.filter(pl.col("wanted").is_not_null()).iter_rows(named=True):
        ways = (("replications", row["replications"]), ("draws", row["draws"]), ("people", row["population"]))
        found = [f"{'out of reach' if n >= OUT_OF_REACH else f'{n:,}'} {name}" for name, n in ways if n is not None]
        title = experiment.strategy(row["strategy"]).title
        lines.append(
            f"\n  +-{row['wanted']:g} for {difference_label(row['measure'], experiment)}, {title}: {' or '.join(found)}"
        )
    lines.append(f"\nFrom a pilot, so these figures may be off by about a third. Intervals over {repeats}.")
    return "\n".join(lines)


def tornado_text(table: pl.DataFrame, study: ExperimentDefinition | StudyFacts, outcome: str) -> str:
    """One row for each parameter, widest swing first, strategy by strategy."""
    facts = StudyFacts.of(study)
    table = tabled("One-way sensitivity", _readable(table, facts))
    errors, told = tells_swings(facts), table["told"].null_count() < len(table)
    shown = []
    for name, rows in _by_strategy(table, facts):
        if rows["base"].null_count():
            shown.append(f"{name}: {_no_ratio(rows)}")
            continue
        lines = [
            ["", "low", "high", "at low", "at high", "swing", *(["+-"] if errors else []), *([""] if told else [])]
        ]
        for row in rows.iter_rows(named=True):
            swing = row["swing"]
            lines.append(
                [
                    f"  {row['parameter']}{'' if row['unit'] in ('', '1') else f", {row['unit']}"}",
                    rounded(row["low_value"]),
                    rounded(row["high_value"]),
                    *(row[f"{end}_verdict"] if row[f"outcome_{end}"] is None else rounded(row[f"outcome_{end}"])
                      for end in ("low", "high")),
                    NO_NUMBER if swing is None else rounded(swing, signed=True),
                    *(["" if swing is None else rounded(row["swing_reach"], 2)] if errors else []),
                    *([UNKNOWN if row["told"] is False else ""] if told else []),
                ]
            )  # fmt: skip
        base = rounded(rows["base"][0])
        shown.append(f"{name}: {difference_label(outcome, facts)} {base} in the base case\n{aligned(lines)}")
    if errors:
        note = "+- is the Monte Carlo error of the swing (95%): same people and random numbers at both ends."
    elif facts.exact:
        note = "Expected values: there is no Monte Carlo error."
    else:
        note = f"No Monte Carlo errors: {too_few(facts)}; --replications {ADVISED} gives them."
    if told:
        note += f" A swing smaller than its error is {UNKNOWN}: more replications or people would tell its size."
    return "\n\n".join([*shown, note, f"Costs are in {facts.prices}."])


def _readable(table: pl.DataFrame, experiment: Replicated) -> pl.DataFrame:
    """The table with its Monte Carlo errors, or without them where replications are too few."""
    if tells_swings(experiment):
        return table
    errors = [name for name in table.columns if name.endswith(("_reach", "_error"))]
    return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in errors)


def _no_ratio(rows: pl.DataFrame) -> str:
    """Why a strategy has no ICER to vary."""
    return (
        f"no ratio in the base case ({rows['base_verdict'][0]}); --outcome net_monetary_benefit has a figure everywhere"
    )


def draw_tornados(
    table: pl.DataFrame, study: ExperimentDefinition | StudyFacts, outcome: str, folder: Path
) -> list[Path]:
    """A tornado of each strategy as tornado_<strategy>.png in a folder.

    Raises:
        InputError: the folder cannot be written.
    """
    from popsim.reporting.figures.sensitivity import tornado  # noqa: PLC0415 only this needs matplotlib
    from popsim.reporting.figures.style import save  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--plot {folder}: cannot be written: {error.strerror}") from None
    paths, facts = [], StudyFacts.of(study)
    for (name,), rows in _readable(table, facts).group_by("strategy", maintain_order=True):
        if rows["base"].null_count():
            continue
        title = f"Which parameter matters most: {facts.strategies[str(name)]}"
        what = difference_label(outcome, facts)
        paths.append(save(tornado(rows, what[:1].upper() + what[1:], title), folder / f"tornado_{name}.png"))
    return paths


def grid_text(
    table: pl.DataFrame, first: Varied, second: Varied, experiment: ExperimentDefinition, outcome: str
) -> str:
    """The first parameter down, the second across."""
    tabled("Two-way sensitivity", table)
    shown = []
    for name, rows in _by_strategy(table, experiment):
        wide = rows.pivot(on="second_value", index="first_value", values="outcome", maintain_order=True)
        lines = [["", *(rounded(float(value)) for value in wide.columns[1:])]]
        lines += [[f"  {rounded(row[0])}", *(rounded(value) for value in row[1:])] for row in wide.iter_rows()]
        shown.append(
            f"{name}: {difference_label(outcome, experiment)}\n"
            f"down: {first.name}, {first.unit}; across: {second.name}, {second.unit}\n{aligned(lines)}"
        )
    return "\n\n".join([*shown, f"Costs are in {prices_in_words(experiment)}."])


def thresholds_text(found: Sequence[Threshold], experiment: ExperimentDefinition, target: float) -> str:
    """The threshold of each strategy, one a line."""
    rows = [
        {
            "strategy": one.contrast.strategy,
            "measure": one.contrast.outcome,
            "target": target,
            "parameter": one.parameter.name,
            "parameter_unit": one.parameter.unit,
            "threshold": None if math.isnan(one.value) else one.value,
            "reach": None if math.isnan(one.value) else Estimate(one.value, one.standard_error).reach,
            "base_case": one.parameter.value,
            "low_value": one.parameter.low,
            "high_value": one.parameter.high,
            "outcome_low": one.at_low.value,
            "outcome_high": one.at_high.value,
        }
        for one in found
    ]
    tabled("Thresholds", pl.DataFrame(rows, infer_schema_length=None))
    return "\n".join(threshold_text(one, experiment, target) for one in found)


def threshold_text(found: Threshold, experiment: ExperimentDefinition, target: float) -> str:
    """The threshold in a sentence."""
    name = experiment.strategy(found.contrast.strategy).title
    parameter = found.parameter
    what = difference_label(found.contrast.outcome, experiment)
    if math.isnan(found.value):
        return (
            f"{name}: {what} does not reach {target:g} for {parameter.name} between {rounded(parameter.low)} and "
            f"{rounded(parameter.high)} {parameter.unit}: it goes from {rounded(found.at_low.value)} to "
            f"{rounded(found.at_high.value)}"
        )
    reach = rounded(Estimate(found.value, found.standard_error).reach, 2)
    return (
        f"{name}: {what} is {target:g} at {parameter.name} = {rounded(found.value, 4)} {parameter.unit} "
        f"(+- {reach}, Monte Carlo, 95%); its base-case value is {rounded(parameter.value, 4)}"
    )


def sobol_text(table: pl.DataFrame, experiment: ExperimentDefinition, outcome: str) -> str:
    """Shares of variance, largest total first."""
    columns = (
        ("first_order", "alone, %"),
        ("first_order_reach", "+-"),
        ("total", "in total, %"),
        ("total_reach", "+-"),
    )
    return _indices(table, experiment, outcome, "Share of the variance of", columns, "total", 100.0)


def morris_text(table: pl.DataFrame, experiment: ExperimentDefinition, outcome: str) -> str:
    """Elementary effects, largest first."""
    columns = (("mean_effect", "mean effect"), ("mean_absolute_effect", "mean size"),
               ("mean_absolute_effect_reach", "+-"), ("spread", "spread"))  # fmt: skip
    return _indices(table, experiment, outcome, "Effect over the whole range on", columns, "mean_absolute_effect", 1.0)


def _indices(
    table: pl.DataFrame, experiment: ExperimentDefinition, outcome: str, head: str,
    columns: tuple[tuple[str, str], ...], order: str, scale: float,
) -> str:  # fmt: skip
    tabled(head, table)
    shown = []
    for name, rows in _by_strategy(table, experiment):
        lines = [["", *(label for _, label in columns)]]
        lines += [
            [f"  {row['parameter']}", *(rounded(row[column] * scale) for column, _ in columns)]
            for row in rows.sort(order, descending=True).iter_rows(named=True)
        ]
        shown.append(f"{name}: {head} {difference_label(outcome, experiment)}\n{aligned(lines)}")
    return "\n\n".join([*shown, f"Costs are in {prices_in_words(experiment)}."])


def _by_strategy(table: pl.DataFrame, study: ExperimentDefinition | StudyFacts) -> Iterable[tuple[str, pl.DataFrame]]:
    titles = StudyFacts.of(study).strategies
    for (name,), rows in table.group_by("strategy", maintain_order=True):
        yield titles[str(name)], rows


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
