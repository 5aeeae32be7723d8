"""Storage of a search: the files in its folder.

results/search/<name>/<id>/
    manifest.json     the problem, with hashes of every file, of the code and of the result
    search.toml       the resolved search
    trials.parquet    the trials of all variants
    race.parquet      the finalists on new replications
    verdict.parquet   the winner on further replications
    best.toml         the winning strategy, to be copied into an experiment
    search.png
results/search/<name>/runs/   units of the simulations, from which an interrupted search resumes
"""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w

from popsim.analyses.policy_problem import PolicyProblem, Variant
from popsim.definitions.search import Search
from popsim.definitions.writing import to_toml
from popsim.errors import InputError
from popsim.runs.work import versions
from popsim.search.policy import SearchResult
from popsim.search.trials import SearchTrial, excess
from popsim.statistics import Estimate
from popsim.studies.content import SHOWN, combined_hash, file_hash, frame_hash, json_hash

WARNING = "# For research, not for care.\n"


def folder_of(problem: PolicyProblem, results: Path) -> Path:
    """The folder of a search: the same problem with the same model has the same folder."""
    code = {path.name: file_hash(path) for path in sorted(Path(__file__).parent.glob("*.py"))}
    return results / json_hash([problem.search.model_dump(mode="json"), problem.study.run_id, code])[:SHOWN]


def write_result(result: SearchResult, folder: Path) -> str:
    """Write tables, the winning strategy and the manifest; returns the content hash of the tables.

    Raises:
        InputError: the folder cannot be written.
    """
    tables = {"trials": trial_table(result), "race": race_table(result), "verdict": verdict_table(result)}
    content = combined_hash({name: frame_hash(table) for name, table in tables.items()})
    problem = result.problem
    manifest = {
        "content_hash": content,
        "search": problem.search.model_dump(mode="json"),
        "versions": versions() | {"optuna": version("optuna")},
        "files": {str(problem.file): file_hash(problem.file)} if problem.file.is_file() else {},
        "study": problem.study.describe(),
    }
    texts = {
        "search.toml": to_toml(problem.search),
        "best.toml": WARNING + tomli_w.dumps({"strategies": [tomllib.loads(to_toml(result.strategy))]}),
        "manifest.json": json.dumps(manifest, indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            temporary = folder / f".tmp-{name}.parquet"
            table.write_parquet(temporary)
            temporary.replace(folder / f"{name}.parquet")
        for name, text in texts.items():
            temporary = folder / f".tmp-{name}"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(folder / name)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be written: {error.strerror}") from None
    return content


def trial_table(result: SearchResult) -> pl.DataFrame:
    """Every variant: trial, a column for each choice (its path), gain, low, high (95%), spent, affordable."""
    search = result.problem.search
    rows = [{"trial": t.variant.number} | _values(t.variant, search) | _seen(t, search) for t in result.trials]
    return pl.DataFrame(rows, infer_schema_length=None)


def race_table(result: SearchResult) -> pl.DataFrame:
    """The finalists, the winner first.

    Returns:
        trial, a column for each choice, replications, gain, low, high (over the comparator), ahead, ahead_low,
        ahead_high (of the winner, paired; null for the winner), may_be_better (probability), spent.
    """
    search = result.problem.search
    rows = []
    for runner in result.runners:
        ahead = runner.ahead
        rows.append(
            {"trial": runner.variant.number}
            | _values(runner.variant, search)
            | {
                "replications": runner.gain.sample,
                "gain": runner.gain.value,
                "low": runner.gain.low,
                "high": runner.gain.high,
                "ahead": ahead.value if ahead else None,
                "ahead_low": ahead.low if ahead else None,
                "ahead_high": ahead.high if ahead else None,
                "may_be_better": runner.may_be_better,
                "spent": runner.spent,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def verdict_table(result: SearchResult) -> pl.DataFrame:
    """The winner on new replications: figure, mean, low, high, replications."""
    verdict = result.verdict
    figures = [
        ("gain", verdict.gain),
        ("gain_of_strategy_as_it_stands", verdict.before),
        ("improvement", verdict.improvement),
        ("spent", verdict.spent),
        ("best_probability", Estimate(verdict.best_probability, sample=result.problem.search.race)),
    ]
    rows = [(name, one.value, one.low, one.high, one.sample) for name, one in figures]
    frame = pl.DataFrame(rows, ["figure", "mean", "low", "high", "replications"], orient="row")
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _values(variant: Variant, search: Search) -> dict[str, Any]:
    return {c.path: value for c, value in zip(search.choices, variant.values, strict=True)}


def _seen(trial: SearchTrial, search: Search) -> dict[str, Any]:
    interval = Estimate.of(trial.outcome.gain)
    return {
        "gain": trial.gain,
        "low": interval.low,
        "high": interval.high,
        "spent": trial.spent,
        "affordable": excess(trial.spent, search) <= 0.0,
    }
