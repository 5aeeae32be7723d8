"""Small populations under guidance, on the heart-failure physiology."""

from pathlib import Path

from popsim.care.network import CareNetwork
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.guidance import Guidance
from popsim.definitions.strategy import Strategy
from popsim.kernels.numerics.random import RandomKey
from popsim.population.sampling import CohortSource, sample
from popsim.simulation.model import PopulationModel
from popsim.simulation.schema import SCHEMA

FOLDER = Path(__file__).parents[2]
EXPERIMENT = ExperimentDefinition.read(FOLDER / "experiments/heart_failure_discharge.toml")
THRESHOLDS = EXPERIMENT.strategy("telemonitoring")
COHORT = CohortSource.read(FOLDER / "cohorts/heart_failure_discharge.toml")
# Limits that no reading reaches.
NO_ALERTS = {
    "weight_gain_kg": 20.0, "systolic_low_mmhg": 40.0, "systolic_high_mmhg": 300.0, "heart_rate_low_bpm": 20.0,
    "heart_rate_high_bpm": 250.0,
}  # fmt: skip


def guided(kind: str = "twin", risk: float = 0.05, telemonitoring: dict | None = None, **keys) -> Strategy:
    if kind == "twin":
        keys = {"members": 8} | keys
    guidance = Guidance(kind=kind, alert_from_risk=risk, **keys)
    return watched(telemonitoring).model_copy(update={"guidance": guidance})


def watched(telemonitoring: dict | None = None) -> Strategy:
    programme = THRESHOLDS.telemonitoring.model_copy(update=telemonitoring or {})
    return THRESHOLDS.model_copy(update={"telemonitoring": programme})


def make(strategy: Strategy, size: int = 250, days: int = 40, enrolment_days: int = 10, seed: int = 5, **keys):
    network = CareNetwork.read(FOLDER / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    people = sample(COHORT, SCHEMA, size, RandomKey(seed), enrolment_days=enrolment_days)
    options = {"seed": seed, "follow_up_days": days, "enrolment_days": enrolment_days, "cohort": COHORT}
    return PopulationModel(people, network, strategy, **(options | keys))


def lived(strategy: Strategy, **keys) -> PopulationModel:
    model = make(strategy, **keys)
    model.run_for(model.days)
    return model


def state(model: PopulationModel, *, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    columns = {name: model.population[name].tobytes() for name in sorted(model.population) if name not in but}
    return columns | {"events": model.events.records[: len(model.events)].tobytes()}
