"""A small run, simulated once, that every export of records is tested with."""

from __future__ import annotations

import pytest

from popsim.runs.run import StoredRun
from popsim.surface.experiment import Experiment

PEOPLE, DAYS, ENROLMENT_DAYS = 120, 75, 20
EXPERIMENT = """
name = "written"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = {people}
replications = 1
draws = 0
seed = 7
follow_up_days = {days}
enrolment_days = {enrolment_days}
store = "events"
discount_rate_costs = 0.0
[[strategies]]
name = "usual"
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 14
uptake = 0.8
[strategies.telemonitoring]
desk = "telemonitoring_desk"
uptake = 0.5
duration_days = 90
weight_gain_kg = 2.0
systolic_low_mmhg = 90.0
systolic_high_mmhg = 180.0
heart_rate_low_bpm = 45.0
heart_rate_high_bpm = 120.0
days_between_alerts = 3
"""


@pytest.fixture(scope="session")
def run(tmp_path_factory, request) -> StoredRun:
    """The finished run."""
    folder = tmp_path_factory.mktemp("written")
    file = folder / "written.toml"
    sizes = {"people": PEOPLE, "days": DAYS, "enrolment_days": ENROLMENT_DAYS}
    file.write_text(EXPERIMENT.format(root=request.config.rootpath, **sizes))
    made = Experiment.read(file).run(folder / "results", workers=1, threads=1, progress=False)
    return StoredRun.open(made.folder)


@pytest.fixture(scope="session")
def experiment_text() -> str:
    """The experiment of `run`, with places for its sizes."""
    return EXPERIMENT
