"""Numbers of a model card, drawn from what popsim wrote: `popsim validate`, `popsim score --figures`, `popsim learn`.

Results of another popsim or of other inputs than today's are refused: a card must not be older than its model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from popsim.calibration.validation import by_drug_class, by_stratum, coverage
from popsim.errors import InputError
from popsim.learning.card import JSON as RISK_CARD
from popsim.reporting.cards.risks import (
    Figure,
    as_json,
    estimate,
    interval,
    performance_of,
    risk_misses,
    risk_results,
    risk_tables,
)
from popsim.reporting.pages.blocks import ReportTable
from popsim.studies.content import SHOWN, code_hash, file_hash

VALIDATION, VALIDATION_RECORD = "validation.csv", "validation.json"
HOW = {
    "simulator": "popsim validate",
    "forecast": "popsim score EXPERIMENT --figures results/forecast.json",
    "risk_model": "popsim learn EXPERIMENT",
}
USES = {"calibrate": "fitted", "validate": "held out"}
# assumption: a 90% interval that holds fewer than four in five values is called too narrow
TOO_NARROW = 0.8


class CardEvidence(NamedTuple):
    """What results say.

    Attributes:
        file: of the results.
        digest: of the file.
        code: hash of popsim that made them.
        made: date.
        numbers: text by the name that facts use.
        results: of the card's key metrics (usefulness, fairness, safety): label and JSON.
        tables: of the card.
        misses: what the model gets wrong, one sentence each.
        warnings: why the results say less than they seem to, one sentence each.
    """

    file: Path
    digest: str
    code: str
    made: str
    numbers: Mapping[str, str]
    results: Mapping[str, Sequence[tuple[str, str]]]
    tables: Sequence[ReportTable]
    misses: Sequence[str]
    warnings: Sequence[str] = ()


def read_evidence(kind: str, path: Path) -> CardEvidence:
    """The results of a model.

    Args:
        kind: of facts.KINDS.
        path: results/validation, a file of `popsim score --figures`, or the folder of `popsim learn`.

    Raises:
        InputError: they are missing, unreadable, or older than the model.
    """
    return {"simulator": _simulator, "forecast": _forecast, "risk_model": _risk_model}[kind](path)


def _record(path: Path, kind: str) -> dict[str, Any]:
    """A record with the hash of the code that made it, which must be today's."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{path}: no results; '{HOW[kind]}' makes them") from None
    except ValueError:
        raise InputError(f"{path}: is no JSON; '{HOW[kind]}' makes it anew") from None
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        raise InputError(f"{path}: does not say of which popsim it is; '{HOW[kind]}' makes it anew")
    if said["code"] != code_hash():
        raise InputError(
            f"{path}: results of another model ({said['code'][:SHOWN]}, now {code_hash()[:SHOWN]}): a card would be "
            f"older than its model; '{HOW[kind]}' makes them anew"
        )
    return said


def _simulator(folder: Path) -> CardEvidence:
    """Published figures that the simulator reproduces, and those that it does not."""
    record = _record(folder / VALIDATION_RECORD, "simulator")
    for name, digest in record["files"].items():
        if not Path(name).is_file() or file_hash(Path(name)) != digest:
            raise InputError(f"{name}: changed since {folder / VALIDATION_RECORD}; 'popsim validate' makes it anew")
    path = folder / VALIDATION
    try:
        table = pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError):
        raise InputError(f"{path}: cannot be read; 'popsim validate' makes it anew") from None
    judged = table.filter((pl.col("use") == "validate") & pl.col("inside").is_not_null())
    if judged.is_empty():
        raise InputError(f"{path}: holds no figure for validation")
    uses = {row["use"]: row for row in coverage(table).iter_rows(named=True)}
    strata = by_stratum(table)
    outside = judged.filter(~pl.col("inside"))
    inside, total = int(judged["inside"].sum()), len(judged)
    files, of_files = len(record["files"]), max(record.get("of_files", 0), len(record["files"]))
    said_files = f"{files}" if files == of_files else f"{files} of {of_files}"
    numbers = {
        "inside": f"{inside}", "targets": f"{total}", "share": f"{inside / total:.0%}", "outside": f"{total - inside}",
        "studies": f"{judged['study'].n_unique()}", "files": said_files,
        "people": f"{record['people']:,}",
        "largest_factor": f"{max(strata['largest_factor'].drop_nulls().to_list(), default=1.0):.2g}",
    }  # fmt: skip
    rows = [
        (
            row["stratum"].replace("_", " "),
            f"{row['studies']}",
            f"{row['inside']} of {row['targets']}",
            f"{row['share']:.0%}",
        )
        for row in strata.iter_rows(named=True)
    ]
    drugs = [
        (
            row["drug_class"].replace("_", " "),
            f"{row['targets']}",
            interval(row["difference"], row["low"], row["high"]),
        )
        for row in by_drug_class(table).iter_rows(named=True)
    ]
    head = ["Study", "Figure", "Published (95%)", "Simulated (95%)", "Standard errors apart"]
    missed = [
        (row["study"], row["target"].replace("_", " "), *_both(row), f"{row['distance']:+.1f}")
        for row in outside.iter_rows(named=True)
    ]
    tables = [
        ReportTable(
            "Published figures that nobody fitted, by kind of study", ["Kind", "Studies", "Inside", "Share"], rows
        ),
        ReportTable("Log hazard ratio, simulated minus published", ["Drugs", "Targets", "Difference (95%)"], drugs),
        ReportTable("Held-out figures outside", head, missed),
    ]
    results = {
        "usefulness": [
            (
                f"published figures inside, {USES[use]}",
                as_json(value=row["share"], inside=row["inside"], targets=row["targets"]),
            )
            for use, row in uses.items()
        ],
        "fairness": [
            (f"figures inside, {row['stratum']}", as_json(value=row["share"], targets=row["targets"]))
            for row in strata.iter_rows(named=True)
        ],
        "safety": [(f"missed: {row[0]} {row[1]}", as_json(standard_errors=float(row[4]))) for row in missed]
        or [("missed figures", as_json(value=0))],
    }
    misses = [f"{row[0]}, {row[1]}: published {row[2]}, simulated {row[3]}." for row in missed]
    few = (
        f"This card rests on {files} of {of_files} target files: {inside} of {total} figures inside says nothing of "
        "the others. 'popsim validate' without names simulates all."
    )
    warnings = [few] if files < of_files else []
    return _evidence(path, record, numbers, results, tables, misses)._replace(warnings=warnings)


def _both(row: Figure) -> tuple[str, str]:
    """The published and the simulated figure of a target."""
    return tuple(  # type: ignore[return-value]
        f"{row[name]:.3g} ({row[f'{name}_low']:.3g} to {row[f'{name}_high']:.3g})"
        for name in ("published", "simulated")
    )


def _forecast(path: Path) -> CardEvidence:
    """Risks and trajectories that twins foresaw, against what happened to the same simulated people."""
    said = _record(path, "forecast")
    rivals: dict[str, list[str]] = {}
    for row in said["scores"]:
        known = "n/a" if row["c_statistic"] is None else f"{row['c_statistic']:.2f}"  # nobody has the event
        rivals.setdefault(row["event"], []).append(f"{row['forecaster']} {known}")
    numbers = {
        "people": f"{said['people']:,}", "days": f"{said['days']}", "members": f"{said['members']}",
        "population": f"{said['population']:,}", "experiment": said["experiment"].replace("_", " "),
        "strategy": said["strategy"].replace("_", " "),
    }  # fmt: skip
    tables: list[ReportTable] = []
    misses: list[str] = []
    overall = []
    for event in said["events"]:
        name = event["label"]
        overall.append(
            (
                name,
                f"{event['events']} of {event['people']:,}",
                *performance_of(event),
                ", ".join(rivals[event["event"]]),
            )
        )
        tables += risk_tables(name, event)
        misses += risk_misses(name, event)
    head = ["Event", "Happened", "Observed to expected", "c-statistic", "Calibration slope", "c-statistic of others"]
    tables.insert(0, ReportTable(f"Risks within {said['days']} days (95% intervals)", head, overall))
    signals = [
        (row["column"], f"{row['day']}", f"{row['persons']:,}", f"{row['crps']:.3g}", f"{row['covered']:.0%}")
        for row in said["signals"]
    ]
    tables.insert(1, ReportTable("Trajectories", ["Signal", "Day", "People", "CRPS", "In the 90% interval"], signals))
    misses += [
        f"{row['column']} after {row['day']} days: the 90% interval holds {row['covered']:.0%} of values: too narrow."
        for row in said["signals"]
        if row["covered"] < TOO_NARROW
    ]
    return _evidence(path, said, numbers, risk_results(said["events"]), tables, misses)


def _risk_model(folder: Path) -> CardEvidence:
    """A learned model on people and times outside its training data."""
    path = folder / RISK_CARD if folder.is_dir() else folder
    said = _record(path, "risk_model")
    figures = said["performance"]
    event = {
        "label": said["outcome"], "events": said["test"]["events"], "people": said["test"]["rows"],
        "observed_to_predicted": figures["observed to predicted"], "c_statistic": figures["c-statistic"],
        "slope": figures["calibration slope"], "brier": figures["Brier score"], "missed": figures["false negatives"],
        "calibration": said["calibration"], "decision_curve": said["decision_curve"], "subgroups": said["subgroups"],
    }  # fmt: skip
    numbers = {
        "title": said["title"], "outcome": said["outcome"].replace("_", " "), "split": said["split"],
        "training_rows": f"{said['training']['rows']:,}", "training_events": f"{said['training']['events']:,}",
        "training_persons": f"{said['training']['persons']:,}", "test_rows": f"{said['test']['rows']:,}",
        "test_events": f"{said['test']['events']:,}", "test_persons": f"{said['test']['persons']:,}",
        "features": f"{len(said['features'])}", "estimator": said["estimator"],
        "watched_from": f"{said['watched_from_risk']:.3f}", "shifted": f"{len(said['shifted'])}",
        "source": "; ".join(f"{heading}: {text}" for heading, text in said["source"].items()),
    }  # fmt: skip
    against = "; ".join(f"{one['name']} {estimate(one['c_statistic'])}" for one in said["against"])
    head = ["Outcome", "Happened", "Observed to expected", "c-statistic", "Calibration slope", "c-statistic of others"]
    row = (event["label"], f"{event['events']:,} of {event['people']:,}", *performance_of(event), against)
    tables = [ReportTable("On the test rows (95% intervals)", head, [row]), *risk_tables(event["label"], event)]
    features = [(one["feature"], f"{one['drop']:.4f}", f"{one['missing']:.0%}") for one in said["features"]]
    tables.append(ReportTable("Features", ["Feature", "c-statistic lost when shuffled", "Missing"], features))
    misses = risk_misses(event["label"], event)
    misses += [
        f"{event['label']}: no better than {one['name']}: c-statistic less its c-statistic {estimate(one['gain'])}."
        for one in said["against"]
        if one["gain"]["low"] is not None and one["gain"]["low"] <= 0.0
    ]
    misses += [
        f"{one['feature']} has shifted since training (stability index {one['index']:.2f})." for one in said["shifted"]
    ]
    misses += said["limits"]
    return _evidence(path, said, numbers, risk_results([event]), tables, misses)


def _evidence(
    path: Path,
    record: Mapping[str, Any],
    numbers: Mapping[str, str],
    results: Mapping[str, Sequence[tuple[str, str]]],
    tables: Sequence[ReportTable],
    misses: Sequence[str],
) -> CardEvidence:
    made = record.get("made", "")
    every = {**numbers, "made": made, "misses": f"{len(misses)}"}
    return CardEvidence(path, file_hash(path), record["code"], made, every, results, tables, misses)


def _words(name: str) -> str:
    return name.replace("_", " ")
