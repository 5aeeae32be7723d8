"""The lazy set of twins against Mesa's own AgentSet: the same calls on both must give the same results."""

from __future__ import annotations

import copy
import statistics
import time
import tracemalloc
from random import Random

import mesa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mesa.agentset import AgentSet, GroupBy
from tiny_model import TinyModel, population

from popsim.errors import InputError
from popsim.simulation.twin_set import TwinSet

SEED = 20
MODEL = TinyModel(30)  # never stepped; tests that write columns make their own


def both(model: TinyModel = MODEL) -> tuple[TwinSet, AgentSet]:
    """A lazy set and Mesa's set of the same twins, each with its own generator in the same state."""
    lazy = model.agents.copy()
    lazy.random = Random(SEED)
    return lazy, AgentSet(list(model.agents), Random(SEED))


def ids(agents) -> list[int]:
    return [agent.unique_id for agent in agents]


def same(lazy, mesas) -> bool:
    """Whether results of the two are the same: sets by members and order, other values by equality."""
    if isinstance(mesas, AgentSet):
        return isinstance(lazy, AgentSet) and len(lazy) == len(mesas) and ids(lazy) == ids(mesas)
    if isinstance(mesas, GroupBy):
        return (
            isinstance(lazy, GroupBy)
            and list(lazy.groups) == list(mesas.groups)
            and all(ids(a) == ids(b) for a, b in zip(lazy.groups.values(), mesas.groups.values(), strict=True))
        )
    return type(lazy) is type(mesas) and lazy == mesas


CALLS = {
    "select all": lambda s: s.select(),
    "select by filter": lambda s: s.select(lambda t: t.nyha_class == 4),
    "select first 5": lambda s: s.select(at_most=5),
    "select fraction": lambda s: s.select(at_most=0.35),
    "select one whole": lambda s: s.select(at_most=1.0),
    "select one": lambda s: s.select(at_most=1),
    "select none": lambda s: s.select(at_most=0),
    "select odd at_most": lambda s: s.select(at_most=2.5),
    "select filter at most 3": lambda s: s.select(lambda t: t.female, at_most=3),
    "select filter fraction": lambda s: s.select(lambda t: t.female, at_most=0.2),
    "select type": lambda s: s.select(agent_type=mesa.Agent),
    "select other type": lambda s: s.select(agent_type=int),
    "select in place": lambda s: s.select(lambda t: t.nyha_class > 2, inplace=True),
    "shuffle": lambda s: s.shuffle(),
    "shuffle in place": lambda s: s.shuffle(inplace=True),
    "sort by column": lambda s: s.sort("systolic_mmhg"),
    "sort by column up": lambda s: s.sort("systolic_mmhg", ascending=True),
    "sort by code": lambda s: s.sort("nyha_class"),
    "sort by id": lambda s: s.sort("unique_id"),
    "sort by function": lambda s: s.sort(lambda t: -t.nyha_class, ascending=True),
    "sort by function down": lambda s: s.sort(lambda t: t.nyha_class, inplace=True),
    "sort by attribute": lambda s: s.sort("person_id", ascending=True),
    "get column": lambda s: s.get("systolic_mmhg"),
    "get code": lambda s: s.get("nyha_class"),
    "get several": lambda s: s.get(["unique_id", "systolic_mmhg", "person_id", "row"]),
    "get none": lambda s: s.get([]),
    "get default": lambda s: s.get("absent", handle_missing="default", default_value=-1),
    "get several default": lambda s: s.get(["alive", "absent"], "default", 0),
    "agg sum": lambda s: s.agg("age_years", sum),
    "agg mean": lambda s: s.agg("age_years", np.mean),
    "agg statistics": lambda s: s.agg("age_years", statistics.fmean),
    "agg several": lambda s: s.agg("age_years", [min, max, len, np.median, lambda v: v[:3]]),
    "agg attribute": lambda s: s.agg("row", max),
    "map method": lambda s: s.map("__repr__"),
    "map function": lambda s: s.map(lambda t, k, plus: t.unique_id * k + plus, 2, plus=1),
    "do": lambda s: s.do("step"),
    "shuffle_do": lambda s: s.shuffle_do("step"),
    "groupby column": lambda s: s.groupby("nyha_class"),
    "groupby real": lambda s: s.groupby("systolic_mmhg"),
    "groupby function": lambda s: s.groupby(lambda t: t.age_years > 70),
    "groupby attribute": lambda s: s.groupby("person_id"),
    "groupby list": lambda s: s.groupby("female", result_type="list"),
    "group count": lambda s: s.groupby("nyha_class").count(),
    "group agg": lambda s: s.groupby("nyha_class").agg("age_years", np.mean),
    "group agg list": lambda s: s.groupby("nyha_class", result_type="list").agg("age_years", sum),
    "group agg attribute": lambda s: s.groupby(lambda t: t.row % 3).agg("row", sum),
    "group map": lambda s: s.groupby("female").map("agg", "nyha_class", max),
    "group length": lambda s: len(s.groupby("nyha_class")),
    "group names": lambda s: [name for name, _ in s.groupby("nyha_class")],
    "length": len,
    "to_list": lambda s: ids(s.to_list()),
    "iterate": ids,
    "first": lambda s: s[0].unique_id,
    "last": lambda s: s[-1].unique_id,
    "slice": lambda s: ids(s[3:20:4]),
    "reversed": lambda s: ids(reversed(s)),
    "index": lambda s: s.index(s[7]),
    "count": lambda s: s.count(s[7]),
    "contains": lambda s: (s[3] in s, "somebody" in s),
    "copy": copy.copy,
    "union": lambda s: s.select(at_most=4) | s.select(lambda t: t.female),
    "difference": lambda s: s - s.select(lambda t: t.female),
    "intersection": lambda s: s & s.select(lambda t: t.female),
    "symmetric difference": lambda s: s.select(at_most=12) ^ s.select(lambda t: t.female),
    "subset": lambda s: s.select(at_most=4) <= s,
    "disjoint": lambda s: s.isdisjoint(s.select(lambda t: t.female)),
    "pop": lambda s: s.pop().unique_id,
    "truth": lambda s: (bool(s), bool(s.select(at_most=0))),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_each_call_gives_what_mesa_gives(name):
    lazy, mesas = both()
    assert same(CALLS[name](lazy), CALLS[name](mesas))
    assert ids(lazy) == ids(mesas)
    assert lazy.random.getstate() == mesas.random.getstate()


OPERATIONS = {
    "filter": lambda s, k: s.select(lambda t: t.unique_id % 5 != k % 5, inplace=True),
    "first": lambda s, k: s.select(at_most=20 + k, inplace=True),
    "new": lambda s, k: s.select(lambda t: t.unique_id != k),
    "shuffle": lambda s, k: s.shuffle(inplace=True),
    "sort": lambda s, k: s.sort(["nyha_class", "systolic_mmhg", "row"][k % 3], ascending=k > 10, inplace=True),
    "add": lambda s, k: s.add(MODEL.agents[k]) or s,
    "discard": lambda s, k: s.discard(MODEL.agents[k]) or s,
}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 29)), max_size=25))
def test_any_sequence_of_changes_keeps_the_two_sets_equal(steps):
    lazy, mesas = both()
    for name, number in steps:
        lazy, mesas = OPERATIONS[name](lazy, number), OPERATIONS[name](mesas, number)
        assert len(lazy) == len(mesas)
        assert [agent in lazy for agent in MODEL.agents] == [agent in mesas for agent in MODEL.agents]
    assert ids(lazy) == ids(mesas)
    assert lazy.get("systolic_mmhg") == mesas.get("systolic_mmhg")
    assert lazy.random.getstate() == mesas.random.getstate()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.get("absent"), AttributeError),
        (lambda s: s.get(["row", "absent"]), AttributeError),
        (lambda s: s.get("row", handle_missing="ignore"), ValueError),
        (lambda s: s.agg("absent", sum), AttributeError),
        (lambda s: s.groupby("absent"), AttributeError),
        (lambda s: s.sort("absent"), AttributeError),
        (lambda s: s.do("absent"), AttributeError),
        (lambda s: s.select(at_most=3).remove(s.to_list()[9]), KeyError),
    ],
)
def test_what_mesa_refuses_is_refused_with_the_same_error(call, error):
    for agents in both():
        with pytest.raises(error):
            call(agents)


def test_set_writes_as_mesa_does_and_checks_bounds():
    ours, theirs = TinyModel(30), TinyModel(30)
    assert ours.agents.select(lambda t: t.female).set("systolic_mmhg", 111) is not None
    AgentSet([t for t in theirs.agents if t.female], Random(0)).set("systolic_mmhg", 111)
    assert ours.population["systolic_mmhg"].tolist() == theirs.population["systolic_mmhg"].tolist()
    ours.agents.set("note", "seen")
    assert set(ours.agents.get("note")) == {"seen"}
    with pytest.raises(InputError, match=r"systolic_mmhg = 900: must be a number from 40 to 260 mm\[Hg\]"):
        ours.agents.set("systolic_mmhg", 900)


def test_do_leaves_out_twins_withdrawn_on_the_way_as_mesa_does():
    class Patient(mesa.Agent):
        pass

    def withdraw_next(agent, seen):
        seen.append(agent.unique_id)
        following = [a for a in agent.model.agents if a.unique_id == agent.unique_id + 1]
        if agent.unique_id % 3 == 1 and following:
            following[0].remove()

    plain = mesa.Model(rng=1)
    Patient.create_agents(plain, 9)
    results = []
    for model in (plain, TinyModel(9)):
        seen: list[int] = []
        model.agents.do(withdraw_next, seen)
        results.append((seen, ids(model.agents)))
    assert results[0] == results[1] == ([1, 3, 4, 6, 7, 9], [1, 3, 4, 6, 7, 9])


def test_shuffles_of_the_model_use_its_generator_as_mesa_does():
    plain = mesa.Model(rng=[1, 0])
    mesa.Agent.create_agents(plain, 40)
    model = TinyModel(40)
    orders = [[], []]
    for known, order in zip((plain, model), orders, strict=True):
        known.agents.shuffle_do(lambda agent, order=order: order.append(agent.unique_id))
        order.extend(ids(known.agents.shuffle()))
    assert orders[0] == orders[1]


def test_other_agents_live_beside_twins():
    class Clinic(mesa.Agent):
        def __init__(self, model, rooms):
            super().__init__(model)
            self.rooms = rooms

    model = TinyModel(5)
    first, second = Clinic.create_agents(model, 2, rooms=[3, 4])
    assert ids(model.agents) == [1, 2, 3, 4, 5, 6, 7]
    assert model.agent_types == [mesa_twin_class(model), Clinic]
    assert model.agents_by_type[Clinic].get("rooms") == [3, 4]
    assert ids(model.agents.select(agent_type=Clinic)) == [6, 7]
    assert model.agents.get("rooms", "default", 0) == [0, 0, 0, 0, 0, 3, 4]
    with pytest.raises(AttributeError):
        model.agents.get("nyha_class")  # a clinic has none, as in Mesa
    seen_before = model.agents.copy()
    first.remove()
    assert ids(model.agents) == ids(seen_before) == [1, 2, 3, 4, 5, 7]
    assert second in model.agents and first not in model.agents
    assert model.roster.others == {6: second}
    third = Clinic(model, 5)
    assert third.unique_id == 8 and ids(model.agents)[-1] == 8


def mesa_twin_class(model):
    return model.roster.agent_class


def test_an_agent_of_another_model_is_refused():
    other = TinyModel(3)
    assert other.agents[0] not in MODEL.agents
    with pytest.raises(InputError, match="not an agent of this model"):
        MODEL.agents.copy().add(other.agents[0])


def test_columns_are_read_without_making_handles():
    model = TinyModel(1000)
    model.agents.agg("systolic_mmhg", [np.mean, max])
    model.agents.groupby("nyha_class").agg("systolic_mmhg", np.mean)
    model.agents.sort("age_years").select(at_most=100).shuffle().get(["nyha_class", "unique_id", "person_id"])
    model.agents.set("systolic_mmhg", 120)
    model.agents.groupby("female").count()
    assert len(model.agents_by_type[model.roster.agent_class]) == len(model.agents) == 1000
    assert model.roster.handles == {}


def test_a_million_twins_cost_next_to_nothing_beyond_their_columns(capsys):
    people = population(1_000_000)
    others = people.copy()
    TinyModel(10)  # whatever is set up once
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    model = TinyModel(people=people)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held / len(people) < 300  # the goal; 8 bytes of keys are expected
    began = time.perf_counter()
    TinyModel(people=others)
    making = time.perf_counter() - began  # seconds a million are microseconds each
    began = time.perf_counter()
    mean = model.agents.agg("systolic_mmhg", np.mean)
    reading = time.perf_counter() - began
    assert mean == pytest.approx(people["systolic_mmhg"].astype(float).mean(), rel=1e-12)
    with capsys.disabled():
        print(f"\na million twins: {held / len(people):.1f} bytes and {making:.4f} us a twin to make,", end=" ")
        print(f"mean of a column in {reading * 1e3:.1f} ms")
