"""All checks of one experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from popsim.arguments import whole_number
from popsim.errors import InputError
from popsim.studies.design import Study
from popsim.verification import checks as _registered
from popsim.verification.checking import CHECKS, Finding
from popsim.verification.test_bench import PEOPLE, ModelBench

__all__ = ["verify"]
MIN_PEOPLE, MAX_PEOPLE = 20, 100_000
_CHECKS = _registered  # imported so that they are registered


def verify(
    study: Study,
    only: str = "",
    people: int = PEOPLE,
    on_progress: Callable[[int, int, int], None] = lambda done, total, failed: None,
) -> list[Finding]:
    """Run every check, or those whose area or title contains `only`.

    Args:
        study: the experiment; see `ModelBench` for the small copy that is run.
        only: text to look for, in any case.
        people: twins in each run.
        on_progress: called with the number of checks made, of all, and of those that failed.

    Raises:
        InputError: no check contains the text, or the number is out of bounds.
    """
    whole_number("--people", people, MIN_PEOPLE, MAX_PEOPLE)
    wanted = [check for check in CHECKS if only.lower() in f"{check.area} {check.title}".lower()]
    if not wanted:
        raise InputError(f"--only {only}: no check's area or title contains it")
    bench = ModelBench(study, people)
    findings: list[Finding] = []
    for number, check in enumerate(wanted):
        on_progress(number, len(wanted), failed(findings))
        findings.append(check.run_on(bench))
    on_progress(len(wanted), len(wanted), failed(findings))
    return findings


def failed(findings: Sequence[Finding]) -> int:
    """Number of checks that do not hold."""
    return sum(finding.holds is False for finding in findings)
