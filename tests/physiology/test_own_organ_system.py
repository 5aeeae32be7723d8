"""A user's own organ system: beside the others, beside some of them, and in an experiment."""

from pathlib import Path

import numpy as np
import pytest
from flagship import NO_PAST
from numba import njit, prange

import popsim as ps
from popsim.care.network import CareNetwork
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Column, Schema
from popsim.population.sampling import CohortSource, sample
from popsim.runs.run import StoredRun
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parent.parent.parent
HAEMOGLOBIN = Column("haemoglobin_g_l", "real", "g/L", 30, 220, "Blood haemoglobin.", "physiology", "718-7")


@njit(parallel=True, error_model="numpy")
def haemoglobin_day(step_days, alive, gfr, haemoglobin):
    """Relax towards 140 g/L less 0.6 g/L for each mL/min of filtration below 60, with a time constant of 60 days."""
    for i in prange(len(alive)):
        old = float(haemoglobin[i])
        target = 140.0 - 0.6 * max(60.0 - float(gfr[i]), 0.0)
        new = old + (target - old) * step_days / 60.0
        haemoglobin[i] = new if alive[i] else old


class Anaemia:
    columns = (HAEMOGLOBIN,)

    def initialise(self, population, influences):
        population["haemoglobin_g_l"] = 140.0

    def advance(self, population, clock, influences):
        columns = (population[name] for name in ("alive", "gfr_ml_min", "haemoglobin_g_l"))
        haemoglobin_day(clock.step_days, *columns)


@pytest.mark.slow
def test_it_lives_with_the_others_and_disturbs_nobody():
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    usual = Strategy(name="usual_care")
    plain = PopulationModel(sample(cohort, SCHEMA, 400, RandomKey(3)), network, usual, seed=3, organ_systems=[])
    schema = Schema((*SCHEMA.columns.values(), HAEMOGLOBIN))
    own = PopulationModel(sample(cohort, schema, 400, RandomKey(3)), network, usual, seed=3, organ_systems=[Anaemia()])
    for model in (plain, own):
        model.run_for(40)
    assert np.array_equal(plain.population["weight_kg"], own.population["weight_kg"])
    # With the kidney as it is on the last day the target is 140 - 0.6 (60 - gfr); the worse kidney has less.
    living = own.population["alive"] == 1
    gfr, haemoglobin = own.population["gfr_ml_min"][living], own.population["haemoglobin_g_l"][living]
    assert haemoglobin[gfr < 35].mean() < haemoglobin[gfr > 55].mean() - 3.0
    assert own.agents[0].haemoglobin_g_l > 0


class Hot:
    """Raises the pulse of everybody."""

    columns = (ps.Column("heat", "real", "1", 0, 1000, "Days of heat.", "physiology"),)

    def __init__(self, bpm=10.0):
        self.bpm = bpm

    def initialise(self, population, influences):
        population["heat"] = 0.0

    def advance(self, population, clock, influences):
        population["heat"] += population["alive"]
        influences["heart_rate_shift_bpm"] += self.bpm


class Misfit(Hot):
    def __init__(self, bpm):
        self.bpm = bpm


class Wide(Hot):
    columns = ("heat",)


def clinical(**changes):
    """A small experiment of clinical twins."""
    small = {"population": 40, "draws": 0, "replications": 1, "follow_up_days": 30, "enrolment_days": 0} | NO_PAST
    return ps.Experiment.read(FOLDER / "experiments/heart_failure_discharge.toml").with_(**small | changes)


def model_with(*organ_systems):
    """A model of clinical twins around whose core are diabetes and these."""
    experiment = clinical()
    people = experiment.cohort.sample(300, seed=2, columns=Hot.columns)
    usual = experiment.strategies["usual_care"]
    listed = ["diabetes", *organ_systems]
    return PopulationModel(people, experiment.network, usual, seed=2, organ_systems=listed)


def test_it_influences_the_clinical_twin():
    """The pulse relaxes towards its target within days: after two weeks it is higher by nearly the whole shift."""
    plain, hot = model_with(), model_with(Hot())
    for model in (plain, hot):
        model.run_for(14)
    both = (plain.population["alive"] == 1) & (hot.population["alive"] == 1)
    more = (hot.population["heart_rate_bpm"] - plain.population["heart_rate_bpm"])[both]
    assert 8.0 < np.median(more) < 12.0
    assert (hot.population["heat"][both] == 13.0).all()  # alive since the evening of the day of entry
    assert not plain.population["heat"].any()


def test_an_experiment_runs_with_it_and_its_content_is_part_of_the_key(tmp_path):
    experiments = [clinical(organ_systems=["diabetes", *own]) for own in ((), (Hot(),), (Hot(),), (Hot(20.0),))]
    keys = [one._study.units[0].key for one in experiments]
    assert keys[1] == keys[2] and len({*keys}) == 3
    plain, hot = (one.run(tmp_path, workers=1, progress=False) for one in experiments[:2])
    assert not plain.summary().equals(hot.summary())
    draws = experiments[1].with_(draws=2).run(tmp_path, workers=1, progress=False)
    assert draws.summary()["mean"].is_not_null().any()
    assert hot.report(tmp_path / "report.html").is_file()
    with pytest.raises(InputError, match=r"made in Python: open it with organ_systems=\[Hot\]"):
        _ = StoredRun.open(hot.folder).study
    assert ps.Run.open(hot.folder, organ_systems=[Hot()]).study.run_id == hot.study.run_id
    with pytest.raises(InputError, match="popsim or its inputs have changed since this run"):
        _ = StoredRun.open(hot.folder, organ_systems=[Hot(20.0)]).study
    with pytest.raises(InputError, match="open it without organ_systems"):
        _ = StoredRun.open(plain.folder, organ_systems=[Hot()]).study


def test_a_class_is_made_for_each_model():
    """Its bpm are the default of ten; the class is as good as an object."""
    keys = {clinical(organ_systems=["diabetes", own])._study.units[0].key for own in (Hot, Hot)}
    assert len(keys) == 1
    made, given = model_with(Hot), model_with(Hot())
    for model in (made, given):
        model.run_for(5)
    assert np.array_equal(made.population["heart_rate_bpm"], given.population["heart_rate_bpm"])


def test_a_notebook_s_runs_in_one_process(tmp_path):
    class Local(Hot):
        pass

    experiment = clinical(organ_systems=["diabetes", Local()])
    with pytest.raises(InputError, match="workers = 2: Local must be in a module"):
        experiment.run(tmp_path, workers=2)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (object(), r"object: must have initialise\(population, influences\)"),
        (3, "int: must have initialise"),
        (dict, "dict: must have initialise"),
        (Misfit, r"a class is made as Misfit\(\) or Misfit\(parameters, key=key\)"),
        (Wide, "Wide: columns must be a tuple of Column"),
    ],
)
def test_what_is_no_organ_system_is_refused(own, says):
    with pytest.raises(InputError, match=says):
        model_with(own)
    with pytest.raises(InputError, match=says):
        clinical(organ_systems=["diabetes", own])


def test_people_without_its_columns_are_refused():
    experiment = clinical()
    people, usual = experiment.cohort.sample(20, seed=2), experiment.strategies["usual_care"]
    with pytest.raises(InputError, match="the people lack the column 'heat'"):
        PopulationModel(people, experiment.network, usual, seed=2, organ_systems=[Hot()])
