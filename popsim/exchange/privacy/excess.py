"""What an attack gains from the people behind a synthetic set, against people who were held out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.statistics import wilson

type Hits = NDArray[np.bool_]


@dataclass(frozen=True)
class AttackResult:
    """An attack on the people that a synthetic set was made from, and on people held out.

    Attributes:
        attack: its name.
        train, control: share of people on whom it succeeds.
        people, held_out: numbers of people attacked.
        low, high: 95% interval of the excess (Newcombe's, from Wilson's intervals of both shares).
        p: chance of at least this excess if the synthetic people owe nothing to the real ones (one-sided).
        level: below which `p` is no chance.
        columns: by which it succeeds, most first.
    """

    attack: str
    train: float
    control: float
    people: int
    held_out: int
    low: float
    high: float
    p: float
    level: float
    columns: tuple[str, ...] = ()

    @property
    def excess(self) -> float:
        """How much more often it succeeds on people who are in the data than on people who are not."""
        return self.train - self.control

    @property
    def found(self) -> bool:
        """Whether the excess is beyond chance."""
        return self.p < self.level

    def said(self) -> Mapping[str, Any]:
        """For the manifest."""
        return {
            "attack": self.attack, "train": round(self.train, 5), "control": round(self.control, 5),
            "people": self.people, "held_out": self.held_out, "excess": round(self.excess, 5),
            "low": round(self.low, 5), "high": round(self.high, 5), "p": float(f"{self.p:.3g}"), "level": self.level,
            "columns": list(self.columns),
        }  # fmt: skip


def of_hits(attack: str, train: Hits, control: Hits, level: float, columns: tuple[str, ...] = ()) -> AttackResult:
    """The result of an attack that succeeds on some people of each set.

    `p` is Fisher's exact one: if it makes no difference whether somebody was in the data, every way to share the
    successes among the two sets is as probable.
    """
    a, b, m, n = int(train.sum()), int(control.sum()), len(train), len(control)
    low, high = newcombe(a, m, b, n)
    return AttackResult(attack, a / m, b / n, m, n, low, high, fisher(a, m, b, n), level, columns)


def fisher(a: int, m: int, b: int, n: int) -> float:
    """One-sided p of `a` successes among m against `b` among n."""
    from scipy.stats import hypergeom  # noqa: PLC0415 slow to import

    return float(hypergeom.sf(a - 1, m + n, a + b, m))


def newcombe(a: int, m: int, b: int, n: int) -> tuple[float, float]:
    """The 95% interval of a difference of two shares (Newcombe 1998, method 10)."""
    p, q = a / m, b / n
    (low_p, low_q), (high_p, high_q) = wilson(np.array([p, q]), np.array([m, n]))
    reach_low = math.hypot(p - float(low_p), float(high_q) - q)
    reach_high = math.hypot(float(high_p) - p, q - float(low_q))
    return p - q - reach_low, p - q + reach_high
