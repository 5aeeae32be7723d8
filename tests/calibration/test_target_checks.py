"""Targets that cannot be measured are refused in one line, with what is allowed, before anything is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from popsim.calibration.sources import read_source
from popsim.calibration.target_checks import check_targets, entry_columns
from popsim.definitions.base import validate
from popsim.definitions.target import Target
from popsim.errors import DefinitionError

TRIAL = Path(__file__).parents[2] / "experiments" / "trials" / "merit_hf.toml"
SOURCE = read_source(TRIAL)
DRUG = next(s.name for s in SOURCE.study.experiment.strategies if s.name != SOURCE.study.experiment.reference)
RATIO = {"unit": "ratio", "size": None, "low": 0.4, "high": 0.6}


def check(quantity: str, **more: object) -> Target:
    said = {"name": "x", "value": 0.5, "size": 100, "unit": "proportion", "use": "validate", "source": "made by hand"}
    wanted = validate(said | {"quantity": quantity, "provenance": "computed"} | more, Target, TRIAL)
    study = SOURCE.study
    check_targets([wanted], study.experiment, study.schema, [one.name for one in study.network.settings], TRIAL)
    return wanted


@pytest.mark.parametrize(
    ("quantity", "more", "problem"),
    [
        ("mortallity", {"days": 30}, "did you mean 'mortality'"),
        ("mortality", {}, "days: must be given for mortality"),
        ("mortality", {"days": 30, "causes": ["stroke"]}, "causes: mortality does not have it, it has days"),
        ("mortality", {"days": 30, "unit": "percent", "size": None, "standard_error": 0.1}, "unit = 'percent'"),
        ("mortality", {"days": 4000}, "must not be above follow_up_days"),
        ("rate", {"endpoint": "death", "unit": "per 100 patient-years", "size": None, "events": 9},
         "did you mean 'per 100 person-years'"),
        ("proportion", {"endpoint": "sudden_deaths"}, "did you mean 'sudden_death'"),
        ("share_of_deaths", {"deaths": ["sudden_death"]}, "did you mean 'sudden'"),
        ("readmitted", {"days": 30, "index_causes": ["hart_failure"]}, "did you mean 'heart_failure'"),
        ("discharged_to", {"destinations": ["hom"]}, "did you mean 'home'"),
        ("hazard_ratio", RATIO | {"endpoint": "death"}, "must be an arm other than the comparator"),
        ("hazard_ratio", RATIO | {"endpoint": "death", "arm": DRUG, "contrast": "ratio"}, "is a contrast already"),
        ("mortality", {"days": 30, "group": [{"column": "age_years", "below": 75.0}]}, "needs a contrast"),
        ("mortality", RATIO | {"days": 30, "contrast": "ratio"}, "must be an arm other than the comparator"),
        ("admission_rate", RATIO | {"days": 30, "contrast": "odds_ratio", "arm": DRUG}, "is no proportion"),
        ("baseline_mean", {"column": "visits", "unit": "1", "size": None, "standard_error": 1.0}, "known at entry"),
        ("mortality", {"days": 30, "where": [{"column": "index_destination", "is": "hospital"}]},
         "index_destination: is"),
        ("baseline_share", {}, "group: must be given"),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_measured_is_refused(quantity, more, problem):
    with pytest.raises(DefinitionError, match=r"targets\.x") as error:
        check(quantity, **more)
    assert problem in str(error.value) and str(TRIAL) in str(error.value)


def test_a_group_may_be_compared_within_an_arm_by_any_column_at_entry():
    third, second = [{"column": "nyha_class", "is": 3}], [{"column": "nyha_class", "is": 2}]
    by_class = check("hazard_ratio", **RATIO, endpoint="death", group=third, reference_group=second)
    gradient = check(
        "hazard_ratio_per_unit", **RATIO, endpoint="sudden_death", column="seen_nt_probnp_pg_ml", transform="log2",
        adjusted_for=["age_years", "albuminuria_mg_g"], where=[{"column": "filling_pressure_mmhg", "at_least": 15.0}],
    )  # fmt: skip
    wanted = entry_columns([by_class, gradient])
    assert wanted == ("filling_pressure_mmhg", "seen_nt_probnp_pg_ml", "albuminuria_mg_g")


def test_every_shipped_target_passes():
    folder = TRIAL.parents[1]
    for path in [*(folder / "targets").glob("*.toml"), *(folder / "trials").glob("*.toml")]:
        assert read_source(path).targets
