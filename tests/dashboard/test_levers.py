"""What a planner can move, and what becomes of the experiment."""

import tomllib

import pytest
from slow_cases import with_slow

from popsim.dashboard.levers import GROUPS, changed, in_words, levers_of
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.writing import to_toml
from popsim.errors import PopsimError
from popsim.surface.examples import examples

UPTAKE = "strategies.telemonitoring.telemonitoring.uptake"


def read(path):
    experiment = ExperimentDefinition.read(path)
    return experiment, NetworkDefinition.read(path.parent / experiment.network)


SHIPPED = [one.path for one in examples() if one.kind == "experiment"]


@pytest.fixture(scope="module")
def discharge():
    return read(next(path for path in SHIPPED if path.stem == "heart_failure_discharge"))


@pytest.mark.parametrize("path", with_slow(SHIPPED, lambda path: path != SHIPPED[0]), ids=lambda path: path.stem)
def test_every_lever_of_a_shipped_experiment_can_stay_and_be_moved(path):
    experiment, network = read(path)
    levers = levers_of(experiment, network)
    assert len({lever.key for lever in levers}) == len(levers)
    assert {"Horizon", "Prices", "Size of the run"} <= {lever.group for lever in levers} <= set(GROUPS)
    assert changed(experiment, network, {lever.key: lever.value for lever in levers}, "file") == experiment
    for lever in levers:
        other = lever.value - 1 if lever.value > max(lever.low, 1) else lever.value + 1
        try:
            moved = changed(experiment, network, {lever.key: other}, "file")
        except PopsimError as error:  # two numbers that must be in order
            assert "must" in str(error)
            continue
        again = {one.key: one.value for one in levers_of(moved, network)}
        assert again[lever.key] == pytest.approx(other), lever.key
        assert tomllib.loads(to_toml(moved)), lever.key


def test_a_change_is_where_it_belongs(discharge):
    experiment, network = discharge
    moves = {
        UPTAKE: 55.0, "capacity.general_ward": 470, "strategies.early_follow_up.capacity.heart_failure_clinic": 100,
        "parameters.nhs_prices.inpatient_day": 300.0, "willingness_to_pay": 30_000, "follow_up_days": 180, "draws": 0,
    }  # fmt: skip
    moved = changed(experiment, network, moves, "file")
    assert moved.strategy("telemonitoring").telemonitoring.uptake == 0.55
    assert moved.capacity == {"general_ward": 470}
    assert moved.strategy("early_follow_up").capacity == {"heart_failure_clinic": 100}
    assert moved.parameters["nhs_prices.inpatient_day"] == 300.0
    assert (moved.willingness_to_pay, moved.follow_up_days, moved.draws) == (30_000.0, 180, 0)
    assert moved.strategy("usual_care") == experiment.strategy("usual_care")
    words = in_words(levers_of(experiment, network), moves)
    assert "Telemonitoring: telemonitoring taken up, %: 55 instead of 80" in words


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (UPTAKE, 130.0, "uptake"),
        ("capacity.general_ward", -1, "capacity"),
        ("capacity.general_ward", 3.5, "capacity"),
        ("population", 0, "population"),
        ("strategies.telemonitoring.telemonitoring.systolic_low_mmhg", 190.0, "systolic_low_mmhg"),
        ("capacity.moon_base", 3, "moon_base"),
    ],
)
def test_an_impossible_value_is_refused_in_one_line(discharge, key, value, said):
    with pytest.raises(PopsimError, match=said) as refused:
        changed(*discharge, {key: value}, "my.toml")
    assert "my.toml" in str(refused.value) and "\n" not in str(refused.value)


def test_beds_slots_and_nurses_are_told_apart(discharge):
    groups = {lever.key: lever.group for lever in levers_of(*discharge)}
    assert groups["capacity.general_ward"] == "Beds"
    assert groups["capacity.heart_failure_clinic"] == "Slots"
    assert groups["capacity.telemonitoring_desk"] == "Nurses"
