"""People who come for another disease than heart failure: what is special to heart failure stays away from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popsim.kernels.codes import CAUSE_NAMES
from popsim.studies.design import Change, read_study
from popsim.studies.unit import build

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
# First admissions for heart failure of people of 73.6 years without it: 258 of 2934 in 7.1 years, 13.6 per 1000 a year
# (Health, Aging and Body Composition Study, abstract in discovery.researcher.life).
POPULATION_RATE = 13.6 / 1000


@pytest.fixture(scope="module", params=["copd_discharge", "infarction_discharge"])
def lived(request):
    """The population, its log after a year, and who has no heart failure by any sign at entry."""
    model = build(read_study(EXPERIMENTS / f"{request.param}.toml", {"draws": Change("--draws", 0)}).units[0], 1500)
    people = model.population
    none = (people["heart_failure"] == 0) & (people["baseline_ejection_fraction_percent"] >= 50)
    none &= (people["baseline_filling_pressure_mmhg"] <= 12.5) & (people["loop_diuretic_mg_day"] == 0)
    model.run_for(365 + 182)
    return people, model.events.frame(), none


def of_heart_failure(events: pl.DataFrame, kind: str) -> pl.DataFrame:
    return events.filter((pl.col("event") == kind) & (pl.col("cause") == "heart_failure"))


def test_no_heart_failure_beyond_the_rate_of_the_population(lived):
    people, events, none = lived
    persons = people.person_id[none]
    assert len(persons) > 800
    presented = of_heart_failure(events, "present").filter(pl.col("person_id").is_in(persons.tolist()))
    expected = POPULATION_RATE * len(persons)  # of a whole year each
    assert presented["person_id"].n_unique() <= expected + 2 * np.sqrt(expected)
    others = of_heart_failure(events, "present").filter(pl.col("person_id").is_in(people.person_id[~none].tolist()))
    assert len(others) > 10, "those who have heart failure come with it"


@pytest.mark.parametrize("name", ["heart_failure_discharge", "copd_discharge", "infarction_discharge"])
def test_people_enter_after_a_stay_for_an_index_cause(name):
    study = read_study(EXPERIMENTS / f"{name}.toml", {"draws": Change("--draws", 0)})
    entered = {CAUSE_NAMES[code] for code in np.unique(build(study.units[0], 100).population["discharge_cause"])}
    assert entered == {*study.experiment.index_causes}


def test_nobody_takes_a_loop_diuretic_without_heart_failure(lived):
    people, events, none = lived
    failed = np.isin(people.person_id, of_heart_failure(events, "start")["person_id"].to_numpy())
    assert (people["loop_diuretic_mg_day"][none & ~failed] == 0).all()
    assert (people["sglt2_inhibitor_fraction"][people["heart_failure"] == 0] == 0).all()
