"""The columns that people have under a strategy: those left out change no result."""

from __future__ import annotations

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from slow_cases import with_slow

from popsim.definitions.experiment import ExperimentDefinition
from popsim.studies.columns import HOME, READ_AT_FIRST, SENSED, needed_schema
from popsim.studies.design import Change, read_study, study_of
from popsim.studies.unit import build, run_to_end, tables_of

ROOT = Path(__file__).parents[2]
TELEMONITORING = {
    "desk": "telemonitoring_desk", "uptake": 0.5, "duration_days": 30, "weight_gain_kg": 2.0, "systolic_low_mmhg": 90.0,
    "systolic_high_mmhg": 180.0, "heart_rate_low_bpm": 45.0, "heart_rate_high_bpm": 120.0, "days_between_alerts": 3,
}  # fmt: skip
SENSOR = {"filling_pressure_low_mmhg": 8.0, "filling_pressure_high_mmhg": 20.0}
GUIDANCE = {"kind": "twin", "alert_from_risk": 0.1}
EFFECT = {"column": "untreated_systolic_mmhg", "add": -5.0}
RATIO = {"kind": "hazard_ratio", "treatment": "device", "outcome": "death", "value": 0.8}
ALWAYS = {"weight_kg", "qaly", "alive"}
LOG_RATIOS = {"infarction_log_ratio", "sudden_death_log_ratio"}
TESTED = {"cost_programme", "genotype_known", "beta_blocker_limit_percent"}
EVERY = {"cost_devices", *TESTED, *HOME, *SENSED, *LOG_RATIOS}


def study(strategy: dict[str, object], **more: object):
    """A study of people as their cohort describes them, with another strategy that does all."""
    test = {"name": "g", "kind": "genetic_test"}
    table = {
        "name": "columns",
        "cohort": str(ROOT / "cohorts/heart_failure_discharge.toml"),
        "network": str(ROOT / "experiments/networks/heart_failure_catchment.toml"),
        "population": 20,
        "strategies": [{"name": "one", **strategy}, {"name": "other", "interventions": [{"name": "r", **RATIO}, test]}],
        **more,
    }
    return study_of(ExperimentDefinition.model_validate(table), ROOT)


def kept(strategy: dict[str, object], **more: object) -> set[str]:
    one = study(strategy, **more)
    return set(needed_schema(one, one.experiment.resolved_strategies[0]).columns)


@pytest.mark.parametrize(
    ("strategy", "columns"),
    [
        ({}, set()),
        ({"interventions": [{"name": "d", "kind": "device", "effects": [EFFECT]}]}, {"cost_devices"}),
        ({"interventions": [{"name": "p", "kind": "programme", "effects": [EFFECT]}]}, {"cost_programme"}),
        ({"cost_per_person": 5.0}, {"cost_programme"}),
        ({"interventions": [{"name": "g", "kind": "genetic_test"}]}, TESTED),
        ({"interventions": [{"name": "r", **RATIO}]}, {"cost_devices", "cost_programme", *LOG_RATIOS}),
        ({"telemonitoring": TELEMONITORING}, HOME),
        ({"telemonitoring": TELEMONITORING | SENSOR}, HOME | SENSED),
        ({"telemonitoring": TELEMONITORING, "guidance": GUIDANCE}, EVERY - LOG_RATIOS),
    ],
)
def test_people_have_the_columns_that_their_strategy_writes(strategy, columns):
    found = kept(strategy)
    assert found & EVERY == columns
    assert found >= ALWAYS | READ_AT_FIRST  # nobody has a past here, so all are initialised


def test_a_column_that_the_study_names_is_kept():
    assert "measured_weight_kg" in kept({}, entry_columns=["measured_weight_kg"])
    known = [{"column": "genotype_known", "is": 1}]
    device = {"name": "d", "kind": "device", "effects": [EFFECT], "eligible": known}
    assert "genotype_known" in kept({"interventions": [device]})


@pytest.mark.parametrize("strategy", with_slow(range(3), bool))
def test_columns_that_are_left_out_change_no_result(strategy):
    said = {"population": 120, "follow_up_days": 25, "enrolment_days": 5, "replications": 1}
    changes = {key: Change(key, value) for key, value in said.items()}
    unit = read_study(ROOT / "experiments/heart_failure_discharge.toml", changes).units[strategy]
    few, many = build(unit), build(unit, schema=unit.study.schema)
    assert few.population.nbytes < many.population.nbytes
    found, expected = (tables_of(run_to_end(model), unit) for model in (few, many))
    for name, table in expected.items():
        assert_frame_equal(found[name], table, check_exact=True)
