"""An experiment in Python: read, made, changed, refused, checked, planned and run."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import popsim as ps
from popsim.studies.design import Change, read_study

ROOT = Path(__file__).parents[2]
FILE = ROOT / "experiments/heart_failure_discharge.toml"
COHORT = ROOT / "cohorts/heart_failure_discharge.toml"
NETWORK = ROOT / "experiments/networks/heart_failure_catchment.toml"


@pytest.mark.slow
def test_a_change_is_the_same_as_a_flag_of_the_command_line(experiment):
    """Folders of runs go by the resolved experiment, so both find the same results."""
    flags = {key: Change("--flag", value) for key, value in (("population", 70), ("replications", 2))}
    assert ps.Experiment.read(FILE).with_(population=70, replications=2)._study.run_id == read_study(FILE, flags).run_id


def test_parameters_and_capacity_are_added_by_name(experiment):
    changed = experiment.with_(parameters={"nhs_prices.nurse_visit": 45}, capacity={"heart_failure_clinic": 99})
    both = changed.with_(parameters={"nhs_prices.inpatient_day": np.float64(300)})
    values = dict(both.parameters().select("parameter", "value").iter_rows())
    assert values["nhs_prices.nurse_visit"] == 45 and values["nhs_prices.inpatient_day"] == 300
    assert both.definition.capacity["heart_failure_clinic"] == 99
    assert "nhs_prices.nurse_visit" not in experiment.definition.parameters


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"populaton": 5}, "populaton: unknown key, did you mean 'population'"),
        ({"population": -5}, "population = -5: must be between 1"),
        ({"population": 5.5}, "population = 5.5: "),
        ({"parameters": {"nhs_prices.nurse_vist": 45}}, "did you mean 'nurse_visit'"),
        ({"parameters": {"nhs_price.nurse_visit": 45}}, "did you mean 'nhs_prices'"),
        ({"parameters": {"nhs_prices.nurse_visit": -1}}, "nhs_prices.nurse_visit = -1.0"),
        ({"capacity": {"clinic": 3}}, "clinic"),
        ({"scenario": "fewer_bed"}, "scenario 'fewer_bed'"),
        ({"comparator": "usual_cre"}, "did you mean 'usual_care'"),
        ({"cohort": "nowhere.toml"}, "no such file"),
        ({"strategies": [{"name": "a", "follow_upp": []}]}, "did you mean 'follow_up'"),
    ],
)
def test_every_change_is_checked(experiment, change, words):
    with pytest.raises(ps.InputError) as refused:
        experiment.with_(**change)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_misspelt_member_is_answered_with_the_right_one(experiment):
    with pytest.raises(AttributeError, match="an experiment has no 'runn', did you mean 'run'"):
        _ = experiment.runn


def test_made_in_python_is_the_same_as_read(experiment):
    table = dict(experiment._definition) | {"cohort": ps.Cohort.read(COHORT), "network": ps.CareNetwork.read(NETWORK)}
    made = ps.Experiment(folder=ROOT / "experiments", **table)
    assert [unit.key for unit in made._study.units] == [unit.key for unit in experiment._study.units]


@pytest.mark.slow
def test_objects_stay_through_changes_until_they_are_replaced(results):
    table = dict(ps.Cohort.read(COHORT).definition)
    cohort = ps.Cohort.of(**table | {"name": "made", "size": 50})
    made = ps.Experiment(
        name="made",
        cohort=cohort,
        network=ps.CareNetwork.read(NETWORK),
        strategies=[{"name": "usual_care"}, ps.Strategy(name="dearer", cost_per_person=5.0)],
        population=30,
        replications=2,
        follow_up_days=20,
    )
    longer = made.with_(follow_up_days=25)
    assert longer.cohort.name == "made" and longer.definition.follow_up_days == 25
    assert longer.with_(cohort=str(COHORT)).cohort.name == "heart_failure_discharge"
    run = longer.run(results, workers=1)
    assert run.differences("cost_total")["mean"].to_list() == pytest.approx([5.0])
    assert ps.Run.open(run.folder).study.run_id == run.manifest["run_id"]


def test_strategies_come_with_all_that_they_inherit():
    experiment = ps.Experiment.read(ROOT / "experiments/heart_failure_interventions.toml")
    assert all(strategy.inherits is None for strategy in experiment.strategies.values())


def test_warnings_are_listed(experiment):
    assert experiment.check() == []
    same = [{"name": "usual_care"}, {"name": "copy"}]
    twice = experiment.with_(strategies=same, comparator="usual_care", capacity={}, scenarios=())
    assert any("does the same" in one for one in twice.check())


def test_what_it_shows_in_a_notebook(experiment):
    assert "early_follow_up" in repr(experiment) and "80 people" in repr(experiment)
    assert "<table>" in experiment._repr_html_()


@pytest.mark.slow
def test_a_plan_says_what_a_run_takes(experiment, results):
    plan = experiment.plan({"cost_total": 50}, out=results, workers=1, progress=False)
    assert plan.units == 9 and plan.seconds > 0
    assert plan.precision.filter(pl.col("wanted").is_not_null())["measure"].unique().to_list() == ["cost_total"]


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"threads": -1}, {"workers": 1.5}])
def test_numbers_of_processes_are_checked(experiment, results, arguments):
    with pytest.raises(ps.InputError, match="must be a whole number between 1 and"):
        experiment.run(results, **arguments)


@pytest.mark.slow
def test_published_figures_are_simulated(results):
    table = ps.validate(ROOT / "experiments/targets/discharge.toml", population=60, replications=2, out=results,
                        workers=1)  # fmt: skip
    assert {"target", "published", "simulated", "inside"} <= set(table.columns) and len(table) > 3


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: ps.validate("nowhere.toml"), "no such file"),
        (lambda: ps.validate(ROOT / "experiments/targets/discharge.toml", population=-5), "population = -5"),
    ],
)
def test_a_validation_is_refused_in_one_line(ask, words):
    with pytest.raises(ps.InputError) as refused:
        ask()
    assert words in str(refused.value) and "--" not in str(refused.value)


def test_people_of_a_cohort_live_in_a_model(experiment):
    people = ps.Cohort.read(COHORT).sample(60, seed=1)
    model = ps.PopulationModel(
        people, ps.CareNetwork.read(NETWORK), experiment.strategies["usual_care"], seed=1, follow_up_days=20
    )
    model.run_for(3)
    assert repr(model) == "PopulationModel(60 twins under 'usual_care', day 3)"
    assert "<table>" in model._repr_html_()


def test_a_network_is_held_to_the_columns_of_those_who_use_it():
    """Read without columns it is not checked, so a model, or a flow without people, must."""
    with pytest.raises(ps.InputError, match="unknown column"):
        ps.PatientFlow(ps.CareNetwork.read(NETWORK), days=10, seed=1)


WARD = {
    "name": "ward",
    "arrivals": [{"name": "patients", "to": "ward", "per_day": 5.0}],
    "settings": [
        {"name": "ward", "class": "inpatient", "capacity": 40, "stay": {"distribution": "exponential", "mean": 4.0},
         "routes": [{"to": "exit"}]},
    ],
}  # fmt: skip


def test_a_network_is_made_in_python():
    """Five arrivals a day who stay four days each: twenty are there, by Little's law."""
    flow = ps.PatientFlow(ps.CareNetwork.of(**WARD), days=2000, seed=1).run(2000)
    assert flow.daily()["present"].mean() == pytest.approx(20, rel=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"setings": []}, "made in Python: setings: unknown key, did you mean 'settings'"),
        ({"settings": [WARD["settings"][0] | {"capacity": -1}]}, "settings.0.capacity = -1"),
        ({"settings": [WARD["settings"][0] | {"routes": [{"to": "warrd"}]}]}, "did you mean 'ward'"),
    ],
)
def test_a_network_made_in_python_is_checked(change, words):
    with pytest.raises(ps.DefinitionError) as refused:
        ps.CareNetwork.of(**WARD | change)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_columns_of_ones_own_join_the_sample():
    haemoglobin = ps.Column("haemoglobin_g_l", "real", "g/L", 30, 220, "Blood haemoglobin.", "physiology", "718-7")
    assert "haemoglobin_g_l" in ps.Cohort.read(COHORT).sample(10, seed=1, columns=[haemoglobin])


def test_the_baseline_table_of_a_cohort():
    table = ps.Cohort.read(COHORT).summary(500, seed=1)
    assert {"age_years", "female"} <= {*table["column"]}
