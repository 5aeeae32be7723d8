"""The state of a model, from which another model goes on as the first would have."""

from pathlib import Path

import numpy as np
import pytest

import popsim as ps
from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError
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
    state = State.of(model.state())
    return {name: one.content.tobytes() for name, one in state._stored.items()}


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


def test_a_state_has_the_types_and_shapes_that_are_asked_for():
    state = State.of({"a/b": np.arange(6, dtype=np.int32).reshape(2, 3), "n": np.int64(7)})
    state = State.from_frames(state.frames())
    assert state.part("a").take("b", np.int32, (2, None)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert state.number("n") == 7 and state.part("a").names() == ["b"] and "b" not in state
    for name, kind, shape in (
        ("b", np.int32, (3, 2)),
        ("b", np.float32, (2, 3)),
        ("b", np.int32, (6,)),
        ("c", int, ()),
    ):
        with pytest.raises(InputError, match=f"saved state: .*'a/{name}'"):
            state.part("a").take(name, kind, shape)


def test_frames_cut_short_are_refused():
    frames = State.of({"a": np.arange(6)}).frames()
    for name, wrong in (("words", frames["words"].head(3)), ("arrays", frames["arrays"].drop("layout"))):
        with pytest.raises(InputError, match="saved state: "):
            State.from_frames(frames | {name: wrong})


def test_a_model_is_saved_and_goes_on_from_its_file(tmp_path):
    strategies = {one.name: one for one in EXPERIMENT.resolved_strategies}
    model = new(strategies["usual_care"])
    model.run_for(SAVED)
    path = ps.save_model(model, tmp_path / "model.popsim")
    assert path.stat().st_mode & 0o077 == 0
    model.run_for(model.days - SAVED)
    network = CareNetwork.read(NETWORK, SCHEMA.columns)
    other = ps.load_model(path, network, strategies["usual_care"])
    other.run_for(other.days - SAVED)
    assert everything(other) == everything(model)
    branch = ps.load_model(path, network, strategies["telemonitoring"])
    assert branch.clock.day == SAVED and branch.strategy.title == f"Telemonitoring from day {SAVED}"
    with pytest.raises(InputError, match=r"model.popsim: network: not that of the saved model"):
        ps.load_model(path, network.with_capacity({"general_ward": 3}), strategies["usual_care"])
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model.popsim: damaged, no saved model, or saved by another version"):
        ps.load_model(path, network, strategies["usual_care"])
