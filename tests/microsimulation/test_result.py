"""What a result offers: tables in the shape that economics takes, errors, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from small_models import leaving, leaving_kernel

from popsim.definitions.parameter import Parameter
from popsim.definitions.uncertainty import Beta
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet

STRATEGIES = {"usual": {}, "better": {"q": 0.05, "c": 150.0}}


@pytest.fixture(scope="module")
def result():
    return leaving(strategies=STRATEGIES).run(10_000, seed=1)


def test_measures_are_means_of_persons(result):
    assert result.measures.columns == ["strategy", "draw", "replication", "measure", "value"]
    measures = ["cost_total", "qalys", "life_years"]
    means = result.persons.group_by("strategy", maintain_order=True).agg(pl.col(measures).mean())
    assert result.measures["value"].to_list() == pytest.approx(means.select(measures).to_numpy().reshape(-1), rel=1e-12)
    assert result.persons["person_id"].to_list() == [*range(10_000)] * 2


def test_standard_errors_are_those_of_persons(result):
    errors = result.persons.group_by("strategy", maintain_order=True).agg(
        pl.col("cost_total", "qalys", "life_years").std() / 100.0
    )
    assert result.summary["standard_error"].to_list() == pytest.approx(errors.drop("strategy").to_numpy().reshape(-1))
    assert result.summary["low"].to_list() < result.summary["mean"].to_list() < result.summary["high"].to_list()


def test_occupancy_is_complete(result):
    assert result.occupancy.columns == ["strategy", "draw", "replication", "cycle", "state", "share"]
    assert len(result.occupancy) == 2 * 11 * 2
    sums = result.occupancy.group_by("strategy", "cycle").agg(pl.col("share").sum())["share"]
    assert np.allclose(sums, 1.0, rtol=0, atol=1e-15)
    first = result.occupancy.filter(strategy="better", cycle=0)
    assert dict(zip(first["state"], first["share"], strict=True)) == {"healthy": 1.0, "dead": 0.0}


def test_one_run_has_intervals_over_batches_of_people(result):
    """Batches of 100 people: their mean is the whole mean, the interval about that of 10,000 single people."""
    (row,) = result.cost_effectiveness("usual", 20_000).to_dicts()
    cost, qaly = np.diff(result.means[:, 0, :2], axis=0)[0]
    assert (row["cost_difference"], row["qaly_difference"]) == pytest.approx((cost, qaly), rel=1e-12)
    assert row["replications"] == 100
    benefit = (
        20_000 * (result.totals[1, 0, 1] - result.totals[0, 0, 1]) - result.totals[1, 0, 0] + result.totals[0, 0, 0]
    )
    half_width = (row["net_monetary_benefit_high"] - row["net_monetary_benefit_low"]) / 2
    # A standard deviation from 100 batches has a relative error of 7%.
    assert half_width == pytest.approx(1.984 * benefit.std() / 100, rel=0.25)


def test_icer_table(result):
    table = result.icer_table()
    cost, qaly, _ = np.diff(result.means[:, 0], axis=0)[0]
    assert table["strategy"].to_list() == ["usual", "better"]
    assert table["icer"].to_list() == [None, pytest.approx(cost / qaly)]


def test_it_shows_itself(result):
    shown = repr(result)
    assert "10,000 individuals, 10 cycles of 1 years" in shown
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["strategy", "usual", "better"]
    assert result._repr_html_().lstrip().startswith("<div>")


def test_persons_are_kept_on_demand():
    many = leaving().run(1000, seed=2, replications=3)
    with pytest.raises(InputError, match="run with persons=True"):
        _ = many.persons
    kept = leaving().run(1000, seed=2, replications=3, persons=True)
    assert kept.means.tobytes() == many.means.tobytes()
    assert len(kept.persons) == 3000
    assert kept.persons.filter(replication=2)["cost_total"].mean() == pytest.approx(many.means[0, 2, 0], rel=1e-12)
    assert many.summary["mean"].to_list() == pytest.approx(many.means[0].mean(axis=0))


def test_a_parameter_set_brings_its_own_draws():
    """Beta with mean 0.1 and standard error 0.02: mean and spread of 400 draws within 4 of their standard errors."""
    source = "assumption: made up for this test"
    parameters = ParameterSet(
        "leaving",
        {
            "q": Parameter(
                value=0.1,
                unit="1",
                source=source,
                low=0.0,
                high=1.0,
                uncertainty=Beta(distribution="beta", standard_error=0.02),
            ),
            "c": Parameter(value=100.0, unit="GBP", source=source),
            "u": Parameter(value=0.8, unit="1", source=source),
        },
    )
    model = leaving(parameters=parameters)
    result = model.run(50, seed=3, draws=400)
    assert result.draws.columns == ["draw", "q"]
    assert result.draws["q"].mean() == pytest.approx(0.1, abs=4 * 0.02 / 20)
    assert result.draws["q"].std() == pytest.approx(0.02, rel=4 / np.sqrt(800))
    assert np.corrcoef(result.draws["q"], result.means[0, :, 2])[0, 1] < -0.3
    assert model.run(50, seed=3).measures["draw"].unique().to_list() == [0]


def refused(**changes):
    return lambda: leaving(**changes).run(10, seed=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (refused(states=["healthy"]), "2 to 63 different names"),
        (refused(states="HD"), "2 to 63 different names"),
        (refused(states=["healthy", "healthy"]), "2 to 63 different names"),
        (refused(dead="dead"), r"must be a list of states, such as \['dead'\]"),
        (refused(dead=["deed"]), "dead: unknown state 'deed', did you mean 'dead'"),
        (refused(initial="helthy"), "did you mean 'healthy'"),
        (refused(spells=[["healthy"], ["healthy", "dead"]]), "one set only"),
        (refused(strategies={}), "at least one"),
        (refused(strategies={"a": {"k": 1}}), "a: unknown parameter 'k'"),
        (refused(parameters={"q": np.nan, "c": 1, "u": 1}), "q = nan"),
        (refused(transitions=lambda p: {"healthy": {"dead": p.qq}}), "transitions: p.qq: did you mean 'q'"),
        (refused(transitions=lambda p: {"healthy": {"gone": 0.1}}), "unknown state 'gone'"),
        (refused(transitions=lambda p: {"healthy": {"dead": 1.1}}), "from 'healthy' must be 0 or above"),
        (refused(transitions=lambda p: {"healthy": {"dead": -0.1}}), "from 'healthy' must be 0 or above"),
        (refused(transitions=lambda p: {"healthy": {"healthy": 0.5, "dead": 0.1}}), "must add up to 1"),
        (refused(transitions=lambda p: {"healthy": {"dead": np.nan}}), "not a finite number"),
        (refused(transitions=lambda q: {}), "first argument must be p"),
        (refused(transitions={"healthy": {"dead": 0.1}}), "must be a function"),
        (refused(transitions=lambda p, age: {}), "no column 'age'"),
        (refused(costs=lambda p: {"ill": 1.0}), "costs: unknown state 'ill'"),
        (refused(transition_costs=lambda p: {"dead": 1.0}), "keys must be"),
        (refused(transition_costs=lambda p: {("healthy", "deed"): 1.0}), "unknown state 'deed'"),
        (lambda: leaving().run(0, seed=1), "not 0"),
        (lambda: leaving().run(10, seed=-1), "seed = -1"),
        (lambda: leaving().run(10, seed=1, replications=0), "replications = 0"),
        (lambda: leaving().run(10, seed=1, draws=5), "give a ParameterSet"),
        (lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"k": [1.0]})), "draw 1: unknown parameter 'k'"),
        (lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"draw": [1, 1]})), "numbers must be different"),
        (lambda: leaving().run({"person_id": [1, 1]}, seed=1), "each only once"),
        (lambda: leaving().run({"state": ["ded"]}, seed=1), "did you mean 'dead'"),
        (lambda: leaving_kernel(traits=list("abcdefg")), "at most 6"),
        (refused(transition_costs=lambda p, time_in_state: {}), "cannot depend on time_in_state"),
        (lambda: leaving_kernel(rewards=lambda state, p: 0.0), "rewards: must be a function of state, time_in_state"),
        (lambda: leaving_kernel(parameters={"c": 1.0, "u": 1.0}).run(10, seed=1), "Unknown attribute 'q'"),
        (lambda: leaving_kernel(traits=["age"]).run({"age": ["old"]}, seed=1), "must be numbers"),
        (
            lambda: leaving_kernel(next_state=lambda state, time_in_state, cycle, u, p, x: 2).run(10, seed=1),
            "no state; states are 0 to 1",
        ),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
