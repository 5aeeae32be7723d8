"""What `popsim compare` prints: two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.analyses.run_comparison import changed, compared, matched, not_paired
from popsim.reporting.intervals import has_intervals, note, readable
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, difference, estimate
from popsim.reporting.text.tables import SECTIONS, section_rows, section_title
from popsim.runs.run import StoredRun

MAX_CHANGES = 30  # lines of what differs
MAX_VALUE = 40  # characters of a value


def run_comparison_text(first: StoredRun, second: StoredRun) -> str:
    """What differs in the definitions, then the measures of both runs with their differences.

    Raises:
        InputError: they cannot be compared.
    """
    table = compared(first, second)
    few = next((run.experiment for run in (first, second) if not has_intervals(run.experiment)), None)
    table = tabled("Measures", table if few is None else readable(table, few))
    changes = tabled("Definition", changed(first, second))
    reasons = not_paired(first, second)
    how = f"independent: not the same {', '.join(reasons)}" if reasons else "the same people, paired by replication"
    interval = "" if few else " with its 95% interval (Monte Carlo)"
    head = [
        f"First:  {first.experiment.title or first.experiment.name}, {first.described}",
        f"Second: {second.experiment.title or second.experiment.name}, {second.described}",
        f"Difference{interval}: second less first; {how}",
        *([note(few)] if few else []),
    ]
    return "\n\n".join(["\n".join(head), _definition(changes), *_strategies(table, first, second)])


def _definition(changes: pl.DataFrame) -> str:
    if changes.is_empty():
        return "Nothing differs in the definitions."
    lines = [["What differs", "first", "second"]]
    lines += [[f"  {key}", _value(here), _value(there)] for key, here, there in changes.head(MAX_CHANGES).rows()]
    left = len(changes) - MAX_CHANGES
    return aligned(lines) + (f"\n  and {left} more: --csv, --json or --xlsx have all" if left > 0 else "")


def _value(text: str | None) -> str:
    if text is None:
        return "none"
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."


def _strategies(table: pl.DataFrame, first: StoredRun, second: StoredRun) -> list[str]:
    """A table for each strategy that both runs have, then the names of the others."""
    labels = {setting.name: setting.title for run in (second, first) for setting in run.network.settings}
    pairs = matched(first, second)
    parts = []
    for there, here in pairs.items():
        names = (first.strategies[here], second.strategies[there])
        rows = {row["measure"]: row for row in table.filter(pl.col("strategy") == here).iter_rows(named=True)}
        lines: list[Sequence[str]] = [[" / ".join(dict.fromkeys(names)), "first", "second", "difference"]]
        for section in SECTIONS:
            found = section_rows(section, list(rows), labels)
            if found:
                lines.append([section_title(section, found[0].measure, first.experiment)])
            for name, label, measure in found:
                row = rows[name]
                cells = [_mean(row[run]) for run in ("first", "second")]
                apart = {"mean": row["difference"], "low": row["low"], "high": row["high"]}
                lines.append([f"  {label}", *(estimate(cell, measure) for cell in cells), difference(apart, measure)])
        parts.append(aligned(lines))
    alone = [
        f"Only in the {which} run: {', '.join(titles)}"
        for which, titles in (
            ("first", [title for name, title in first.strategies.items() if name not in pairs.values()]),
            ("second", [title for name, title in second.strategies.items() if name not in pairs]),
        )
        if titles
    ]
    return [*parts, *(["\n".join(alone)] if alone else [])]


def _mean(value: float | None) -> dict[str, float | None]:
    return {"mean": value, "low": None, "high": None}
