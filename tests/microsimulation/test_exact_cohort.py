"""Exact evaluation of a cohort against closed forms, and beside the simulation."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import WEIBULL, WEIBULL_CYCLES, leaving, leaving_kernel, weibull_tables

from popsim.errors import InputError
from popsim.microsimulation import Discounting, Timing

WORD = 1e-8  # probabilities are multiples of 2**-32


def test_geometric_survival():
    """Alive after t cycles: 0.9**t; life years are the trapezoids under it."""
    result = leaving().run(1000, seed=1, exact=True)
    alive = 0.9 ** np.arange(11)
    assert result.counts[0, 0, :, 0] == pytest.approx(1000 * alive, rel=WORD)
    years = alive.sum() - 0.5 * (alive[0] + alive[-1])
    assert result.means[0, 0] == pytest.approx([100 * years, 0.8 * years, years], rel=WORD)
    assert result.summary["standard_error"].to_list() == [0.0] * 3
    assert "SE" not in repr(result)
    assert repr(result).startswith("Cohort evaluated exactly, 10 cycles of 1 years\n")
    alone = leaving().run(1, seed=1, exact=True)
    assert alone.summary["low"].to_list() == pytest.approx(alone.means[0, 0].tolist(), rel=1e-12)
    assert "standard errors" not in repr(alone)


def test_time_in_state():
    """Ill after onset in cycle k: Weibull survival since, with probability o (1 - o)**k of k; a cost of year 1."""
    result = weibull_tables().run(10, seed=1, exact=True)
    onset, points = WEIBULL["onset"], np.arange(WEIBULL_CYCLES + 1)
    survival = np.exp(-((points / WEIBULL["scale"]) ** WEIBULL["shape"]))
    well = (1 - onset) ** points
    ill = np.array([sum(onset * well[k] * survival[t - k - 1] for k in range(t)) for t in points])
    assert result.counts[0, 0] / 10 == pytest.approx(np.stack([well, ill, 1 - well - ill], axis=1), abs=WORD)
    assert result.means[0, 0, 0] == pytest.approx(1000 * (1 - (1 - onset) ** (WEIBULL_CYCLES - 1)), rel=1e-7)


TOLD = {
    "transitions": lambda p, cycle, time_in_state, age: {
        "healthy": {"dead": np.minimum(p.q * (1 + 0.05 * cycle + 0.1 * time_in_state) * age / 60, 1.0)}
    },
    "transition_costs": lambda p, age: {("healthy", "dead"): 50.0 * age},
    "transition_qalys": lambda p, cycle: {("*", "dead"): -0.1 * cycle},
    "discounting": Discounting(0.03, 0.015, "continuous"),
}


def test_beside_the_simulation():
    """Means within 4 standard errors, with traits, initial states, one-offs and time in state; draws as well."""
    model = leaving(**TOLD)
    people = {"age": np.repeat([50.0, 70.0], 20_000), "state": ["healthy"] * 38_000 + ["dead"] * 2_000}
    simulated, exact = (model.run(people, seed=2, exact=how) for how in (False, True))
    error = simulated.summary["standard_error"].to_numpy()
    assert (np.abs(simulated.means[0, 0] - exact.means[0, 0]) < 4 * error).all()
    share = exact.counts[0, 0] / 40_000
    distance = np.abs(simulated.counts[0, 0] / 40_000 - share)
    assert (distance <= 4.5 * np.sqrt(share * (1 - share) / 40_000) + 1e-9).all()


def test_one_offs_by_time_in_state():
    """Death after t years of health costs 10 t: the sum of q (1 - q)**t 10 t; simulated within 4 standard errors."""
    model = leaving(costs=lambda p: {}, transition_costs=lambda p, time_in_state: {("*", "dead"): 10.0 * time_in_state})
    cycles = np.arange(10)
    expected = (0.1 * 0.9**cycles * 10 * cycles).sum()
    assert model.run(1, seed=1, exact=True).means[0, 0, 0] == pytest.approx(expected, rel=1e-7)
    simulated = model.run(40_000, seed=3)
    assert simulated.means[0, 0, 0] == pytest.approx(expected, abs=4 * np.sqrt(simulated.variances[0, 0, 0] / 40_000))
    assert (simulated.persons["cost_total"] % 10 == 0).all()


def test_one_offs_by_time_in_an_ill_state():
    """The time in the state that is left, not in the one before: certain moves after one year each."""
    given = {
        "states": ["well", "ill", "dead"],
        "transitions": lambda p, time_in_state: {"well": {"ill": 1.0 * (time_in_state >= 2)},
                                                 "ill": {"dead": 1.0 * (time_in_state >= 1)}},
        "costs": lambda p: {},
        "utilities": lambda p: {},
        "transition_costs": lambda p, time_in_state: {("well", "ill"): 100.0 * time_in_state,
                                                      ("ill", "dead"): 1.0 * time_in_state},
    }  # fmt: skip
    for exact in (False, True):
        assert leaving(**given).run(5, seed=1, exact=exact).means[0, 0, 0] == pytest.approx(201.0)


def test_one_offs_weighted_like_states():
    """With half-cycle weights the arrival at the last point counts half; everybody dies in the last of two cycles."""
    given = {
        "transitions": lambda p, cycle: {"healthy": {"dead": 1.0 * (cycle == 1)}},
        "costs": lambda p: {},
        "transition_costs": lambda p: {("healthy", "dead"): 100.0},
    }
    for one_offs, cost in (("full", 100.0), ("weighted", 50.0)):
        model = leaving(**given, timing=Timing(2, one_offs=one_offs))
        assert model.run(3, seed=1, exact=True).means[0, 0, 0] == pytest.approx(cost)
        assert model.run(3, seed=1).means[0, 0, 0] == pytest.approx(cost)
    with pytest.raises(InputError, match="one_offs: "):
        Timing(2, one_offs="half")


def test_moves_within_a_spell_do_not_restart_time():
    """A cost of the second year since the spell began, whether in the state or moved on within it."""
    given = {
        "states": ["well", "mild", "severe", "dead"],
        "transitions": lambda p: {"well": {"mild": 1.0}, "mild": {"severe": 1.0}},
        "costs": lambda p, time_in_state: {"severe": 1.0 * (time_in_state == 1)},
        "utilities": lambda p: {},
    }
    for spells, cost in (([["mild", "severe"]], 1.0), ((), 1.0)):
        result = leaving(**given, spells=spells).run(5, seed=1, exact=True)
        simulated = leaving(**given, spells=spells).run(5, seed=1)
        assert result.means[0, 0, 0] == pytest.approx(cost)
        assert simulated.means[0, 0, 0] == pytest.approx(result.means[0, 0, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: leaving_kernel().run(5, seed=1, exact=True), "a KernelModel can only be simulated"),
        (lambda: leaving().run(5, seed=1, exact=True, replications=2), "leave out persons and replications"),
        (lambda: leaving().run(5, seed=1, exact=True, persons=True), "leave out persons and replications"),
    ],
)
def test_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
