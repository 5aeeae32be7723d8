"""Checks: a property that must hold for any sound model, tested on an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from popsim.errors import PopsimError

if TYPE_CHECKING:
    from popsim.verification.test_bench import ModelBench


class CheckResult(NamedTuple):
    """The result of a check: whether it holds (None: it does not apply to this experiment), and what was observed."""

    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its area, what must hold, and how it is tested (the function's docstring)."""

    area: str
    title: str
    run: Callable[[ModelBench], CheckResult]

    @property
    def did(self) -> str:
        """What the check does, in a sentence."""
        return " ".join((self.run.__doc__ or "").split())

    def run_on(self, bench: ModelBench) -> Finding:
        """Run the check; an error of popsim's own counts as a failure, with its text."""
        try:
            holds, saw = self.run(bench)
            return Finding(self.area, self.title, self.did, None if holds is None else bool(holds), saw)
        except PopsimError as error:
            return Finding(self.area, self.title, self.did, False, f"refused: {error}")


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check: `holds` is None where it does not apply."""

    area: str
    title: str
    did: str
    holds: bool | None
    saw: str


CHECKS: list[Check] = []


def check(
    area: str, title: str
) -> Callable[[Callable[[ModelBench], CheckResult]], Callable[[ModelBench], CheckResult]]:
    """Register a function as a check."""

    def register(function: Callable[[ModelBench], CheckResult]) -> Callable[[ModelBench], CheckResult]:
        CHECKS.append(Check(area, title, function))
        return function

    return register


def not_applicable(why: str) -> CheckResult:
    """The check does not apply to this experiment."""
    return CheckResult(None, why)


def same(left: ArrayLike, right: ArrayLike, what: str) -> CheckResult:
    """Whether two arrays are equal bit for bit (NaN equals NaN)."""
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape:
        return CheckResult(False, f"{what}: {a.shape} against {b.shape}")
    missing = np.isnan(a) & np.isnan(b) if a.dtype.kind == b.dtype.kind == "f" else np.zeros(a.shape, bool)
    differing = int(np.count_nonzero((a != b) & ~missing))
    return CheckResult(differing == 0, f"{what}: {differing} of {a.size} differ")


def close(left: ArrayLike, right: ArrayLike, what: str, tolerance: float = 1e-9) -> CheckResult:
    """Whether two arrays are equal up to rounding, by their largest difference relative to the largest value."""
    a, b = np.asarray(left, float), np.asarray(right, float)
    if a.shape != b.shape:
        return CheckResult(False, f"{what}: {a.shape} against {b.shape}")
    if a.size == 0:
        return CheckResult(False, f"{what}: there is nothing to compare")
    scale = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-300)
    worst = float(np.max(np.abs(a - b))) / scale
    return CheckResult(
        worst <= tolerance, f"{what}: {np.sum(a):,.6g} against {np.sum(b):,.6g} in all, off by {worst:.1e}"
    )


def never(violations: ArrayLike, what: str) -> CheckResult:
    """Whether no element is true."""
    bad = np.asarray(violations)
    return CheckResult(bad.size > 0 and not bad.any(), f"{what}: {int(bad.sum())} of {bad.size}")


def together(*findings: CheckResult) -> CheckResult:
    """Whether all hold; those that do not apply are left out."""
    asked = [finding for finding in findings if finding.holds is not None]
    if not asked:
        return findings[0]
    failed = [finding for finding in asked if not finding.holds]
    return CheckResult(not failed, "; ".join(finding.text for finding in failed or asked))
