"""For all tests."""

import signal

import pytest

# A shell that runs the tests in the background has Ctrl-C ignored, and so would every process they start; the tests of
# Ctrl-C need it as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

EXPERIMENT = """
name = "made_up"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 50
replications = 4
seed = 7
[[strategies]]
name = "usual"
[[strategies]]
name = "other"
"""


@pytest.fixture
def experiment_file(tmp_path, request):
    """An experiment of eight units."""
    path = tmp_path / "made_up.toml"
    path.write_text(EXPERIMENT.format(root=request.config.rootpath))
    return path
