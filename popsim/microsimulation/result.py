"""Results of a microsimulation: measures by strategy and run, occupancy, and each individual's totals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.cost_effectiveness import QALYS, cost_effectiveness, strategy_means
from popsim.economics.decision import Decision, icer_table
from popsim.errors import InputError, did_you_mean
from popsim.statistics import CONFIDENCE, t_quantile

MEASURES = ("cost_total", "qalys", "life_years")
MIN_BATCHES, MAX_BATCHES = 20, 100


class MicrosimulationResult(NamedTuple):
    """One simulation of all individuals under all strategies: its parameter draw (0: base case) and replication."""

    draw: int
    replication: int


@dataclass(frozen=True)
class Microsimulation:
    """Results of a state-transition model.

    Attributes:
        strategies, states: names.
        runs: draw and replication of each run.
        draws: values of the uncertain parameters by draw; empty without draws.
        person_id: (people,) identities.
        cycle_years: length of a cycle.
        means: (strategies, runs, 3) cost, QALYs and life years per person, in the order of MEASURES.
        variances: (strategies, runs, 3) variance over the people.
        counts: (strategies, runs, cycles + 1, states) people in each state at each point; expected people, not whole
            numbers, of a cohort evaluated exactly, whose variances are 0.
        totals: (strategies, runs, 3, people) of each person, or None where they were not kept.
    """

    strategies: Sequence[str]
    states: Sequence[str]
    runs: Sequence[MicrosimulationResult]
    draws: pl.DataFrame
    person_id: NDArray[np.int64]
    cycle_years: float
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    counts: NDArray[np.int64] | NDArray[np.float64]
    totals: NDArray[np.float64] | None

    @cached_property
    def measures(self) -> pl.DataFrame:
        """Means per person: strategy, draw, replication, measure, value; the input of popsim.economics."""
        return self._table(self.means, {"measure": MEASURES}, "value")

    @cached_property
    def occupancy(self) -> pl.DataFrame:
        """Share of people in each state: strategy, draw, replication, cycle (the point in time), state, share."""
        levels = {"cycle": range(self.counts.shape[2]), "state": self.states}
        return self._table(self.counts / len(self.person_id), levels, "share")

    @cached_property
    def persons(self) -> pl.DataFrame:
        """Totals of each individual: strategy, draw, replication, person_id, cost_total, qalys, life_years.

        Raises:
            InputError: they were not kept (`run(..., persons=True)`).
        """
        if self.totals is None:
            raise InputError("totals of each individual were not kept: run with persons=True")
        table = self._table(np.moveaxis(self.totals, 2, -1)[..., 0], {"person_id": self.person_id}, MEASURES[0])
        more = {name: np.ascontiguousarray(self.totals[:, :, k]).reshape(-1) for k, name in enumerate(MEASURES)}
        return table.with_columns(**{name: pl.Series(values) for name, values in more.items()})

    @cached_property
    def summary(self) -> pl.DataFrame:
        """Mean of each measure under each strategy: strategy, measure, mean, standard_error, low, high.

        With one run the error is that of sampling individuals; with more it is taken over runs (and includes parameter
        uncertainty where there are draws). Interval: 95%, Student's t; null for one individual.
        """
        if len(self.runs) > 1:
            return strategy_means(self.measures).drop("replications")
        people = len(self.person_id)
        errors = pl.Series(np.sqrt(self.variances[:, 0] / people).reshape(-1), nan_to_null=True)
        reach = t_quantile(max(people, 2)) * errors  # for one individual, the error is unknown or, if exact, 0
        means = self.measures.select("strategy", "measure", mean="value")
        return means.with_columns(standard_error=errors, low=pl.col("mean") - reach, high=pl.col("mean") + reach)

    def cost_effectiveness(
        self, comparator: str, willingness_to_pay: float, confidence: float = CONFIDENCE
    ) -> pl.DataFrame:
        """Each strategy against the comparator, with intervals: see `popsim.economics.cost_effectiveness`.

        Intervals are taken over the runs. With one run whose totals were kept, they are taken over batches of
        individuals, who are independent of each other.

        Raises:
            InputError: there is no such strategy.
        """
        if comparator not in self.strategies:
            raise InputError(f"comparator {comparator!r}: {did_you_mean(str(comparator), self.strategies)}")
        return cost_effectiveness(self.independent_measures, comparator, willingness_to_pay, confidence)

    def icer_table(self, effect: str = QALYS) -> pl.DataFrame:
        """Incremental analysis of all strategies: who is dominated, and what each step of the frontier costs.

        Args:
            effect: "qalys" or "life_years".
        """
        return icer_table(Decision.of(self.measures, self.strategies[0], effect))

    @property
    def independent_measures(self) -> pl.DataFrame:
        """Measures with batches of individuals in place of replications, where there is one run."""
        people = len(self.person_id)
        batches = next((b for b in range(MAX_BATCHES, MIN_BATCHES - 1, -1) if people % b == 0), 1)
        if len(self.runs) > 1 or self.totals is None or batches == 1:
            return self.measures
        means = self.totals[:, 0].reshape(len(self.strategies), len(MEASURES), batches, -1).mean(axis=-1)
        table = self._table(
            means.swapaxes(1, 2)[:, None], {"replication": range(batches), "measure": MEASURES}, "value"
        )
        return table

    def _table(
        self, values: NDArray[Any], levels: Mapping[str, Sequence[Any] | NDArray[Any]], name: str
    ) -> pl.DataFrame:
        """A long table of an array (strategies, runs, *levels)."""
        strategies, runs = values.shape[:2]
        inner = values[0, 0].size
        names = pl.Series(list(self.strategies), dtype=pl.String)
        numbers = np.array(self.runs, np.int32)
        columns: dict[str, Any] = {
            "strategy": names.gather(np.repeat(np.arange(strategies), runs * inner)),
            "draw": np.tile(np.repeat(numbers[:, 0], inner), strategies),
            "replication": np.tile(np.repeat(numbers[:, 1], inner), strategies),
        }
        after = inner
        for level, entries in levels.items():
            after //= len(entries)
            places = np.tile(
                np.repeat(np.arange(len(entries)), after), strategies * runs * inner // len(entries) // after
            )
            columns[level] = pl.Series(entries).gather(places)
        return pl.DataFrame(columns | {name: np.ascontiguousarray(values).reshape(-1)})

    def __repr__(self) -> str:
        people, cycles = len(self.person_id), self.counts.shape[2] - 1
        simulated = self.counts.dtype.kind == "i"
        who = f"Microsimulation of {people:,} individuals" if simulated else "Cohort evaluated exactly"
        head = f"{who}, {cycles} cycles of {self.cycle_years:g} years"
        unknown = " (standard errors need two individuals)" if np.isnan(self.variances).any() else ""
        runs = f", {len(self.runs)} runs" if len(self.runs) > 1 else unknown
        wide = self.summary.pivot(on="measure", index="strategy", values=["mean", "standard_error"])
        width = max(len(name) for name in (*self.strategies, "strategy"))
        lines = [head + runs, f"{'strategy':{width}}" + "".join(f"{name:>26}" for name in MEASURES)]
        for row in wide.iter_rows(named=True):
            cells = (_with_error(row[f"mean_{m}"], row[f"standard_error_{m}"]) for m in MEASURES)
            lines.append(f"{row['strategy']:{width}}" + "".join(f"{cell:>26}" for cell in cells))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return str(self.summary._repr_html_())


def _with_error(mean: float, error: float | None) -> str:
    """A mean with its standard error, to the second digit of the error."""
    if not error:
        return f"{mean:,.6g}"
    digits = max(1 - math.floor(math.log10(error)), 0)
    return f"{mean:,.{digits}f} (SE {error:,.{digits}f})"
