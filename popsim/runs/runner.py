"""Runs a study: computes what the store lacks, then combines and describes all results."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import RunError
from popsim.outcomes.equity import with_gaps
from popsim.outcomes.regions import merge
from popsim.plurals import counted
from popsim.runs.engine import Engine, check_memory
from popsim.runs.executors.starting import leave_if_script_is_imported
from popsim.runs.store import RunStore, UnitStore
from popsim.runs.tables import RunTables
from popsim.runs.unit_file import UnitRecord
from popsim.runs.warm_up import ADMISSIONS, DAILY, WarmUpRule, after_warm_up, keeps_waits, waits_after, warm_up_of
from popsim.runs.work import (
    TRIES,
    Failure,
    MakeTask,
    OnProgress,
    Scheduler,
    Simulate,
    UnitReference,
    WriteTask,
    versions,
)
from popsim.studies.content import combined_hash
from popsim.studies.design import Study, Unit
from popsim.studies.unit import simulate as simulate_unit
from popsim.studies.unit import warm_up as warm_up_kernels

MAX_FAILURES_SHOWN = 3
OF_PERSONS = ("persons", "daily", "admissions", "urgent_visits")  # tables of a run unless it stores measures alone

type WarmUp = Callable[[Sequence[Unit]], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run.

    Attributes:
        study: the study.
        folder: of the results.
        content_hash: of the values of all results.
        tables: summary, comparisons and cost_effectiveness, as written.
        computed: number of units that were computed.
        seconds: wall-clock time.
        warm_up: the days that beds and waits leave out, and why.
    """

    study: Study
    folder: Path
    content_hash: str
    tables: Mapping[str, pl.DataFrame]
    computed: int
    seconds: float
    warm_up: WarmUpRule


def run_study(
    study: Study,
    results: Path,
    engine: Engine,
    on_progress: OnProgress = lambda done, total, failed: None,
    simulate: Simulate = simulate_unit,
    warm_up: WarmUp = warm_up_kernels,
) -> RunResult:
    """Run missing units and combine the results in `results/<experiment>/<run id>/`.

    Units that fail three times, or take longer than their deadline, are quarantined: the others are finished, no
    results are combined, and the same run tries them again.

    Args:
        study: what to run.
        results: folder of all results.
        engine: processes and threads.
        on_progress: called with the number of finished units, of all units and of those given up.
        simulate: makes the tables of one unit; a module-level function, so that worker processes can find it.
        warm_up: called once in this process before workers start, so that they find compiled kernels in the cache.

    Raises:
        InputError: the folder cannot be written, a unit does not fit into memory, there is no such cluster.
        RunError: some units failed, or the disk is full; finished units are kept.
    """
    leave_if_script_is_imported()
    began = time.perf_counter()
    started_at = datetime.now(UTC)
    if not engine.address:
        check_memory(study.experiment)
    real_people = study.cohort.definition.table is not None
    store = RunStore(results / study.experiment.name / study.run_id, private=real_people)
    units = study.units
    with store.units.opened() as others_work_here:
        records = {unit.key: record for unit in units if (record := store.units.finished(unit.key))}
        missing = [unit for unit in units if unit.key not in records]
        if others_work_here:
            missing.reverse()  # the other runner works from the other end
        if missing:
            store.write_begun(study.flags, {unit.key: unit.name for unit in units})
        records |= computed(study, missing, len(units), store.units, engine, on_progress, simulate, warm_up)
        tables, left_out = _combined(store, study, units)
        content = _content_hash(units, records)
        seconds = time.perf_counter() - began
        store.write_manifest(
            {
                "run_id": study.run_id,
                "content_hash": content,
                "started_at": started_at.isoformat(timespec="seconds"),
                "seconds": round(seconds, 3),
                "engine": asdict(engine),
                "versions": versions(),
                "machine": {"system": platform.platform(), "cores": os.cpu_count()},
                "units": [_described(unit, records[unit.key]) for unit in units],
                **study.describe(),
            }
        )
        store.make_latest()
    return RunResult(study, store.folder, content, tables, len(missing), seconds, left_out)


def computed(
    study: Study,
    missing: Sequence[Unit],
    total: int,
    store: UnitStore,
    engine: Engine,
    on_progress: OnProgress,
    simulate: Simulate,
    warm_up: WarmUp,
) -> dict[str, UnitRecord]:
    """Compute the missing units (`total` in all); returns their records."""
    there = total - len(missing)
    scheduler = Scheduler(
        [UnitReference.of(unit) for unit in missing],
        store,
        lambda done, failed: on_progress(there + done, total, failed),
    )
    on_progress(there, total, 0)
    if missing:
        if not engine.in_this_process:
            warm_up(missing)
        make_task = MakeTask(study, simulate)
        with engine.executor(make_task, WriteTask(make_task, store), len(missing), study.experiment) as executor:
            scheduler.work_through(executor)
    if scheduler.failures:
        raise RunError(_failure_message(scheduler.failures, total, store))
    return scheduler.records


def _content_hash(units: Sequence[Unit], records: Mapping[str, UnitRecord]) -> str:
    """One hash of the values of all tables of all units, whoever computed them and in whatever order."""
    return combined_hash(
        {f"{unit.name}/{table}": content for unit in units for table, content in records[unit.key].contents.items()}
    )


def _combined(store: RunStore, study: Study, units: tuple[Unit, ...]) -> tuple[dict[str, pl.DataFrame], WarmUpRule]:
    """Write the tables of the whole run; the largest (events) stay in the files of their units.

    Returns the smaller tables, and the days that beds and waits leave out.
    """
    keys = [unit.key for unit in units]
    kept = ("measures",) if study.experiment.store == "measures" else ("measures", *OF_PERSONS)
    names = pl.Enum([strategy.name for strategy in study.experiment.strategies])
    scans = {name: store.units.scan(name, keys).with_columns(pl.col("strategy").cast(names)) for name in kept}
    for name in kept[1:]:
        store.write_table(name, scans[name])
    experiment, network, daily = study.experiment, study.network, scans.get(DAILY)
    warm_up = warm_up_of(experiment, network, daily, scans.get(ADMISSIONS))
    with_events = keys if warm_up.days and keeps_waits(experiment) else ()
    waits = [waits_after(store.units, key, network, warm_up.days) for key in with_events]
    measures = with_gaps(merge(after_warm_up(scans["measures"], daily, waits, network, warm_up.days)))
    store.write_table("measures", measures)
    tables = RunTables.of(measures, experiment)._asdict()
    if experiment.draws:
        tables["draws"] = study.draw_table()
    for name, table in tables.items():
        store.write_table(name, table)
    return tables, warm_up


def _described(unit: Unit, record: UnitRecord) -> dict[str, Any]:
    return {
        "key": unit.key,
        "strategy": unit.strategy.name,
        "draw": unit.draw,
        "replication": unit.replication,
        "region": unit.region,
        "seconds": round(record.seconds, 3),
        "seal": record.seal,
        "contents": record.contents,
    }


def _failure_message(failures: Sequence[Failure], total: int, store: UnitStore) -> str:
    shown = "; ".join(f"{failure.task.name} ({failure.problem.text})" for failure in failures[:MAX_FAILURES_SHOWN])
    more = len(failures) - MAX_FAILURES_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"{len(failures)} of {counted(total, 'unit')} failed {TRIES} times: {shown}{rest}; no results without them; "
        f"details in {store.quarantine}; the same command tries them again"
    )
