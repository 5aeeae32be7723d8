"""Simulated figures beside published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from popsim.calibration.sources import read_source
from popsim.calibration.validation import validated
from popsim.studies.design import Change
from popsim.surface.examples import FOLDER
from popsim.surface.frames import as_requested
from popsim.surface.simulate import runner


def validate(
    *files: str | Path,
    population: int | None = None,
    replications: int | None = None,
    out: str | Path = "results",
    workers: int | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    pandas: bool = False,
) -> Any:
    """Simulate published studies and compare their figures.

    Args:
        files: target files and trials; all that are shipped when there are none.
        population: twins in each replication, instead of the files'.
        replications: instead of the files'.
        out, workers, threads, progress: as for `Experiment.run`.
        pandas: whether the table is a pandas one.

    Returns:
        A row for each target: source, study, stratum, target, use ("calibrate", "validate", "baseline" or "context"),
        published and simulated with their intervals, distance (in standard errors, tau included), inside (whether
        they agree) and not_measured (why too few people give no figure; null where they do).

    Raises:
        InputError: a file or a number is refused, or a figure for validation was fitted.
    """
    said = {"population": population, "replications": replications}
    changes = {name: Change(name, value) for name, value in said.items() if value is not None}
    shipped = [
        path for part in ("targets", "trials") for path in sorted((FOLDER / "experiments" / part).glob("*.toml"))
    ]
    sources = [read_source(path, changes) for path in files or shipped]
    return as_requested(validated(sources, runner(out, workers, threads, progress)), pandas)
