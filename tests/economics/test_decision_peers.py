"""heormodel 0.7.4 side by side: where it agrees, and the cases in which popsim does it itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from heormodel import cea, voi
from heormodel.models import Outcomes
from made_up_draws import NAMES, decision, measures, parameters, unit_normal_loss

from popsim.economics.decision import Decision, acceptability
from popsim.economics.information import information


def heor(benefit):
    """The same draws as heormodel takes them."""
    index = pd.RangeIndex(1, len(benefit) + 1, name="iteration")
    effect = pd.DataFrame(benefit, index=index, columns=list(NAMES[: benefit.shape[1]]))
    return Outcomes.from_wide(effect * 0.0, effect)


def heor_draws(**columns):
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(next(iter(columns.values()))) + 1, name="iteration"))


def test_without_luck_and_ties_both_agree():
    random = np.random.default_rng(1)
    benefit = random.normal([0.0, 0.2, 0.1], size=(2000, 3))
    table = acceptability(decision(benefit), 1.0)
    assert table["probability"].to_list() == pytest.approx(cea.ceac(heor(benefit), [1.0]).iloc[0].to_list())
    assert table["expected_loss"].to_list() == pytest.approx(cea.expected_loss(heor(benefit), [1.0]).iloc[0].to_list())
    draws = {"x": benefit[:, 1] + random.normal(size=2000)}
    ours = information(decision(benefit), parameters(**draws), 1.0)
    assert ours["value"][0] == pytest.approx(voi.evpi(heor(benefit), 1.0))
    theirs = voi.evppi(heor(benefit), heor_draws(**draws), "x", 1.0)
    assert abs(ours["value"][1] - theirs) < ours["standard_error"][1]


def test_case_ties_go_to_who_is_listed_first():
    benefit = np.zeros((10, 2))
    assert cea.ceac(heor(benefit), [1.0]).iloc[0].to_list() == [1.0, 0.0]
    assert acceptability(decision(benefit), 1.0)["probability"].to_list() == [0.5, 0.5]


def test_case_a_group_that_acts_only_together_is_given_no_value():
    """Net benefit a x b is worth 1 / pi = 0.318 to know; heormodel's default finds a tenth of it."""
    x = np.random.default_rng(2).normal(size=(2000, 2))
    benefit = np.column_stack([np.zeros(2000), x[:, 0] * x[:, 1]])
    theirs = voi.evppi(heor(benefit), heor_draws(a=x[:, 0], b=x[:, 1]), ["a", "b"], 1.0)
    assert theirs < 0.2 / np.pi
    ours = information(decision(benefit), parameters(a=x[:, 0], b=x[:, 1]), 1.0, {"both": ["a", "b"]})
    assert ours["value"][1] > 0.9 / np.pi


@pytest.mark.slow
def test_case_a_parameter_that_does_nothing_is_given_a_value():
    """100 draws, 25 times over: the mean value of knowing a column of random numbers."""
    random = np.random.default_rng(3)
    theirs, ours, above = [], [], 0
    for _ in range(25):
        benefit, nothing = np.column_stack([np.zeros(100), random.normal(size=100)]), random.lognormal(size=100)
        theirs.append(voi.evppi(heor(benefit), heor_draws(u=nothing), "u", 1.0))
        ours.append(information(decision(benefit), parameters(u=nothing), 1.0)["value"][1])
        coin = np.column_stack([np.zeros(100), benefit[:, 1] > 0]).astype(float)
        above += voi.evppi(heor(coin), heor_draws(u=nothing), "u", 1.0) > voi.evpi(heor(coin), 1.0) + 1e-9
    assert np.mean(theirs) > 2 * np.mean(ours)
    assert above > 0, "and partial information is worth more than perfect information"


def test_case_luck_of_a_replication_is_taken_for_parameters():
    """Increments 500 +- 1000, four replications with an error of 2000: EVPI 198, heormodel says 351 or so."""
    random = np.random.default_rng(4)
    benefit = np.zeros((2000, 4, 2))
    benefit[:, :, 1] = random.normal(500, 1000, (2000, 1)) + random.normal(0, 2000, (2000, 4))
    true = unit_normal_loss(500, 1000)
    assert voi.evpi(heor(benefit.mean(axis=1)), 1.0) > 1.5 * true
    table = information(Decision.of(measures(-benefit, 0 * benefit), "usual"), parameters(a=np.zeros(2000)), 1.0, {})
    assert table["value"][0] == pytest.approx(true, abs=3 * table["standard_error"][0])
