"""Costs and effects of every strategy in every draw, as other programs take them.

The draws are those that popsim's own decision uses: means over replications with their Monte Carlo noise removed
(`Decision.exact`), so that another program's acceptability and EVPI are popsim's. Means, and with them the ICER, are
the same with and without noise. The draws as they were simulated stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.cost_effectiveness import QALYS, effect_of
from popsim.economics.decision import Decision, acceptability, icer_table
from popsim.economics.information import MIN_DRAWS, perfect_information
from popsim.errors import InputError
from popsim.runs.run import StoredRun

MIN_CURVE_DRAWS = 2  # an acceptability curve needs two parameter draws


@dataclass(frozen=True)
class DecisionTables:
    """A run as a decision: strategies, the comparator first.

    Attributes:
        run: it.
        effect: measure of effect.
        simulated: means over replications, Monte Carlo noise included.
        decision: what is decided from: without noise, strategies that are the same with the same numbers.
    """

    run: StoredRun
    effect: str
    simulated: Decision
    decision: Decision

    @classmethod
    def of(cls, run: StoredRun, effect: str = QALYS) -> DecisionTables:
        """Of a finished run.

        Raises:
            InputError: the run has one strategy, or does not measure the effect.
        """
        effect_of(effect)
        if len(run.strategies) < 2:
            raise InputError(f"{run.folder}: the run has one strategy, so that there is nothing to compare")
        simulated = Decision.of(run.frame("measures"), run.comparator, effect)
        exact, same = simulated.distinct.exact, simulated.same_as
        columns = [exact.strategies.index(same.get(name, name)) for name in simulated.strategies]
        cost = _as_equal_as(simulated.cost, exact.cost[:, columns])
        gain = _as_equal_as(simulated.effect, exact.effect[:, columns])
        return cls(run, effect, simulated, Decision(simulated.strategies, simulated.draws, cost, gain, None))

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names, the comparator first."""
        return self.decision.strategies

    @property
    def titles(self) -> list[str]:
        """Titles, in the same order."""
        return [self.run.strategies[name] for name in self.strategies]

    @property
    def price(self) -> float:
        """The experiment's willingness to pay for one unit of effect."""
        return float(self.run.experiment.willingness_to_pay)

    @property
    def unit(self) -> str:
        """What one unit of the effect is called."""
        return effect_of(self.effect).unit

    @property
    def parameter_draws(self) -> pl.DataFrame | None:
        """draw and a column for each uncertain parameter, for the draws that the decision has; None without draws."""
        if "draws" not in self.run.tables:
            return None
        numbers = pl.DataFrame({"draw": self.decision.draws})
        return numbers.join(self.run.frame("draws"), on="draw", how="left", maintain_order="left")

    @property
    def drawn(self) -> int:
        """Number of parameter draws."""
        return int((self.decision.draws > 0).sum())

    @property
    def has_curves(self) -> bool:
        """Whether there are draws enough for acceptability and expected losses."""
        return self.drawn >= MIN_CURVE_DRAWS

    @property
    def has_information(self) -> bool:
        """Whether there are draws enough for the value of information."""
        return self.drawn >= MIN_DRAWS

    @property
    def note(self) -> str:
        """What the draws cannot show; empty where they show all."""
        if self.drawn == 0:
            return "The run has no parameter draws: one row of costs and effects, no acceptability, no EVPI."
        if not self.has_curves:
            return "The run has one parameter draw: no acceptability, no EVPI."
        if not self.has_information:
            return f"The run has {self.drawn} parameter draws, fewer than {MIN_DRAWS}: no EVPI."
        return ""

    def frontier(self) -> pl.DataFrame:
        """The incremental analysis of means, in the order of the strategies (see `icer_table`)."""
        order = pl.DataFrame({"strategy": self.strategies})
        return order.join(icer_table(self.simulated), on="strategy", how="left", maintain_order="left")

    def benefits(self, price: float) -> NDArray[np.float64]:
        """(S,) mean net monetary benefit."""
        return self.decision.net_monetary_benefit(price).mean(axis=0)

    def curve(self, prices: list[float]) -> pl.DataFrame:
        """Acceptability at each price (see `acceptability`)."""
        return acceptability(self.simulated, prices)

    def information(self, prices: list[float]) -> list[float]:
        """EVPI per person at each price."""
        return [float(value) for value in perfect_information(self.simulated, prices)["value"]]


def created_at(run: StoredRun) -> datetime:
    """When the run was made: the date in files about it, so that they are the same whenever they are written."""
    said = run.manifest.get("started_at")
    return datetime.fromisoformat(said).replace(tzinfo=None) if said else datetime(2000, 1, 1)


def _as_equal_as(simulated: NDArray[np.float64], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns of `exact`, equal to each other bit by bit where those of `simulated` are: a tie stays a tie."""
    result = exact.copy()
    for column in range(1, simulated.shape[1]):
        for first in range(column):
            if np.array_equal(simulated[:, column], simulated[:, first]):
                result[:, column] = result[:, first]
                break
    return result
