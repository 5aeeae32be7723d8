"""The state of a model, from which another model goes on as the first would have."""

from pathlib import Path

import numpy as np
import pytest

from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.kernels.codes import ENTERED_AT_HOME
from popsim.kernels.numerics.random import RandomKey
from popsim.population.population import Population
from popsim.population.sampling import CohortSource, sample
from popsim.population.state import State
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parents[2]
EXPERIMENT = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_discharge.toml")
NETWORK = FOLDER / "experiments/networks/heart_failure_catchment.toml"
DAYS, SAVED, SIZE = 70, 25, 400


def made(people: Population, strategy: Strategy, entrance: Entrance | None = None) -> PopulationModel:
    network = CareNetwork.read(NETWORK, SCHEMA.columns)
    sizes = {"follow_up_days": DAYS, "enrolment_days": 20, "entrance": entrance}
    return PopulationModel(people, network, strategy, seed=5, **sizes)


def new(strategy: Strategy) -> PopulationModel:
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    return made(sample(cohort, SCHEMA, SIZE, RandomKey(5), enrolment_days=20), strategy)


def resumed(state: State, strategy: Strategy) -> PopulationModel:
    people = Population(SCHEMA, state.take("people/person_id", np.int64, (None,)))
    people.restore(state.part("people"))
    model = made(people, strategy, Entrance(ENTERED_AT_HOME, np.zeros(len(people), np.int8)))
    model.restore(state)
    return model


def everything(model: PopulationModel) -> dict[str, bytes]:
    return {name: np.asarray(array).tobytes() for name, array in model.state().items()}


@pytest.mark.parametrize("strategy", EXPERIMENT.resolved_strategies, ids=lambda one: one.name)
def test_a_model_goes_on_from_its_state(strategy):
    model = new(strategy)
    model.run_for(SAVED)
    state = State.from_frames(State.of(model.state()).frames())
    model.run_for(model.days - SAVED)
    other = resumed(state, strategy)
    assert (other.clock.day, other.steps, other.time) == (SAVED, SAVED, SAVED)
    other.run_for(other.days - SAVED)
    assert everything(other) == everything(model)
    assert other.daily_frame().equals(model.daily_frame())
    assert other.events.frame().equals(model.events.frame())
    assert not other.running and len(model.events) > SIZE
