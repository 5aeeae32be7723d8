import pytest

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
