"""Whether synthetic people give away the real ones that they were made from: all attacks, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from popsim.exchange.privacy.attacks import Attacker
from popsim.exchange.privacy.encoding import encoded
from popsim.exchange.privacy.excess import AttackResult
from popsim.kernels.numerics.random import RandomKey

# assumption: the largest excess that may remain possible. An attacker who is right about no more than one person in
# three cannot act on any single guess. That the excess is no more must be shown, so few people are refused, too.
LIMIT = 1 / 3
MAX_PEOPLE = 2000  # of each set: more make the attacks slow, not sharper
STREAM = 0x9D15  # second word of the key of what the gate draws


@dataclass(frozen=True)
class Disclosure:
    """The results of all attacks.

    Attributes:
        attacks: in the order in which they are told.
        limit: the largest excess that may remain possible.
        synthetic: number of synthetic people.
    """

    attacks: tuple[AttackResult, ...]
    limit: float
    synthetic: int

    @property
    def refused(self) -> list[AttackResult]:
        """The attacks because of which the people may not leave."""
        return [one for one in self.attacks if one.found or one.high > self.limit]

    @property
    def why(self) -> str:
        """Each attack that stands against them, with what it found and the columns."""
        return "; ".join(map(self._reason, self.refused))

    def _reason(self, one: AttackResult) -> str:
        figures = f"excess {100 * one.excess:.1f}% ({100 * one.low:.1f} to {100 * one.high:.1f})"
        if one.found:
            by = f" by {', '.join(one.columns)}" if one.columns else ""
            return f"{one.attack}{by}: {figures}"
        return f"{one.attack}: {figures} may exceed {100 * self.limit:.0f}%, the people are too few to exclude it"

    def said(self) -> Mapping[str, Any]:
        """For the manifest."""
        return {
            "passed": not self.refused,
            "limit": self.limit,
            "synthetic": self.synthetic,
            "attacks": [one.said() for one in self.attacks],
        }

    def frame(self) -> pl.DataFrame:
        """A row for each attack."""
        return pl.DataFrame(
            [
                {
                    "attack": one.attack, "train": one.train, "control": one.control, "excess": one.excess,
                    "low": one.low, "high": one.high, "p": one.p, "passed": one not in self.refused,
                    "columns": ", ".join(one.columns) if one.found else "", "people": one.people,
                    "held_out": one.held_out,
                }
                for one in self.attacks
            ]
        )  # fmt: skip


def assess(
    train: pl.DataFrame, synthetic: pl.DataFrame, control: pl.DataFrame, limit: float = LIMIT, seed: int = 1
) -> Disclosure:
    """Attack synthetic people.

    Args:
        train: the real people that the synthetic ones were made from, one row each.
        synthetic: those who may leave.
        control: real people of the same kind who had no part in it.
        limit: largest excess that may remain possible, as a share.
        seed: of the attacks' choices.

    Raises:
        InputError: a set is too small, or lacks a column of the first.
    """
    frames = [frame.head(MAX_PEOPLE) for frame in (train, synthetic.select(pl.all()), control)]
    people = encoded(frames)
    return Disclosure(tuple(Attacker(people, RandomKey(seed, STREAM)).all()), limit, len(frames[1]))
