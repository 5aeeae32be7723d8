"""What cannot be meant is refused where it is certain, and said where it is likely."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.experiment import ExperimentDefinition
from popsim.errors import DefinitionError
from popsim.population.cohort import CohortSource
from popsim.population.sampling import plan
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import resolve
from popsim.studies.warnings import design_warnings

ROOT = Path(__file__).parents[2]
COHORT = CohortSource.read(ROOT / "cohorts/heart_failure_discharge.toml")
DRUG = {"name": "drug", "kind": "drug", "column": "sglt2_inhibitor_fraction", "dose": 1.0}


def study(*eligible: dict, **strategy: object) -> ExperimentDefinition:
    other = {"name": "other", "interventions": [DRUG | {"eligible": list(eligible)}]} | strategy
    table = {"name": "made_up", "cohort": "c.toml", "network": "n.toml", "strategies": [{"name": "usual"}, other]}
    return validate(table, ExperimentDefinition, "made_up.toml")


def warnings(experiment: ExperimentDefinition) -> list[str]:
    return design_warnings(experiment, plan(COHORT, SCHEMA))


def age(**test: float) -> dict:
    return {"column": "age_years"} | test


@pytest.mark.parametrize(
    "eligible",
    [
        [age(at_least=300.0)],
        [age(below=18.0)],
        [age(at_least=70.0), age(below=70.0)],
        [{"column": "diabetes", "is": 2.0}],
        [{"column": "diabetes", "is": 0.0}, {"column": "diabetes", "at_least": 1.0}],
    ],
)
def test_conditions_that_nobody_can_meet_are_refused(eligible):
    network = CareNetwork.read(ROOT / "experiments/networks/heart_failure_catchment.toml", SCHEMA.columns)
    resolve(study(age(at_least=70.0)), COHORT, network.definition, "made_up.toml")
    with pytest.raises(DefinitionError, match=r"strategies.other.interventions.drug.eligible = .*nobody can meet this"):
        resolve(study(*eligible), COHORT, network.definition, "made_up.toml")


def test_entry_after_a_stay_that_is_no_index_stay_is_said():
    """The cohort's people come from a stay for heart failure."""
    assert warnings(study()) == []
    (warning,) = warnings(study().changed({"index_causes": ("respiratory", "infection")}, "made_up.toml"))
    assert warning.startswith(
        "index_causes: the cohort's people enter after a stay for heart_failure (discharge_cause)"
    )


def test_conditions_that_nobody_of_the_cohort_meets_are_said():
    assert warnings(study(age(at_least=70.0))) == []
    (warning,) = warnings(study(age(below=60.0), {"column": "systolic_mmhg", "at_least": 100.0}))
    assert warning.startswith("strategies.other.interventions.drug.eligible: nobody in the cohort meets this")
    assert warning.endswith("its age_years runs from 65 to 105")


def test_strategies_that_do_the_same_are_said():
    assert warnings(study(interventions=[])) == [
        "strategy 'other' does the same as the comparator 'usual': they cannot differ"
    ]
    assert warnings(study(interventions=[], label="Other", description="Another name.")) != []
    assert warnings(study()) == []
