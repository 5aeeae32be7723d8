"""The difference between two strategies, replication by replication: the outcome of sensitivity analyses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from popsim.economics.cost_effectiveness import QALYS, TOTAL_COST, verdict
from popsim.economics.outcome_valuation import ICER
from popsim.economics.outcome_valuation import NET_BENEFIT as BENEFIT
from popsim.errors import InputError
from popsim.statistics import Estimate
from popsim.studies.design import Study
from popsim.studies.measures import check_measures, measures_of

NET_BENEFIT = BENEFIT.name
A_RATIO = "gains health at a cost"  # the verdict with which a ratio says what a QALY costs
UNCLEAR = "QALYs not told apart"  # from the comparator's, within Monte Carlo error: there is no ratio


@dataclass(frozen=True, slots=True)
class Contrast:
    """The difference in one outcome between a strategy and the comparator.

    Attributes:
        strategy, comparator: names.
        outcome: a measure, `net_monetary_benefit` (willingness to pay x QALYs - cost), or `icer` (the difference in
            cost by that in QALYs).
        willingness_to_pay: currency per QALY, for net benefit.
    """

    strategy: str
    comparator: str
    outcome: str = NET_BENEFIT
    willingness_to_pay: float = 0.0

    def values(self, measures: pl.DataFrame) -> pl.DataFrame:
        """draw, replication, value: one paired difference for each, sorted; missing pairs are left out.

        The values of an ICER are its linearisation (delta method): their mean is the ratio of the draw's means, and
        their spread that of the ratio. They are null in a draw that has no ratio: see `verdicts`.

        Args:
            measures: strategy, draw, replication, measure, value.

        Raises:
            InputError: there is no such measure, or no pair that has a value of it.
        """
        if self.outcome == ICER:
            return self._linearised(measures)
        needed = [TOTAL_COST, QALYS] if self.outcome == NET_BENEFIT else [self.outcome]
        check_measures(needed, [NET_BENEFIT, *measures["measure"].unique()])
        worth = {TOTAL_COST: -1.0, QALYS: self.willingness_to_pay} if self.outcome == NET_BENEFIT else {}
        weight = pl.col("measure").replace_strict(worth, default=1.0, return_dtype=pl.Float64)
        strategy = pl.col("strategy").cast(pl.String)
        sign = pl.when(strategy == self.strategy).then(1.0).otherwise(-1.0)
        chosen = measures.filter(pl.col("measure").is_in(needed), strategy.is_in([self.strategy, self.comparator]))
        found = (
            chosen.group_by("draw", "replication")
            .agg(value=(pl.col("value") * weight * sign).sum(), known=pl.col("value").count())
            .filter(pl.col("known") == 2 * len(needed))
            .select("draw", "replication", "value")
            .sort("draw", "replication")
        )
        if found.is_empty():
            raise InputError(f"measure '{self.outcome}': no replication gives it a value under both strategies")
        return found

    def verdicts(self, measures: pl.DataFrame) -> dict[int, str]:
        """By draw, where its mean differences lie on the cost-effectiveness plane, or that QALYs are not told apart."""
        cost, gain = pl.col("cost"), pl.col("gain")
        means = self._differences(measures).group_by("draw", maintain_order=True).agg(cost.mean(), gain)
        found = {}
        for row in means.iter_rows(named=True):
            gained = estimate(pl.Series(row["gain"]))
            unclear = abs(gained.value) <= gained.reach and gained.reach > 0.0
            found[row["draw"]] = UNCLEAR if unclear else verdict(row["cost"], gained.value)
        return found

    def _differences(self, measures: pl.DataFrame) -> pl.DataFrame:
        """draw, replication, cost, gain (in QALYs)."""
        cost, gain = (replace(self, outcome=name).values(measures) for name in (TOTAL_COST, QALYS))
        return cost.join(gain.rename({"value": "gain"}), on=["draw", "replication"]).rename({"value": "cost"})

    def _linearised(self, measures: pl.DataFrame) -> pl.DataFrame:
        ratios = [draw for draw, found in self.verdicts(measures).items() if found == A_RATIO]
        cost, gain = pl.col("cost"), pl.col("gain")
        ratio = cost.mean().over("draw") / gain.mean().over("draw")
        linear = ratio + (cost - ratio * gain) / gain.mean().over("draw")
        value = pl.when(pl.col("draw").is_in(ratios)).then(linear)
        return self._differences(measures).select("draw", "replication", value=value).sort("draw", "replication")


def contrasts(study: Study, outcome: str = NET_BENEFIT, *, ratio: bool = False) -> tuple[Contrast, ...]:
    """Every other strategy of a study against its comparator.

    Args:
        study: to compare in.
        outcome: of the contrasts.
        ratio: whether it may be ICER, which not every parameter value has.

    Raises:
        InputError: the study has a single strategy, or none of its runs can have such a measure.
    """
    experiment = study.experiment
    check_measures([outcome], [NET_BENEFIT, *([ICER] if ratio else []), *measures_of(study)])
    others = [strategy.name for strategy in experiment.strategies if strategy.name != experiment.reference]
    if not others:
        raise InputError(f"{experiment.name}: has only one strategy, so there is nothing to compare")
    return tuple(Contrast(name, experiment.reference, outcome, experiment.willingness_to_pay) for name in others)


def at_draw(values: pl.DataFrame, draw: int) -> pl.DataFrame:
    """The values of one draw, by replication."""
    return values.filter(pl.col("draw") == draw)


def estimate(values: pl.Series) -> Estimate:
    """Mean and standard error of independent values."""
    return Estimate.of(values.to_numpy())


def shift(changed: pl.DataFrame, base: pl.DataFrame) -> Estimate:
    """Change of a contrast between two draws with common random numbers: mean difference over replications."""
    both = changed.join(base, on="replication", suffix="_base").sort("replication")
    return estimate(both["value"] - both["value_base"])
