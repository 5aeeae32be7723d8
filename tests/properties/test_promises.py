"""Promises about the whole model: one writer per column, the same bits, everybody accounted for every day."""

import copy
import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from popsim.care.network import CareNetwork
from popsim.care.signals import SEEN
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.strategy import Strategy
from popsim.errors import RunError
from popsim.kernels.codes import MISS
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.threads import use_threads
from popsim.population.columns import Schema
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parents[2]
EXPERIMENT = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_discharge.toml")
STRATEGIES = {s.name: s for s in EXPERIMENT.strategies}
DAYS = 60


def make(strategy: Strategy, schema: Schema = SCHEMA, size: int = 1500, seed: int = 5) -> PopulationModel:
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    people = sample(cohort, schema, size, RandomKey(seed), enrolment_days=20)
    return PopulationModel(people, network, strategy, seed=seed, follow_up_days=DAYS, enrolment_days=20)


def state(model: PopulationModel) -> dict[str, bytes]:
    columns = {name: model.population[name].tobytes() for name in sorted(model.population)}
    return columns | {"events": model.events.records[: len(model.events)].tobytes()}


@pytest.fixture(scope="module")
def finished() -> dict[str, bytes]:
    model = make(STRATEGIES["telemonitoring"])
    model.run_for(DAYS)
    return state(model)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_lives_on_as_the_original_would(copied, finished):
    model = make(STRATEGIES["telemonitoring"])
    model.run_for(DAYS // 3)
    model.agents[3].note = "kept"
    before = state(model)
    twin = copied(model)
    twin.run_for(DAYS - DAYS // 3)
    assert state(twin) == finished
    assert state(model) == before  # the original did not move with it
    assert twin.agents[3].note == "kept" and twin.agents[3].model is twin


def test_each_column_has_one_writer():
    model = make(STRATEGIES["telemonitoring"])
    parts = {"physiology": "advance", "monitoring": "observe", "care": "treat", "valuation": "accrue"}
    changed: dict[str, set[str]] = {part: set() for part in parts}
    for part, method in parts.items():
        act = getattr(getattr(model, part), method)

        def watched(population, *rest, act=act, part=part):
            before = {name: population[name].copy() for name in population}
            act(population, *rest)
            changed[part] |= {name for name in population if not np.array_equal(before[name], population[name])}

        setattr(getattr(model, part), method, watched)
    model.run_for(DAYS)
    for part, names in changed.items():
        assert names, f"{part} changed nothing"
        assert {name: SCHEMA[name].writer for name in names} == dict.fromkeys(names, part)


def test_values_stay_within_their_bounds():
    model = make(STRATEGIES["early_follow_up"])
    model.run_for(DAYS)
    for name, column in SCHEMA.columns.items():
        values = model.population[name]
        assert values.min() >= column.low, name
        assert values.max() <= column.high, name


def test_the_order_of_columns_does_not_matter(finished):
    """Of those without a signal: the errors of readings are keyed by the place of the column."""
    others = {
        kind: [name for name in SCHEMA.names(kind) if name not in SEEN] for kind in ("real", "code", "count", "total")
    }
    order = [SCHEMA[name if name in SEEN else others[one.kind].pop()] for name, one in SCHEMA.columns.items()]
    model = make(STRATEGIES["telemonitoring"], Schema(order))
    model.run_for(DAYS)
    assert state(model) == finished


def test_the_number_of_threads_does_not_matter(finished):
    for threads in (1, 2):
        use_threads(threads)
        model = make(STRATEGIES["telemonitoring"])
        model.run_for(DAYS)
        assert state(model) == finished
    use_threads(2)


def test_an_inert_programme_changes_no_bit_even_with_queues():
    """A strategy with a telemonitoring desk that nobody uses, and the same follow-up, is its comparator."""
    usual, tele = STRATEGIES["usual_care"], STRATEGIES["telemonitoring"]
    assert tele.telemonitoring is not None
    nobody = tele.telemonitoring.model_copy(update={"uptake": 0.0})
    models = [make(usual), make(tele.model_copy(update={"telemonitoring": nobody}))]
    for model in models:
        model.run_for(DAYS)
    first, second = map(state, models)
    assert first == second
    assert first["events"] != b""


def test_adding_people_changes_nobodys_traits():
    few, many = make(STRATEGIES["usual_care"], size=300), make(STRATEGIES["usual_care"], size=600)
    by_person = np.argsort(many.population.person_id)
    chosen = by_person[np.searchsorted(many.population.person_id[by_person], few.population.person_id)]
    for name in ("age_years", "baseline_gfr_ml_min", "entry_day", "frailty"):
        assert np.array_equal(few.population[name], many.population[name][chosen])


def test_a_whole_waiting_list_may_be_given_up_on_one_day():
    """More bookings lapse in one session than the log had room for when a day began."""
    usual = STRATEGIES["usual_care"].model_copy(update={"capacity": {"general_practice": 1}})
    cohort = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    model = PopulationModel(sample(cohort, SCHEMA, 4000, RandomKey(5)), network, usual, seed=5, follow_up_days=DAYS)
    model.run_for(DAYS)
    lapsed = model.events.frame(kinds=[MISS]).filter(pl.col("setting") == "general_practice")
    assert lapsed.group_by(lapsed["time_days"].floor()).len()["len"].max() > 1024


def test_a_lost_person_is_noticed():
    model = make(STRATEGIES["usual_care"])
    model.run_for(10)
    model.population["setting"][3] = -1  # alive, and nowhere
    with pytest.raises(RunError, match="unaccounted"):
        model.run_for(1)
