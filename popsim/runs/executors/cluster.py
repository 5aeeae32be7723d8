"""A Dask cluster: an existing one, by its address, or a private one on this machine.

Results return to the driver, so machines need not share a disk; they need the same popsim and libraries. Dask runs
whatever Python objects a peer sends: the private cluster accepts only holders of a key that is made for it and never
written down; use the address of another only if you trust it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from popsim.errors import InputError, RunError, one_line
from popsim.runs.executors.local import interrupt_held_back
from popsim.runs.executors.starting import leave_if_script_is_imported, unguarded
from popsim.runs.executors.tasks import Executor, Task, TaskOutcome, Work, attempt, overdue, problem_of

PRELOAD = "popsim.runs.executors.preload"
LOOPBACK = "127.0.0.1"
SECONDS_TO_CONNECT = 10
SECONDS_TO_RESTART = 120  # maximum wait; then Dask gives the worker up
POLL_SECONDS = 1.0  # seconds between checks of the clock and of the number of workers
_compiled = threading.Lock()  # threads of one process must not run parallel kernels at the same time


@contextmanager
def dask_client(address: str, workers: int) -> Iterator[Any]:
    """A client of the cluster at `address`, or of a private one with `workers` processes when that is empty.

    The private cluster listens on the loopback interface only, uses TLS with its own certificate that both sides must
    present, and serves nothing by HTTP.

    Raises:
        InputError: distributed or cryptography is not installed, or the cluster does not answer.
        RunError: the cluster is lost, or its processes cannot start.
    """
    try:
        from distributed import Client, LocalCluster, Security  # noqa: PLC0415  (slow to import, and an extra)

        security = None if address else Security.temporary()
    except ImportError:
        needs = "distributed" if address else "distributed and cryptography"
        raise InputError(f"--engine dask: needs {needs}: pip install 'popsim[cluster]'") from None
    if address:
        try:
            client = Client(address, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"--address {address}: no Dask scheduler answers ({one_line(str(error))})") from None
        try:
            with client:
                yield client
        except OSError as error:
            lost = f"the cluster at {address} is lost ({one_line(str(error))})"
            raise RunError(f"{lost}; the same command goes on from here") from None
        return
    leave_if_script_is_imported()
    try:
        with interrupt_held_back():
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, host=LOOPBACK, security=security,
                dashboard_address=None, worker_dashboard_address=None, scheduler_kwargs={"preload": PRELOAD},
                preload=PRELOAD, silence_logs=logging.CRITICAL,
            )  # fmt: skip
    except (OSError, RuntimeError) as error:
        raise RunError(f"worker processes cannot start ({one_line(str(error))}); in a script: {unguarded()}") from None
    with cluster, Client(cluster) as client:
        yield client


class DaskCluster(Executor):
    """An executor on Dask workers.

    Args:
        client: of a cluster.
        work: does one task and returns its result; popsim must be installed on the workers.
        deadline: seconds after which a task is given up and its process restarted.
    """

    def __init__(self, client: Any, work: Work, deadline: float = float("inf")) -> None:
        self._client, self._work, self._deadline = client, work, deadline
        self._tasks: dict[Any, tuple[Task, float]] = {}  # by future: the task, and when it began

    @property
    def room(self) -> int:
        """Idle threads of the cluster; at least one, so that lost workers are noticed."""
        idle = int(sum(self._client.ncores().values())) - len(self._tasks)
        return max(idle, 0 if self._tasks else 1)

    @property
    def busy(self) -> int:
        """Tasks on the cluster."""
        return len(self._tasks)

    def submit(self, task: Task) -> None:
        """Submit a task; Dask gives it to another worker if the first one dies."""
        future = self._client.submit(_do, self._work, task, pure=False)
        self._tasks[future] = task, time.monotonic()

    def outcomes(self) -> list[TaskOutcome]:
        """Wait for results, or for a deadline to pass."""
        from distributed import wait  # noqa: PLC0415

        while True:
            with suppress(TimeoutError):
                wait(list(self._tasks), timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
            ended = [self._outcome(future) for future in list(self._tasks) if future.done()]
            late = [f for f, (_, began) in self._tasks.items() if time.monotonic() - began > self._deadline]
            ended += self._given_up(late)
            if ended:
                return ended

    def _outcome(self, future: Any) -> TaskOutcome:
        task, _ = self._tasks.pop(future)
        try:
            outcome: TaskOutcome = future.result()
        except Exception as error:  # lost: its worker was killed repeatedly
            return TaskOutcome(task, problem=problem_of(error))
        return TaskOutcome(task, outcome.result, outcome.problem)

    def _given_up(self, late: list[Any]) -> list[TaskOutcome]:
        """Restart the workers of late tasks; their other tasks are done again elsewhere."""
        if not late:
            return []
        keys = {future.key for future in late}
        hung = [worker for worker, tasks in self._client.processing().items() if keys & set(tasks)]
        self._client.cancel(late)
        if hung:
            self._client.restart_workers(hung, timeout=SECONDS_TO_RESTART, raise_for_error=False)
        return [TaskOutcome(self._tasks.pop(future)[0], problem=overdue(self._deadline)) for future in late]

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.cancel(list(self._tasks))
        self._tasks.clear()


def _do(work: Work, task: Task) -> TaskOutcome:
    """Do a task on a worker."""
    with _compiled:
        return attempt(work, task)
