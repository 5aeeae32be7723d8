"""Checks: a property that must hold for any sound model, tested on an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from popsim.errors import PopsimError

if TYPE_CHECKING:
    from popsim.verification.test_bench import Laboratory


class Saw(NamedTuple):
    """The result of a check: whether it holds (None: it does not apply to this experiment), and what was observed."""

    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its area, what must hold, and how it is tested (the function's docstring)."""

    area: str
    title: str
    run: Callable[[Laboratory], Saw]

    @property
    def did(self) -> str:
        """What the check does, in a sentence."""
        return " ".join((self.run.__doc__ or "").split())

    def find(self, laboratory: Laboratory) -> Finding:
        """Run the check; an error of popsim's own counts as a failure, with its text."""
        try:
            holds, saw = self.run(laboratory)
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


def check(area: str, title: str) -> Callable[[Callable[[Laboratory], Saw]], Callable[[Laboratory], Saw]]:
    """Register a function as a check."""

    def register(function: Callable[[Laboratory], Saw]) -> Callable[[Laboratory], Saw]:
        CHECKS.append(Check(area, title, function))
        return function

    return register


def not_asked(why: str) -> Saw:
    """The check does not apply to this experiment."""
    return Saw(None, why)


def same(left: ArrayLike, right: ArrayLike, what: str) -> Saw:
    """Whether two arrays are equal bit for bit (NaN equals NaN)."""
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape:
        return Saw(False, f"{what}: {a.shape} against {b.shape}")
    missing = np.isnan(a) & np.isnan(b) if a.dtype.kind == b.dtype.kind == "f" else np.zeros(a.shape, bool)
    differing = int(np.count_nonzero((a != b) & ~missing))
    return Saw(differing == 0, f"{what}: {differing} of {a.size} differ")


def close(left: ArrayLike, right: ArrayLike, what: str, tolerance: float = 1e-9) -> Saw:
    """Whether two arrays are equal up to rounding, by their largest difference relative to the largest value."""
    a, b = np.asarray(left, float), np.asarray(right, float)
    if a.shape != b.shape:
        return Saw(False, f"{what}: {a.shape} against {b.shape}")
    if a.size == 0:
        return Saw(False, f"{what}: there is nothing to compare")
    scale = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-300)
    worst = float(np.max(np.abs(a - b))) / scale
    return Saw(worst <= tolerance, f"{what}: {np.sum(a):,.6g} against {np.sum(b):,.6g} in all, off by {worst:.1e}")


def never(violations: ArrayLike, what: str) -> Saw:
    """Whether no element is true."""
    bad = np.asarray(violations)
    return Saw(bad.size > 0 and not bad.any(), f"{what}: {int(bad.sum())} of {bad.size}")


def together(*findings: Saw) -> Saw:
    """Whether all hold; those that do not apply are left out."""
    asked = [finding for finding in findings if finding.holds is not None]
    if not asked:
        return findings[0]
    failed = [finding for finding in asked if not finding.holds]
    return Saw(not failed, "; ".join(finding.text for finding in failed or asked))
