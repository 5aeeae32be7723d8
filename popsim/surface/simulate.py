"""How the surface runs a study: processes that fit, a progress bar, a folder of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from popsim.arguments import whole_number
from popsim.errors import InputError
from popsim.physiology.own import title
from popsim.reporting.text.progress import progress_bar
from popsim.runs.engine import Engine
from popsim.runs.runner import RunResult, run_study
from popsim.runs.work import Simulate
from popsim.studies.design import Study
from popsim.studies.own_code import elsewhere
from popsim.studies.unit import simulate as simulate_unit

MAX_PROCESSES = 1024


def engine_for(study: Study, workers: int | None, threads: int | None) -> Engine:
    """Processes and threads that fit a study, as cores and memory allow where a number is None.

    Raises:
        InputError: a number is out of bounds, or there is too little memory.
    """
    for name, number in (("workers", workers), ("threads", threads)):
        if number is not None:
            whole_number(name, number, 1, MAX_PROCESSES)
    local = [title(one) for one in study.made_in_python if not elsewhere(one)]
    if local and (workers or 1) > 1:
        raise InputError(f"workers = {workers}: {local[0]} must be in a module that other processes can import, or 1")
    return Engine.of_study(study, 1 if local else workers, threads)


def simulate(
    study: Study, out: str | Path, engine: Engine, progress: bool | None, unit: Simulate = simulate_unit
) -> RunResult:
    """Run what is not in the folder of results yet; `unit` simulates one unit."""
    with progress_bar(study.experiment.name, quiet=progress is False) as on_progress:
        return run_study(study, Path(out), engine, on_progress, unit)


def runner(
    out: str | Path, workers: int | None, threads: int | None, progress: bool | None
) -> Callable[[Study], RunResult]:
    """What runs the studies of an analysis."""
    return lambda study: simulate(study, out, engine_for(study, workers, threads), progress)
