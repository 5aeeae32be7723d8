import tomllib
from pathlib import Path
from typing import get_args

import pytest

from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition, IndexCause
from popsim.errors import DefinitionError
from popsim.kernels.codes import UNPLANNED_CAUSES

MAIN = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
SMALLEST = {"name": "small", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}]}


def experiment(**changes):
    return validate(SMALLEST | changes, ExperimentDefinition, "file.toml")


def test_the_main_experiment():
    found = ExperimentDefinition.read(MAIN)
    assert [strategy.name for strategy in found.strategies] == ["usual_care", "early_follow_up", "telemonitoring"]
    assert found.reference == "usual_care"
    assert (found.population, found.draws, found.replications, found.follow_up_days) == (2000, 40, 2, 365)
    early = found.strategy("early_follow_up")
    assert ("heart_failure_clinic", 7) in [(visit.setting, visit.within_days) for visit in early.follow_up]
    assert found.strategy("telemonitoring").telemonitoring.duration_days == 180
    assert all(getattr(found.cheers, heading) for heading in type(found.cheers).model_fields)


def test_round_trip_through_a_table():
    found = ExperimentDefinition.read(MAIN)
    assert validate(found.model_dump(mode="json"), ExperimentDefinition, "again") == found


def test_the_first_strategy_is_the_comparator_unless_named():
    two = [{"name": "a"}, {"name": "b"}]
    assert experiment(strategies=two).reference == "a"
    assert experiment(strategies=two, comparator="b").reference == "b"


def test_parameters_may_be_dotted_or_nested():
    dotted, nested = '[parameters]\n"set.x" = 1.5\n"set.y" = 2', "[parameters]\nset.x = 1.5\n[parameters.set.z]\nw = 3"
    assert experiment(**tomllib.loads(dotted)).parameters == {"set.x": 1.5, "set.y": 2.0}
    assert experiment(**tomllib.loads(nested)).parameters == {"set.x": 1.5, "set.z.w": 3.0}


def test_definitions_are_frozen():
    with pytest.raises(Exception, match="frozen"):
        experiment().seed = 3


def test_a_strategy_without_label_is_called_by_its_name():
    assert experiment(strategies=[{"name": "early_follow_up"}]).strategies[0].title == "Early follow up"


@pytest.mark.parametrize(
    ("changes", "key", "allowed"),
    [
        ({"strategies": []}, "strategies", "at least 1"),
        ({"physiology": "clinical"}, "physiology", "unknown key, leave it out: there is one physiology"),
        ({"organ_systems": ["Blood"]}, "organ_systems.0", "must be a name like"),
        ({"organ_systems": ["own/../../own.py:Own"]}, "organ_systems.0", "of a file in the experiment's folder"),
        ({"strategies": [{"name": "a"}, {"name": "a"}]}, "file", "used twice"),
        ({"comparator": "usal"}, "file", "did you mean 'usual'?"),
        ({"currency": "gbp"}, "currency", "three capital letters"),
        ({"perspective": "provider"}, "perspective", "health_system"),
        ({"cohort": "c.csv"}, "cohort", ".toml"),
        ({"network": "n\0.toml"}, "network", "printable"),
        ({"population": True}, "population", "whole number"),
        ({"population": 10.0}, "population", "whole number"),
        ({"index_causes": ["copd"]}, "index_causes.0", "respiratory"),
        ({"index_causes": ["planned"]}, "index_causes.0", "respiratory"),
        ({"index_causes": []}, "index_causes", "at least 1"),
        ({"parameters": {"a.b": "1"}}, "parameters.a.b", "number"),
        ({"title": "red \x1b[31m"}, "title", "printable"),
    ],
)
def test_what_is_refused(changes, key, allowed):
    with pytest.raises(DefinitionError) as caught:
        experiment(**changes)
    assert caught.value.key == key
    assert allowed in caught.value.allowed


def test_telemonitoring_limits_must_be_in_order():
    programme = ExperimentDefinition.read(MAIN).strategy("telemonitoring").model_dump(mode="json")
    programme["telemonitoring"]["systolic_low_mmhg"] = 190.0
    with pytest.raises(DefinitionError, match="systolic_low_mmhg = 190 must be below"):
        experiment(strategies=[programme])


def test_every_unplanned_cause_can_be_an_index_cause():
    """The causes of the code list, which definitions must not import."""
    assert get_args(IndexCause) == UNPLANNED_CAUSES
