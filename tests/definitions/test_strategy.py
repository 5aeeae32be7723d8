"""Strategies: inheritance, short forms, and what a file may not say about interventions."""

import pytest

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.interventions import Capacity, PolicyIntervention, Programme
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError

DRUG = {"name": "sglt2", "kind": "drug", "column": "sglt2_inhibitor_fraction", "dose": 1.0}
BEDS = {"name": "beds", "kind": "capacity", "setting": "ward", "places": 8, "from_day": 90}


def experiment(*strategies):
    table = {"name": "made_up", "cohort": "c.toml", "network": "n.toml", "strategies": list(strategies)}
    return validate(table, ExperimentDefinition, "made_up.toml")


def strategy(**keys):
    return validate({"name": "one", **keys}, Strategy, "made_up.toml")


def test_what_the_child_does_not_set_comes_from_the_parent():
    parent = {
        "name": "usual",
        "label": "Usual care",
        "description": "as always",
        "cost_per_person": 5.0,
        "follow_up": [{"setting": "clinic", "within_days": 14}],
        "capacity": {"ward": 4, "clinic": 2},
    }
    found = experiment(parent, {"name": "more", "inherits": "usual", "follow_up": [], "capacity": {"clinic": 9}})
    child = found.strategy("more")
    assert (child.name, child.title, child.description, child.inherits) == ("more", "More", "", None)
    assert child.follow_up == ()
    assert child.cost_per_person == 5.0
    assert child.capacity == {"ward": 4, "clinic": 9}
    assert found.strategies[1].inherits == "usual"  # the experiment keeps the form of its file


def test_interventions_of_the_parent_come_first_and_the_same_name_is_replaced():
    found = experiment(
        {"name": "usual", "interventions": [DRUG, BEDS]},
        {"name": "child", "inherits": "usual", "interventions": [DRUG | {"name": "mra"}, BEDS | {"places": 9}]},
        {"name": "grandchild", "inherits": "child", "interventions": [DRUG | {"uptake": 0.5}]},
    )
    names = [one.name for one in found.strategy("child").interventions]
    assert names == ["sglt2", "beds", "mra"]
    last = found.strategy("grandchild").interventions
    assert [one.name for one in last] == names
    assert last[0].uptake == 0.5
    assert last[1].places == 9


def test_a_child_may_stand_before_its_parent():
    found = experiment({"name": "child", "inherits": "usual"}, {"name": "usual", "cost_per_person": 3.0})
    assert found.strategy("child").cost_per_person == 3.0


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ({"a": "b", "b": "a"}, "strategies.b.inherits = 'a': a strategy cannot inherit from itself (a <- b <- a)"),
        ({"a": "a"}, "strategies.a.inherits = 'a': a strategy cannot inherit from itself (a <- a)"),
        ({"usual": None, "a": "usaul"}, "strategies.a.inherits = 'usaul': did you mean 'usual'? (allowed: a, usual)"),
    ],
)
def test_unknown_parents_and_circles_are_refused(parents, message):
    strategies = [{"name": name} | ({"inherits": parent} if parent else {}) for name, parent in parents.items()]
    with pytest.raises(DefinitionError) as caught:
        experiment(*strategies)
    assert str(caught.value) == f"made_up.toml: file: {message}"


def test_short_forms_are_interventions_in_force_from_the_first_day_to_the_last():
    plan = {"setting": "clinic", "within_days": 7}
    one = strategy(capacity={"ward": 3}, follow_up=[plan], cost_per_person=4.0, interventions=[BEDS])
    capacity, policy, programme, beds = one.composed
    assert capacity == Capacity(name="ward", kind="capacity", setting="ward", places=3)
    assert isinstance(policy, PolicyIntervention)
    assert policy.follow_up == one.follow_up
    assert programme == Programme(name="cost_per_person", kind="programme", cost_once=4.0)
    assert beds.places == 8
    assert all(each.in_force(day) for each in (capacity, policy, programme) for day in (0, 10_000))
    assert [beds.in_force(day) for day in (89, 90, 10_000)] == [False, True, True]
    assert strategy().composed == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "drgu"}, "interventions.0.kind = 'drgu': did you mean 'drug'?"),
        ({"uptake": 1.2}, "interventions.0.uptake = 1.2: must be between 0 and 1"),
        ({"adherence": -0.1}, "interventions.0.adherence = -0.1: must be between 0 and 1"),
        ({"dose": None}, "interventions.0: dose: must be given, except with mode"),
        ({"mode": "stop"}, "interventions.0: dose: must be given, except with mode = 'stop', which has none"),
        ({"from_day": -1}, "interventions.0.from_day = -1: must be between 0 and 36525"),
        ({"from_day": 9, "until_day": 9}, "interventions.0: until_day = 9 must be after from_day (9)"),
        ({"cost_per_dya": 1.0}, "interventions.0.cost_per_dya: unknown key, did you mean 'cost_per_day'?"),
        ({"eligible": [{"column": "age_years"}]}, "must have exactly one of at_least, below, is"),
        ({"kind": "device", "dose": 1.0}, "unknown key"),
    ],
)
def test_what_an_intervention_may_not_say(change, message):
    with pytest.raises(DefinitionError) as caught:
        strategy(interventions=[DRUG | change])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_interventions_of_one_name_are_refused():
    with pytest.raises(DefinitionError, match="the name 'sglt2' is used twice"):
        strategy(interventions=[DRUG, DRUG])


def test_an_effect_is_either_added_or_multiplied():
    device = {"name": "valve", "kind": "device"}
    for effect in ({}, {"add": 1.0, "multiply": 2.0}):
        with pytest.raises(DefinitionError, match="must have exactly one of add, multiply"):
            strategy(interventions=[device | {"effects": [{"column": "usual_salt_g_day", **effect}]}])


def test_written_out_and_read_again_a_strategy_inherits_the_same():
    parent = {"name": "usual", "cost_per_person": 5.0, "follow_up": [{"setting": "clinic", "within_days": 14}]}
    found = experiment(parent, {"name": "more", "inherits": "usual", "follow_up": [], "interventions": [BEDS]})
    again = validate(found.model_dump(mode="json"), ExperimentDefinition, "again.toml")
    assert again == found
    assert again.strategy("more") == found.strategy("more")
    assert again.strategy("more").follow_up == ()
    assert found.model_dump(exclude_defaults=True)["strategies"][1]["follow_up"] == []


def test_python_can_take_away_what_the_parent_monitors():
    programme = {
        "desk": "clinic", "uptake": 1.0, "duration_days": 9, "weight_gain_kg": 2.0, "systolic_low_mmhg": 90.0,
        "systolic_high_mmhg": 180.0, "heart_rate_low_bpm": 45.0, "heart_rate_high_bpm": 110.0, "days_between_alerts": 7,
    }  # fmt: skip
    child = {"name": "child", "inherits": "usual"}
    found = experiment(
        {"name": "usual", "telemonitoring": programme}, child, child | {"name": "without", "telemonitoring": None}
    )
    assert found.strategy("child").telemonitoring is not None
    assert found.strategy("without").telemonitoring is None
    again = validate(found.model_dump(mode="json"), ExperimentDefinition, "again.toml")
    assert again.strategy("without").telemonitoring is None
