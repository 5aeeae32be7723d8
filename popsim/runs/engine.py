"""How the work of a run is distributed: over which processes and threads, and whether there is memory for it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.kernels.numerics.threads import threads_for, use_threads
from popsim.runs.executors.cluster import DaskCluster, dask_client
from popsim.runs.executors.local import LocalProcesses
from popsim.runs.executors.serial import SerialExecutor
from popsim.runs.executors.tasks import Executor, Work
from popsim.runs.memory import (
    BYTES_PER_PROCESS,
    GIB,
    check_limits,
    free_memory,
    needed_memory,
    workers_that_fit,
)
from popsim.runs.work import MakeTask, SendTask, WriteTask
from popsim.studies.design import Study
from popsim.studies.usual_care import days_lived, lived_at_first

# A worker takes some seconds of processor to start: it imports popsim and loads the kernels.
MIN_WORKER_SECONDS = 6.0  # estimated work of a worker; with less, processes cost more than they gain
DAY_SECONDS, TWIN_DAY_SECONDS = 1e-3, 0.4e-6  # of a simulated day, and of each twin in it, on one thread
DEADLINE_MARGIN_S = 600.0  # of the default deadline: to start, compile and write on a busy machine
MIN_TWIN_DAYS_PER_SECOND = 100_000.0  # per second; a hundredth of the speed of one slow core


@dataclass(frozen=True, slots=True)
class UseThreads:
    """Begins a process whose kernels run on so many threads."""

    threads: int

    def __call__(self) -> None:
        """Begin."""
        use_threads(self.threads)


@dataclass(frozen=True, slots=True)
class Engine:
    """How the work is distributed.

    Attributes:
        workers: processes; with one local worker the work is done in the driver's own process.
        threads: kernel threads of each process.
        kind: "local" (processes of this machine) or "dask".
        address: of an existing Dask cluster; empty: one of this machine's own.
        deadline: seconds after which a unit is given up and retried; a generous default when None. With a deadline even
            a single local worker is a separate process, because a unit in the driver's process cannot be ended.
    """

    workers: int
    threads: int
    kind: str = "local"
    address: str = ""
    deadline: float | None = None

    @classmethod
    def of_study(
        cls, study: Study, workers: int | None = None, threads: int | None = None, units: int | None = None
    ) -> Engine:
        """As `fitting`, for all units of a study, or for so many of its size."""
        said, number = study.experiment, len(study.units) if units is None else units
        past = study.past_size, days_lived(said) / len(said.strategies)
        return cls.fitting(workers, threads, number, study.region_size(0), said.follow_up_days, *past)

    @classmethod
    def fitting(
        cls,
        workers: int | None,
        threads: int | None,
        units: int,
        population: int,
        days: int = 365,
        past: int = 0,
        past_days: float = 0.0,
    ) -> Engine:
        """The requested numbers; those left open use all cores, with as many processes as memory allows.

        Cores go to units first, as far as each worker has enough to do, then to the threads of a unit that is large
        enough for more than one.

        Args:
            workers, threads: requested numbers, or None.
            units: number of units.
            population, days: twins of one unit, and their follow-up.
            past: people of one unit who live through a run-in, at first.
            past_days: its days, divided by the number of strategies, which share it.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if workers is None:
            lived = past_days * (DAY_SECONDS + TWIN_DAY_SECONDS * past)
            busy = int(units * (days * (DAY_SECONDS + TWIN_DAY_SECONDS * population) + lived) / MIN_WORKER_SECONDS)
            workers = max(1, min(cores // (threads or 1), units, busy, workers_that_fit(population, days, past)))
        return cls(workers, threads or threads_for(max(population, past), cores // workers))

    @property
    def in_this_process(self) -> bool:
        """Whether no other process takes part."""
        return self.kind == "local" and self.workers == 1 and self.deadline is None

    @contextmanager
    def executor(
        self, make_task: MakeTask, write_task: WriteTask, tasks: int, experiment: ExperimentDefinition
    ) -> Iterator[Executor]:
        """The executor.

        Args:
            making, writing: the work of a process without access to the store, and of one with it.
            jobs: number of tasks.
            experiment: to which they belong.

        Raises:
            InputError: there is no such cluster, or distributed is not installed.
        """
        deadline = self.deadline or generous_deadline(experiment)
        if self.kind == "local":
            with self.processes(write_task, tasks, deadline) as processes:
                yield processes
        else:
            with (
                dask_client(self.address, self.workers) as client,
                DaskCluster(client, SendTask(make_task, self.threads), deadline) as cluster,
            ):
                yield cluster

    def processes(self, work: Work, tasks: int, deadline: float = math.inf) -> Executor:
        """The executor on this machine: its processes, or this one alone."""
        if self.in_this_process:
            use_threads(self.threads)
            return SerialExecutor(work)
        return LocalProcesses(work, min(self.workers, tasks), UseThreads(self.threads), deadline)


def generous_deadline(experiment: ExperimentDefinition) -> float:
    """Seconds after which a unit must have failed: many times what the slowest machine takes."""
    twins = -(-experiment.population // experiment.regions)
    days = experiment.follow_up_days + experiment.enrolment_days
    of_past = lived_at_first(experiment, twins) * days_lived(experiment)
    return DEADLINE_MARGIN_S + (twins * days + of_past) / MIN_TWIN_DAYS_PER_SECOND


def check_memory(experiment: ExperimentDefinition) -> None:
    """Refuse a unit that does not fit into memory.

    Raises:
        InputError: it names the number of regions that would fit.
        RunError: a process may use too little memory for anything.
    """
    check_limits()
    twins, days = -(-experiment.population // experiment.regions), experiment.follow_up_days
    needed, free = needed_memory(twins, days, lived_at_first(experiment, twins)), free_memory()
    if needed <= free:
        return
    fitting = max(1, (free - BYTES_PER_PROCESS) * twins // (needed - BYTES_PER_PROCESS))
    regions = -(-experiment.population // fitting)
    raise InputError(
        f"population = {experiment.population}: {twins:,} twins at a time need {needed / GIB:.1f} GiB of "
        f"memory, {free / GIB:.1f} GiB are free; regions = {regions} would fit (independent catchments)"
    )
