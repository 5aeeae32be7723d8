"""State-transition models against closed forms; told in tables and as kernels alike."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from small_models import WEIBULL, WEIBULL_CYCLES, leaving, leaving_kernel, weibull_kernel, weibull_tables

from popsim.kernels.numerics.threads import use_threads
from popsim.microsimulation import Discounting, Timing

PEOPLE = 200_000
FAR = 4.5  # standard errors, for the largest of many distances


def binomial(share, people=PEOPLE):
    return np.sqrt(np.maximum(share * (1 - share), 0.0) / people)


@pytest.mark.parametrize("make", [leaving, leaving_kernel])
def test_geometric_survival(make):
    """Alive after t cycles: 0.9**t. Life years with half-cycle correction: the trapezoids under it, and so on."""
    result = make().run(PEOPLE, seed=2)
    alive = 0.9 ** np.arange(11)
    assert (np.abs(result.counts[0, 0, :, 0] / PEOPLE - alive) <= FAR * binomial(alive) + 1e-12).all()
    years = alive.sum() - 0.5 * (alive[0] + alive[-1])
    for measure, value in (("life_years", years), ("cost_total", 100.0 * years), ("qalys", 0.8 * years)):
        (row,) = result.summary.filter(measure=measure).to_dicts()
        assert abs(row["mean"] - value) < 3 * row["standard_error"]


@pytest.mark.parametrize("make", [weibull_tables, weibull_kernel])
def test_time_in_state(make):
    """Ill after onset in cycle k: Weibull survival S of the whole cycles since, with probability o (1 - o)**k of k.

    Checked at every point, so that time must start at onset and not before; the cost falls due in the first year of
    illness only, so its mean is 1000 times the probability of onset before the last point.
    """
    result = make().run(PEOPLE, seed=3)
    onset, points = WEIBULL["onset"], np.arange(WEIBULL_CYCLES + 1)
    survival = np.exp(-((points / WEIBULL["scale"]) ** WEIBULL["shape"]))
    well = (1 - onset) ** points
    ill = np.array([sum(onset * well[k] * survival[t - k - 1] for k in range(t)) for t in points])
    exact = np.stack([well, ill, 1 - well - ill], axis=1)
    assert (np.abs(result.counts[0, 0] / PEOPLE - exact) <= FAR * binomial(exact) + 1e-12).all()
    (cost,) = result.summary.filter(measure="cost_total").to_dicts()
    before_last = 1 - (1 - onset) ** (WEIBULL_CYCLES - 1)
    assert abs(cost["mean"] - 1000 * before_last) < 3 * cost["standard_error"]


STATES_OF_FOUR = {
    "states": ["a", "b", "c", "dead"],
    "timing": Timing(30),
    "costs": lambda p: {"a": p.c, "b": 2 * p.c},
    "utilities": lambda p: {"a": p.u, "b": 0.5, "c": 0.2},
}


def moves_between_four(p):
    """One, two and three ways out of a state; nobody can stay in "c"."""
    return {"a": {"b": 0.3}, "b": {"a": 0.2, "c": 0.3, "dead": p.q}, "c": {"a": 0.6, "b": 0.4}}


@pytest.mark.parametrize("told", ["transitions", "costs", "both"])
def test_time_in_state_that_changes_nothing_leaves_the_same_bits(told):
    """Tables with a row for each time in state, all rows alike, move and reward the same people as tables without."""

    def transitions(p, time_in_state):
        return {
            state: {to: chance + 0.0 * time_in_state for to, chance in row.items()}
            for state, row in moves_between_four(p).items()
        }

    by_time = {
        "transitions": transitions,
        "costs": lambda p, time_in_state: {"a": p.c + 0.0 * time_in_state, "b": 2 * p.c},
    }
    plain = leaving(**STATES_OF_FOUR | {"transitions": moves_between_four}).run(3000, seed=5)
    chosen = by_time if told == "both" else {told: by_time[told]}
    timed = leaving(**STATES_OF_FOUR | {"transitions": moves_between_four} | chosen).run(3000, seed=5)
    assert timed.counts.tobytes() == plain.counts.tobytes()
    assert timed.totals.tobytes() == plain.totals.tobytes()


def test_costs_by_time_in_state_alone():
    """Leaving a state restarts its time where only costs depend on it: back and forth, each stay costs 1, 2, 1, 2."""
    model = leaving(
        states=["one", "two", "dead"],
        timing=Timing(7, correction="none"),
        transitions=lambda p, cycle: {"one": {"two": cycle % 2 * 1.0}, "two": {"one": cycle % 2 * 1.0}},
        costs=lambda p, time_in_state: {"one": 1.0 + time_in_state, "two": 1.0 + time_in_state},
        utilities=lambda p: {},
    )
    assert model.run(1000, seed=1).means[0, 0, 0] == 12.0


def test_tables_and_kernel_walk_alike():
    table, kernel = weibull_tables().run(5000, seed=4), weibull_kernel().run(5000, seed=4)
    assert np.array_equal(table.counts, kernel.counts)
    assert table.totals == pytest.approx(kernel.totals, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("make", [leaving, leaving_kernel])
def test_one_offs_are_discounted_at_arrival(make):
    """Death costs 1000 and 0.1 QALYs: the expectation is sum of v**(t + 1) q (1 - q)**t over 10 cycles."""
    if make is leaving:
        once = {
            "transition_costs": lambda p: {("healthy", "dead"): 400.0, ("*", "dead"): 600.0},
            "transition_qalys": lambda p: {("healthy", "*"): -0.1},
        }
    else:

        def one_offs(state, new_state, time_in_state, cycle, p, x):
            dies = state == 0 and new_state == 1
            return (1000.0 if dies else 0.0), (-0.1 if dies else 0.0)

        once = {"one_offs": one_offs}
    model = make(parameters={"q": 0.1, "c": 0.0, "u": 0.0}, discounting=Discounting(0.06, 0.02), **once)
    result = model.run(PEOPLE, seed=5)
    for measure, value, rate in (("cost_total", 1000.0, 0.06), ("qalys", -0.1, 0.02)):
        expected = value * sum((1 + rate) ** -(t + 1) * 0.1 * 0.9**t for t in range(10))
        (row,) = result.summary.filter(measure=measure).to_dicts()
        assert abs(row["mean"] - expected) < 3 * row["standard_error"]


def test_one_offs_by_cycle_and_trait():
    """Who dies in cycle t costs 10 t, women twice that; everybody dies in cycle 3."""
    model = leaving(
        transitions=lambda p, cycle: {"healthy": {"dead": np.where(cycle == 3, 1.0, 0.0)}},
        costs=lambda p: {},
        transition_costs=lambda p, cycle, woman: {("healthy", "dead"): 10.0 * cycle * (1 + woman)},
    )
    assert model.run({"woman": [0, 1, 1]}, seed=1).totals[0, 0, 0].tolist() == [30.0, 60.0, 60.0]


def test_certain_transitions_are_certain():
    """Tunnel states: everybody moves on every cycle, whatever the random number; dead ends are never left."""
    model = leaving(
        states=["first", "second", "third", "dead"],
        timing=Timing(3, correction="none"),
        transitions=lambda p: {"first": {"second": 1}, "second": {"third": 1.0, "dead": 0.0}, "third": {"dead": 1}},
        costs=lambda p: {"second": 5.0},
        utilities=lambda p: {"first": 1.0},
    )
    result = model.run(10_000, seed=6)
    assert np.array_equal(result.counts[0, 0], 10_000 * np.eye(4, dtype=int))
    assert result.means[0, 0].tolist() == [5.0, 1.0, 3.0]


def test_probabilities_by_cycle():
    """Nobody dies before cycle 4, everybody in it."""
    model = leaving(transitions=lambda p, cycle: {"healthy": {"dead": np.where(cycle == 4, 1.0, 0.0)}})
    assert model.run(1000, seed=7).counts[0, 0, :, 0].tolist() == [1000] * 5 + [0] * 6


def test_moves_within_a_spell_do_not_restart_time():
    """Ill for exactly 3 cycles, in whichever of two states; time runs on when they change."""

    def transitions(p, time_in_state):
        over = np.where(time_in_state == 2, 1.0, 0.0)
        return {"mild": {"severe": 0.5 * (1 - over), "dead": over}, "severe": {"dead": over}}

    changes = {
        "states": ["mild", "severe", "dead"],
        "transitions": transitions,
        "costs": lambda p: {},
        "utilities": lambda p: {},
    }
    together = leaving(**changes, spells=[["mild", "severe"]]).run(1000, seed=8)
    assert together.counts[0, 0, 2:5, 2].tolist() == [0, 1000, 1000]
    apart = leaving(**changes).run(1000, seed=8)
    assert 0 < apart.counts[0, 0, 3, 2] < 1000


@pytest.mark.slow
def test_spells_of_a_kernel():
    def next_state(state, time_in_state, cycle, u, p, x):
        worse = 1 if u < 0.5 else state
        alive = 2 if time_in_state == 2 else worse
        return 2 if state == 2 else alive

    def rewards(state, time_in_state, cycle, p, x):
        return 0.0, 0.0 if state == 2 else float(time_in_state)

    model = leaving_kernel(
        states=["mild", "severe", "dead"], next_state=next_state, rewards=rewards, spells=[["mild", "severe"]]
    )
    assert model.run(1000, seed=8).counts[0, 0, 2:5, 2].tolist() == [0, 1000, 1000]


@pytest.mark.slow
def test_traits():
    """Of two sexes and three ages each dies with its own probability; as tables by group and as a kernel alike."""
    people = pl.DataFrame({"woman": np.arange(6000) % 2, "decade": np.arange(6000) % 3})

    def transitions(p, woman, decade):
        return {"healthy": {"dead": p.q * (1 + decade) / (1 + woman)}}

    def next_state(state, time_in_state, cycle, u, p, x):
        return 1 if u >= 1.0 - p.q * (1.0 + x.decade) / (1.0 + x.woman) or state == 1 else 0

    table = leaving(transitions=transitions).run(people, seed=9)
    kernel = leaving_kernel(next_state=next_state, traits=["woman", "decade"]).run(people, seed=9)
    assert np.array_equal(table.counts, kernel.counts)
    assert table.totals == pytest.approx(kernel.totals, rel=1e-12)
    # Alive after 10 cycles, of each kind: a binomial of 1000.
    alive = (table.totals[0, 0, 2] == 10.0).reshape(-1, 6).mean(axis=0)
    q = 0.1 * np.array([1, 2 / 2, 3, 1 / 2, 2, 3 / 2])
    exact = (1 - q) ** 10
    died_last = np.array([np.mean(table.totals[0, 0, 2].reshape(-1, 6)[:, kind] >= 9.5) for kind in range(6)])
    assert (alive <= died_last).all()
    assert (np.abs(alive - exact) < FAR * binomial(exact, 1000)).all()


def test_states_at_the_start():
    table = pl.DataFrame({"state": ["dead", "healthy", "dead"], "person_id": [7, 3, 2**40]})
    result = leaving(parameters={"q": 0.0, "c": 1.0, "u": 1.0}).run(table, seed=1)
    assert result.totals[0, 0, 2].tolist() == [0.0, 10.0, 0.0]
    assert result.persons["person_id"].to_list() == [7, 3, 2**40]
    assert leaving(initial="dead").run(5, seed=1).means[0, 0, 2] == 0.0


@pytest.mark.parametrize("make", [leaving, leaving_kernel, weibull_tables])
def test_same_bits_on_any_number_of_threads(make):
    results = []
    for threads in (1, 2):
        use_threads(threads)
        results.append(make().run(20_000, seed=10))
    one, two = results
    assert one.totals.tobytes() == two.totals.tobytes()
    assert one.means.tobytes() == two.means.tobytes()
    assert one.counts.tobytes() == two.counts.tobytes()


@pytest.mark.parametrize("make", [leaving, leaving_kernel])
def test_nobody_depends_on_who_else_is_simulated(make):
    everybody = make().run(3000, seed=11).totals[0, 0]
    chosen = np.array([2999, 5, 700, 701, 0])
    few = make().run({"person_id": chosen}, seed=11).totals[0, 0]
    assert few.tobytes() == everybody[:, chosen].tobytes()


@pytest.mark.parametrize("make", [leaving, leaving_kernel])
def test_an_inert_strategy_changes_nothing_and_an_effect_changes_those_it_concerns(make):
    model = make(strategies={"usual": {}, "inert": {"q": 0.1}, "better": {"q": 0.09}})
    usual, inert, better = model.run(20_000, seed=12).totals[:, 0, 2]
    assert usual.tobytes() == inert.tobytes()
    # With the same luck nobody dies earlier for a lower risk.
    assert (better >= usual).all()
    assert (better > usual).any()


def test_replications_and_draws_have_luck_of_their_own():
    draws = pl.DataFrame({"draw": [4, 9], "q": [0.1, 0.1]})
    result = leaving().run(5000, seed=13, replications=2, draws=draws)
    assert [(run.draw, run.replication) for run in result.runs] == [(4, 0), (4, 1), (9, 0), (9, 1)]
    assert len(np.unique(result.means[0, :, 2])) == 4
    alone = leaving().run(5000, seed=13, draws=draws.filter(draw=9))
    assert alone.means[0, 0].tobytes() == result.means[0, 2].tobytes()


def test_draws_set_parameters_and_strategies_go_before():
    model = leaving(strategies={"usual": {}, "safe": {"q": 0.0}})
    draws = pl.DataFrame({"q": [1.0, 0.0]})
    life_years = model.run(100, seed=14, draws=draws).means[..., 2]
    assert life_years.tolist() == [[0.5, 10.0], [10.0, 10.0]]
