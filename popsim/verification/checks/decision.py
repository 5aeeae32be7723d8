"""From parameter draws to a decision: acceptability, losses and the value of information."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.economics.cost_effectiveness import cost_effectiveness
from popsim.economics.decision import Decision, acceptability, icer_table
from popsim.economics.information import information
from popsim.verification.checking import CheckResult, check, close, never, not_applicable, same, together
from popsim.verification.test_bench import ModelBench

AREA = "Decision"
DRAWS = 20  # the minimum of information()
GRID = np.array([0.0, 5_000.0, 20_000.0, 50_000.0, 100_000.0])


def _decision(bench: ModelBench) -> Decision | None:
    """The experiment's decision over a few draws; None where there is none to make."""
    if not bench.others or not bench.uncertain.names:
        return None
    return Decision.of(bench.drawn(DRAWS), bench.base.name)


NOTHING = not_applicable("there is a single strategy, or no parameter is uncertain")


@check(AREA, "Draws of all strategies are paired")
def paired(bench: ModelBench) -> CheckResult:
    """Run a copy of the comparator beside it over draws: their differences are exactly 0 in every draw."""
    if not bench.uncertain.names:
        return not_applicable("no parameter is uncertain")
    copy = bench.base.model_copy(update={"name": "copy_of_it"})
    one, two = (bench.drawn(3, (strategy,))["value"].to_numpy() for strategy in (bench.base, copy))
    return same(one, two, "values")


@check(AREA, "Draws differ in their results")
def draws_matter(bench: ModelBench) -> CheckResult:
    """Compare the comparator's cost over the draws."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    costs = np.unique(decision.cost[:, 0])
    return CheckResult(len(costs) == DRAWS, f"{len(costs)} different costs in {DRAWS} draws")


@check(AREA, "Probabilities of being best sum to 1 at every willingness to pay")
def acceptability_sums(bench: ModelBench) -> CheckResult:
    """Add up the acceptability curves."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    sums = acceptability(decision, GRID).group_by("willingness_to_pay").agg(pl.col("probability").sum())
    return close(sums["probability"], np.ones(len(sums)), "sums")


@check(AREA, "At a willingness to pay of 0 the cheapest is best")
def cheapest(bench: ModelBench) -> CheckResult:
    """Count independently how often each strategy is the cheapest, and compare with the curve at 0."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    cost = decision.exact.cost
    best = cost == cost.min(axis=1, keepdims=True)
    return close(
        acceptability(decision, 0.0)["probability"], (best / best.sum(axis=1, keepdims=True)).mean(axis=0), "shares"
    )


@check(AREA, "The optimal strategy has the highest mean net benefit and the lowest expected loss")
def optimal(bench: ModelBench) -> CheckResult:
    """Compare both at every willingness to pay."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    curve = acceptability(decision, GRID)
    at = curve.group_by("willingness_to_pay").agg(
        highest=pl.col("strategy").sort_by("net_monetary_benefit").last(),
        lowest=pl.col("strategy").sort_by("expected_loss").first(),
        said=pl.col("strategy").filter("optimal"),
    )
    told = at.select(pl.col("said").list.contains(pl.col(name)).alias(name) for name in ("highest", "lowest"))
    return never(~(told["highest"] & told["lowest"]), "willingnesses to pay")


@check(AREA, "Perfect information is worth the lowest expected loss, and no parameter is worth more")
def information_is_bounded(bench: ModelBench) -> CheckResult:
    """Compare EVPI with the lowest expected loss, and EVPPI of every parameter with EVPI and with 0."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    table = pl.DataFrame({"draw": range(1, DRAWS + 1)}).with_columns(
        pl.Series(name, values)
        for name, values in zip(
            bench.uncertain.names, bench.uncertain.draw(bench.experiment.seed, range(1, DRAWS + 1)).T, strict=True
        )
    )
    values = information(decision, table, 20_000.0)
    whole, parts = values["value"][0], values["value"][1:]
    loss = acceptability(decision, 20_000.0)["expected_loss"].to_numpy().min()
    return together(
        close([whole], [loss], "EVPI against the lowest expected loss", 1e-6),
        never((parts > whole + 1e-9) | (parts < 0.0), "parameters worth more than everything, or less than nothing"),
    )


@check(AREA, "Without uncertainty information has no value")
def nothing_to_learn(bench: ModelBench) -> CheckResult:
    """Give every draw the mean cost and effect: EVPI must be 0 and the best certain (or those tied)."""
    decision = _decision(bench)
    if decision is None:
        return NOTHING
    cost, effect = (np.tile(values.mean(axis=0), (DRAWS, 1)) for values in (decision.cost, decision.effect))
    curve = acceptability(Decision(decision.strategies, decision.draws, cost, effect, None), 20_000.0)
    loss, probability = curve["expected_loss"].to_numpy(), curve["probability"].to_numpy()
    best = loss < 1e-9
    shared = np.where(best, 1.0 / max(int(best.sum()), 1), 0.0)
    return CheckResult(
        bool(np.array_equal(probability, shared)), f"EVPI {loss.min():.1e}, the best {best.sum()} share certainty"
    )


@check(AREA, "The frontier is ordered, and its first step is the pairwise ratio")
def frontier(bench: ModelBench) -> CheckResult:
    """Look at costs, effects and ratios along the frontier; compare that of two strategies with the pairwise ratio."""
    if not bench.others:
        return not_applicable("there is a single strategy")
    measures = bench.drawn(0)
    table = icer_table(Decision.of(measures, bench.base.name)).filter(pl.col("status") == "on the frontier")
    rising = [(np.diff(table[name].drop_nulls().to_numpy()) < 0) for name in ("cost", "effect", "icer")]
    found = [never(np.concatenate([*rising, np.array([False])]), "steps down along the frontier")]
    pair = measures.filter(pl.col("strategy").is_in([bench.base.name, bench.others[0].name]))
    row = cost_effectiveness(pair, bench.base.name, 20_000.0).row(0, named=True)
    steps = icer_table(Decision.of(pair, bench.base.name))["icer"].drop_nulls()
    if row["icer_per_qaly"] is not None:
        found.append(close(steps, [row["icer_per_qaly"]], "the only step's ratio"))
    return together(*found)
