"""What `popsim learn` prints."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from popsim.learning.card import WARNING
from popsim.learning.evaluation import Evaluation
from popsim.reporting.table_files import tabled
from popsim.reporting.text.formatting import aligned, estimated, in_columns

MAX_FEATURES = 8


def evaluation_text(found: Evaluation, title: str, notes: Sequence[str] = ()) -> str:
    """A model's performance on held-out people and times, by subgroup, against other scores.

    Args:
        found: the evaluated model.
        title: first line.
        notes: caveats on the data.
    """
    train, seen = found.train, found.performance
    outcome = found.model.outcome
    head = [
        title,
        f"trained on {len(train):,} rows of {train['person_id'].n_unique():,} persons ({int(train[outcome].sum()):,} "
        f"events), judged by {seen.rows:,} rows of {seen.persons:,} others ({seen.events:,} events)",
    ]
    lines = [
        ["Figure", "Value (95% interval)"],
        ["c-statistic", estimated(seen.c_statistic)],
        *([f"c-statistic of {score.name}", estimated(score.c_statistic)] for score in found.against),
        *([f"gain on {score.name}", estimated(score.gain)] for score in found.against),
        ["Brier score", estimated(seen.brier)],
        ["calibration slope", estimated(seen.slope)],
        ["observed to predicted", estimated(seen.ratio)],
        [f"events below the watched risk of {found.watched:.3f}", estimated(seen.false_negatives)],
    ]
    tabled("Performance", pl.DataFrame(lines[1:], lines[0], orient="row"))
    parts = ["\n".join(head), aligned(lines)]
    if len(found.subgroups):
        parts.append(_subgroups(found))
    weights = [["Feature", "c-statistic lost when shuffled"]]
    tabled("Features", found.weights)
    weights += [[row["feature"], f"{row['drop']:.4f}"] for row in found.weights.head(MAX_FEATURES).to_dicts()]
    parts.append(aligned(weights))
    shifted = found.shifts.filter("shifted")["feature"].to_list()
    if shifted:
        parts.append("shifted from training to test: " + ", ".join(shifted))
    return "\n\n".join([*parts, *(f"note: {note}" for note in notes), WARNING])


def _subgroups(found: Evaluation) -> str:
    lines = [["Subgroup", "Rows", "Events", "Observed to predicted", "c-statistic", "Missed", ""]]
    for row in tabled("Subgroups", found.subgroups).iter_rows(named=True):
        figures = [in_columns(row, name) for name in ("ratio", "c_statistic", "false_negatives")]
        mark = "miscalibrated" if row["miscalibrated"] else ""
        lines.append([f"{row['characteristic']} {row['group']}", f"{row['rows']}", f"{row['events']}", *figures, mark])
    return aligned(lines)
