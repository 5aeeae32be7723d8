"""The tasks of a run, and the scheduler that has all of them done."""

from __future__ import annotations

import platform
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from popsim.errors import RunError
from popsim.kernels.numerics.threads import use_threads
from popsim.runs import unit_file
from popsim.runs.executors.tasks import Executor, Task, TaskFailure, TaskOutcome, problem_of
from popsim.runs.interrupts import interrupts_checked
from popsim.runs.store import UnitStore, Written
from popsim.runs.unit_file import UnitRecord
from popsim.studies.content import Tables
from popsim.studies.design import Study, Unit

TRIES = 3
LIBRARIES = ("popsim", "mesa", "numpy", "numba", "networkx", "polars", "pydantic", "scipy")

type Simulate = Callable[[Unit], Tables]
type OnProgress = Callable[[int, int, int], None]


class UnitReference(NamedTuple):
    """A reference to a unit, for a process that already has the study."""

    key: str
    name: str
    strategy: str
    draw: int
    replication: int
    region: int

    @classmethod
    def of(cls, unit: Unit) -> UnitReference:
        """The reference to a unit."""
        return cls(unit.key, unit.name, unit.strategy.name, unit.draw, unit.replication, unit.region)

    @property
    def shares(self) -> Hashable:
        """The people and their past, which a process keeps from one strategy to the next."""
        return self.draw, self.replication, self.region


@dataclass(frozen=True, slots=True)
class MakeTask:
    """Computes the tables of a unit from its reference."""

    study: Study
    simulate: Simulate

    def __call__(self, reference: UnitReference) -> tuple[Tables, float]:
        """The tables, and the seconds that they took."""
        began = time.perf_counter()
        strategy = self.study.experiment.strategy(reference.strategy)
        unit = Unit(self.study, strategy, reference.draw, reference.replication, reference.region, reference.key)
        return self.simulate(unit), time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class WriteTask:
    """Computes a unit and writes its file into the store."""

    make_task: MakeTask
    store: UnitStore

    def __call__(self, reference: UnitReference) -> Written:
        """The file, which still has to be published."""
        return self.store.write(reference.key, *self.make_task(reference))


@dataclass(frozen=True, slots=True)
class SendTask:
    """Computes a unit on a machine that may have no access to the store, and sends its file back."""

    make_task: MakeTask
    threads: int

    def __call__(self, reference: UnitReference) -> tuple[UnitRecord, bytes]:
        """The record of the file, and the file."""
        use_threads(self.threads)  # applies to the calling thread
        tables, seconds = self.make_task(reference)
        with tempfile.TemporaryDirectory(prefix="popsim-") as folder:
            path = Path(folder) / "unit"
            return unit_file.write(path, reference.key, tables, seconds), path.read_bytes()


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that failed for good."""

    task: Task
    problem: TaskFailure

    def described(self) -> dict[str, Any]:
        """Its record in quarantine."""
        return {
            "key": self.task.key,
            "name": self.task.name,
            "problem": self.problem.text,
            "tries": TRIES,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "traceback": self.problem.trace,
            "versions": versions(),
        }


def versions() -> dict[str, str]:
    """Versions of popsim, of its dependencies, and of Python."""
    return {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}


@dataclass(slots=True)
class Scheduler:
    """Has all tasks done or given up: submits them, stores their results, and retries failures.

    A unit counts as done when it is on the disk. A separate thread waits for that while the next units are computed.

    Attributes:
        jobs: tasks, in order.
        store: for the results.
        on_change: called with the numbers of units done and given up whenever one changes.
        records: of units that are done, by key.
        failures: units that were given up.
    """

    tasks: Sequence[Task]
    store: UnitStore
    on_change: Callable[[int, int], None]
    records: dict[str, UnitRecord] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    _waiting: deque[Task] = field(init=False)
    _storing: dict[Future[UnitRecord], Task] = field(default_factory=dict)
    _tries: Counter[str] = field(default_factory=Counter)

    def work_through(self, executor: Executor) -> None:
        """Work until every task is done or given up.

        Raises:
            RunError: the disk is full.
        """
        self._waiting = deque(self.tasks)
        with ThreadPoolExecutor(1, "publish") as publisher, interrupts_checked() as check_interrupts:
            while self._waiting or executor.busy or self._storing:
                check_interrupts()
                while self._waiting and executor.room:
                    task = executor.choice(self._waiting)
                    self._waiting.remove(task)
                    self._submit(task, executor)
                for outcome in executor.outcomes() if executor.busy else ():
                    if outcome.problem:
                        self._retry(outcome.task, outcome.problem)
                    else:
                        self._storing[publisher.submit(self._publish, outcome)] = outcome.task
                self._note_stored(idle=not (executor.busy or (self._waiting and executor.room)))

    def _submit(self, task: Task, executor: Executor) -> None:
        """Submit a task, unless another runner has done it meanwhile."""
        record = self.store.finished(task.key)
        if record is None:
            executor.submit(task)
        else:
            self._done(record)

    def _publish(self, outcome: TaskOutcome) -> UnitRecord:
        result = outcome.result
        return self.store.publish(result if isinstance(result, Written) else self.store.receive(*result))

    def _note_stored(self, *, idle: bool) -> None:
        """Record which units are on the disk; wait for them only when there is nothing else to do."""
        if self._storing and idle:
            wait(self._storing, return_when=FIRST_COMPLETED)
        for future in [future for future in self._storing if future.done()]:
            task, error = self._storing.pop(future), future.exception()
            if error is None:
                self._done(future.result())
            elif isinstance(error, Exception):
                self._retry(task, problem_of(error))

    def _done(self, record: UnitRecord) -> None:
        self.records[record.key] = record
        self.on_change(len(self.records), len(self.failures))

    def _retry(self, task: Task, problem: TaskFailure) -> None:
        """Retry after all other tasks, or give up."""
        if problem.disk_full:
            raise RunError(f"{self.store.folder}: {problem.text}; the same command goes on when there is room")
        self._tries[task.key] += 1
        if self._tries[task.key] < TRIES:
            self._waiting.append(task)
            return
        self.failures.append(Failure(task, problem))
        with suppress(OSError):  # the failure itself is reported in any case
            self.store.quarantine_record(task.key, self.failures[-1].described())
        self.on_change(len(self.records), len(self.failures))
