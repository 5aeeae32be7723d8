"""The interface of all executors: tasks go in, outcomes come out; an executor decides nothing else."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from popsim.errors import InputError, PopsimError, RunError, one_line, place_of

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


class Task(Protocol):
    """A task: small and picklable, with a key and a name for messages."""

    @property
    def key(self) -> str:
        """Its identity."""
        ...

    @property
    def name(self) -> str:
        """Its name in messages."""
        ...

    @property
    def shares(self) -> Hashable:
        """What it has in common with the tasks that are done fastest by the process that did this one."""
        ...


type Work = Callable[[Any], Any]  # does one task; picklable, as it is sent to each process once and then called


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """Why a task failed.

    Attributes:
        text: one line.
        trace: the traceback, if there is one.
        disk_full: no other task can succeed, either.
        refused: popsim refused the input, so that another attempt would end alike.
    """

    text: str
    trace: str = ""
    disk_full: bool = False
    refused: bool = False

    def error(self, name: str) -> PopsimError:
        """The problem of the task of that name as an error."""
        return InputError(self.text) if self.refused else RunError(f"{name}: {self.text}")


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The outcome of one attempt at a task: its result, or a problem."""

    task: Task
    result: Any = None
    problem: TaskFailure | None = None


class Executor(Protocol):
    """Processes that do tasks; leaving the `with` block ends them, whatever they are doing."""

    @property
    def room(self) -> int:
        """Number of tasks that would start at once if submitted."""
        ...

    @property
    def busy(self) -> int:
        """Number of tasks submitted and not finished."""
        ...

    def choice[T: Task](self, waiting: Sequence[T]) -> T:
        """Which of the waiting tasks to submit next: the first, unless the executor has a better one."""
        return waiting[0]

    def submit(self, task: Task) -> None:
        """Submit a task."""
        ...

    def outcomes(self) -> Sequence[TaskOutcome]:
        """Wait until at least one task has ended; called only while busy."""
        ...

    def __enter__(self) -> Executor: ...

    def __exit__(self, *_: object) -> None: ...


def attempt(work: Work, task: Task) -> TaskOutcome:
    """Do a task in this process."""
    try:
        return TaskOutcome(task, work(task))
    except Exception as error:
        return TaskOutcome(task, problem=problem_of(error))


def problem_of(error: BaseException) -> TaskFailure:
    """An error as a problem: popsim's own in their words, others with the file and line that raised them."""
    if isinstance(error, PopsimError):
        return TaskFailure(str(error), _trace(error), refused=isinstance(error, InputError))
    kind, place = type(error).__name__, place_of(error)
    full = (isinstance(error, OSError) and error.errno in FULL) or "No space left" in str(error)
    return TaskFailure(one_line(f"{kind}: {error} ({place})"), _trace(error), full)


def overdue(deadline: float) -> TaskFailure:
    """The problem of a task that took too long."""
    return TaskFailure(f"no result within its deadline of {deadline:g} s")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
