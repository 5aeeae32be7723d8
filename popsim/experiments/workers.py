"""Supervised worker processes: a worker that dies is replaced and its work given to another; none outlives the driver.

The standard pools hang or give up when a worker is killed, so this module keeps its own: one pipe to each process, one
piece of work at a time on each, and the end of a pipe as the sign that its worker is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from popsim.errors import PopsimError, one_line

TRIES = 3
SECONDS_TO_STOP = 2.0


class Job(Protocol):
    """A piece of work: picklable, with a key and a name for messages."""

    @property
    def key(self) -> str:
        """What identifies it."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...


type Work = Callable[[Any], None]
type Start = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: `problem` is empty when it is done."""

    job: Job
    problem: str = ""


def run_here(jobs: Sequence[Job], work: Work) -> Iterator[Outcome]:
    """Do the jobs one after the other in this process."""
    for job in jobs:
        tries = 0
        while True:
            tries += 1
            problem, again = _attempt(work, job)
            if not (problem and again and tries < TRIES):
                break
        yield Outcome(job, problem)


def run_in_workers(jobs: Sequence[Job], work: Work, workers: int, start: Start) -> Iterator[Outcome]:
    """Do the jobs on `workers` processes; outcomes come in the order in which the jobs end.

    Args:
        jobs: what to do.
        work: does one job; a module-level function, or a picklable object that can be called.
        workers: number of processes.
        start: called once in each process before its first job.
    """
    waiting, tries = deque(jobs), dict.fromkeys((job.key for job in jobs), 0)
    crew: list[_Worker] = []
    try:
        while waiting or crew:
            while waiting and len(crew) < workers:
                crew.append(_hired(work, start))
                _assign(crew[-1], waiting, tries)
            for worker in _those_with_news(crew):
                job, problem, again = worker.news()
                if problem and again and tries[job.key] < TRIES:
                    waiting.appendleft(job)
                else:
                    yield Outcome(job, problem)
                if worker.alive and waiting:
                    _assign(worker, waiting, tries)
                else:
                    worker.stop()
                    crew.remove(worker)
    finally:
        for worker in crew:
            worker.process.terminate()
        for worker in crew:
            worker.stop()


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the driver's end of its pipe, and the job it has."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    job: Job = field(init=False)
    alive: bool = True

    def news(self) -> tuple[Job, str, bool]:
        """The job that ended, what went wrong with it, and whether another try may help."""
        try:
            problem, again = self.pipe.recv()
        except (EOFError, OSError):
            self.alive = False
            self.process.join(SECONDS_TO_STOP)
            return self.job, f"its process ended with code {self.process.exitcode}", True
        return self.job, problem, again

    def stop(self) -> None:
        """End the process: idle ones leave when the pipe closes, others are made to."""
        self.pipe.close()
        self.process.join(SECONDS_TO_STOP)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def _assign(worker: _Worker, waiting: deque[Job], tries: dict[str, int]) -> None:
    """Give the next job to a worker; if it is dead already, `news` will say so."""
    worker.job = waiting.popleft()
    tries[worker.job.key] += 1
    try:
        worker.pipe.send(worker.job)
    except OSError:
        return


def _those_with_news(crew: Sequence[_Worker]) -> list[_Worker]:
    ready = wait([worker.pipe for worker in crew])
    return [worker for worker in crew if worker.pipe in ready]


def _hired(work: Work, start: Start) -> _Worker:
    """A new process. Spawned, never forked: threads of compiled kernels do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, start), daemon=True)
    with _interrupt_held_back():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """Children started inside inherit a blocked SIGINT: Ctrl-C reaches the whole group, the driver alone answers."""
    resource_tracker.ensure_running()  # would be started with the first child, and would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, work: Work, start: Start) -> None:
    """Life of a worker: jobs come in, what went wrong (or an empty text) goes out, until the driver closes the pipe."""
    threading.Thread(target=_leave_with_driver, daemon=True).start()
    start()
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        answer = _attempt(work, job)
        try:
            pipe.send(answer)
        except OSError:
            return


def _leave_with_driver() -> None:
    """End this process at once when the driver is gone, even in the middle of a job."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os._exit(1)


def _attempt(work: Work, job: Job) -> tuple[str, bool]:
    """Do a job: what went wrong in one line, and whether trying again may help (disk and memory, not logic)."""
    try:
        work(job)
    except (OSError, MemoryError) as error:
        return one_line(f"{type(error).__name__}: {error}"), True
    except PopsimError as error:
        return str(error), False
    except Exception as error:
        return one_line(f"{type(error).__name__}: {error} ({_place(error)})"), False
    return "", False


def _place(error: BaseException) -> str:
    """File and line where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
