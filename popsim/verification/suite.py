"""All checks of one experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from popsim.arguments import whole_number
from popsim.errors import InputError
from popsim.runs.engine import Engine
from popsim.runs.spread import spread
from popsim.studies.design import Study
from popsim.studies.unit import warm_up
from popsim.verification import checks as _registered
from popsim.verification.checking import CHECKS, Check, Finding
from popsim.verification.test_bench import MAX_DAYS, PEOPLE, ModelBench

__all__ = ["verify"]
MIN_PEOPLE, MAX_PEOPLE = 20, 100_000
_CHECKS = _registered  # imported so that they are registered


def verify(
    study: Study,
    only: str = "",
    people: int = PEOPLE,
    on_progress: Callable[[int, int, int], None] = lambda done, total, failed: None,
    workers: int | None = 1,
    threads: int | None = None,
) -> list[Finding]:
    """Run every check, or those whose area or title contains `only`; checks are spread over processes.

    Args:
        study: the experiment; see `ModelBench` for the small copy that is run.
        only: text to look for, in any case.
        people: twins in each run.
        on_progress: called with the number of checks made, of all, and of those that failed.
        workers, threads: processes, and threads of each; as cores and memory allow when None.

    Raises:
        InputError: no check contains the text, or the number is out of bounds.
    """
    whole_number("--people", people, MIN_PEOPLE, MAX_PEOPLE)
    wanted = [check for check in CHECKS if only.lower() in f"{check.area} {check.title}".lower()]
    if not wanted:
        raise InputError(f"--only {only}: no check's area or title contains it")
    done: list[Finding] = []

    def note(finding: Finding) -> None:
        done.append(finding)
        on_progress(len(done), len(wanted), failed(done))

    on_progress(0, len(wanted), 0)
    engine = Engine.fitting(workers, threads, len(wanted), people, min(MAX_DAYS, study.experiment.follow_up_days))
    return spread(engine, _OnBench(study, people), wanted, on_result=note, warm_up=partial(warm_up, study.units))


@dataclass(frozen=True)
class _OnBench:
    """Runs checks on one test bench in each process."""

    study: Study
    people: int

    @cached_property
    def bench(self) -> ModelBench:
        """The test bench, made with the first check."""
        return ModelBench(self.study, self.people)

    def __call__(self, check: Check) -> Finding:
        return check.run_on(self.bench)


def failed(findings: Sequence[Finding]) -> int:
    """Number of checks that do not hold."""
    return sum(finding.holds is False for finding in findings)
