"""A small experiment of the surface, and its run, made once."""

from pathlib import Path

import pytest
from flagship import NO_PAST

import popsim as ps

ROOT = Path(__file__).parents[2]
SIZE = {"population": 80, "draws": 0, "replications": 3, "follow_up_days": 40, "enrolment_days": 5}


@pytest.fixture(scope="session")
def experiment() -> ps.Experiment:
    return ps.Experiment.read(ROOT / "experiments/heart_failure_discharge.toml").with_(**SIZE, **NO_PAST)


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("surface")


@pytest.fixture(scope="session")
def run(experiment, results) -> ps.Run:
    return experiment.run(results, workers=1)
