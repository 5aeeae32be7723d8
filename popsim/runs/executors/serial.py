"""The executor without processes: tasks run one after the other in this one, and a task that hangs cannot be ended."""

from __future__ import annotations

from popsim.runs.executors.tasks import Executor, Task, TaskOutcome, Work, attempt


class SerialExecutor(Executor):
    """An executor that uses this process alone."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._job: Task | None = None

    @property
    def room(self) -> int:
        """One task at a time."""
        return int(self._job is None)

    @property
    def busy(self) -> int:
        """Whether there is a task."""
        return int(self._job is not None)

    def submit(self, task: Task) -> None:
        """Submit a task; it runs when its outcome is requested."""
        self._job = task

    def outcomes(self) -> list[TaskOutcome]:
        """Do the task."""
        if self._job is None:
            return []
        outcome = attempt(self._work, self._job)
        self._job = None
        return [outcome]

    def __enter__(self) -> SerialExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._job = None
