"""The past of the people of a study: who enters, when, from where, and what they bring along."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from popsim.cli import main
from popsim.definitions.experiment import IndexCause
from popsim.errors import DefinitionError
from popsim.kernels.codes import CAUSE_HEART_FAILURE, CAUSE_NAMES
from popsim.studies import past
from popsim.studies.content import frame_hash
from popsim.studies.design import read_study
from popsim.studies.recruitment import meets_inclusion
from popsim.studies.unit import build, run_to_end, simulate

ROOT = Path(__file__).parents[2]
STUDY = """
name = "lived"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 60
replications = 1
seed = 5
follow_up_days = 20
{keys}

[[strategies]]
name = "placebo"
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 14
uptake = 0.9
[[strategies]]
name = "drug"
inherits = "placebo"
[[strategies.interventions]]
name = "dapagliflozin"
kind = "drug"
column = "sglt2_inhibitor_fraction"
mode = "change"
dose = 1.0
from_day = 0
"""
TRIAL = """
[trial]
least_follow_up_days = 10
[[trial.inclusion]]
column = "systolic_mmhg"
at_least = 115.0
"""


@pytest.fixture
def study(tmp_path):
    """Read a study with these keys and tables."""

    def read(keys="", tables=TRIAL):
        path = tmp_path / "lived.toml"
        path.write_text(STUDY.format(root=ROOT, keys=keys) + tables)
        return read_study(path)

    return read


def blocks(people):
    return {kind: people.block(kind) for kind in ("real", "code", "count", "total")} | {"id": people.person_id}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(blocks(one).values(), blocks(other).values(), strict=True))


@pytest.mark.slow
def test_people_of_a_trial_are_randomised_at_home_throughout_the_year(study):
    """Nobody is in hospital, in a nursing home or in hospice on day 0; each quarter of the year has some of them.

    With 60 people, a quarter of the year holds fewer than 4 with a probability below 1e-3 (binomial).
    """
    model = build(study().units[0])
    people = model.population
    assert len(people) == 60 and not people["entry_day"].any() and not people["admitted"].any()
    assert people["qaly"].sum() == people["cost_ward"].sum() == 0.0
    quarter = (people["calendar_shift_days"] % 365) * 4 // 365
    assert np.bincount(quarter, minlength=4).min() >= 4
    model.run_for(1)
    started = model.events.frame().filter(pl.col("event") == "start")
    assert set(started["setting"].cast(pl.String)) <= {"home", "home_care"} and len(started) == 60
    assert set(model.events.frame().filter(pl.col("event") == "enter")["detail"]) == {1}


def test_the_past_is_the_same_for_every_strategy_and_computed_once(study, monkeypatch):
    units = study().units
    first = build(units[0]).population
    monkeypatch.setattr(past.Past, "lived", lambda self: pytest.fail("computed again"))
    assert same(first, build(units[1]).population)
    monkeypatch.undo()
    past._kept.clear()
    assert same(first, build(units[1]).population)


@pytest.mark.slow
def test_a_process_keeps_few_pasts(study):
    units = [study(f"run_in_days = {days}").units[0] for days in (2, 3, 4, 5)]
    for unit in units:
        build(unit, 3)
    assert len(past._kept) == past.KEPT


@pytest.mark.slow
def test_who_enters_and_how_depends_on_nobody_else(study):
    unit = study().units[0]
    few, many = build(unit, 15).population, build(unit, 60).population
    assert same(few, many.chosen(np.arange(15)))


@pytest.mark.slow
def test_candidates_do_not_compete_for_the_capacity_of_usual_care(study, tmp_path):
    """With one bed for all of them, the past of each would depend on who else is screened."""
    text = {"entry": 'entry = "discharge"\nrun_in_days = 30', "name": 'name = "placebo"\n'}
    free = build(study(text["entry"], tables="").units[0], 30).population
    path = tmp_path / "lived.toml"
    beds = "capacity = { cardiology_ward = 1, general_ward = 1 }\n"
    path.write_text(path.read_text().replace(text["name"], text["name"] + beds, 1))
    assert same(free, build(read_study(path).units[0], 30).population)


def test_inclusion_is_tested_on_what_investigators_see(study):
    """The cuff errs by 8 mmHg from day to day: some who are let in are truly below the limit."""
    model = build(study().units[0])
    people, inclusion = model.population, study().experiment.trial.inclusion
    assert meets_inclusion(people, inclusion, model.key).all()
    assert 0 < (people["systolic_mmhg"] < 115.0).sum() < 20


@pytest.mark.slow
def test_history_can_be_asked_for(study):
    tables = '[trial]\nleast_follow_up_days = 10\n[[trial.inclusion]]\ncolumn = "days_since_heart_failure_admission"\n'
    people = build(study(tables=tables + "below = 120.0\n").units[0], 10).population
    assert (people["heart_failure_admissions_before"] >= 1).all()
    assert (people["days_since_heart_failure_admission"] < 120.0).all()
    assert (people["days_since_heart_failure_admission"] >= 1.0).all()


def test_age_is_that_of_the_cohort_at_randomisation(study):
    """The baseline table describes people at randomisation; before, they were half a year younger."""
    age = '[trial.columns.age_years]\ndistribution = "fixed"\nvalue = 70.0\nunit = "years"\nsource = "assumption: any"'
    assert (build(study(tables=TRIAL + age).units[0], 10).population["age_years"] == 70.0).all()


@pytest.mark.slow
def test_a_register_recruits_at_discharge_alive_from_an_index_admission(study):
    model = build(study('entry = "discharge"\nenrolment_days = 30', tables="").units[0], 20)
    people = model.population
    assert (np.diff(people["entry_day"]) >= 0).all() and 0 < people["entry_day"].max() < 30
    output = run_to_end(model)
    entries = output.events.frame().filter(pl.col("event") == "enter")
    assert set(entries["detail"]) == {0} and set(entries["cause"]) == {"heart_failure"}
    assert entries["time_days"].floor().cast(pl.Int32).to_list() == sorted(people["entry_day"].tolist())


@pytest.mark.parametrize("tables", ["", TRIAL], ids=["register", "trial"])
def test_people_enter_where_they_went_at_discharge_and_no_trial_randomises_in_a_hospice(study, tables):
    """4.1% of Medicare's survivors of a heart-failure admission go to a hospice (the network's source): of 300 some."""
    unit = study('entry = "discharge"', tables=tables).units[0]
    model = build(unit, 300)
    entrance = model.entrance_to(model.network)
    assert entrance is not None
    first_setting = np.array([setting.setting_class for setting in model.network.settings])[entrance.setting]
    assert {"community", "facility"} <= {*first_setting} <= {"community", "facility", "hospice"}
    assert ("hospice" in first_setting) == (not tables)
    events = run_to_end(model).events.frame()
    starts = events.filter(pl.col("event") == "start").group_by("person_id", maintain_order=True).first()
    names = np.array([setting.name for setting in model.network.settings])[entrance.setting]
    went = dict(zip(model.population.person_id.tolist(), names.tolist(), strict=True))
    assert len(starts) > 290 and {one: went[one] for one in starts["person_id"]} == dict(
        starts.select("person_id", "setting").iter_rows()
    )


@pytest.mark.slow
def test_a_register_recruits_at_the_hospital_door_at_an_index_admission(study):
    """Everybody is ill with an index cause, asks for a ward on the day of entry, and its stay is no readmission."""
    keys = 'entry = "admission"\nindex_causes = ["infection", "fall"]\nenrolment_days = 30'
    unit = study(keys, tables="").units[0]
    model = build(unit, 20)
    assert CAUSE_HEART_FAILURE not in model.population["presenting_cause"]
    output = run_to_end(model)
    events = output.events.frame()
    asked = events.filter(pl.col("event") == "arrive").group_by("person_id", maintain_order=True).first()
    entries = events.filter(pl.col("event") == "enter").join(asked, on="person_id", suffix="_asked")
    assert len(entries) == 20 and set(entries["detail"]) == {2} and set(entries["cause"]) <= {"infection", "fall"}
    assert (entries["time_days"] == entries["time_days_asked"]).all()
    tables = simulate(unit)
    index = tables["admissions"].group_by("person_id").agg(pl.col("index_stay").sum())
    assert set(index["index_stay"]) == {1}


CATCHMENT = 'entry = "home"\nrun_in_days = 60'


def test_a_catchment_goes_on_where_its_people_are(study):
    """The wards hold on the first evening about whom they held on the evening before, in Poisson terms."""
    unit = study(CATCHMENT, tables="").units[0]
    model = build(unit, 400)
    care, rows = model._entrance.network
    before = care.census[59].astype(int)
    assert len(model.population) == 400 and model.population["alive"].all() and len(rows) == 400
    output = run_to_end(model)
    after = model.care.census[0].astype(int)
    limited = [i for i, setting in enumerate(model.network.settings) if setting.capacity != "unlimited"]
    inside = [i for i in limited if model.network.settings[i].setting_class in ("inpatient", "facility")]
    assert after[inside].sum() > 20
    assert abs(after[inside].sum() - before[inside].sum()) < 4.0 * np.sqrt(2.0 * before[inside].sum() * 0.3) + 5
    events = output.events.frame()
    assert events.filter(pl.col("event") == "enter")["time_days"].to_list() == [0.0] * 400
    started = events.filter((pl.col("event") == "start") & (pl.col("time_days") < 0.0))
    assert set(started["setting"].cast(pl.String)) > {"home", "general_ward"}
    assert (output.daily["entered"] == 400).all() and output.daily["alive"][0] > 390


def test_a_strategy_that_does_nothing_changes_no_bit_of_a_catchment(tmp_path):
    text = STUDY.format(root=ROOT, keys=CATCHMENT)
    path = tmp_path / "inert.toml"
    path.write_text(text[: text.index("[[strategies.interventions]]")])
    hashes = [
        {name: frame_hash(table.drop("strategy")) for name, table in simulate(unit).items()}
        for unit in read_study(path).units
    ]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize(
    ("keys", "tables", "says"),
    [
        ('entry = "house"', "", "entry = 'house'"),
        ('entry = "home"\nrun_in_days = 0', "", "must be between 1 and 730 where entry = 'home'"),
        ('entry = "home"\nrun_in_days = 731', "", "run_in_days = 731: must be between 0 and 730"),
        ("run_in_days = 30", "", "must be 0 where entry = 'as_described'"),
        ('entry = "home"\nenrolment_days = 30', "", "must be 0 where entry = 'home'"),
        ('entry = "discharge"\nindex_causes = ["infarct"]', "", "'bleeding', 'fall' or 'glucose'"),
        ('entry = "discharge"\nindex_causes = ["planned"]', "", "index_causes"),
        ('entry = "discharge"\nindex_causes = []', "", "index_causes"),
    ],
)
def test_keys_of_entry_that_make_no_sense_are_refused_in_one_line(study, tmp_path, capsys, keys, tables, says):
    with pytest.raises(DefinitionError) as refused:
        study(keys, tables)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    assert main(["run", str(tmp_path / "lived.toml")]) == 2


def test_every_unplanned_cause_may_be_an_index_cause():
    assert set(get_args(IndexCause)) == set(CAUSE_NAMES) - {"none", "planned"}


def test_a_network_without_a_home_is_refused(study, tmp_path):
    network = (ROOT / "experiments" / "networks" / "heart_failure_catchment.toml").read_text()
    (tmp_path / "network.toml").write_text(network.replace('class = "community"', 'class = "facility"'))
    path = tmp_path / "lived.toml"
    study()
    path.write_text(
        path.read_text().replace(f"{ROOT}/experiments/networks/heart_failure_catchment.toml", "network.toml")
    )
    with pytest.raises(DefinitionError, match=r"entry = 'home': the network 'heart_failure_catchment' needs a setting"):
        read_study(path)


@pytest.mark.parametrize("entry", ["discharge", "admission"])
def test_a_network_to_which_nobody_presents_is_refused(study, tmp_path, capsys, entry):
    """Nothing is simulated to find out that nobody is ever admitted."""
    network = (ROOT / "experiments" / "networks" / "minimal_ward.toml").read_text()
    network = network.replace("\n[[arrivals]]", 'entry = "home"\n\n[[arrivals]]', 1)
    home = '\n[[settings]]\nname = "home"\nlabel = "Home"\nclass = "community"\nstay = { distribution = "forever" }\n'
    (tmp_path / "network.toml").write_text(network + home)
    study(f'entry = "{entry}"')
    path = tmp_path / "lived.toml"
    text = path.read_text().replace(f"{ROOT}/experiments/networks/heart_failure_catchment.toml", "network.toml")
    visits = '[[strategies.follow_up]]\nsetting = "heart_failure_clinic"\nwithin_days = 14\nuptake = 0.9\n'
    path.write_text(text.replace(visits, ""))
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 2
    says = f"entry = '{entry}': the network 'minimal_ward' needs presentation, or nobody comes to hospital"
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_study_that_finds_nobody_is_refused_in_one_line(study):
    """Nobody who lives at home has symptoms this bad; a trait that nobody has is refused before anybody lives."""
    for column in ("symptom_score", "dry_weight_kg"):
        limit = {"symptom_score": 9.9, "dry_weight_kg": 249.0}[column]
        tables = f'[trial]\nleast_follow_up_days = 10\n[[trial.inclusion]]\ncolumn = "{column}"\nat_least = {limit}\n'
        with pytest.raises(DefinitionError, match=r"only [0-9]+ of [0-9]+ people are eligible"):
            build(study("run_in_days = 2", tables=tables).units[0], 3)


def test_the_past_is_part_of_the_key_of_a_unit(study):
    other = TRIAL.replace("115", "116")
    assert len({study(*changed).units[0].key for changed in ((), ("run_in_days = 90",), ("", other))}) == 3
