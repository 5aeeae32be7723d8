"""A model saved between two days, and the model that goes on from the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from popsim.care.entrance import Entrance
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError, RunError
from popsim.kernels.codes import ENTERED_AT_HOME
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Column, Schema
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within
from popsim.runs import unit_file
from popsim.runs.store import PRIVATE, new_owner, taking
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA
from popsim.studies.branching import continued
from popsim.studies.content import code_hash, json_hash


def save_model(model: PopulationModel, path: str | Path) -> Path:
    """Save a model between two days, for `load_model`; only its owner can read the file.

    A user's own attributes, agents, scheduled events and diaries, and the state of Mesa's generators, are not saved.

    Raises:
        InputError: its state cannot be saved.
        RunError: a day was left unfinished, or the file cannot be written.
    """
    path = Path(path)
    made: NamedArrays = {name: np.int64(getattr(model, name)) for name in ("follow_up_days", "enrolment_days")}
    made |= {name: _text(said) for name, said in _made_with(model.network, model).items()}
    made |= {"strategy": _text(model.strategy.model_dump_json())}
    state = State.of(within("model", model.state()) | within("made", made))
    try:
        with taking(path, new_owner(), PRIVATE) as temporary:
            unit_file.write(temporary, _key(), state.frames(), 0.0)
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from None
    return path


def load_model(
    path: str | Path, network: CareNetwork, strategy: Strategy, *, columns: Sequence[Column] = (), **keywords: Any
) -> PopulationModel:
    """A model that goes on from a file of `save_model`, with the same bits as the one that was saved.

    Args:
        path: of the file.
        network: as it was.
        strategy: as it was; or another, which begins on the saved day: what both have goes on, what only the saved one
            has ends, and what only the other has begins.
        columns: of your own organ systems.
        keywords: as for `PopulationModel`, as they were: parameters, organ_systems, environment_series, cohort,
            agent_class.

    Raises:
        InputError: the file is damaged or of another version of popsim; or the network, the parameters or what the
            strategy does before the day differ.
    """
    try:
        with Path(path).open("rb") as file:
            state = State.from_frames(unit_file.read_frames(file, _key()))
        return _loaded(state, network, strategy, columns, keywords)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except (*unit_file.DAMAGE, RecursionError):
        raise InputError(f"{path}: damaged, no saved model, or saved by another version of popsim") from None


def _loaded(
    state: State, network: CareNetwork, strategy: Strategy, columns: Sequence[Column], keywords: dict[str, Any]
) -> PopulationModel:
    made, stored = state.part("made"), state.part("model")
    past = validate(json.loads(made.take("strategy", np.uint8, (None,)).tobytes()), Strategy, "strategy")
    schema = Schema((*SCHEMA.columns.values(), *columns)) if columns else SCHEMA
    people = Population(schema, stored.take("people/person_id", np.int64, (None,)))
    people.restore(stored.part("people"))
    model = PopulationModel(
        people,
        network,
        continued(past, strategy, stored.number("day")),
        seed=RandomKey(*stored.take("key", np.int64, (2,)).tolist()),
        entrance=Entrance(ENTERED_AT_HOME, np.zeros(len(people), np.int8)),  # nothing of them is initialised
        follow_up_days=made.number("follow_up_days"),
        enrolment_days=made.number("enrolment_days"),
        **keywords,
    )
    for name, said in _made_with(network, model).items():
        if made.take(name, np.uint8, (None,)).tobytes() != said.encode():
            raise InputError(f"{name}: not that of the saved model")
    model.restore(stored)
    return model


def _made_with(network: CareNetwork, model: PopulationModel) -> dict[str, str]:
    """Hashes of what a model has been made with, by name."""
    parameters = {name: dict(values) for name, values in model.parameters.counted.items()}
    return {"network": json_hash(network.definition.table()), "parameters": json_hash(parameters)}


def _key() -> str:
    """Of files that this version of popsim writes."""
    return json_hash(["model", code_hash()])


def _text(said: str) -> Any:
    return np.frombuffer(said.encode(), np.uint8)
