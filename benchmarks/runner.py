"""(g) What running experiments costs beside the simulation itself: the runner, the store, and a second worker."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import polars as pl

from benchmarks.measuring import Row, Section, alternate
from popsim.runs.engine import Engine
from popsim.runs.executors.serial import SerialExecutor
from popsim.runs.runner import run_study
from popsim.runs.store import UnitStore
from popsim.runs.unit_file import Tables
from popsim.runs.work import MakeTask, Scheduler, UnitReference, WriteTask
from popsim.studies.design import Change, Study, Unit, read_study
from popsim.studies.unit import warm_up

EXPERIMENT = Path(__file__).parents[1] / "experiments" / "heart_failure_discharge.toml"
BASE_CASE = {"draws": 0, "entry": "as_described", "run_in_days": 0}
MEASURES = 100  # rows of the table of a unit that keeps nothing else
SPIN = 20_000  # calls of a function between looks at the clock
SECONDS = 0.1  # of work in a unit whose store is measured
GOAL_RUNNER_MS, GOAL_STORE, GOAL_SCALING = 5.0, 0.01, 1.8


def study_of(**values: object) -> Study:
    """The flagship experiment without draws and past, keeping only measures, with other numbers."""
    changes = {key: Change(f"--{key}", value) for key, value in (BASE_CASE | {"store": "measures"} | values).items()}
    return read_study(EXPERIMENT, changes)


def nothing(unit: Unit) -> Tables:
    """A unit that takes no time: a table of measures of the usual size, and what a run cannot do without."""
    names = ["cost_total", "qalys", *(f"measure_{i}" for i in range(MEASURES - 2))]
    measures = pl.DataFrame(
        {
            "strategy": unit.strategy.name,
            "draw": pl.Series([unit.draw] * MEASURES, dtype=pl.Int32),
            "replication": pl.Series([unit.replication] * MEASURES, dtype=pl.Int32),
            "region": pl.Series([unit.region] * MEASURES, dtype=pl.Int32),
            "measure": names,
            "value": [1.0 + 0.01 * unit.replication + i for i in range(MEASURES)],
            "weight": [1.0] * MEASURES,
        }
    )
    return {"measures": measures}


class Spinning:
    """A unit that computes for about 0.1 s: the same work every time, however fast the machine is meanwhile."""

    def __init__(self) -> None:
        self.rounds = max(1, round(SPIN * SECONDS / min(_seconds(spin, SPIN) for _ in range(9))))

    def __call__(self, unit: Unit) -> Tables:
        spin(self.rounds)
        return nothing(unit)


def spin(rounds: int) -> float:
    """Arithmetic that keeps one core busy."""
    total = 0.0
    for i in range(rounds):
        total += math.sin(i)
    return total


def sections(quick: bool, turns: int) -> list[Section]:
    """Overhead of the runner and of the store, and what a second worker brings."""
    units = 600 if quick else 3000
    return [overhead(units, turns), store(20, turns), scaling(4_000 if quick else 20_000, max(1, turns // 2))]


def overhead(units: int, turns: int) -> Section:
    """Milliseconds a unit that the runner takes for units that take no time."""
    study = study_of(replications=units // 3)
    around: list[float] = []

    def run(engine: Engine) -> Callable[[], float]:
        def turn() -> float:
            with scratch() as folder:
                done: list[float] = []
                began = time.perf_counter()
                run_study(study, folder, engine, lambda *_: done.append(time.perf_counter()), nothing, lambda _: None)
                if engine.in_this_process:
                    around.append((time.perf_counter() - done[-1] + done[0] - began) / units * 1e3)
                return (done[-1] - done[1]) / (units - 1) * 1e3  # from the first unit that is done to the last

        return turn

    rows = alternate({
        "in this process": run(Engine(1, 1)),
        "one worker process": run(Engine(1, 1, deadline=600.0)),
        "two worker processes": run(Engine(2, 1)),
    }, turns)  # fmt: skip
    rows.append(Row("planning, putting together", tuple(around)))
    notes = [
        f"{units:,} units without work: handed out, a table made, stored on the disk; goal: {GOAL_RUNNER_MS:g} ms.",
        "Starting processes is not in it. Planning and putting together: before the first and after the last unit.",
    ]
    return Section("(g) The runner: milliseconds a unit", "milliseconds a unit", rows, notes, digits=3)


def store(units: int, turns: int) -> Section:
    """Units of 0.1 s with and without a durable store; also by processor time, which others disturb less."""
    study = study_of(replications=-(-units // 3))
    make_task = MakeTask(study, Spinning())
    tickets = [UnitReference.of(unit) for unit in study.units][:units]
    made = [(reference.key, nothing(unit)) for reference, unit in zip(tickets, study.units, strict=False)]
    worked: dict[str, list[float]] = {"nothing stored": [], "durable store": [], "the store alone, waiting": []}

    def measured(name: str, work: Callable[[], object]) -> float:
        before = time.process_time()
        seconds = _seconds(work)
        worked[name].append((time.process_time() - before) / units * 1e3)
        return seconds / units * 1e3

    def without() -> float:
        return measured("nothing stored", lambda: [make_task(reference) for reference in tickets])

    def durable() -> float:
        with scratch() as folder:
            kept = UnitStore(folder)
            with kept.opened(), SerialExecutor(WriteTask(make_task, kept)) as executor:
                scheduler = Scheduler(tickets, kept, lambda done, failed: None)
                return measured("durable store", lambda: scheduler.work_through(executor))

    def alone() -> float:
        with scratch() as folder:
            kept = UnitStore(folder)
            with kept.opened():
                return measured(
                    "the store alone, waiting", lambda: [kept.publish(kept.write(*one, 0.0)) for one in made]
                )

    candidates = {"nothing stored": without, "durable store": durable, "the store alone, waiting": alone}
    rows = alternate(candidates, turns)
    rows += [Row(f"processor time, {name}", tuple(figures)) for name, figures in worked.items()]
    share, work = rows[1].median / rows[0].median - 1, rows[5].median / rows[3].median
    notes = [
        f"Durable: on the disk before a unit counts as done. It adds {share:.2%} of time (goal {GOAL_STORE:.0%}).",
        f"The store alone, with nothing to compute while it waits for the disk, works {work:.2%} of a unit's time.",
    ]
    return Section("(g) The store: units of 0.1 s", "milliseconds a unit", rows, notes, digits=2)


def scaling(population: int, turns: int) -> Section:
    """Real units on one and on two worker processes, one kernel thread each.

    Seconds of processor that two workers need more than one are contention; on a machine that others use too, wall
    tells of the others as well.
    """
    study = study_of(population=population, replications=4, store="events")
    warm_up(study.units[:3])
    worked: dict[int, list[float]] = {1: [], 2: []}

    def run(workers: int) -> Callable[[], float]:
        def turn() -> float:
            with scratch() as folder:
                before = sum(os.times()[:4])  # with those of the workers, which have ended
                seconds = run_study(study, folder, Engine(workers, 1, deadline=3600.0)).seconds
                worked[workers].append(sum(os.times()[:4]) - before)
                return seconds

        return turn

    rows = alternate({"1 worker": run(1), "2 workers": run(2)}, turns)
    gain = median(rows[0].figures) / median(rows[1].figures)
    rows += [Row(f"processor time, {workers} at work", tuple(figures)) for workers, figures in worked.items()]
    notes = [
        f"12 units of {population:,} twins and a year, events kept: {gain:.2f} times as fast (goal {GOAL_SCALING:g})."
    ]
    return Section("(g) Workers", "seconds", rows, notes, digits=2)


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk that results would be on: one in memory would make the store look better than it is."""
    with tempfile.TemporaryDirectory(prefix=".benchmark-", dir=Path.cwd()) as folder:
        yield Path(folder)
