"""Partitioned survival against closed forms, numerical integrals and a state-transition model of the same hazards."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from small_models import UNDISCOUNTED

from popsim.errors import InputError
from popsim.microsimulation import Discounting, PartitionedSurvivalModel, StateTransitionModel, Survival, Timing

STABLE, ALIVE = 0.5, 0.2  # rates of leaving the state for good


def oncology(**changes):
    given = {
        "states": ["stable", "progressed", "dead"],
        "dead": ["dead"],
        "timing": Timing(4000, 0.01, "simpson"),
        "discounting": Discounting(0.03, 0.03, "continuous"),
        "parameters": {"stable": STABLE, "alive": ALIVE},
        "strategies": {"chemotherapy": {}, "antibody": {"stable": 0.3}},
        "curves": lambda p: {"stable": Survival.exponential(p.stable), "progressed": Survival.exponential(p.alive)},
        "costs": lambda p: {"stable": 1000.0, "progressed": 3000.0},
        "utilities": lambda p: {"stable": 0.8, "progressed": 0.5},
    }
    return PartitionedSurvivalModel(**given | changes)


def test_exponential_curves_against_their_integrals():
    """The area under exp(-(a + r) t) is 1 / (a + r), to 40 years, with a continuous rate of discount r."""
    result = oncology().run(1, seed=1)
    for row, stable in enumerate((STABLE, 0.3)):
        areas = [(1 - np.exp(-(rate + 0.03) * 40)) / (rate + 0.03) for rate in (stable, ALIVE)]
        cost, qalys = 1000 * areas[0] + 3000 * (areas[1] - areas[0]), 0.8 * areas[0] + 0.5 * (areas[1] - areas[0])
        life = (1 - np.exp(-ALIVE * 40)) / ALIVE
        assert result.means[row, 0] == pytest.approx([cost, qalys, life], rel=1e-7)


def test_one_offs_of_leaving_a_state():
    """Progression costs 500 once: the integral of its density, discounted; nobody pays it twice."""
    model = oncology(leaving_costs=lambda p: {"stable": 500.0}, costs=lambda p: {}, timing=Timing(4000, 0.01))
    expected = quad(lambda t: 500 * STABLE * np.exp(-(STABLE + 0.03) * t), 0, 40)[0]
    assert model.run(1, seed=1).means[0, 0, 0] == pytest.approx(expected, rel=1e-3)  # paid at the end of a cycle
    free = oncology(leaving_costs=lambda p: {"stable": 500.0}, costs=lambda p: {}, discounting=UNDISCOUNTED)
    assert free.run(1, seed=1).means[0, 0, 0] == pytest.approx(500.0, rel=1e-6)


def test_beside_a_state_transition_model():
    """Progression at 0.3 and death at 0.2 from either state: the curves are exp(-0.5 t) and exp(-0.2 t)."""
    timing = Timing(40, 0.5)
    off = 0.5 * np.array([[-0.5, 0.3, 0.2], [0.0, -0.2, 0.2], [0.0, 0.0, 0.0]])
    values, vectors = np.linalg.eig(off)
    step = (vectors * np.exp(values) @ np.linalg.inv(vectors)).real  # the matrix exponential
    names = ["stable", "progressed", "dead"]
    states = StateTransitionModel(
        states=names, dead=["dead"], timing=timing, discounting=Discounting(0.03, 0.03), parameters={},
        strategies={"only": {}},
        transitions=lambda p: {a: {b: step[i, j] for j, b in enumerate(names) if j > i} for i, a in enumerate(names)},
        costs=lambda p: {"stable": 1000.0, "progressed": 3000.0},
        utilities=lambda p: {"stable": 0.8, "progressed": 0.5},
    ).run(1, seed=1, exact=True)  # fmt: skip
    curves = oncology(timing=timing, discounting=Discounting(0.03, 0.03)).run(1, seed=1)
    assert curves.counts[0, 0] == pytest.approx(states.counts[0, 0], abs=1e-7)
    assert curves.means[0, 0] == pytest.approx(states.means[0, 0], rel=1e-7)


def test_traits_and_curves_that_cross():
    """Two groups; a curve of the stable above that of the living is lowered to it."""
    model = oncology(
        strategies={"only": {}},
        curves=lambda p, old: {
            "stable": Survival.exponential(0.1),
            "progressed": Survival.exponential(p.alive * (1 + old)),
        },
    )
    result = model.run({"old": [0, 0, 0, 1]}, seed=1)
    assert (result.counts[0, 0, :, 1] == 0.0).all()  # nobody is progressed where all who live are stable
    alive = 3 * np.exp(-0.2 * 10) + np.exp(-0.4 * 10)
    assert result.counts[0, 0, 1000, 0] == pytest.approx(alive, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dead": ["stable"]}, "dead = ['stable']: must be the last of the states"),
        ({"initial": "progressed"}, "initial: leave it out"),
        ({"costs": lambda p, time_in_state: {}}, "costs: cannot depend on time_in_state"),
        ({"curves": lambda p, cycle: {}}, "curves: cannot depend on cycle"),
        ({"curves": lambda p: {"stable": Survival.exponential(1.0)}}, "curves: 'progressed': needs one for each"),
        ({"curves": lambda p: {"stable": 1.0, "progressed": 2.0}}, "curves of 'progressed': must be a Survival"),
        ({"leaving_costs": lambda p: {"dead": 1.0}}, "'dead' is the last state, which nobody leaves"),
        ({"utilities": lambda p: {"dead": 0.1}}, "utilities of 'dead': the dead have no utility"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(InputError) as refused:
        oncology(**changes).run(1, seed=1)
    assert message in str(refused.value)


def test_neither_replications_nor_persons():
    with pytest.raises(InputError, match="PartitionedSurvivalModel: leave out persons and replications"):
        oncology().run(1, seed=1, replications=2)
