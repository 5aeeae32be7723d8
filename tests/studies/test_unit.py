from pathlib import Path

import numpy as np
import pytest
from flagship import NO_PAST

from popsim.economics.perspectives import SIGNS
from popsim.studies.content import frame_hash
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build, simulate, warm_up

EXPERIMENT = """
name = "inert"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 300
replications = 1
seed = 11
follow_up_days = 60
enrolment_days = 10
[[strategies]]
name = "usual"
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 14
uptake = 0.7
[strategies.capacity]
cardiology_ward = 100
general_ward = 350
"""
USUAL = EXPERIMENT[EXPERIMENT.index("[[strategies.follow_up]]") :]
TELEMONITORING = """
[strategies.telemonitoring]
desk = "telemonitoring_desk"
uptake = {uptake}
duration_days = 30
weight_gain_kg = 2.0
systolic_low_mmhg = 90.0
systolic_high_mmhg = 180.0
heart_rate_low_bpm = 45.0
heart_rate_high_bpm = 120.0
days_between_alerts = 3
cost_per_day = 5.0
"""


@pytest.fixture(scope="module")
def hashes(tmp_path_factory, request):
    """Content of a unit without the name of its strategy, for the usual strategy and a variation of it."""
    path = tmp_path_factory.mktemp("inert") / "experiment.toml"

    def contents(other):
        text = EXPERIMENT.format(root=request.config.rootpath) + '[[strategies]]\nname = "other"\n' + other
        path.write_text(text)
        units = read_study(path).units
        tables = [simulate(unit) for unit in units]
        return [{name: frame_hash(t.drop("strategy")) for name, t in unit.items()} for unit in tables]

    return contents


@pytest.mark.parametrize(
    "inert",
    [
        USUAL,
        USUAL + TELEMONITORING.format(uptake=0.0),
        '[[strategies.follow_up]]\nsetting = "general_practice"\nwithin_days = 7\nuptake = 0.0\n' + USUAL,
    ],
    ids=["another name", "telemonitoring that nobody takes", "follow-up that nobody takes"],
)
def test_an_inert_strategy_changes_no_bit(hashes, inert):
    usual, other = hashes(inert)
    assert usual == other


@pytest.mark.slow
def test_a_strategy_that_acts_changes_something(hashes):
    usual, other = hashes(USUAL + TELEMONITORING.format(uptake=1.0))
    assert usual["persons"] != other["persons"]
    usual, other = hashes(USUAL.replace("within_days = 14", "within_days = 7"))
    assert usual["events"] != other["events"]


def test_persons_agree_with_measures(tmp_path, request):
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT.format(root=request.config.rootpath))
    tables = simulate(read_study(path).units[0])
    values = dict(tables["measures"].select("measure", "value").iter_rows())
    persons = tables["persons"]
    costs = SIGNS["health_system"]
    assert values["cost_total"] == pytest.approx(sum(values[name] for name in costs), rel=1e-12)
    assert values["mortality"] == pytest.approx(persons["died"].mean(), rel=1e-12)
    assert values["bed_days"] == pytest.approx(persons["bed_days"].mean(), rel=1e-12)
    assert persons["person_id"].sort().to_list() == list(range(300))
    assert {"persons", "daily", "admissions", "urgent_visits", "measures", "events"} == tables.keys()
    assert all(
        table.lazy().collect_schema().names()[:4] == ["strategy", "draw", "replication", "region"]
        for table in tables.values()
    )


def test_kernels_are_warmed_up_for_a_simulation_of_one_day():
    file = Path(__file__).parents[2] / "experiments" / "heart_failure_discharge.toml"
    numbers = {"draws": 0, "follow_up_days": 1, "enrolment_days": 0} | NO_PAST
    warm_up(read_study(file, {key: Change(f"--{key}", value) for key, value in numbers.items()}).units[:1])


def test_twins_remain_patients_after_their_follow_up_and_are_valued_no_longer(request):
    """Ten days of follow-up, entries over thirty: on day 35 many have ended, others still compete."""
    file = request.config.rootpath / "experiments" / "heart_failure_discharge.toml"
    numbers = {"population": 200, "draws": 0, "follow_up_days": 10, "enrolment_days": 30} | NO_PAST
    model = build(read_study(file, {key: Change(f"--{key}", value) for key, value in numbers.items()}).units[0])
    model.run_for(35)
    people = model.population
    over = (people["entry_day"] <= 24) & (people["alive"] != 0)
    weight, lived, cost = (people[name][over].copy() for name in ("weight_kg", "qaly", "cost_ward"))
    model.run_for(3)
    assert over.sum() > 100
    assert np.mean(people["weight_kg"][over] != weight) > 0.9
    assert (people["setting"][over] >= 0).sum() >= people["alive"][over].sum() > 100
    np.testing.assert_array_equal(people["qaly"][over], lived)
    np.testing.assert_array_equal(people["cost_ward"][over], cost)
    assert lived.max() * 365.25 <= 10.0
