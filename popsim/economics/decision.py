"""Which strategy to choose, and the value of information: from the draws of a run to a decision.

heormodel does the incremental analysis and the expected losses. Three things are done here instead, each shown by a
test (tests/economics/test_decision_peers.py, heormodel 0.7.4):

- Monte Carlo noise: a draw's costs and effects are means over few replications. Taken as exact, they inflate expected
  losses and EVPI. `Decision.exact` removes the noise from the spread of the draws, where these have replications;
- ties: tied strategies share a draw, and strategies that are equal in every draw are reported as the same, so that the
  order of strategies changes nothing;
- partial information: see `information`.

Money is in the currency of the costs, per person; an effect is signed so that more is better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.definitions.horizon import DiscountRate
from popsim.economics.checks import (
    check_comparator,
    check_comparison,
    check_finite,
    check_names,
    check_number,
    check_price,
)
from popsim.economics.cost_effectiveness import QALYS, ROUNDING, TOTAL_COST, effect_of
from popsim.economics.discounting import discount_at, first_rate, steps_of
from popsim.economics.uncertainty import nested, without_noise
from popsim.errors import InputError

STATUS = {"ND": "on the frontier", "D": "dominated", "ED": "extendedly dominated"}
COMPONENTS = 2  # of a strategy: cost and effect


@dataclass(frozen=True, slots=True)
class Decision:
    """Cost and effect of every strategy in every parameter draw.

    Attributes:
        strategies: names; the comparator first.
        draws: (D,) numbers of the draws; 0 alone when the run has none.
        cost, effect: (D, S) means over replications, Monte Carlo noise included.
        noise: (2 S, 2 S) Monte Carlo covariance of a draw's costs and effects; None where it cannot be estimated.

    Raises:
        InputError: a name or a draw occurs twice, arrays do not fit together, or a number is not finite.
    """

    strategies: tuple[str, ...]
    draws: NDArray[np.int64]
    cost: NDArray[np.float64]
    effect: NDArray[np.float64]
    noise: NDArray[np.float64] | None

    def __post_init__(self) -> None:
        check_names("strategy", self.strategies)
        check_names("draw", np.asarray(self.draws).tolist())
        check_finite(cost=self.cost, effect=self.effect)
        if np.shape(self.cost) != (len(self.draws), len(self.strategies)):
            wanted = f"{len(self.draws)} draws x {len(self.strategies)} strategies"
            raise InputError(f"cost, effect: {np.shape(self.cost)}: must be {wanted}")

    @classmethod
    def of(cls, measures: pl.DataFrame, comparator: str, effect: str = QALYS) -> Self:
        """From a table of measures: strategy, draw, replication, measure, value.

        Only replications count in which cost and effect of every strategy are known.

        Raises:
            InputError: there is no such strategy, effect or measure, or no replication in which all are known.
        """
        sign = effect_of(effect).sign
        check_comparison(measures, comparator, (TOTAL_COST, effect))
        names = measures["strategy"].cast(pl.String).unique(maintain_order=True).to_list()
        names = [comparator, *(name for name in names if name != comparator)]
        columns = [f"{measure} of {name}" for measure in (TOTAL_COST, effect) for name in names]
        wide = (
            measures.filter(pl.col("measure").is_in([TOTAL_COST, effect]))
            .with_columns(column=pl.format("{} of {}", "measure", pl.col("strategy").cast(pl.String)))
            .pivot(on="column", on_columns=columns, index=["draw", "replication"], values="value")
            .drop_nulls()
            .sort("draw", "replication")
        )
        if wide.is_empty():
            raise InputError(f"no replication has the measures {TOTAL_COST} and {effect} of every strategy")
        signs = np.repeat([1.0, sign], len(names))
        parts = nested(wide["draw"].to_numpy(), wide.select(columns).to_numpy() * signs)
        cost, gain = np.split(parts.means, COMPONENTS, axis=1)
        return cls(tuple(names), parts.draws, cost, gain, parts.noise)

    @property
    def exact(self) -> Decision:
        """The same draws with their Monte Carlo noise removed, as far as it can be estimated."""
        if self.noise is None or len(self.draws) < 2:
            return self
        both = without_noise(np.hstack([self.cost, self.effect]), self.noise)
        cost, effect = np.split(both, COMPONENTS, axis=1)
        return Decision(self.strategies, self.draws, cost, effect, None)

    @property
    def same_as(self) -> dict[str, str]:
        """Strategies that equal an earlier one in every draw, up to rounding, with the name of that one."""
        same: dict[str, str] = {}
        for index, name in enumerate(self.strategies):
            for first in range(index):
                if self.strategies[first] not in same and self._alike(index, first):
                    same[name] = self.strategies[first]
                    break
        return same

    def _alike(self, one: int, other: int) -> bool:
        return all(np.allclose(table[:, one], table[:, other], ROUNDING, 0.0) for table in (self.cost, self.effect))

    @property
    def distinct(self) -> Decision:
        """The decision without strategies that are the same as another."""
        same, count = self.same_as, len(self.strategies)
        kept = [index for index, name in enumerate(self.strategies) if name not in same]
        both = [*kept, *(count + index for index in kept)]
        noise = None if self.noise is None else self.noise[np.ix_(both, both)]
        names = tuple(self.strategies[index] for index in kept)
        return Decision(names, self.draws, self.cost[:, kept], self.effect[:, kept], noise)

    def net_monetary_benefit(self, willingness_to_pay: float) -> NDArray[np.float64]:
        """(D, S) willingness to pay x effect - cost."""
        return willingness_to_pay * self.effect - self.cost

    def net_benefit_over_first(self, place: int, willingness_to_pay: float) -> NDArray[np.float64]:
        """(D,) net benefit of a strategy over the first one's, without the Monte Carlo noise of this difference.

        It spreads as `cost_effectiveness.net_benefit` says. `exact` removes the noise of all costs and effects
        together, which leaves the same means and almost the same spread.

        Args:
            place: of the strategy.
            willingness_to_pay: for one unit of the effect.
        """
        weights = np.zeros((2, len(self.strategies)))  # of cost, of effect
        weights[:, place] += (-1.0, willingness_to_pay)
        weights[:, 0] -= (-1.0, willingness_to_pay)
        benefit: NDArray[np.float64] = self.cost @ weights[0] + self.effect @ weights[1]
        if self.noise is None or len(self.draws) < 2:
            return benefit
        noise = weights.ravel() @ self.noise @ weights.ravel()
        return without_noise(benefit[:, np.newaxis], np.array([[noise]])).ravel()

    def some(self, rows: NDArray[np.bool_]) -> Decision:
        """The decision restricted to some of the draws."""
        return Decision(self.strategies, self.draws[rows], self.cost[rows], self.effect[rows], self.noise)


def icer_table(decision: Decision) -> pl.DataFrame:
    """Incremental analysis of mean costs and effects: who is dominated, and what each step of the frontier costs.

    Returns:
        strategy, cost, effect, status (STATUS, or "same as <strategy>"), cost_step and effect_step from the strategy
        before it on the frontier, icer = cost_step / effect_step; cheapest first. Steps and ICER are null off the
        frontier and for the cheapest.

    Raises:
        InputError: there is one strategy.
    """
    import pandas as pd
    from heormodel.cea import icer_table as heor_table

    check_comparator(decision.strategies, decision.strategies[0])
    distinct = decision.distinct
    means = pd.DataFrame(
        {"cost": distinct.cost.mean(axis=0), "effect": distinct.effect.mean(axis=0)}, index=list(distinct.strategies)
    )
    table = heor_table(means)
    frontier = pl.DataFrame(
        {
            "strategy": list(table.index),
            "cost": table["cost"].to_numpy(),
            "effect": table["effect"].to_numpy(),
            "status": [STATUS[status] for status in table["status"]],
            "cost_step": table["inc_cost"].to_numpy(),
            "effect_step": table["inc_effect"].to_numpy(),
            "icer": table["icer"].to_numpy(),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    rows = []
    for row in frontier.iter_rows(named=True):
        none = dict.fromkeys(("cost_step", "effect_step", "icer"))
        same = [name for name, first in decision.same_as.items() if first == row["strategy"]]
        rows += [row, *(row | none | {"strategy": name, "status": f"same as {row['strategy']}"} for name in same)]
    return pl.DataFrame(rows, frontier.schema)


def acceptability(decision: Decision, willingness_to_pay: float | Iterable[float]) -> pl.DataFrame:
    """Acceptability curves (CEAC), their frontier (CEAF), expected losses and net benefits.

    Args:
        decision: with parameter draws.
        willingness_to_pay: for one unit of effect; one value, or the grid of a curve.

    Returns:
        For each willingness to pay and strategy: willingness_to_pay, strategy, net_monetary_benefit,
        net_health_benefit (mean per person; the latter null where nothing is paid for health), probability (of the
        highest net benefit; ties are shared, so that probabilities sum to 1), probability_standard_error,
        expected_loss (by choosing this strategy), expected_loss_standard_error, optimal (highest mean net benefit: the
        CEAF is the probability where optimal). Standard errors are over draws, given the Monte Carlo noise. Strategies
        that are the same have the same figures, and share the probability of being best.

    Raises:
        InputError: the run has no parameter draws or one strategy, or a willingness to pay is refused.
    """
    from heormodel.cea import expected_loss

    check_comparator(decision.strategies, decision.strategies[0])
    need_draws(decision)
    grid = np.atleast_1d(np.asarray(willingness_to_pay, np.float64))
    check_finite(**{"willingness to pay": grid})
    for price in grid.tolist():
        check_price(price)
    distinct, same = decision.distinct, decision.same_as
    exact = distinct.exact
    member = [distinct.strategies.index(same.get(name, name)) for name in decision.strategies]
    losses = expected_loss(_outcomes(exact), grid).to_numpy()[:, member]
    parts = []
    for price, mean_loss in zip(grid.tolist(), losses, strict=True):
        benefit = exact.net_monetary_benefit(price)[:, member]
        rounding = ROUNDING * (price * np.abs(exact.effect) + np.abs(exact.cost)).max()
        best = benefit >= benefit.max(axis=1, keepdims=True) - rounding
        share = best / best.sum(axis=1, keepdims=True)
        loss = benefit.max(axis=1, keepdims=True) - benefit
        means = benefit.mean(axis=0)
        optimal = np.array(member) == exact.net_monetary_benefit(price).mean(axis=0).argmax()
        parts.append(
            pl.DataFrame(
                {
                    "willingness_to_pay": np.full(len(means), price),
                    "strategy": list(decision.strategies),
                    "net_monetary_benefit": means,
                    "net_health_benefit": means / price if price > 0 else [None] * len(means),
                    "probability": share.mean(axis=0),
                    "probability_standard_error": _standard_error(share),
                    "expected_loss": mean_loss,
                    "expected_loss_standard_error": _standard_error(loss),
                    "optimal": optimal,
                },
                schema_overrides={"net_health_benefit": pl.Float64},
            )
        )
    return pl.concat(parts)


def choice_table(
    decision: Decision, gains: pl.DataFrame, willingness_to_pay: float, *, with_draws: bool
) -> pl.DataFrame:
    """Which strategy to choose: the incremental analysis, each strategy's net benefit, and how sure the choice is.

    Args:
        decision: in which.
        gains: of `net_benefit`.
        willingness_to_pay: for one unit of effect.
        with_draws: whether there are parameter draws, which say how sure the choice is.

    Returns:
        The columns of `icer_table`, net_monetary_benefit with its interval (_low, _high), probability, expected_loss
        and optimal of `acceptability` with draws, and willingness_to_pay; cheapest first.
    """
    named = gains.select(
        "strategy",
        net_monetary_benefit="mean",
        net_monetary_benefit_low="low",
        net_monetary_benefit_high="high",
    )
    table = icer_table(decision).join(named, on="strategy", how="left", maintain_order="left")
    if with_draws:
        sure = acceptability(decision, willingness_to_pay).select("strategy", "probability", "expected_loss", "optimal")
        table = table.join(sure, on="strategy", how="left", maintain_order="left")
    return table.with_columns(pl.lit(float(willingness_to_pay)).alias("willingness_to_pay"))


def discounted_people(people_per_year: float, years: int, discount_rate: DiscountRate) -> float:
    """People affected by a decision, each discounted from the year in which it affects them.

    people_per_year x sum over t = 0 ... years - 1 of the weight of t years: the first year is not discounted.
    Multiply any value of information per person by it.

    Raises:
        InputError: a number is negative, infinite or none.
    """
    for name, number in (("people", people_per_year), ("years", years), ("discount rate", first_rate(discount_rate))):
        check_number(name, number)
    weights = discount_at(first_rate(discount_rate), np.arange(years), steps_of(discount_rate))
    return people_per_year * float(weights.sum())


def need_draws(decision: Decision, minimum: int = 2) -> None:
    """Refuse too few parameter draws: without them, uncertainty about the decision cannot be measured."""
    drawn = int((decision.draws > 0).sum())
    if drawn < minimum:
        raise InputError(f"{drawn} parameter draws: needs at least {minimum} (draws in the experiment)")


def _standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of column means."""
    result: NDArray[np.float64] = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return result


def _outcomes(decision: Decision) -> Any:
    """The draws as heormodel takes them."""
    import pandas as pd
    from heormodel.models import Outcomes

    index = pd.Index(decision.draws, name="iteration")
    cost, effect = (
        pd.DataFrame(values, index=index, columns=list(decision.strategies))
        for values in (decision.cost, decision.effect)
    )
    return Outcomes.from_wide(cost, effect, effect="effect", comparator=decision.strategies[0])
