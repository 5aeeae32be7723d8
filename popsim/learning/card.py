"""Model cards: training data, performance overall and by subgroup, and limits of use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from popsim.learning.evaluation import Evaluation
from popsim.learning.performance import Performance, calibration_groups, decision_curve
from popsim.statistics import Estimate

WARNING = "For research, not for care."
MARKDOWN, JSON = "model_card.md", "model_card.json"
MAX_FEATURES = 15
LIMITS = (
    "Risks hold for people like those of the training rows, under the same care; other care changes the risks.",
    "A high risk does not say what would lower it.",
    "Performance was measured in the same source, not externally.",
    "Intervals treat persons as independent; they do not include the uncertainty from training on other people.",
)


def card(found: Evaluation, title: str, source: Mapping[str, Any], limits: Sequence[str] = ()) -> dict[str, Any]:
    """The model card as plain data.

    Args:
        found: the evaluated model.
        title: of the card.
        source: origin of the rows, as text by heading.
        limits: of this model, in addition to those of every model.
    """
    model, test, train = found.model, found.test, found.train
    return {
        "title": title,
        "warning": WARNING,
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {name: version(name) for name in ("popsim", "scikit-learn")},
        "source": dict(source),
        "split": found.split,
        "outcome": model.outcome,
        "estimator": " ".join(str(model.estimator).split()),
        "training": _part(train, model.outcome),
        "test": _part(test, model.outcome),
        "performance": _figures(found.performance),
        "watched_from_risk": found.watched,
        "against": [
            {"name": score.name, "c_statistic": _estimate(score.c_statistic), "gain": _estimate(score.gain)}
            for score in found.against
        ],
        "calibration": calibration_groups(found.judged).to_dicts(),
        "decision_curve": decision_curve(found.judged).to_dicts(),
        "subgroups": found.subgroups.to_dicts(),
        "features": found.weights.to_dicts(),
        "shifted": found.shifts.filter("shifted").to_dicts(),
        "limits": [*limits, *LIMITS],
    }


def write_card(said: Mapping[str, Any], folder: Path) -> None:
    """Write a card to a folder, as Markdown for people and as JSON for programs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKDOWN).write_text(markdown(said), encoding="utf-8")
    (folder / JSON).write_text(json.dumps(finite(said), indent=1) + "\n", encoding="utf-8")


def markdown(said: Mapping[str, Any]) -> str:
    """A card as Markdown."""
    performance = said["performance"]
    weights = [[row["feature"], f"{row['drop']:.4f}", f"{row['missing']:.0%}"] for row in said["features"]]
    parts = [
        f"# {said['title']}",
        f"**{said['warning']}** Made on {said['made']} by popsim {said['versions']['popsim']}.",
        "## Data",
        _table(["", "Training", "Test"], _data_rows(said)),
        "\n".join(f"- {heading}: {text}" for heading, text in said["source"].items()),
        f"{said['split']} Outcome: `{said['outcome']}`. Estimator: `{said['estimator']}`.",
        "## Performance on the test rows",
        _table(["Figure", "Value", "95% interval"], [_row(name, performance[name]) for name in performance]),
        f"Watch threshold: a risk of {said['watched_from_risk']:.3f}. Observed to predicted above 1: risks too low. "
        "Calibration slope below 1: risks too extreme.",
        *_against(said["against"]),
        "## Calibration",
        _table(
            ["Group", "Rows", "Foreseen", "Happened", "95% interval"],
            [
                [
                    f"{row['group']}",
                    f"{row['rows']}",
                    f"{row['predicted']:.3f}",
                    *_row("", row | {"value": row["observed"]})[1:],
                ]
                for row in said["calibration"]
            ],
        ),
        "## Subgroups",
        _subgroups(said["subgroups"]),
        "## Features",
        f"{len(said['features'])} features; drop: loss of c-statistic when the values of a feature are permuted.",
        _table(["Feature", "Drop", "Missing"], weights[:MAX_FEATURES]),
        _shifted(said["shifted"]),
        "## Limits",
        "\n".join(f"- {limit}" for limit in said["limits"]),
        f"{said['warning']}\n",
    ]
    return "\n\n".join(parts)


def _part(rows: pl.DataFrame, outcome: str) -> dict[str, Any]:
    days = (rows["day"].min(), rows["day"].max()) if "day" in rows.columns else (None, None)
    return {
        "rows": len(rows),
        "persons": rows["person_id"].n_unique(),
        "events": int(rows[outcome].sum()),
        "first_day": days[0],
        "last_day": days[1],
    }


def _figures(found: Performance) -> dict[str, Any]:
    """Performance figures with readable names."""
    return {
        "observed": {"value": found.observed},
        "predicted": {"value": found.predicted},
        "observed to predicted": _estimate(found.ratio),
        "c-statistic": _estimate(found.c_statistic),
        "Brier score": _estimate(found.brier),
        "calibration slope": _estimate(found.slope),
        "false negatives": _estimate(found.false_negatives),
    }


def _estimate(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _data_rows(said: Mapping[str, Any]) -> list[list[str]]:
    names = ("rows", "persons", "events", "first_day", "last_day")
    parts = [said["training"], said["test"]]
    shown = [name for name in names if parts[0][name] is not None]
    return [[name.replace("_", " "), *(f"{part[name]:,}" for part in parts)] for name in shown]


def _against(scores: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        f"On the same rows {score['name']} has a c-statistic of {_shown(score['c_statistic'])}; the model gains "
        f"{_shown(score['gain'])}."
        for score in scores
    ]


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "The rows hold no subgroups (sex, age, deprivation, ethnicity)."
    head = ["", "Group", "Rows", "Events", "Observed to predicted", "c-statistic", "False negatives", ""]
    lines = []
    for row in rows:
        figures = [
            _shown({"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]})
            for name in ("ratio", "c_statistic", "false_negatives")
        ]
        mark = "miscalibrated" if row["miscalibrated"] else ""
        lines.append([row["characteristic"], row["group"], f"{row['rows']}", f"{row['events']}", *figures, mark])
    accused = "Miscalibrated: observed to predicted differs from 1 by more than chance across all groups (95%)."
    return f"{_table(head, lines)}\n\n{accused} Groups with fewer than ten events have no figures."


def _shifted(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "No feature has shifted between training and test (population stability index)."
    named = ", ".join(f"{row['feature']} ({row['index']:.2f})" for row in rows)
    return f"Shifted between training and test (population stability index): {named}."


def _row(name: str, figure: Mapping[str, float]) -> list[str]:
    interval = f"{figure['low']:.3f} to {figure['high']:.3f}" if "low" in figure else ""
    return [name, f"{figure['value']:.3f}", interval]


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None or np.isnan(figure["value"]):
        return "n/a"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def finite(value: Any) -> Any:
    """Numbers that JSON cannot represent as null."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
