"""Treatments given as hazard ratios, through the whole body of a twin."""

from __future__ import annotations

import math

import numpy as np

from popsim.care.columns import HAZARD_RATIO_OUTCOMES
from popsim.physiology.organs.treatments import HAZARDS, LOG_HAZARDS
from popsim.population.clock import Clock
from popsim.studies.design import read_study
from popsim.studies.unit import build

EXPERIMENT = """
name = "treated"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 200
replications = 1
seed = 11
follow_up_days = 30
[[strategies]]
name = "usual"
"""
TREATED = """
[[strategies]]
name = "treated"
[[strategies.interventions]]
name = "treatment"
kind = "hazard_ratio"
outcome = "stroke"
value = 0.5
"""


def study_of(folder, root, text=EXPERIMENT + TREATED):
    path = folder / "experiment.toml"
    path.write_text(text.format(root=root))
    return read_study(path)


def hazard_of_death(study, **ratios: float) -> np.ndarray:
    """Of everybody on the first day, with some log ratios."""
    model = build(study.units[-1])
    people = model.population
    people["alive"] = 1
    for outcome, ratio in ratios.items():
        people[f"{outcome}_log_ratio"] = math.log(ratio)
    model.physiology.advance(people, Clock(0))
    return people["death_hazard_per_day"].astype(np.float64)


def test_a_ratio_on_every_mode_of_death_multiplies_the_whole_hazard(tmp_path, request):
    study = study_of(tmp_path, request.config.rootpath)
    modes = [name for name in HAZARD_RATIO_OUTCOMES if name.endswith("_death")]
    usual, treated = hazard_of_death(study), hazard_of_death(study, **dict.fromkeys(modes, 0.5))
    low = usual < 0.1  # a hazard above it would be near its bound; those in a hospice are below it
    assert low.mean() > 0.95
    np.testing.assert_allclose(treated[low], 0.5 * usual[low], rtol=1e-5)
    one = hazard_of_death(study, non_cardiovascular_death=0.5)
    assert (one < usual).all() and (one > 0.5 * usual).all()


def test_every_outcome_has_a_column_that_the_body_reads():
    assert {f"{name}_log_ratio" for name in HAZARD_RATIO_OUTCOMES} == LOG_HAZARDS.keys() | HAZARDS.keys()


def test_the_columns_are_there_where_a_strategy_gives_a_ratio_and_change_nothing_else(tmp_path, request):
    study = study_of(tmp_path, request.config.rootpath)
    ratios = {f"{name}_log_ratio" for name in HAZARD_RATIO_OUTCOMES}
    usual, treated = (build(unit) for unit in study.units)
    assert ratios.isdisjoint(usual.population) and ratios <= set(treated.population)
    without, with_them = usual, build(study.units[0], schema=study.schema)
    for model in (without, with_them):
        model.run_for(20)
    assert ratios <= set(with_them.population)
    few = without.population.frame()
    assert with_them.population.frame().select(few.columns).equals(few)
