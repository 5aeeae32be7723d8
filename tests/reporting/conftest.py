"""A small finished run of the main experiment, and one with parameter draws, made once for all tests of reporting."""

from pathlib import Path

import pytest
from flagship import AS_DESCRIBED

from popsim.cli import main
from popsim.runs.run import StoredRun

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A folder with `results/heart_failure_discharge/<run id>` in it."""
    folder = tmp_path_factory.mktemp("project")
    file = str(AS_DESCRIBED)
    flags = ["--population", "300", "--draws", "0", "--replications", "3", "--days", "90", "--enrolment-days", "20"]
    flags += ["--workers", "1"]
    assert main(["run", file, *flags, "--quiet", "--out", str(folder / "results")]) == 0
    return folder


@pytest.fixture(scope="session")
def run(project) -> StoredRun:
    return StoredRun.open(project / "results/heart_failure_discharge")


@pytest.fixture(scope="session")
def uncertain_run(tmp_path_factory) -> StoredRun:
    """Ten parameter draws; measures alone are kept."""
    results = tmp_path_factory.mktemp("uncertain")
    file = str(EXPERIMENTS / "heart_failure_uncertainty.toml")
    flags = ["--population", "60", "--draws", "10", "--days", "30", "--enrolment-days", "0", "--workers", "1"]
    assert main(["run", file, *flags, "--quiet", "--out", str(results)]) == 0
    return StoredRun.open(results / "heart_failure_uncertainty")
