"""Costs of interventions: charged when a person gets one; valuation books and discounts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.population.state import NamedArrays, State


class Charge(NamedTuple):
    """A cost charged today to each of some rows, and the column where valuation books it."""

    column: str
    rows: NDArray[np.int64]
    amount: float


@dataclass
class Charges:
    """Open charges of one model.

    Attributes:
        once: today's; valuation empties the list.
        per_day: daily cost by cost column, one element per twin, from today on; columns without cost are absent.
    """

    once: list[Charge] = field(default_factory=list)
    per_day: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def charge_once(self, column: str, rows: NDArray[np.int64], amount: float) -> None:
        """Charge an amount today."""
        if amount and len(rows):
            self.once.append(Charge(column, rows, amount))

    def change_per_day(self, column: str, rows: NDArray[np.int64], change: float, twins: int) -> None:
        """Change the daily cost from today on."""
        if change and len(rows):
            prices: NDArray[Any] = self.per_day.setdefault(column, np.zeros(twins))
            prices[rows] += change

    def state(self) -> NamedArrays:
        """Daily costs, to go on from; those of a day have been booked at its end."""
        return dict(self.per_day)

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.per_day = {column: state.take(column, np.float64, (None,)) for column in state.names()}
