"""Runs a study: what the store does not have yet is computed, then everything is put together and described."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from popsim.economics.cost_effectiveness import cost_effectiveness, paired_differences, strategy_means
from popsim.errors import RunError
from popsim.experiments.content import combined_hash
from popsim.experiments.design import Study, Unit
from popsim.experiments.store import RunStore, Tables, UnitRecord
from popsim.experiments.unit import simulate as simulate_unit
from popsim.experiments.unit import warm_up as warm_up_kernels
from popsim.experiments.workers import Outcome, run_here, run_in_workers
from popsim.kernels.threads import use_threads
from popsim.outcomes.regions import merge

LIBRARIES = ("popsim", "mesa", "numpy", "numba", "networkx", "polars", "pydantic", "scipy")
BYTES_PER_TWIN = 3000  # peak while a year is simulated and its tables are made: 2,700 measured at 200,000 twins
MOST_FAILURES_SHOWN = 3

type Simulate = Callable[[Unit], Tables]
type WarmUp = Callable[[Sequence[Unit]], None]
type OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """How the work is spread: `workers` processes with `threads` kernel threads each."""

    workers: int
    threads: int

    @classmethod
    def fitting(cls, workers: int | None, threads: int | None, units: int, population: int) -> Engine:
        """What was asked for; what was left open fills the cores, with as many processes as memory has room for."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if workers is None:
            room = max(1, _free_memory() // (population * BYTES_PER_TWIN))
            workers = min(max(1, cores // (threads or 1)), units, room)
        return cls(workers, threads or max(1, cores // workers))


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        study: what was run.
        folder: where everything lies.
        content_hash: of the values of all results.
        tables: summary, comparisons and cost_effectiveness, as written.
        computed: units that were not there yet.
        seconds: wall-clock time.
    """

    study: Study
    folder: Path
    content_hash: str
    tables: Mapping[str, pl.DataFrame]
    computed: int
    seconds: float


def run_study(
    study: Study,
    results: Path,
    engine: Engine,
    on_progress: OnProgress = lambda done, total: None,
    simulate: Simulate = simulate_unit,
    warm_up: WarmUp = warm_up_kernels,
) -> RunResult:
    """Run what is missing and put the results together in `results/<experiment>/<run id>/`.

    Args:
        study: what to run.
        results: folder of all results.
        engine: processes and threads.
        on_progress: called with the number of finished units and of all units.
        simulate: makes the tables of one unit; a module-level function, so that worker processes can find it.
        warm_up: called once in this process before workers start, so that they find compiled kernels in the cache.

    Raises:
        InputError: the folder cannot be written.
        RunError: some pieces of work failed; the others are kept.
    """
    began = time.perf_counter()
    started_at = datetime.now(UTC)
    store = RunStore(results / study.experiment.name / study.run_id)
    store.create()
    units = study.units
    missing = [unit for unit in units if store.finished(unit.key) is None]
    done = len(units) - len(missing)
    on_progress(done, len(units))
    failures: list[Outcome] = []
    for outcome in _outcomes(missing, partial(_compute, store.folder, simulate), warm_up, engine):
        if outcome.problem:
            failures.append(outcome)
        else:
            done += 1
            on_progress(done, len(units))
    if failures:
        raise RunError(_failure_message(failures, len(units)))
    records = [store.record(unit.key) for unit in units]
    content = _content_hash(units, records)
    tables = _put_together(store, study, units)
    seconds = time.perf_counter() - began
    store.write_manifest(
        {
            "run_id": study.run_id,
            "content_hash": content,
            "started_at": started_at.isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "engine": {"workers": engine.workers, "threads": engine.threads},
            "versions": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
            "machine": {"system": platform.platform(), "cores": os.cpu_count()},
            "units": [_described(unit, record) for unit, record in zip(units, records, strict=True)],
            **study.describe(),
        }
    )
    return RunResult(study, store.folder, content, tables, len(missing), seconds)


def _outcomes(missing: list[Unit], work: Callable[[Unit], None], warm_up: WarmUp, engine: Engine) -> Iterator[Outcome]:
    """Work through the missing pieces, in this process when one worker is enough."""
    workers = min(engine.workers, len(missing))
    if engine.workers == 1 or not missing:
        use_threads(engine.threads)
        return run_here(missing, work)
    warm_up(missing)
    return run_in_workers(missing, work, workers, partial(use_threads, engine.threads))


def _compute(folder: Path, simulate: Simulate, unit: Unit) -> None:
    """One piece of work, from nothing to the store."""
    began = time.perf_counter()
    tables = simulate(unit)
    RunStore(folder).write_unit(unit.key, tables, time.perf_counter() - began)


def _content_hash(units: tuple[Unit, ...], records: list[UnitRecord]) -> str:
    """One hash of the values of all tables of all pieces, whoever computed them and in whatever order."""
    return combined_hash(
        {
            f"{unit.name}/{table}": content
            for unit, record in zip(units, records, strict=True)
            for table, content in record.contents.items()
        }
    )


def _put_together(store: RunStore, study: Study, units: tuple[Unit, ...]) -> dict[str, pl.DataFrame]:
    """Write the tables of the whole run; those of the largest kind (events) stay with their units."""
    keys = [unit.key for unit in units]
    kept = ("measures",) if study.experiment.store == "measures" else ("measures", "persons", "daily", "admissions")
    for name in kept[1:]:
        store.write_combined(name, keys)
    measures = merge(store.scan("measures", keys))
    store.write_table("measures", measures)
    experiment = study.experiment
    tables = {
        "summary": strategy_means(measures),
        "comparisons": paired_differences(measures, experiment.reference),
        "cost_effectiveness": cost_effectiveness(measures, experiment.reference, experiment.willingness_to_pay),
    }
    if experiment.draws:
        tables["draws"] = study.draw_table()
    for name, table in tables.items():
        store.write_table(name, table)
    return tables


def _described(unit: Unit, record: UnitRecord) -> dict[str, Any]:
    return {
        "key": unit.key,
        "strategy": unit.strategy.name,
        "draw": unit.draw,
        "replication": unit.replication,
        "region": unit.region,
        "seconds": round(record.seconds, 3),
        "checksums": record.checksums,
        "contents": record.contents,
    }


def _failure_message(failures: list[Outcome], total: int) -> str:
    shown = "; ".join(f"{failure.job.name} ({failure.problem})" for failure in failures[:MOST_FAILURES_SHOWN])
    more = len(failures) - MOST_FAILURES_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"{len(failures)} of {total} units failed: {shown}{rest}; the same command tries them again"


def _free_memory() -> int:
    """Bytes that can be used without swapping; where the system does not say, assume 8 GiB."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return 8 * 1024**3
