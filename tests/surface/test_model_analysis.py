"""The doors of an experiment for models of one's own: published figures, closed forms, refusals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import popsim as ps
from popsim.errors import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
from models.sick_sicker import SICK_SICKER


def leaving(**changes):
    """The healthy die with probability q a year; a year costs c; treatment lowers q, at a price."""
    given = {
        "states": ["healthy", "dead"],
        "dead": ["dead"],
        "timing": ps.Timing(10),
        "discounting": ps.Discounting(0.0, 0.0),
        "parameters": {"q": 0.1, "c": 100.0, "price": 0.0, "effect": 1.0},
        "strategies": {"usual": {}, "treated": {"price": 50.0, "effect": 0.5}},
        "transitions": lambda p: {"healthy": {"dead": p.q * p.effect}},
        "costs": lambda p: {"healthy": p.c + p.price},
        "utilities": lambda p: {"healthy": 0.8},
    }
    return ps.StateTransitionModel(**given | changes)


def study(model=None, **changes):
    given = {"comparator": "usual", "willingness_to_pay": 1000.0, "seed": 1, "individuals": 1, "exact": True}
    return ps.ModelAnalysis(model=model or leaving(), **given | changes)


def test_the_published_tutorial():
    """Steps between the costs and QALYs that Alarid-Escudero 2023 prints for SoC, B and AB; A is dominated."""
    analysis = ps.ModelAnalysis(
        model=SICK_SICKER, comparator="SoC", willingness_to_pay=100_000, seed=1, individuals=1, exact=True
    )
    table = {row["strategy"]: row for row in analysis.decide().iter_rows(named=True)}
    printed = {"SoC": (151_580, 20.711), "B": (259_100, 22.184), "AB": (378_875, 23.137)}
    for less, more in (("SoC", "B"), ("B", "AB")):
        cost, gain = (after - before for before, after in zip(printed[less], printed[more], strict=True))
        assert table[more]["icer"] == pytest.approx(cost / gain, rel=0.001 / gain)  # rounding of its QALYs
    assert table["A"]["status"] == "dominated"


def test_uncertain_parameters():
    """With one parameter that decides, EVPPI is EVPI; two values, half each, by hand."""
    draws = pl.DataFrame({"q": [0.1, 0.3] * 20})
    analysis = study(draws=draws)
    decision = analysis.decision
    benefit = decision.net_monetary_benefit(1000.0)
    evpi = benefit.max(axis=1).mean() - benefit.mean(axis=0).max()
    assert analysis.evpi()["value"].item() == pytest.approx(evpi)
    assert analysis.evppi()["value"].to_list() == pytest.approx([evpi] * 2, abs=1e-6)
    sure = analysis.acceptability([0.0, 1000.0])
    assert sure.group_by("willingness_to_pay").agg(pl.col("probability").sum())["probability"].to_list() == [1.0, 1.0]


def test_tornado():
    """Exact: net benefit at both ends of a cost; simulated: the same random numbers at both, so no noise in a price."""
    years = {s: study().result.means[k, 0, 2] for k, s in enumerate(("usual", "treated"))}
    row = study().one_way(["c=80:120"]).row(0, named=True)
    assert row["outcome_high"] - row["outcome_low"] == pytest.approx(-40 * (years["treated"] - years["usual"]))
    simulated = study(exact=False, individuals=500).one_way(["c=80:120"]).row(0, named=True)
    lived = study(exact=False, individuals=500).result
    gained = lived.means[1, 0, 2] - lived.means[0, 0, 2]
    assert simulated["outcome_high"] - simulated["outcome_low"] == pytest.approx(-40 * gained, rel=0.25)


def test_figures_are_those_of_an_experiment():
    """Every figure is drawn, with the titles, the currency and the horizon of the model."""
    draws = pl.DataFrame({"q": np.linspace(0.05, 0.3, 40), "effect": np.linspace(0.9, 0.4, 40)})
    treated = leaving(strategies={"usual": {}, "treated": {"price": 50.0, "treat": 1}},
                      parameters={"q": 0.1, "c": 100.0, "price": 0.0, "effect": 0.5, "treat": 0.0},
                      transitions=lambda p: {"healthy": {"dead": p.q * (p.effect if p.treat else 1.0)}})  # fmt: skip
    analysis = study(treated, draws=draws, currency="EUR", titles={"treated": "Early treatment"})
    for name in ("plane", "acceptability", "net_benefit", "evpi", "evppi"):
        assert getattr(analysis.plot, name)() is not None
    plane = analysis.plot.plane()
    assert "10 years" in plane.get_xlabel()
    assert plane.get_ylabel() == "Extra cost per person, EUR"
    assert analysis.plot.tornado("treated", parameters=["c=80:120", "q=0.05:0.2"]) is not None
    with pytest.raises(InputError, match="strategy 'treatd': did you mean 'treated'"):
        analysis.plot.tornado("treatd", parameters=["c=80:120"])


def test_budget():
    """Years 1 and 2 of a treated person cost 150 (1 + 0.95) / 2 and 150 (0.95 + 0.95**2) / 2; usual likewise."""
    table = study().budget(100, [0.5, 1.0])
    usual, treated = ([unit * (s**n + s ** (n + 1)) / 2 for n in (0, 1)] for unit, s in ((100.0, 0.9), (150.0, 0.95)))
    first = 50 * (treated[0] - usual[0])
    second = 50 * (treated[1] - usual[1]) + 100 * (treated[0] - usual[0])
    assert table["net"].to_list() == pytest.approx([first, second])


def test_market_shares_of_two_strategies_are_an_uptake():
    mixes = {"usual": [1.0, 1.0]}, {"usual": [0.5, 0.0], "treated": [0.5, 1.0]}
    uptake = study().budget(100, [0.5, 1.0])
    assert study().market_budget(100, *mixes)["net"].to_list() == pytest.approx(uptake["net"].to_list())
    both = study().market_budget([100, 0], *mixes, switching=True)  # half of 100 people; then all of them, in year 2
    first, later = (study().budget([100.0, 0.0], share)["net"].to_list() for share in ([0.5, 0.5], [1.0, 1.0]))
    assert both["net"].to_list() == pytest.approx([first[0], later[1]])


def test_checks_hold_and_find_faults():
    held = study(individuals=2000, exact=False).verify()
    assert held["holds"].to_list() == [True] * 5
    faulty = replace(leaving(), transition_costs=lambda p, cycle: {("healthy", "dead"): -500.0 * (cycle > 5)})
    found = {row["check"]: row["holds"] for row in study(faulty).verify().iter_rows(named=True)}
    assert found["The same seed gives the same results"]
    curves = ps.PartitionedSurvivalModel(
        states=["alive", "dead"], dead=["dead"], timing=ps.Timing(10), discounting=ps.Discounting(0.03, 0.03),
        parameters={"rate": 0.2}, strategies={"usual": {}, "treated": {"rate": 0.1}},
        curves=lambda p: {"alive": ps.Survival.exponential(p.rate)},
        costs=lambda p: {"alive": 100.0}, utilities=lambda p: {"alive": 0.8},
    )  # fmt: skip
    assert study(curves).verify()["holds"].to_list() == [True, True, True, True, None]
    assert study(curves).decide()["strategy"].to_list() == ["usual", "treated"]
    alive = (1 + np.exp(-0.1)) / 2 - (1 + np.exp(-0.2)) / 2
    assert study(curves).budget(10, [1.0])["net"].item() == pytest.approx(1000 * alive)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: study(comparator="usal"), "comparator 'usal': did you mean 'usual'"),
        (lambda: study(willingness_to_pay=-1.0), "willingness to pay"),
        (lambda: study().one_way(), "no parameter is uncertain"),
        (lambda: study().one_way(["price=1:2"]), "strategy 'treated' sets it itself"),
        (lambda: study().one_way(["q"]), "it has no uncertainty, give a range"),
        (lambda: study().one_way(["q=a:b"]), "must be NAME=LOW:HIGH, two numbers"),
        (lambda: study().one_way(["q=0.2:0.1"]), "low must be below high"),
        (lambda: study().one_way(["q=0.1:0.2", "q=0.1:0.3"]), "named twice"),
        (lambda: study().evpi(), "0 parameter draws: needs at least 20"),
        (lambda: study().market_budget(1, {"usual": [0.9]}, {"treated": [1.0]}), "the shares of year 1 sum to 0.9"),
        (lambda: study().market_budget(1, {"usal": [1.0]}, {"treated": [1.0]}), "did you mean 'usual'"),
        (lambda: study(leaving(timing=ps.Timing(10, 0.3))).budget(1, [1.0]), "whole number of cycles a year"),
    ],
)
def test_refused(ask, message):
    with pytest.raises(InputError) as refused:
        ask()
    assert message in str(refused.value)
