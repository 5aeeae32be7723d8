"""A folder in which a planner works: a small experiment, run once for all tests of the dashboard."""

from pathlib import Path

import pytest

from popsim.cli import main
from popsim.dashboard.workspace import Workspace

ROOT = Path(__file__).parents[2]
EXPERIMENT = """
name = "small"
title = "A small comparison"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 60
replications = 3
seed = 7
follow_up_days = 40
[[strategies]]
name = "usual"
label = "Usual care"
[[strategies]]
name = "early"
label = "Early visit"
cost_per_person = 50.0
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 7
uptake = 0.9
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """small.toml, and results/small/<run id>."""
    place = tmp_path_factory.mktemp("planner")
    (place / "small.toml").write_text(EXPERIMENT.format(root=ROOT))
    flags = ["--quiet", "--workers", "1", "--out", str(place / "results")]
    assert main(["run", str(place / "small.toml"), *flags]) == 0
    return place


@pytest.fixture
def workspace(folder) -> Workspace:
    return Workspace(folder / "results", folder)
