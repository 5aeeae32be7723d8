"""Tables of a run as HTML, in the words and with the numbers of `popsim run`, `outcomes`, `decide` and `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from popsim.dashboard.revaluing import Basis
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.cost_effectiveness import effect_of
from popsim.html import html_table
from popsim.reporting.text.formatting import NOT_KNOWN, rounded, span, with_interval
from popsim.reporting.text.tables import Lines, comparison_lines, outcome_lines
from popsim.runs.tables import RunTables
from popsim.studies.measures import measure_of


def wide(table: str, label: str) -> str:
    """A table that scrolls on its own where the screen is narrow, for the keyboard too."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{label}">{table}</div>'


def outcome_tables(tables: RunTables, experiment: ExperimentDefinition, labels: dict[str, str]) -> str:
    """Both tables of a run."""
    parts = [_lines(*outcome_lines(tables.summary, experiment, labels), "Outcomes of every strategy")]
    if not tables.comparisons.is_empty():
        lines = comparison_lines(tables.comparisons, tables.cost_effectiveness, experiment, labels)
        parts.append(_lines(*lines, "Differences from the comparator"))
    return "\n".join(parts)


def decision_table(basis: Basis, titles: Mapping[str, str], threshold: float, experiment: ExperimentDefinition) -> str:
    """What each strategy costs and gains, what that is worth, and how sure it is, as `popsim decide` has it."""
    unit = effect_of(basis.effect).unit
    benefit = {row["strategy"]: row for row in basis.benefit(threshold).iter_rows(named=True)}
    ratios = {
        row["strategy"]: row for row in basis.ratios.filter(pl.col("effect") == basis.effect).iter_rows(named=True)
    }
    chances = basis.chances(threshold)
    sure = {} if chances is None else {row["strategy"]: row for row in chances.iter_rows(named=True)}
    status = {row["strategy"]: row for row in basis.frontier.iter_rows(named=True)}
    head = ["Strategy", f"Cost, {experiment.currency}", measure_of(basis.effect).title(experiment.currency)]
    head += [f"Cost per {unit}", f"Net benefit at {threshold:,.0f}, {experiment.currency} (95% Monte Carlo)"]
    spread = any(row["parameter_low"] is not None for row in benefit.values())
    head += [*(["95% of parameters"] if spread else []), *(["Probability best"] if sure else []), "Frontier"]
    rows = []
    for name in basis.decision.strategies:
        row, ratio = benefit.get(name), ratios.get(name)
        cells = [titles[name], rounded(status[name]["cost"], 4), rounded(status[name]["effect"], 4)]
        cells.append("" if ratio is None else _ratio(ratio))
        cells.append("0" if row is None else with_interval(row["mean"], row["low"], row["high"]))
        if spread:
            ends = None if row is None else span(row["parameter_low"], row["parameter_high"])
            cells.append("0" if row is None else ends or NOT_KNOWN)
        if sure:
            cells.append(f"{100 * sure[name]['probability']:.0f}%")
        rows.append([*cells, status[name]["status"]])
    caption = "Per person; net benefit is over that of the comparator"
    return wide(html_table(caption, head, rows), "Decision")


def _ratio(row: Mapping[str, object]) -> str:
    ratio, verdict = row["icer"], str(row["verdict"])
    if not isinstance(ratio, float):
        return verdict
    return f"{'saves ' if verdict == 'saves money, loses health' else ''}{rounded(ratio)}"


def _lines(head: str, lines: Lines, label: str) -> str:
    """A printed table; a line of one cell becomes a heading."""
    rows: list[Sequence[str]] = [[line[0].strip(), *line[1:]] for line in lines[1:]]
    first = ["Measure", *lines[0][1:]]
    return wide(html_table(" ".join(head.split("\n")), first, rows), label)
