"""Incremental analysis, acceptability and losses against published tables and closed forms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from made_up_draws import decision, measures, unit_normal_loss
from scipy.stats import norm

from popsim.economics.decision import Decision, acceptability, discounted_people, icer_table
from popsim.economics.information import information
from popsim.errors import InputError


def means(names: tuple[str, ...], cost: list[float], effect: list[float]) -> Decision:
    return Decision(names, np.array([0]), np.array([cost]), np.array([effect]), None)


def test_hiv_screening_frontier():
    """Paltiel 2006 as the dampack vignette (basic_cea) tells it: screening every year is dominated."""
    names = ("none", "once", "every 5 years", "every 3 years", "every year")
    months = np.array([277.25, 277.57, 277.78, 277.83, 277.76])
    table = icer_table(means(names, [26_000, 27_000, 28_020, 28_440, 29_440], list(months / 12)))
    assert table["strategy"].to_list() == list(names)
    assert table["status"].to_list() == ["on the frontier"] * 4 + ["dominated"]
    # 1000 / (0.32 / 12), 1020 / (0.21 / 12), 420 / (0.05 / 12)
    assert table["icer"].to_list()[1:4] == pytest.approx([37_500, 58_285.7, 100_800], rel=1e-6)
    assert table["icer"][0] is table["icer"][4] is None


def test_sick_sicker_frontier():
    """Alarid-Escudero 2023, the time-independent model: A is dominated, ICERs 72,988 and 125,764."""
    costs, qalys = [151_580.0, 284_805.0, 259_100.0, 378_875.0], [20.711, 21.499, 22.184, 23.137]
    table = icer_table(means(("standard", "A", "B", "AB"), costs, qalys))
    status = dict(zip(table["strategy"], table["status"], strict=True))
    assert status == {"standard": "on the frontier", "B": "on the frontier", "AB": "on the frontier", "A": "dominated"}
    icer = dict(zip(table["strategy"], table["icer"], strict=True))
    # The published means are rounded to 0.001 QALY: 0.1% of a step of 0.95.
    assert (icer["B"], icer["AB"]) == pytest.approx((72_988, 125_764), rel=1e-3)


@pytest.mark.parametrize(
    ("cost", "effect", "status"),
    [
        # B's step costs 100 a unit, C's 50: half B and half nothing beats B.
        ([0, 100, 150], [0, 1, 3], ["on the frontier", "extendedly dominated", "on the frontier"]),
        # The same, moved to negative effects and costs: only differences matter.
        ([-500, -400, -350], [-9, -8, -6], ["on the frontier", "extendedly dominated", "on the frontier"]),
        # Equal effects: the dearer one is dominated, without a division by 0.
        ([0, 10, 20], [1, 1, 2], ["on the frontier", "dominated", "on the frontier"]),
        # On the line between its neighbours: neither better nor worse than a mixture, so it stays.
        ([0, 100, 200], [0, 1, 2], ["on the frontier"] * 3),
        # Removing one shows another to be extendedly dominated.
        (
            [0, 30, 80, 100],
            [0, 1, 2, 5],
            ["on the frontier", "extendedly dominated", "extendedly dominated", "on the frontier"],
        ),
    ],
)
def test_extended_dominance(cost, effect, status):
    names = ("a", "b", "c", "d")[: len(cost)]
    table = icer_table(means(names, cost, effect))
    assert table["status"].to_list() == status
    steps = table.filter(pl.col("icer").is_not_null())["icer"].to_list()
    assert steps == sorted(steps)


def test_the_frontier_is_the_upper_hull():
    """Against its definition: on it is exactly who is optimal at some willingness to pay."""
    random = np.random.default_rng(3)
    for _ in range(30):
        cost, effect = random.normal(0, 100, 5), random.normal(0, 1, 5)
        names = tuple("abcde")
        table = icer_table(means(names, list(cost), list(effect)))
        prices = np.tan(np.linspace(0, np.pi / 2 - 1e-6, 20_001)) * 100
        optimal = {names[best] for best in np.argmax(prices[:, None] * effect - cost, axis=1)}
        assert set(table.filter(pl.col("status") == "on the frontier")["strategy"]) == optimal


def test_a_normal_increment_in_closed_form():
    """One draw's net benefit is normal: probability, losses and net benefits within 4 standard errors of the truth."""
    random = np.random.default_rng(11)
    draws = 4000
    cost = np.column_stack([np.zeros(draws), random.normal(300, 80, draws)])
    qalys = np.column_stack([np.zeros(draws), random.normal(0.02, 0.01, draws)])
    chosen = Decision(("usual", "clinic"), np.arange(1, draws + 1), cost, qalys, None)
    for price in (5000.0, 14_000.0, 30_000.0):
        mean, sd = price * 0.02 - 300, np.hypot(price * 0.01, 80)
        usual, clinic = acceptability(chosen, price).to_dicts()
        probability = norm.cdf(mean / sd)
        assert abs(clinic["probability"] - probability) < 4 * clinic["probability_standard_error"]
        assert usual["probability"] + clinic["probability"] == pytest.approx(1)
        # The loss of choosing one is E[max] - its mean.
        gain = unit_normal_loss(mean, sd) + max(0, mean)
        assert abs(usual["expected_loss"] - gain) < 4 * usual["expected_loss_standard_error"]
        assert abs(clinic["expected_loss"] - (gain - mean)) < 4 * clinic["expected_loss_standard_error"]
        assert clinic["optimal"] == (mean > 0)
        assert usual["optimal"] == (mean <= 0)
        assert clinic["net_health_benefit"] == pytest.approx(clinic["net_monetary_benefit"] / price)


def test_luck_is_taken_out_of_the_draws():
    """Increments 500 +- 1000 known with an error of 1000: luck alone doubles the variance of a draw."""
    random = np.random.default_rng(12)
    draws, replications = 3000, 4
    benefit = np.zeros((draws, replications, 2))
    benefit[:, :, 1] = random.normal(500, 1000, (draws, 1)) + random.normal(0, 2000, (draws, replications))
    shared = random.normal(0, 5000, (draws, replications, 1))
    chosen = Decision.of(measures(shared - benefit, np.zeros_like(benefit)), "usual")
    assert chosen.noise is not None
    _, clinic = acceptability(chosen, 20_000.0).to_dicts()
    true, naive = norm.cdf(0.5), norm.cdf(0.5 / np.sqrt(2))
    assert abs(clinic["probability"] - true) < 4 * clinic["probability_standard_error"]
    assert abs(clinic["probability"] - naive) > 4 * clinic["probability_standard_error"]
    loss = unit_normal_loss(500, 1000)
    assert abs(clinic["expected_loss"] - loss) < 4 * clinic["expected_loss_standard_error"]
    assert clinic["expected_loss"] < 0.7 * unit_normal_loss(500, 1000 * np.sqrt(2))


def test_curves_sum_to_one_and_ties_are_shared():
    benefit = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 1.0], [5.0, 5.0, 5.0]])
    table = acceptability(decision(benefit), 1.0)
    assert table["probability"].to_list() == pytest.approx([(1 / 2 + 2 / 3) / 4, (1 / 2 + 2 / 3 + 1) / 4, (2 / 3) / 4])
    reordered = acceptability(decision(benefit[:, ::-1]), 1.0)
    assert reordered["probability"].to_list() == pytest.approx(table["probability"].to_list()[::-1])
    random = np.random.default_rng(2)
    curve = acceptability(decision(random.normal(size=(50, 4))), np.linspace(0, 3, 7))
    sums = curve.group_by("willingness_to_pay").agg(pl.col("probability").sum(), pl.col("optimal").sum())
    assert len(sums) == 7
    np.testing.assert_allclose(sums["probability"], 1.0)
    assert sums["optimal"].to_list() == [1] * 7
    assert curve.filter(pl.col("willingness_to_pay") == 0)["net_health_benefit"].null_count() == 4


def test_the_optimal_strategy_need_not_be_the_likeliest():
    """One large win against two small losses (the case for which the CEAF was drawn: Fenwick 2001, recalled)."""
    table = acceptability(decision(np.array([[0.0, -1.0], [0.0, -1.0], [0.0, 9.0]])), 1.0)
    assert table["optimal"].to_list() == [False, True]
    assert table["probability"].to_list() == pytest.approx([2 / 3, 1 / 3])


def test_effects_that_are_harms_are_turned_round():
    table = measures(np.zeros((2, 2, 2)), np.array([[[1.5, 1.2]] * 2] * 2))
    harms = table.with_columns(pl.col("measure").replace("qalys", "admissions_per_person"))
    chosen = Decision.of(harms, "usual", "admissions_per_person")
    assert chosen.strategies == ("usual", "clinic")
    assert chosen.effect.tolist() == [[-1.5, -1.2]] * 2


def test_a_replication_without_every_strategy_is_left_out():
    table = measures(np.ones((2, 2, 2)), np.ones((2, 2, 2)))
    gap = pl.col("draw").eq(1) & pl.col("replication").eq(0) & pl.col("strategy").eq("clinic")
    kept = Decision.of(table.with_columns(value=pl.when(~gap).then("value")), "usual")
    assert kept.draws.tolist() == [1, 2]
    with pytest.raises(InputError, match="no replication has"):
        Decision.of(table.with_columns(value=pl.lit(None, pl.Float64)), "usual")


def test_without_draws_there_is_an_incremental_analysis_but_no_curve():
    table = measures(np.array([[[1.0, 3.0], [2.0, 5.0]]]), np.array([[[0.5, 0.6], [0.4, 0.7]]]), first_draw=0)
    chosen = Decision.of(table, "usual")
    assert icer_table(chosen)["icer"].to_list() == [None, pytest.approx(2.5 / 0.2)]
    with pytest.raises(InputError, match="0 parameter draws"):
        acceptability(chosen, 20_000.0)
    with pytest.raises(InputError, match="did you mean 'clinic'"):
        Decision.of(table, "clinics")
    with pytest.raises(InputError, match="effect 'qaly': did you mean 'qalys'"):
        Decision.of(table, "usual", "qaly")


def test_people_are_discounted_by_year():
    assert discounted_people(1000, 3, 0.035) == pytest.approx(1000 * (1 + 1 / 1.035 + 1 / 1.035**2))
    assert discounted_people(1000, 3, 0.0) == 3000
    with pytest.raises(InputError, match="years = -1"):
        discounted_people(1000, -1, 0.0)


@pytest.mark.slow
def test_runs_do_not_wait_for_heormodel():
    """It brings scikit-learn, seconds of import; only a decision needs it."""
    code = "import popsim.runs.runner, sys; print({'heormodel', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def tied(order: tuple[int, ...]) -> Decision:
    """usual and a copy of it that differs by rounding, and a clinic, in this order of columns; with luck in all."""
    random = np.random.default_rng(4)
    cost, effect = random.normal(1000, 50, (40, 1)), random.normal(0.5, 0.01, (40, 1))
    costs = np.hstack([cost, cost * (1 + 1e-13), cost + random.normal(20, 30, (40, 1))])[:, order]
    effects = np.hstack([effect, effect, effect + random.normal(0.001, 0.002, (40, 1))])[:, order]
    names = np.array(["usual", "copy", "clinic"])[list(order)].tolist()
    signal = np.hstack([costs, effects])
    return Decision(tuple(names), np.arange(1, 41), costs, effects, np.cov(signal, rowvar=False) / 10)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_strategies_that_are_the_same_are_told_as_the_same(order):
    """Beside each other they change nothing: what is left is the decision between usual care and the clinic."""
    decision = tied(order)
    alone = Decision(
        decision.distinct.strategies, decision.draws, decision.distinct.cost, decision.distinct.effect,
        decision.distinct.noise,
    )  # fmt: skip
    (same,) = decision.same_as.items()
    assert set(same) == {"usual", "copy"}
    table = {row["strategy"]: row for row in icer_table(decision).iter_rows(named=True)}
    assert table[same[0]]["status"] == f"same as {same[1]}"
    assert table[same[0]]["icer"] is None
    assert "dominated" not in {table["usual"]["status"], table["copy"]["status"]}
    curve = {row["strategy"]: row for row in acceptability(decision, 20_000.0).iter_rows(named=True)}
    expected = {row["strategy"]: row for row in acceptability(alone, 20_000.0).iter_rows(named=True)}
    assert curve["usual"]["probability"] == pytest.approx(curve["copy"]["probability"], abs=1e-12)
    assert 2 * curve["usual"]["probability"] == pytest.approx(expected[same[1]]["probability"], abs=1e-12)
    assert curve["usual"]["expected_loss"] == curve["copy"]["expected_loss"]
    assert curve["usual"]["optimal"] == curve["copy"]["optimal"]
    draws = pl.DataFrame({"draw": decision.draws, "p": decision.cost[:, 0]})
    assert information(decision, draws, 20_000.0)["value"].to_list() == pytest.approx(
        information(alone, draws, 20_000.0)["value"].to_list()
    )


def test_all_strategies_are_the_same():
    cost, effect = np.random.default_rng(1).normal(size=(2, 30, 1)).repeat(3, 2)
    decision = Decision(("a", "b", "c"), np.arange(1, 31), cost, effect, None)
    assert icer_table(decision)["status"].to_list() == ["on the frontier", "same as a", "same as a"]
    curve = acceptability(decision, 1.0)
    assert curve["probability"].to_list() == pytest.approx([1 / 3] * 3)
    assert curve["expected_loss"].to_list() == [0.0] * 3
    table = information(decision, pl.DataFrame({"draw": decision.draws, "p": decision.cost[:, 0]}), 1.0)
    assert table["value"].to_list() == [0.0, 0.0]
