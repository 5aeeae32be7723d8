"""Saved scenarios are experiments of their own, which share what did not change."""

import pytest

from popsim.dashboard.scenarios import experiment_files, slug_of
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import InputError
from popsim.studies.design import read_study

MORE = {"strategies.early.follow_up.heart_failure_clinic.uptake": 50.0}


@pytest.fixture
def saved(workspace, folder):
    opened = workspace.open("small.toml")
    path = folder / "scenarios" / "half_of_them.toml"
    path.unlink(missing_ok=True)
    return workspace.save(opened, MORE, "Half of them!")


def test_a_scenario_is_read_like_any_experiment(saved, folder):
    assert saved == folder / "scenarios" / "half_of_them.toml"
    text = saved.read_text()
    assert (
        text.startswith("# Saved by popsim dashboard from small.toml.\n# Early visit: ") and "50 instead of 90" in text
    )
    scenario, original = ExperimentDefinition.read(saved), ExperimentDefinition.read(folder / "small.toml")
    assert (scenario.title, scenario.name) == ("Half of them!", original.name)
    assert scenario.strategy("early").follow_up[0].uptake == 0.5
    assert (saved.parent / scenario.cohort).resolve() == (folder / original.cohort).resolve()


def test_what_did_not_change_is_not_simulated_again(saved, folder):
    before, after = (
        {unit.name: unit.key for unit in read_study(file).units} for file in (folder / "small.toml", saved)
    )
    same = {name for name, key in before.items() if after[name] == key}
    assert same == {name for name in before if name.startswith("usual")}


def test_a_name_is_not_taken_twice(saved, workspace):
    with pytest.raises(InputError, match="exists already"):
        workspace.save(workspace.open("small.toml"), MORE, "half of them")
    own = workspace.open("scenarios/half_of_them.toml")
    assert workspace.save(own, {"replications": 2}, "Half of them").name == saved.name
    assert ExperimentDefinition.read(saved).replications == 2


def test_a_name_must_say_something():
    with pytest.raises(InputError, match="letter"):
        slug_of(" ... ")


def test_experiments_of_the_folder_come_before_those_of_popsim(saved, workspace, folder):
    (folder / "broken.toml").write_text("name = ")
    (folder / "other.toml").write_text('name = "cohort"\n')
    found = workspace.experiments()
    assert [(str(one.path), one.kind) for one in found[:2]] == [
        ("scenarios/half_of_them.toml", "scenario"), ("small.toml", "experiment"),
    ]  # fmt: skip
    assert {one.kind for one in found[2:]} == {"example"} and len(found) > 8
    assert experiment_files(folder / "nowhere", []) == []
