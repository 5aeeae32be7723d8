"""Storage of a calibration: the files in its folder.

results/calibration/<name>/<id>/
    manifest.json            the problem, with hashes of every file, of the code and of the result
    calibration.toml         the resolved calibration
    points_1.parquet, wave_1_0.parquet, wave_1_20.parquet, ...   points of a wave, and their simulated figures in parts
    left_out_0.parquet, ...  figures of each study as the others predict them
    check_points.parquet, check_0.parquet, ...   on new random numbers: before, posterior mean, posterior draws
    draws.parquet            posterior draws of the parameters
    identifiability.parquet, directions.parquet, fit.parquet, studies.parquet, severities.parquet, left_out.parquet
    posterior.toml           the file that an experiment names (`calibration = "..."`)
    parameters.png, correlation.png, fit.png
results/calibration/<name>/runs/   units of the simulations
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import polars as pl

from popsim.calibration.fit import CalibrationProblem, Fit, write_frame
from popsim.calibration.problem import Studies
from popsim.calibration.result import (
    calibrated,
    directions,
    fit_table,
    identifiability,
    severities_table,
    studies_table,
)
from popsim.calibration.sources import Source
from popsim.definitions.writing import to_toml
from popsim.errors import InputError
from popsim.learning import emulator
from popsim.runs.work import versions
from popsim.studies.content import SHOWN, combined_hash, file_hash, frame_hash, json_hash

LIBRARIES = ("emcee", "scipy")


def folder_of(problem: CalibrationProblem, results: Path) -> Path:
    """The folder of a calibration: the same problem with the same model has the same folder."""
    studies = [source.study.run_id for source in _sources(problem)]
    code = {
        path.name: file_hash(path) for path in [*sorted(Path(__file__).parent.glob("*.py")), Path(emulator.__file__)]
    }
    asked = [
        problem.calibration.model_dump(mode="json"),
        problem.objectives.each,
        problem.priors.own.tolist(),
        studies,
        code,
    ]
    return results / json_hash(asked)[:SHOWN]


def write_result(fit: Fit, folder: Path, file: Path, posterior: Path | None = None) -> str:
    """Write tables, the posterior's file and the manifest; returns the content hash of the posterior draws and tables.

    Args:
        fit: the result.
        folder: of the calibration's waves.
        file: of the calibration.
        posterior: path of a further copy of the posterior's file.

    Raises:
        InputError: `posterior` cannot be written.
    """
    tables = {
        "draws": pl.DataFrame({name: fit.draws[:, i] for i, name in enumerate(fit.problem.priors.names)}),
        "identifiability": identifiability(fit),
        "directions": directions(fit),
        "fit": fit_table(fit),
        "studies": studies_table(fit),
        "severities": severities_table(fit),
        "left_out": fit.left_out,
    }
    for name, table in tables.items():
        write_frame(table, folder / f"{name}.parquet")
    found = to_toml(calibrated(fit, _description(fit)))
    _write(folder / "posterior.toml", found)
    if posterior is not None:
        try:
            _write(posterior, found)
        except OSError as error:
            raise InputError(f"--posterior {posterior}: cannot be written: {error.strerror}") from None
    _write(folder / "calibration.toml", to_toml(fit.problem.calibration))
    content = combined_hash({name: frame_hash(table) for name, table in tables.items()})
    chains, sources = fit.posterior, _sources(fit.problem)
    manifest = {
        "content_hash": content,
        "calibration": fit.problem.calibration.model_dump(mode="json"),
        "targets": [aim._asdict() for aim in fit.problem.objectives.each],
        "chains": {
            "steps": chains.steps,
            "autocorrelation": chains.autocorrelation,
            "effective": chains.effective,
            "r_hat": chains.r_hat.tolist(),
            "converged": chains.converged,
        },
        "versions": versions() | {name: version(name) for name in LIBRARIES},
        "files": {str(path): file_hash(path) for path in (file, *(source.file for source in sources))},
        "studies": {source.name: source.study.describe() for source in sources},
    }
    _write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    return content


def _sources(problem: CalibrationProblem) -> tuple[Source, ...]:
    """The sources of simulated figures; none where the simulator is not a study."""
    return problem.simulate.sources if isinstance(problem.simulate, Studies) else ()


def _description(fit: Fit) -> str:
    """The description in the posterior's file."""
    fitted = [not aim.baseline for aim in fit.problem.objectives.each]
    table, calibration = fit_table(fit).filter(fitted), fit.problem.calibration
    inside = [int((table[column].abs() <= 2.0).sum()) for column in ("error_before", "error_after")]
    converged = "converged" if fit.posterior.converged else "NOT converged"
    return (
        f"{calibration.title or calibration.name}: posterior of {len(fit.problem.priors.names)} parameters given "
        f"{len(table)} published figures, of which {inside[1]} are met within 2 standard deviations (published error, "
        f"{calibration.discrepancy:.0%} model discrepancy, Monte Carlo, differences between studies) and {inside[0]} "
        f"were before. {len(fit.x)} points of {calibration.people:,} people; chains {converged}. "
        "Written by popsim calibrate."
    )


def _write(path: Path, text: str) -> None:
    """Write a file in one step."""
    temporary = path.with_name(f".tmp-{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
