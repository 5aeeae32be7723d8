"""Stored draws valued anew: the expected numbers are sums by hand, or popsim's own of the whole run."""

import numpy as np
import polars as pl
import pytest

from popsim.dashboard.revaluing import OBSERVED, Revaluation, Stored, basis
from popsim.definitions.experiment import ExperimentDefinition
from popsim.economics.cost_effectiveness import cost_effectiveness
from popsim.economics.decision import Decision, acceptability
from popsim.errors import InputError
from popsim.surface.examples import example

WARD, DRUGS, CHARGES, TRAVEL = 100.0, 20.0, 5.0, 3.0
MORE = {"usual_care": 0.0, "early_follow_up": 10.0, "telemonitoring": 30.0}


@pytest.fixture(scope="module")
def experiment():
    return ExperimentDefinition.read(example("heart_failure_discharge")).model_copy(
        update={"draws": 6, "replications": 2}
    )


@pytest.fixture(scope="module")
def measures():
    """Six draws of two replications; wards cost more under some strategies."""
    rows = []
    for draw in range(1, 7):
        for replication in range(2):
            luck = 0.1 * ((draw * 7 + replication * 3) % 5)
            for name, more in MORE.items():
                parts = {
                    "cost_ward": WARD + more + luck, "cost_drugs": DRUGS + more * luck / 10,
                    "cost_out_of_pocket": CHARGES, "cost_travel": TRAVEL, "cost_after": 7.0,
                    "qalys": 0.5 + more / 1000 + 0.001 * draw * (more > 0), "qalys_after": 0.1, "life_years": 0.8,
                }  # fmt: skip
                parts["cost_total"] = parts["cost_ward"] + parts["cost_drugs"]
                rows += [(name, draw, replication, measure, value) for measure, value in parts.items()]
    return pl.DataFrame(rows, ["strategy", "draw", "replication", "measure", "value"], orient="row")


@pytest.fixture(scope="module")
def stored(measures, experiment):
    return Stored.of(measures, experiment)


def cost(stored, name, **said):
    valuation = Revaluation(**{"threshold": 20_000.0, "perspective": "health_system"} | said)
    table = stored.measures(valuation).filter(
        pl.col("measure") == "cost_total", pl.col("strategy") == name, pl.col("draw") == 1, pl.col("replication") == 0
    )
    return table["value"].item()


def test_as_it_was_run_the_numbers_are_those_of_the_run(stored, measures, experiment):
    found = basis(stored, Revaluation(20_000.0, "health_system"))
    expected = cost_effectiveness(measures, "usual_care", 20_000.0)
    benefit = found.benefit(20_000.0)
    assert benefit["mean"].to_list() == expected["net_monetary_benefit"].to_list()
    assert benefit["parameter_sd"].to_list() == expected["net_monetary_benefit_parameter_sd"].to_list()
    assert found.ratios["icer"].to_list()[:2] == expected["icer_per_qaly"].to_list()
    chances = acceptability(Decision.of(measures, "usual_care"), 20_000.0)
    assert found.chances(20_000.0).equals(chances)


def test_perspectives_and_prices_are_sums_by_hand(stored):
    luck = 0.1 * (7 % 5)
    ward, drugs = WARD + 30.0 + luck, DRUGS + 3.0 * luck
    assert cost(stored, "telemonitoring") == pytest.approx(ward + drugs)
    assert cost(stored, "telemonitoring", perspective="payer") == pytest.approx(ward + drugs - CHARGES)
    assert cost(stored, "telemonitoring", perspective="societal") == pytest.approx(ward + drugs + TRAVEL)
    assert cost(stored, "telemonitoring", perspective="patient") == pytest.approx(CHARGES + TRAVEL)
    half = {"cost_ward": 0.5, "cost_drugs": 2.0}
    assert cost(stored, "telemonitoring", prices=half) == pytest.approx(0.5 * ward + 2.0 * drugs)
    assert cost(stored, "telemonitoring", prices={"cost_ward": 1.0}) == cost(stored, "telemonitoring")


def test_the_observed_part_is_the_whole_without_what_comes_after(stored):
    assert cost(stored, "usual_care", part=OBSERVED) == pytest.approx(cost(stored, "usual_care") - 7.0)
    table = stored.measures(Revaluation(1.0, "health_system", part=OBSERVED)).filter(pl.col("measure") == "qalys")
    whole = stored.measures(Revaluation(1.0, "health_system")).filter(pl.col("measure") == "qalys")
    assert np.allclose(whole["value"] - table["value"], 0.1)
    with pytest.raises(InputError, match="observed part"):
        cost(stored, "usual_care", part=OBSERVED, perspective="societal")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"prices": {"cost_moon": 2.0}}, "cost_moon"),
        ({"effect": "happiness"}, "happiness"),
        ({"effect": "mortality"}, "mortality"),  # known, but not of this run
        ({"perspective": "mine"}, "mine"),
    ],
)
def test_what_cannot_be_valued_is_refused(stored, said, why):
    with pytest.raises(InputError, match=why):
        cost(stored, "usual_care", **said)


def test_components_without_cost_are_not_offered(stored):
    assert stored.components == ["cost_ward", "cost_drugs", "cost_out_of_pocket", "cost_travel"]
    assert stored.effects == ["qalys", "life_years"]
