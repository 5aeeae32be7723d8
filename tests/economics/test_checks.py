"""What every public function of popsim.economics refuses: one line each, whatever door it comes in by."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from popsim.economics.budget import budget_impact
from popsim.economics.capacity import means_by_level, value_by_level, value_of_capacity
from popsim.economics.cost_effectiveness import (
    cost_effectiveness,
    cost_per_effect,
    fieller,
    net_benefit,
    paired_differences,
    strategy_means,
)
from popsim.economics.decision import Decision, acceptability, discounted_people, icer_table
from popsim.economics.disability import discounted_expectancy
from popsim.economics.discounting import discount_factors
from popsim.economics.equity import atkinson_ede, concentration, distribution, equity_weighted, kolm_ede, slope_index
from popsim.economics.individual import counterfactual_pairs, individualised_care, who_gains
from popsim.economics.information import ProposedStudy, information, sample_information
from popsim.economics.subgroups import levels, subgroup_effects
from popsim.economics.uncertainty import nested
from popsim.errors import InputError
from popsim.population.life_table import LifeTable

HALF = np.array([0.5, 0.5])


def measures(change: pl.Expr | None = None) -> pl.DataFrame:
    rows = [
        (strategy, 0, replication, measure, 100.0 + place + replication)
        for place, strategy in enumerate(("usual", "clinic"))
        for replication in range(3)
        for measure in ("cost_total", "qalys", "spending_year_1.ward")
    ]
    table = pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")
    return table if change is None else table.with_columns(value=change)


def persons() -> pl.DataFrame:
    rows = [
        (strategy, 0, replication, 0, person, person % 2, 100.0 * person, 0.5)
        for strategy in ("usual", "clinic")
        for replication in range(2)
        for person in range(6)
    ]
    names = ["strategy", "draw", "replication", "region", "person_id", "female", "cost_total", "qaly"]
    return pl.DataFrame(rows, names, orient="row")


FIRST = pl.int_range(pl.len()) == 0
OF_MEASURES = {
    "strategy_means": strategy_means,
    "paired_differences": lambda table: paired_differences(table, "usual"),
    "cost_effectiveness": lambda table: cost_effectiveness(table, "usual", 2e4),
    "net_benefit": lambda table: net_benefit(table, "usual", 2e4),
    "cost_per_effect": lambda table: cost_per_effect(table, "usual"),
    "decision": lambda table: icer_table(Decision.of(table, "usual")),
    "budget": lambda table: budget_impact(table, "usual", "clinic", [10], [1.0]),
    "capacity": lambda table: value_by_level(table.with_columns(level=1), "usual", 2e4),
    "means_by_level": lambda table: means_by_level(table.with_columns(level=1)),
}


@pytest.mark.parametrize("name", OF_MEASURES)
def test_tables_of_measures(name):
    ask = OF_MEASURES[name]
    ask(measures())
    for wrong in (math.nan, math.inf, -math.inf):
        with pytest.raises(InputError, match="must be a finite number"):
            ask(measures(pl.when(FIRST).then(wrong).otherwise("value")))
    with pytest.raises(InputError, match="no rows"):
        ask(measures().clear())
    with pytest.raises(InputError, match="occurs twice"):
        ask(pl.concat([measures(), measures().head(1)]))
    with pytest.raises(InputError, match="no column 'replication'"):
        ask(measures().drop("replication"))
    with pytest.raises(InputError, match="must be numbers"):
        ask(measures().with_columns(pl.col("value").cast(pl.String)))


@pytest.mark.parametrize("name", sorted(set(OF_MEASURES) - {"strategy_means", "means_by_level", "budget"}))
def test_comparisons(name):
    ask = OF_MEASURES[name]
    with pytest.raises(InputError, match="is the only strategy"):
        ask(measures().filter(pl.col("strategy") == "usual"))
    with pytest.raises(InputError, match="comparator 'usual': allowed: clinic"):
        ask(measures().filter(pl.col("strategy") == "clinic"))
    if name != "paired_differences":  # it compares whatever pairs there are of each measure
        with pytest.raises(InputError, match="'usual' has draw 0, replication 2 and 'clinic' has not"):
            ask(measures().filter(~((pl.col("strategy") == "clinic") & (pl.col("replication") == 2))))


@pytest.mark.parametrize("price", [-1.0, math.nan, math.inf, 1e10])
def test_willingness_to_pay(price):
    decision = Decision(("usual", "clinic"), np.arange(1, 31), np.ones((30, 2)), np.ones((30, 2)), None)
    draws = pl.DataFrame({"draw": range(1, 31), "p": np.arange(30.0)})
    for ask in (
        lambda: cost_effectiveness(measures(), "usual", price),
        lambda: net_benefit(measures(), "usual", price),
        lambda: acceptability(decision, price),
        lambda: acceptability(decision, [0.0, price]),
        lambda: information(decision, draws, price),
        lambda: sample_information(decision, draws, price, ProposedStudy("p", 1.0, [10]), 1),
        lambda: subgroup_effects(persons(), "usual", ["female"], price),
        lambda: counterfactual_pairs(persons(), "usual", price),
        lambda: who_gains(persons(), "usual", price, ["female"]),
        lambda: individualised_care(persons(), "usual", price, ["female"]),
        lambda: value_by_level(measures().with_columns(level=1), "usual", price),
        lambda: value_of_capacity(measures().with_columns(level=1), "ward", price, 10, 1.0),
    ):
        with pytest.raises(InputError, match="willingness to pay"):
            ask()


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_cost_of_a_qaly(price):
    with pytest.raises(InputError, match="cost of a QALY = "):
        distribution(persons(), "usual", "female", price)
    with pytest.raises(InputError, match="cost of a QALY = "):
        equity_weighted(persons(), "usual", "female", price, atkinson_aversion=1.0, kolm_aversion=0.1)


def test_decisions():
    one, two = np.ones((3, 2)), np.ones((3, 2))
    for wrong in (math.nan, math.inf):
        with pytest.raises(InputError, match=r"effect = (nan|inf): must be finite"):
            Decision(("a", "b"), np.arange(3), one, np.where(np.eye(3, 2) > 0, wrong, two), None)
    with pytest.raises(InputError, match="strategy 'a': named twice"):
        Decision(("a", "a"), np.arange(3), one, two, None)
    with pytest.raises(InputError, match="draw '1': named twice"):
        Decision(("a", "b"), np.array([1, 1, 2]), one, two, None)
    with pytest.raises(InputError, match="must have the same shape"):
        Decision(("a", "b"), np.arange(3), one, two[:2], None)
    with pytest.raises(InputError, match="must be 3 draws x 3 strategies"):
        Decision(("a", "b", "c"), np.arange(3), one, two, None)
    with pytest.raises(InputError, match="cost: empty"):
        Decision((), np.arange(0), np.ones((0, 0)), np.ones((0, 0)), None)
    with pytest.raises(InputError, match="is the only strategy"):
        icer_table(Decision(("a",), np.arange(3), one[:, :1], two[:, :1], None))


def test_persons():
    table = persons()
    with pytest.raises(InputError, match="no rows"):
        subgroup_effects(table.clear(), "usual", ["female"], 1.0)
    with pytest.raises(InputError, match="is the only strategy"):
        subgroup_effects(table.filter(pl.col("strategy") == "usual"), "usual", ["female"], 1.0)
    with pytest.raises(InputError, match="qaly: must be finite"):
        subgroup_effects(table.with_columns(qaly=pl.when(FIRST).then(math.nan).otherwise("qaly")), "usual", [], 1.0)
    with pytest.raises(InputError, match="different numbers of people"):
        subgroup_effects(table.slice(1), "usual", ["female"], 1.0)
    with pytest.raises(InputError, match="has draw 0, replication 1"):
        subgroup_effects(table.head(18), "usual", ["female"], 1.0)
    with pytest.raises(InputError, match="'female': named twice"):
        subgroup_effects(table, "usual", ["female", "female"], 1.0)


@pytest.mark.parametrize("column", ["cost_total", "qaly", "visits"])
def test_an_outcome_makes_no_subgroup(column):
    """visits: not declared anywhere, but other under each strategy."""
    table = persons().with_columns(visits=(pl.col("strategy") == "clinic").cast(pl.Int32))
    for ask in (
        lambda: subgroup_effects(table, "usual", [column], 1.0),
        lambda: individualised_care(table, "usual", 1.0, ["female", column]),
        lambda: who_gains(table, "usual", 1.0, [column]),
        lambda: distribution(table, "usual", column, 1.0),
    ):
        with pytest.raises(InputError, match=f"'{column}': an outcome, not known at entry.*allowed: female, region"):
            ask()


@pytest.mark.parametrize("ends", [[math.nan], [1.0, math.inf], [1.0, 1.0]])
def test_bands(ends):
    with pytest.raises(InputError, match="bands of female"):
        levels(persons().lazy(), "female", "usual", {"female": ends})


def test_groups():
    with pytest.raises(InputError, match="must have the same shape"):
        atkinson_ede(np.ones(3), HALF, 1.0)
    with pytest.raises(InputError, match="health = nan"):
        kolm_ede(np.array([1.0, math.nan]), HALF, 1.0)
    with pytest.raises(InputError, match="aversion = nan"):
        atkinson_ede(np.ones(2), HALF, math.nan)
    with pytest.raises(InputError, match=r"share: shares sum to 0\.9"):
        slope_index(np.ones(2), np.array([0.5, 0.4]))
    assert math.isnan(concentration(np.array([-1.0, 1.0]), HALF)), "of a mean of 0"
    for lifetime in ({"0": 70.0, "1": math.nan}, {"0": 70.0, "1": -1.0}):
        with pytest.raises(InputError, match="lifetime"):
            equity_weighted(
                persons(), "usual", "female", 1.0, atkinson_aversion=1.0, kolm_aversion=0.1, lifetime=lifetime
            )
    with pytest.raises(InputError, match="opportunity cost: shares sum to 1"):
        distribution(persons(), "usual", "female", 1.0, opportunity_cost={"0": -0.5, "1": 1.5})


def test_numbers():
    with pytest.raises(InputError, match=r"numerator: .*denominator: .*must have the same shape"):
        fieller(np.ones(3), np.ones(2))
    with pytest.raises(InputError, match="confidence = 1"):
        strategy_means(measures(), 1.0)
    with pytest.raises(InputError, match="people = inf"):
        discounted_people(math.inf, 1, 0.0)
    with pytest.raises(InputError, match="days = 0"):
        discount_factors(0.03, 0)
    with pytest.raises(InputError, match="discount rate = nan"):
        discount_factors(math.nan, 3)
    with pytest.raises(InputError, match="age_years = nan"):
        discounted_expectancy(LifeTable.read("us_2019"), [math.nan], [1], 0.03)
    with pytest.raises(InputError, match="must have the same length"):
        nested(np.array([1, 2]), np.ones((3, 1)))
    for eligible in ([math.nan], [-1.0], [1.0, 2.0]):
        with pytest.raises(InputError, match="eligible"):
            budget_impact(measures(), "usual", "clinic", eligible, [1.0])
    with pytest.raises(InputError, match="strategy 'usual': named twice"):
        budget_impact(measures(), "usual", "usual", [1.0], [1.0])
    with pytest.raises(InputError, match="perspective 'payers': did you mean 'payer'"):
        budget_impact(measures(), "usual", "clinic", [1.0], [1.0], "payers")
