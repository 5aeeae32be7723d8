"""What is left of a calibration in its folder, beside the waves.

results/calibration/<name>/<id>/
    manifest.json            what was asked, with hashes of every file, of the code and of the result
    calibration.toml         the calibration as it was resolved
    points_1.parquet, wave_1.parquet, ...   what each wave asked, and what it was told
    check_points.parquet, check.parquet     the same with fresh luck: before, posterior mean, posterior draws
    draws.parquet            posterior draws of the parameters
    identifiability.parquet, directions.parquet, fit.parquet
    posterior.toml           the file that an experiment names (`calibration = "..."`)
    parameters.png, correlation.png, fit.png
results/calibration/<name>/runs/   units of the simulations
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from popsim.calibration.fit import Fit, write_frame
from popsim.calibration.result import calibrated, directions, fit_table, identifiability
from popsim.definitions.writing import to_toml
from popsim.experiments.content import combined_hash, frame_hash
from popsim.experiments.work import versions

LIBRARIES = ("emcee", "optuna", "scikit-learn")


def keep(fit: Fit, folder: Path, description: str, origin: Mapping[str, Any]) -> str:
    """Write tables, the posterior's file and the manifest; returns the content hash of the posterior draws and tables.

    Args:
        fit: what was found.
        folder: of the calibration's waves.
        description: what the posterior's file says of itself.
        origin: files and code that it depends on, for the manifest.
    """
    tables = {
        "draws": pl.DataFrame({name: fit.draws[:, i] for i, name in enumerate(fit.problem.priors.names)}),
        "identifiability": identifiability(fit),
        "directions": directions(fit),
        "fit": fit_table(fit),
    }
    for name, table in tables.items():
        write_frame(table, folder / f"{name}.parquet")
    _write(folder / "posterior.toml", to_toml(calibrated(fit, description)))
    _write(folder / "calibration.toml", to_toml(fit.problem.calibration))
    content = combined_hash({name: frame_hash(table) for name, table in tables.items()})
    posterior = {k: v for k, v in asdict(fit.posterior).items() if k in ("steps", "autocorrelation", "effective")}
    manifest = {
        "content_hash": content,
        "calibration": fit.problem.calibration.model_dump(mode="json"),
        "targets": [aim._asdict() for aim in fit.problem.aims.each],
        "chains": posterior | {"r_hat": fit.posterior.r_hat.tolist(), "converged": fit.posterior.converged},
        "versions": versions() | {name: version(name) for name in LIBRARIES},
        **origin,
    }
    _write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    return content


def _write(path: Path, text: str) -> None:
    """In one step."""
    temporary = path.with_name(f".tmp-{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
