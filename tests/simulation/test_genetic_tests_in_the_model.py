"""Genetic tests in the whole clinical model: a result that guides nothing changes nothing; clinics keep to a limit."""

from pathlib import Path

import numpy as np
import pytest

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.interventions import GeneticTest
from popsim.kernels.numerics.random import RandomKey
from popsim.population.genome import POOR
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parents[2]
EXPERIMENT = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_pharmacogenetics.toml")
SIZE, DAYS = 300, 60


def lived(*guides: str, tested: bool = True) -> PopulationModel:
    """Poor metabolisers of CYP2D6 with a low ejection fraction, under the experiment's panel guided by these rules."""
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    people = sample(cohort, SCHEMA, SIZE, RandomKey(5))
    people["cyp2d6"], people["beta_blocker_agent"] = POOR, 0
    people["baseline_ejection_fraction_percent"] = 28.0
    (panel,) = EXPERIMENT.strategy("panel").interventions
    assert isinstance(panel, GeneticTest)
    changed = panel.model_copy(update={"guides": guides, "uptake": 1.0, "sensitivity": 1.0, "turnaround_days": 0})
    strategy = EXPERIMENT.strategy("no_testing").model_copy(update={"interventions": (changed,) if tested else ()})
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    model = PopulationModel(people, network, strategy, seed=5, follow_up_days=DAYS)
    model.run_for(DAYS)
    return model


@pytest.fixture(scope="module")
def untested() -> PopulationModel:
    return lived(tested=False)


def test_a_result_that_guides_nothing_changes_nothing_but_the_record_and_the_bill(untested):
    tested = lived()
    names = [name for name in tested.population if (tested.population[name] != untested.population[name]).any()]
    assert {"genotype_known", "cost_programme"} <= set(names)
    assert all(name == "genotype_known" or name.startswith("cost") for name in names)
    events = [model.events.records[: len(model.events)].tobytes() for model in (tested, untested)]
    assert events[0] == events[1]


def test_clinics_do_not_raise_the_dose_above_the_limit(untested):
    limited = lived("metoprolol_dose").population
    assert (limited["beta_blocker_limit_percent"] == 50).all()
    assert limited["beta_blocker_fraction"].max() <= 0.5
    assert (limited["beta_blocker_fraction"] > np.float32(0.25)).any()
    assert untested.population["beta_blocker_fraction"].max() > 0.5


def test_what_follows_from_a_lower_dose_is_the_work_of_pharmacology(untested):
    """Poor metabolisers on half the dose have less blockade, so a faster pulse (paired, 3 standard errors)."""
    limited, usual = lived("metoprolol_dose").population, untested.population
    lower = (limited["beta_blocker_fraction"] < usual["beta_blocker_fraction"]) & (limited["alive"] != 0)
    lower &= (usual["alive"] != 0) & (limited["admitted"] == 0) & (usual["admitted"] == 0)
    faster = (limited["heart_rate_bpm"] - usual["heart_rate_bpm"])[lower].astype(float)
    assert len(faster) > 30
    assert faster.mean() > 3 * faster.std(ddof=1) / np.sqrt(len(faster))
