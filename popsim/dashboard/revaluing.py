"""Stored draws valued anew: another willingness to pay, perspective, effect, part of the horizon or prices.

Costs are sums of components, each proportional to its prices, so that a factor of a component is exact: no simulation
is needed. Whatever is as in the experiment is taken as stored, so that the numbers are those of `popsim decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
import polars as pl

from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.columns import COST_NAMES
from popsim.economics.cost_effectiveness import (
    EFFECTS,
    QALYS,
    TOTAL_COST,
    cost_per_effect,
    effect_of,
    net_benefit,
    paired_differences,
)
from popsim.economics.decision import Decision, acceptability, icer_table
from popsim.economics.perspectives import SIGNS
from popsim.errors import InputError, did_you_mean
from popsim.reporting.intervals import readable

UNIT = ["strategy", "draw", "replication"]
AFTER = {TOTAL_COST: "cost_after", QALYS: "qalys_after", "life_years": "life_years_after"}
WHOLE, OBSERVED = "whole", "observed"
MAX_KNOWN = 50  # tables that are kept while a slider moves


@dataclass(frozen=True, slots=True)
class Revaluation:
    """How stored draws are valued.

    Attributes:
        threshold: willingness to pay for one unit of the effect.
        perspective: whose costs count.
        effect: a measure of EFFECTS.
        part: "whole" horizon, or "observed": without what comes after the experiment's observed days.
        prices: factor of each component of cost; 1 where it is absent.
    """

    threshold: float
    perspective: str
    effect: str = QALYS
    part: str = WHOLE
    prices: Mapping[str, float] = field(default_factory=dict)

    def as_run(self, experiment: ExperimentDefinition) -> bool:
        """Whether costs are as the experiment counts them."""
        return self.perspective == experiment.perspective and all(factor == 1.0 for factor in self.prices.values())


class Stored(NamedTuple):
    """The measures of a run that valuing needs, a row for each strategy, draw and replication."""

    wide: pl.DataFrame
    experiment: ExperimentDefinition

    @classmethod
    def of(cls, measures: pl.DataFrame, experiment: ExperimentDefinition) -> Stored:
        """From a run's table of measures."""
        names = [TOTAL_COST, *COST_NAMES, *(effect.measure for effect in EFFECTS), *AFTER.values()]
        wide = (
            measures.filter(pl.col("measure").is_in(names))
            .with_columns(pl.col("strategy").cast(pl.String))
            .pivot(on="measure", index=UNIT, values="value", maintain_order=True)
        )
        return cls(wide, experiment)

    @property
    def effects(self) -> list[str]:
        """Effects that were measured."""
        return [effect.measure for effect in EFFECTS if effect.measure in self.wide.columns]

    @property
    def components(self) -> list[str]:
        """Components of cost that are not 0 throughout."""
        present = [name for name in COST_NAMES if name in self.wide.columns]
        sums = self.wide.select(pl.col(present).abs().sum())
        return [name for name in present if sums[name][0]]

    @property
    def has_observed_part(self) -> bool:
        """Whether the horizon can be cut to the observed days."""
        return AFTER[TOTAL_COST] in self.wide.columns

    def costs(self, valuation: Revaluation) -> pl.Expr:
        """The total cost per person.

        Raises:
            InputError: a component is unknown, or the part of the horizon cannot be valued so.
        """
        for name in valuation.prices:
            if name not in COST_NAMES:
                raise InputError(f"price of '{name}': {did_you_mean(name, COST_NAMES)}")
        if valuation.as_run(self.experiment):
            total = pl.col(TOTAL_COST)
            return total - pl.col(AFTER[TOTAL_COST]) if valuation.part == OBSERVED else total
        if valuation.part == OBSERVED:
            raise InputError(
                "the observed part of the horizon: is known with the experiment's perspective and prices only"
            )
        if valuation.perspective not in SIGNS:
            raise InputError(f"perspective '{valuation.perspective}': {did_you_mean(valuation.perspective, SIGNS)}")
        signs = SIGNS[valuation.perspective]  # type: ignore[index]
        counted = [name for name in COST_NAMES if name in signs and name in self.wide.columns]
        return reduce(add, (signs[name] * valuation.prices.get(name, 1.0) * pl.col(name) for name in counted))

    def measures(self, valuation: Revaluation) -> pl.DataFrame:
        """The total cost and the effect as a table of measures.

        Raises:
            InputError: the run has no such effect, or it cannot be valued so.
        """
        effect_of(valuation.effect)
        if valuation.effect not in self.wide.columns:
            raise InputError(f"effect '{valuation.effect}': {did_you_mean(valuation.effect, self.effects)}")
        effect = pl.col(valuation.effect)
        if valuation.part == OBSERVED:
            if valuation.effect not in AFTER or not self.has_observed_part:
                raise InputError(f"the observed part of the horizon: not known of '{valuation.effect}'")
            effect = effect - pl.col(AFTER[valuation.effect])
        values = {TOTAL_COST: self.costs(valuation), valuation.effect: effect}
        parts = [
            self.wide.select(*UNIT, pl.lit(name).alias("measure"), one.alias("value")) for name, one in values.items()
        ]
        return pl.concat(parts)


@dataclass(frozen=True, slots=True)
class Basis:
    """What the decision rests on at every willingness to pay, under a valuation.

    Attributes:
        measures: total cost and effect.
        effect: the measure of effect.
        experiment: as far as it has come.
        differences: `paired_differences` of cost and effect.
        ratios: `cost_per_effect` of the effect, a row for each other strategy.
        decision: costs and effects by draw.
    """

    measures: pl.DataFrame
    effect: str
    experiment: ExperimentDefinition
    differences: pl.DataFrame
    ratios: pl.DataFrame
    decision: Decision
    _known: dict[tuple[str, float], pl.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def comparator(self) -> str:
        """Name of the strategy that the others are compared with."""
        return self.experiment.reference

    @property
    def drawn(self) -> bool:
        """Whether there are parameter draws, so that strategies have a probability of being best."""
        return bool((self.decision.draws > 0).sum() > 1)

    def benefit(self, threshold: float) -> pl.DataFrame:
        """`net_benefit` at a willingness to pay."""
        return self._once(
            "benefit", threshold,
            lambda: readable(net_benefit(self.measures, self.comparator, threshold, self.effect), self.experiment),
        )  # fmt: skip

    def chances(self, threshold: float) -> pl.DataFrame | None:
        """`acceptability` at a willingness to pay; None without draws."""
        if not self.drawn:
            return None
        return self._once("chances", threshold, lambda: acceptability(self.decision, threshold))

    def curves(self, highest: float, points: int = 41) -> pl.DataFrame | None:
        """`acceptability` from 0 to the highest willingness to pay; None without draws."""
        if not self.drawn:
            return None
        grid = np.linspace(0.0, highest, points)
        return self._once("curves", highest, lambda: acceptability(self.decision.distinct, grid))

    @property
    def frontier(self) -> pl.DataFrame:
        """`icer_table` of the decision."""
        return self._once("frontier", 0.0, lambda: icer_table(self.decision))

    def _once(self, what: str, at: float, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """A table that several parts of the page show, made once."""
        if (what, at) not in self._known:
            if len(self._known) > MAX_KNOWN:
                self._known.clear()
            self._known[what, at] = make()
        return self._known[what, at]


def basis(stored: Stored, valuation: Revaluation) -> Basis:
    """Value stored draws, at any willingness to pay.

    Raises:
        InputError: they cannot be valued so, or there is one strategy only.
    """
    measures, comparator = stored.measures(valuation), stored.experiment.reference
    decision = Decision.of(measures, comparator, valuation.effect)
    ratios = cost_per_effect(measures, comparator)
    differences = readable(paired_differences(measures, comparator), stored.experiment)
    return Basis(measures, valuation.effect, stored.experiment, differences, ratios, decision)
