"""The engine without processes: jobs are done one after the other in this one. Nobody can end a job that hangs."""

from __future__ import annotations

from popsim.runs.executors.jobs import Job, TaskOutcome, Work, attempt


class SerialExecutor:
    """A crew of one: this process."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._job: Job | None = None

    @property
    def room(self) -> int:
        """One job at a time."""
        return int(self._job is None)

    @property
    def busy(self) -> int:
        """Whether there is one."""
        return int(self._job is not None)

    def submit(self, job: Job) -> None:
        """Take a job; it is done when its outcome is asked for."""
        self._job = job

    def outcomes(self) -> list[TaskOutcome]:
        """Do the job."""
        if self._job is None:
            return []
        outcome = attempt(self._work, self._job)
        self._job = None
        return [outcome]

    def __enter__(self) -> SerialExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._job = None
