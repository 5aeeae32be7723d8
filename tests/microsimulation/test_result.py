"""What a result offers: tables in the shape that economics takes, errors, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from small_models import leave, leaving, leaving_kernel

from popsim.definitions.distributions import Beta
from popsim.definitions.parameter import Parameter
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.microsimulation import Discounting, Timing

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


def moving(next_state, **changes):
    return lambda: leaving_kernel(next_state=next_state, **changes).run(10, seed=1)


def to(state):
    """A model whose people move to a state of this number."""
    return moving(as_told, parameters={"move": state, "q": 0.1, "c": 1.0, "u": 1.0})


def as_told(state, time_in_state, cycle, u, p, x):
    return p.move


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
        (lambda: leaving().run(0, seed=1), "individuals = 0: must be a whole number"),
        (lambda: leaving().run(10, seed=-1), "seed = -1"),
        (lambda: leaving().run(10, seed=1, replications=0), "replications = 0"),
        (lambda: leaving().run(10, seed=1, draws=5), "give a ParameterSet"),
        (lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"k": [1.0]})), "draw 1: unknown parameter 'k'"),
        (lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"draw": [1, 1]})), "numbers must be different"),
        (lambda: leaving().run({"person_id": [1, 1]}, seed=1), "each only once"),
        (lambda: leaving().run({"state": ["ded"]}, seed=1), "did you mean 'dead'"),
        (lambda: leaving_kernel(traits=list("abcdefg")), "at most 6"),
        (lambda: leaving_kernel(rewards=lambda state, p: 0.0), "rewards: must be a function of state, time_in_state"),
        (lambda: leaving_kernel(parameters={"c": 1.0, "u": 1.0}).run(10, seed=1), "Unknown attribute 'q'"),
        (lambda: leaving_kernel(traits=["age"]).run({"age": ["old"]}, seed=1), "must be numbers"),
        (to(2), "no state; states are 0 to 1"),
        (to(-1), "no state; states are 0 to 1"),
        (moving(lambda state, time_in_state, cycle, u, p, x: 10**12), "no state; states are 0 to 1"),
        (to(0.5), "no state; states are 0 to 1"),
        (moving(lambda state, time_in_state, cycle, u, p, x: np.nan), "no state; states are 0 to 1"),
        (moving(lambda state, time_in_state, cycle, u, p, x: 1 - state), "nobody comes back from the dead"),
        (
            moving(leave, rewards=lambda state, time_in_state, cycle, p, x: (0.0, 1.0)),
            "the dead have no utility and cost nothing",
        ),
        (
            moving(leave, one_offs=lambda state, new_state, time_in_state, cycle, p, x: (5.0 * new_state, 0.0)),
            "the dead have no utility and cost nothing",
        ),
        (refused(utilities=lambda p: {"healthy": 0.8, "dead": 0.1}), "utilities of 'dead': the dead have no utility"),
        (refused(utilities=lambda p: {"dead": -0.1}), "utilities of 'dead': the dead have no utility"),
        (refused(costs=lambda p: {"dead": 10.0}), "costs of 'dead': .* what a death costs or loses is a one-off"),
        (refused(transitions=lambda p: {"dead": {"healthy": 0.1}}), "from 'dead' to 'healthy': nobody comes back"),
        (refused(transitions=lambda p: None), "transitions: must return a table of states, not None"),
        (refused(transitions=lambda p: {"healthy": 0.1}), "transitions from 'healthy': must be a table"),
        (refused(transitions=lambda p: {"healthy": {"dead": "0.1"}}), "from 'healthy' = '0.1': not a finite number"),
        (refused(costs=lambda p: {"healthy": None}), "costs of 'healthy' = None: not a finite number"),
        (refused(costs=lambda p: {"healthy": np.inf}), "costs of 'healthy' = inf: not a finite number"),
        (refused(utilities=lambda p: {"healthy": np.array([0.5, np.nan])}), "utilities of 'healthy' = .*not a finite"),
        (refused(utilities=lambda p: {"healthy": np.ones(10)}), r"an array of shape \(10,\)"),
        (refused(transitions=lambda p: {"healthy": {"dead": np.full((3, 1), 0.1)}}), r"an array of shape \(3, 1\)"),
        (
            refused(transitions=lambda p, time_in_state: {"healthy": {"dead": np.array([0.1, 0.2])[time_in_state]}}),
            "transitions: index 2 is out of bounds.*time_in_state runs from 0 to 10",
        ),
        (refused(initial=1.5), "initial: unknown state 1.5"),
        (refused(initial=""), "initial: unknown state ''"),
        (refused(states=["healthy", 2]), "2 to 63 different names"),
        (refused(parameters={"q": None, "c": 1, "u": 1}), "q = None: must be a number"),
        (refused(parameters={"q": 0.1, "c": 1, "u": 1, "p-1": 2}), "parameters: 'p-1' must be a Python name"),
        (refused(parameters={"q": 0.1, "c": 1, "u": 1, "class": 2}), "parameters: 'class' must be a Python name"),
        (lambda: leaving_kernel(traits="age"), r"must be a list of columns, such as \['age'\]"),
        (lambda: leaving().run(True, seed=1), "individuals = True: must be a whole number"),
        (lambda: leaving().run(10.0, seed=1), "individuals = 10.0: must be a whole number"),
        (lambda: leaving().run(np.int64(-5), seed=1), "must be a whole number between 1"),
        (lambda: leaving().run("ten", seed=1), "individuals = 'ten': must be a whole number"),
        (lambda: leaving().run([1, 2], seed=1), "must be a whole number"),
        (lambda: leaving().run({"a": [1, 2], "b": [1]}, seed=1), "individuals: not a table with a row for each"),
        (lambda: leaving().run({"person_id": [1, None]}, seed=1), "each only once"),
        (lambda: leaving().run({"person_id": np.array([2**63], np.uint64)}, seed=1), r"below 2\*\*63"),
        (lambda: leaving().run({"state": [1.5]}, seed=1), "unknown state '1.5'"),
        (lambda: leaving().run({"state": [None]}, seed=1), "unknown state 'None'"),
        (lambda: leaving_kernel(traits=["age"]).run({"age": [np.nan]}, seed=1), "without gaps, NaN and infinity"),
        (lambda: leaving().run(10, seed=2**32), "seed = 4294967296: must be a whole number between 0 and 4294967295"),
        (lambda: leaving().run(10, seed=1.0), "seed = 1.0: must be a whole number"),
        (lambda: leaving().run(10, seed=1, replications="2"), "replications = '2': must be a whole number"),
        (lambda: leaving().run(10, seed=1, draws=True), "draws = True: must be a whole number"),
        (lambda: leaving().run(10, seed=1, draws=[1]), "draws = .*: must be a whole number"),
        (
            lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"q": [0.1, None]})),
            "draw 2: q = None: must be a number",
        ),
        (lambda: leaving().run(10, seed=1, draws=pl.DataFrame({"draw": [1.5]})), "draw = 1.5: must be a whole number"),
        (lambda: leaving().run(10, seed=1).cost_effectiveness("onyl", 1e4), "comparator 'onyl': did you mean 'only'"),
        (lambda: leaving().run(10, seed=1).icer_table("qaly"), "did you mean 'qalys'"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_are_numbers():
    model = leaving(
        timing=Timing(np.int64(10), np.float32(1.0)), discounting=Discounting(np.float64(0.03), np.float32(0.0)),
        parameters={"q": np.float32(0.125), "c": np.int64(100), "u": True},
    )  # fmt: skip
    plain = leaving(discounting=Discounting(0.03, 0.0), parameters={"q": 0.125, "c": 100, "u": 1})
    ours = model.run(np.int64(50), seed=np.uint32(1), replications=np.int8(2), draws=np.int64(0))
    assert ours.measures.equals(plain.run(50, seed=1, replications=2).measures)


@pytest.mark.parametrize("make", [leaving, leaving_kernel])
def test_one_individual_tells_nothing_of_the_error(make):
    result = make().run(1, seed=1)
    assert result.summary["mean"].is_not_null().all()
    for column in ("standard_error", "low", "high"):
        assert result.summary[column].is_null().all()
    assert "standard errors need two individuals" in repr(result)
    assert "standard errors" not in repr(make().run(2, seed=1))


def test_moves_between_states_of_the_dead_are_no_way_back():
    """Of those who die half are buried in each cycle: a state of one's own for the newly dead is common."""
    model = leaving(
        states=["healthy", "dead", "buried"], dead=["dead", "buried"],
        transitions=lambda p: {"healthy": {"dead": p.q}, "dead": {"buried": 0.5}},
    )  # fmt: skip
    result = model.run(20_000, seed=1)
    # P(buried after 2 cycles) = q / 2 = 0.05; standard error 0.0015
    assert result.counts[0, 0, 2, 2] / 20_000 == pytest.approx(0.05, abs=4 * 0.0016)
