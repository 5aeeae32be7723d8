"""What every engine has in common: jobs go in, outcomes come out, and an engine decides nothing else."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from popsim.errors import PopsimError, one_line

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


class Job(Protocol):
    """A piece of work: small and picklable, with a key and a name for messages."""

    @property
    def key(self) -> str:
        """What identifies it."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...


type Work = Callable[[Any], Any]  # does one job; picklable, as it is sent to processes once and then called


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """Why a job was not done.

    Attributes:
        text: one line.
        trace: the traceback, where there was one to see.
        disk_full: there is no use in trying anything else.
    """

    text: str
    trace: str = ""
    disk_full: bool = False


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """How one try of a job ended: with what the work returned, or with a problem."""

    job: Job
    result: Any = None
    problem: TaskFailure | None = None


class Crew(Protocol):
    """Processes that do jobs; leaving the `with` block ends them, whatever they are doing."""

    @property
    def room(self) -> int:
        """Jobs that could begin at once if they were submitted now."""
        ...

    @property
    def busy(self) -> int:
        """Jobs that were submitted and have not come out."""
        ...

    def submit(self, job: Job) -> None:
        """Take a job."""
        ...

    def outcomes(self) -> Sequence[TaskOutcome]:
        """Wait until at least one job has ended; called only while busy."""
        ...

    def __enter__(self) -> Crew: ...

    def __exit__(self, *_: object) -> None: ...


def attempt(work: Work, job: Job) -> TaskOutcome:
    """Do a job here."""
    try:
        return TaskOutcome(job, work(job))
    except Exception as error:
        return TaskOutcome(job, problem=problem_of(error))


def problem_of(error: BaseException) -> TaskFailure:
    """An error as a problem; popsim's own are written for people, the others get the place where they were raised."""
    if isinstance(error, PopsimError):
        return TaskFailure(str(error), _trace(error))
    kind, place = type(error).__name__, _place(error)
    full = (isinstance(error, OSError) and error.errno in FULL) or "No space left" in str(error)
    return TaskFailure(one_line(f"{kind}: {error} ({place})"), _trace(error), full)


def overdue(deadline: float) -> TaskFailure:
    """The problem of a job that took too long."""
    return TaskFailure(f"no result within its deadline of {deadline:g} s")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _place(error: BaseException) -> str:
    """File and line where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
