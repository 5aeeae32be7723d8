"""What popsim knows of drugs and their use, and what care sees at landmarks."""

from pathlib import Path

import pytest

import popsim as ps

ROOT = Path(__file__).parents[2]


def test_drugs_go_by_their_names():
    drugs = ps.drugs()
    assert drugs["metoprolol"].name == "metoprolol" and len(drugs) > 10
    assert {one.drug_class for one in ps.indications()} <= {drug.drug_class for drug in drugs.values()}


@pytest.fixture
def model(experiment) -> ps.PopulationModel:
    people = ps.Cohort.read(ROOT / "cohorts/heart_failure_discharge.toml").sample(40, seed=1)
    return ps.PopulationModel(people, experiment.network, experiment.strategies["usual_care"], seed=1,
                              follow_up_days=70)  # fmt: skip


def test_landmarks_have_their_whole_horizon(model):
    found = ps.landmarks(model, horizon_days=30, every_days=10)
    assert set(found["day"]) == {10, 20, 30, 40}
    assert found["admission"].is_in([0, 1]).all()


@pytest.mark.parametrize("asked", [{"horizon_days": 0}, {"every_days": 0}, {"every_days": 2.5}])
def test_landmarks_are_refused(model, asked):
    with pytest.raises(ps.InputError, match="must be a whole number between 1"):
        ps.landmarks(model, **asked)
