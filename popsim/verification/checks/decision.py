"""From parameter draws to a decision: acceptability, losses and the value of information."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.economics.cost_effectiveness import cost_effectiveness
from popsim.economics.decision import Decision, acceptability, icer_table
from popsim.economics.information import information
from popsim.verification.checking import Saw, check, close, never, not_asked, same, together
from popsim.verification.test_bench import Laboratory

AREA = "Decision"
DRAWS = 20  # the minimum of information()
GRID = np.array([0.0, 5_000.0, 20_000.0, 50_000.0, 100_000.0])


def _decision(lab: Laboratory) -> Decision | None:
    """The experiment's decision over a few draws; None where there is none to make."""
    if not lab.others or not lab.uncertain.names:
        return None
    return Decision.of(lab.drawn(DRAWS), lab.base.name)


NOTHING = not_asked("there is a single strategy, or no parameter is uncertain")


@check(AREA, "Draws of all strategies are paired")
def paired(lab: Laboratory) -> Saw:
    """Run a copy of the comparator beside it over draws: their differences are exactly 0 in every draw."""
    if not lab.uncertain.names:
        return not_asked("no parameter is uncertain")
    copy = lab.base.model_copy(update={"name": "copy_of_it"})
    one, two = (lab.drawn(3, (strategy,))["value"].to_numpy() for strategy in (lab.base, copy))
    return same(one, two, "values")


@check(AREA, "Draws differ in their results")
def draws_matter(lab: Laboratory) -> Saw:
    """Compare the comparator's cost over the draws."""
    decision = _decision(lab)
    if decision is None:
        return NOTHING
    costs = np.unique(decision.cost[:, 0])
    return Saw(len(costs) == DRAWS, f"{len(costs)} different costs in {DRAWS} draws")


@check(AREA, "Probabilities of being best sum to 1 at every willingness to pay")
def acceptability_sums(lab: Laboratory) -> Saw:
    """Add up the acceptability curves."""
    decision = _decision(lab)
    if decision is None:
        return NOTHING
    sums = acceptability(decision, GRID).group_by("willingness_to_pay").agg(pl.col("probability").sum())
    return close(sums["probability"], np.ones(len(sums)), "sums")


@check(AREA, "At a willingness to pay of 0 the cheapest is best")
def cheapest(lab: Laboratory) -> Saw:
    """Count independently how often each strategy is the cheapest, and compare with the curve at 0."""
    decision = _decision(lab)
    if decision is None:
        return NOTHING
    cost = decision.exact.cost
    best = cost == cost.min(axis=1, keepdims=True)
    return close(
        acceptability(decision, 0.0)["probability"], (best / best.sum(axis=1, keepdims=True)).mean(axis=0), "shares"
    )


@check(AREA, "The optimal strategy has the highest mean net benefit and the lowest expected loss")
def optimal(lab: Laboratory) -> Saw:
    """Compare both at every willingness to pay."""
    decision = _decision(lab)
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
def information_is_bounded(lab: Laboratory) -> Saw:
    """Compare EVPI with the lowest expected loss, and EVPPI of every parameter with EVPI and with 0."""
    decision = _decision(lab)
    if decision is None:
        return NOTHING
    table = pl.DataFrame({"draw": range(1, DRAWS + 1)}).with_columns(
        pl.Series(name, values)
        for name, values in zip(
            lab.uncertain.names, lab.uncertain.draw(lab.experiment.seed, range(1, DRAWS + 1)).T, strict=True
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
def nothing_to_learn(lab: Laboratory) -> Saw:
    """Give every draw the mean cost and effect: EVPI must be 0 and the best certain (or those tied)."""
    decision = _decision(lab)
    if decision is None:
        return NOTHING
    cost, effect = (np.tile(values.mean(axis=0), (DRAWS, 1)) for values in (decision.cost, decision.effect))
    curve = acceptability(Decision(decision.strategies, decision.draws, cost, effect, None), 20_000.0)
    loss, probability = curve["expected_loss"].to_numpy(), curve["probability"].to_numpy()
    best = loss < 1e-9
    shared = np.where(best, 1.0 / max(int(best.sum()), 1), 0.0)
    return Saw(
        bool(np.array_equal(probability, shared)), f"EVPI {loss.min():.1e}, the best {best.sum()} share certainty"
    )


@check(AREA, "The frontier is ordered, and its first step is the pairwise ratio")
def frontier(lab: Laboratory) -> Saw:
    """Look at costs, effects and ratios along the frontier; compare that of two strategies with the pairwise ratio."""
    if not lab.others:
        return not_asked("there is a single strategy")
    measures = lab.drawn(0)
    table = icer_table(Decision.of(measures, lab.base.name)).filter(pl.col("status") == "on the frontier")
    rising = [(np.diff(table[name].drop_nulls().to_numpy()) < 0) for name in ("cost", "effect", "icer")]
    found = [never(np.concatenate([*rising, np.array([False])]), "steps down along the frontier")]
    pair = measures.filter(pl.col("strategy").is_in([lab.base.name, lab.others[0].name]))
    row = cost_effectiveness(pair, lab.base.name, 20_000.0).row(0, named=True)
    steps = icer_table(Decision.of(pair, lab.base.name))["icer"].drop_nulls()
    if row["icer_per_qaly"] is not None:
        found.append(close(steps, [row["icer_per_qaly"]], "the only step's ratio"))
    return together(*found)
