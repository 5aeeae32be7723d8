"""How the work of a run is spread: over which processes, with how many threads, and whether there is memory for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.kernels.numerics.threads import threads_for, use_threads
from popsim.runs.executors.cluster import DaskCluster, dask_client
from popsim.runs.executors.jobs import Crew
from popsim.runs.executors.local import LocalProcesses
from popsim.runs.executors.serial import SerialExecutor
from popsim.runs.memory import (
    BYTES_PER_PROCESS,
    GIB,
    check_limits,
    free_memory,
    needed_memory,
    workers_that_fit,
)
from popsim.runs.work import MakeTask, Sending, WriteTask

SECONDS_IN_HAND = 600.0  # of the deadline that nobody gave: to start, compile and write on a busy machine
SLOWEST_TWIN_DAYS = 100_000.0  # a second; a hundredth of the speed of one slow core


@dataclass(frozen=True, slots=True)
class Engine:
    """How the work is spread.

    Attributes:
        workers: processes; with one local worker the work is done in the driver's own process.
        threads: kernel threads of each process.
        kind: "local" (processes of this machine) or "dask".
        address: of an existing Dask cluster; empty: one of this machine's own.
        deadline: seconds after which a unit is given up and tried again; a generous one of its own when None. With a
            deadline even a single local worker is a process, because nobody can end a unit in the driver's own.
    """

    workers: int
    threads: int
    kind: str = "local"
    address: str = ""
    deadline: float | None = None

    @classmethod
    def fitting(cls, workers: int | None, threads: int | None, units: int, population: int, days: int = 365) -> Engine:
        """What was asked for; what was left open fills the cores, with as many processes as memory has room for.

        Cores go to units first, and to the threads of one unit where it is large enough for more than one.

        Args:
            workers, threads: what was asked for.
            units: pieces of work.
            population, days: twins of one piece of work, and their follow-up.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if workers is None:
            workers = max(1, min(cores // (threads or 1), units, workers_that_fit(population, days)))
        return cls(workers, threads or threads_for(population, cores // workers))

    @property
    def in_this_process(self) -> bool:
        """Whether no other process takes part."""
        return self.kind == "local" and self.workers == 1 and self.deadline is None

    @contextmanager
    def crew(self, making: MakeTask, writing: WriteTask, jobs: int, experiment: ExperimentDefinition) -> Iterator[Crew]:
        """Those who do the jobs.

        Args:
            making, writing: the work, as it is done elsewhere and beside the store.
            jobs: how many there are.
            experiment: what it is for.

        Raises:
            InputError: there is no such cluster, or distributed is not installed.
        """
        deadline = self.deadline or generous_deadline(experiment)
        if self.in_this_process:
            use_threads(self.threads)
            with SerialExecutor(writing) as here:
                yield here
        elif self.kind == "local":
            start = partial(use_threads, self.threads)
            with LocalProcesses(writing, min(self.workers, jobs), start, deadline) as processes:
                yield processes
        else:
            with (
                dask_client(self.address, self.workers) as client,
                DaskCluster(client, Sending(making, self.threads), deadline) as cluster,
            ):
                yield cluster


def generous_deadline(experiment: ExperimentDefinition) -> float:
    """Seconds after which something must be wrong with a unit: many times what the slowest machine takes."""
    twins = -(-experiment.population // experiment.regions)
    days = experiment.follow_up_days + experiment.enrolment_days
    return SECONDS_IN_HAND + twins * days / SLOWEST_TWIN_DAYS


def check_memory(experiment: ExperimentDefinition) -> None:
    """Refuse a unit that does not fit into memory.

    Raises:
        InputError: with the number of regions that would do.
        RunError: a process may take too little memory for anything.
    """
    check_limits()
    twins, days = -(-experiment.population // experiment.regions), experiment.follow_up_days
    needed, free = needed_memory(twins, days), free_memory()
    if needed <= free:
        return
    fitting = max(1, (free - BYTES_PER_PROCESS) * twins // (needed - BYTES_PER_PROCESS))
    regions = -(-experiment.population // fitting)
    raise InputError(
        f"population = {experiment.population}: {twins:,} twins at a time need {needed / GIB:.1f} GiB of "
        f"memory, {free / GIB:.1f} GiB are free; regions = {regions} would do (catchments that share nothing)"
    )
