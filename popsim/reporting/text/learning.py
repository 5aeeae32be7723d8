"""What `popsim learn` prints."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.learning.card import WARNING
from popsim.learning.evaluation import Evaluation
from popsim.reporting.text.formatting import aligned, with_interval
from popsim.statistics import Estimate

MAX_FEATURES = 8


def evaluation_text(found: Evaluation, title: str, notes: Sequence[str] = ()) -> str:
    """A model's performance on people and times that it has not seen, by subgroup, against other scores.

    Args:
        found: the model, judged.
        title: first line.
        notes: what to know of the data.
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
        ["c-statistic", _shown(seen.c_statistic)],
        *([f"c-statistic of {score.name}", _shown(score.c_statistic)] for score in found.against),
        *([f"gain on {score.name}", _shown(score.gain)] for score in found.against),
        ["Brier score", _shown(seen.brier)],
        ["calibration slope", _shown(seen.slope)],
        ["observed to predicted", _shown(seen.ratio)],
        [f"events below the watched risk of {found.watched:.3f}", _shown(seen.false_negatives)],
    ]
    parts = ["\n".join(head), aligned(lines)]
    if len(found.subgroups):
        parts.append(_subgroups(found))
    weights = [["Feature", "c-statistic lost when shuffled"]]
    weights += [[row["feature"], f"{row['drop']:.4f}"] for row in found.weights.head(MAX_FEATURES).to_dicts()]
    parts.append(aligned(weights))
    shifted = found.shifts.filter("shifted")["feature"].to_list()
    if shifted:
        parts.append("shifted from training to test: " + ", ".join(shifted))
    return "\n\n".join([*parts, *(f"note: {note}" for note in notes), WARNING])


def _subgroups(found: Evaluation) -> str:
    lines = [["Subgroup", "Rows", "Events", "Observed to predicted", "c-statistic", "Missed", ""]]
    for row in found.subgroups.iter_rows(named=True):
        figures = [
            with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
            for name in ("ratio", "c_statistic", "false_negatives")
        ]
        mark = "miscalibrated" if row["miscalibrated"] else ""
        lines.append([f"{row['characteristic']} {row['group']}", f"{row['rows']}", f"{row['events']}", *figures, mark])
    return aligned(lines)


def _shown(estimate: Estimate) -> str:
    return with_interval(estimate.value, estimate.low, estimate.high)
