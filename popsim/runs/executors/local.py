"""Supervised worker processes: one that dies or hangs is replaced, and none outlives the driver.

The standard pools hang or give up when a worker is killed, so this module has its own: one pipe to each process, one
task at a time on each, and the end of a pipe as the sign that its worker is gone.

A process takes seconds to start. Inside `processes_kept` those that one executor leaves idle go on with the work of the
next.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import NamedTuple

from popsim.errors import InputError, RunError
from popsim.runs.executors.starting import (
    NO_MAIN_GUARD,
    bound_from_the_start,
    end_with_driver,
    leave_if_script_is_imported,
    unguarded,
)
from popsim.runs.executors.tasks import Executor, Task, TaskFailure, TaskOutcome, Work, attempt, overdue, problem_of

READY = "ready"
LOOK_AHEAD = 64  # waiting tasks among which the next is chosen
SECONDS_TO_START = 120.0  # until the deadline of its first task begins, unless the process reports earlier
SECONDS_TO_STOP = 2.0
POLL_SECONDS = 5.0  # seconds between checks of the clock; a longer pause means that this process itself was stopped

type Start = Callable[[], None]


class _Duty(NamedTuple):
    """What a process does with the tasks that follow."""

    work: Work


class LocalProcesses(Executor):
    """An executor with processes on this machine, started when there is work for them.

    Args:
        work: does one task; a module-level function or a picklable callable.
        workers: number of processes.
        start: called once in each process before its first task.
        deadline: seconds after which a task is given up and its process killed.
    """

    def __init__(self, work: Work, workers: int, start: Start, deadline: float = float("inf")) -> None:
        self._work, self._start = work, start
        self._workers, self._deadline = workers, deadline
        self._crew: list[_Worker] = []

    @property
    def room(self) -> int:
        """Number of processes that are idle or not started yet."""
        return self._workers - self.busy

    @property
    def busy(self) -> int:
        """Number of processes with a task."""
        return sum(worker.task is not None for worker in self._crew)

    def choice[T: Task](self, waiting: Sequence[T]) -> T:
        """A task that shares something with the last one of an idle process, or with none that is under way."""
        soon = list(islice(waiting, LOOK_AHEAD))
        idle = {worker.shares for worker in self._crew if worker.task is None}
        taken = {worker.shares for worker in self._crew} - idle
        return next((one for one in soon if one.shares in idle), None) or next(
            (one for one in soon if one.shares not in taken), soon[0]
        )

    def submit(self, task: Task) -> None:
        """Give a task to an idle process, best one whose last task shares something with it."""
        free = [worker for worker in self._crew if worker.task is None]
        idle = next((worker for worker in free if worker.shares == task.shares), free[0] if free else None)
        if idle is None:
            idle = self._taken_over() or _started(self._work, self._start)
            self._crew.append(idle)
        idle.take(task)

    def _taken_over(self) -> _Worker | None:
        """A process that an executor before left idle, begun in the same way, with this work."""
        kept = _kept or []
        worker = next((worker for worker in kept if worker.start == self._start), None)
        if worker is not None:
            kept.remove(worker)
            worker.turn_to(self._work)
        return worker

    def outcomes(self) -> list[TaskOutcome]:
        """Wait for a result, or for a deadline to pass.

        Raises:
            InputError: the script that drives this has no main guard.
            RunError: processes cannot start.
        """
        while True:
            ended = [outcome for worker in self._ready_workers() if (outcome := worker.poll())]
            for worker in [worker for worker in self._crew if worker.expired(self._deadline)]:
                ended.append(TaskOutcome(worker.terminated(), problem=overdue(self._deadline)))
            for worker in [worker for worker in self._crew if not worker.alive]:
                worker.stop(0.0)
                self._crew.remove(worker)
            if ended:
                return ended

    def _ready_workers(self) -> list[_Worker]:
        """Processes that sent something or are gone; time in which this process was stopped does not count."""
        working = [worker for worker in self._crew if worker.task is not None]
        left = min(worker.began for worker in working) + self._deadline - time.monotonic()
        seconds = max(0.0, min(left, POLL_SECONDS))
        before = time.monotonic()
        ready = wait([worker.pipe for worker in working], seconds)
        lost = time.monotonic() - before - seconds
        if lost > POLL_SECONDS:
            for worker in working:
                worker.began += lost
        return [worker for worker in working if worker.pipe in ready]

    def __enter__(self) -> LocalProcesses:
        return self

    def __exit__(self, *problem: object) -> None:
        if _kept is not None and problem[0] is None:
            idle = [worker for worker in self._crew if worker.task is None]
            _kept.extend(idle)
            self._crew = [worker for worker in self._crew if worker not in idle]
        _dismiss(self._crew)
        self._crew.clear()


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the driver's end of its pipe, its task, what its last one shares, since when, and if it is ready."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    start: Start
    task: Task | None = None
    shares: Hashable = None
    began: float = 0.0
    alive: bool = True
    ready: bool = False

    def take(self, task: Task) -> None:
        """Begin a task; if the process is already dead, `poll` will say so."""
        self.task, self.shares, self.began = task, task.shares, max(self.began, time.monotonic())
        try:
            self.pipe.send(task)
        except OSError:
            return

    def turn_to(self, work: Work) -> None:
        """Do other work from now on."""
        self.shares = None
        with suppress(OSError):  # if it is dead, `poll` will say so
            self.pipe.send(_Duty(work))

    def poll(self) -> TaskOutcome | None:
        """The outcome of its task; None if the process has only reported that it is ready."""
        task = self.task
        assert task is not None
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            self.alive, self.task = False, None
            self.process.join(SECONDS_TO_STOP)
            code = self.process.exitcode
            if code == NO_MAIN_GUARD:
                raise InputError(unguarded()) from None
            if code and code > 0 and not self.ready:  # on its own: the next one would do the same
                raise RunError(f"worker processes cannot start: the first ended with code {code}") from None
            return TaskOutcome(task, problem=TaskFailure(f"its process ended with code {code}"))
        if isinstance(said, TaskFailure):
            raise RunError(f"worker processes cannot start: {said.text}")
        if said == READY:
            self.ready, self.began = True, time.monotonic()
            return None
        self.task = None
        return TaskOutcome(task, *said)

    def expired(self, deadline: float) -> bool:
        """Whether its task has taken too long."""
        return self.task is not None and time.monotonic() - self.began > deadline

    def terminated(self) -> Task:
        """Kill the process, which may hang or be stopped; returns its task."""
        task, self.task, self.alive = self.task, None, False
        assert task is not None
        self.process.kill()
        return task

    def stop(self, seconds: float) -> None:
        """End the process: an idle one leaves when the pipe closes, any other is killed."""
        self.pipe.close()
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def _started(work: Work, start: Start) -> _Worker:
    """A new process. Spawned, never forked: threads of compiled kernels do not survive a fork."""
    leave_if_script_is_imported()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    duty = ForkingPickler.dumps((work, start))
    # Not passed as an argument: a process that ends before it reads its arguments blocks its parent for ever.
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    with interrupt_held_back(), bound_from_the_start():
        process.start()
    theirs.close()
    with suppress(OSError):  # if it is already dead, `poll` will say so
        ours.send_bytes(duty)
    return _Worker(process, ours, start, began=time.monotonic() + SECONDS_TO_START)


_kept: list[_Worker] | None = None  # idle processes, inside `processes_kept`


@contextmanager
def processes_kept() -> Iterator[None]:
    """Executors that end inside leave their idle processes to those that begin later; at the end all of them leave."""
    global _kept
    before, _kept = _kept, []
    try:
        yield
    finally:
        idle, _kept = _kept, before
        _dismiss(idle)


def _dismiss(workers: Sequence[_Worker]) -> None:
    """End processes, all at the same time."""
    for worker in workers:
        worker.pipe.close()
        if worker.task is not None:
            worker.process.kill()  # not a polite request: it may be stopped
    for worker in workers:
        worker.stop(SECONDS_TO_STOP)


@contextmanager
def interrupt_held_back() -> Iterator[None]:
    """Children started inside inherit a blocked SIGINT: Ctrl-C reaches the whole group, but only the driver reacts."""
    resource_tracker.ensure_running()  # else it starts with the first child, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection) -> None:
    """Main loop of a worker: tasks come in, results or problems go out, until the driver closes the pipe."""
    end_with_driver()
    with suppress(EOFError, OSError):  # the driver has closed the pipe
        try:
            work, start = pipe.recv()
            start()
        except Exception as error:
            pipe.send(problem_of(error))
            return
        pipe.send(READY)
        while True:
            said = pipe.recv()
            if isinstance(said, _Duty):
                work = said.work
                continue
            outcome = attempt(work, said)
            pipe.send((outcome.result, outcome.problem))
    gc.freeze()  # Python's last search for garbage would keep the driver waiting
