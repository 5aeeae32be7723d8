"""A shorter list of organ systems in an experiment: what it simulates, and what it refuses."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from flagship import NO_PAST

from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.binding import parameters_of
from popsim.physiology.clinical import ORGAN_SYSTEMS, ClinicalPhysiology
from popsim.physiology.factory import build_physiology
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA
from popsim.studies.design import Change, read_study
from popsim.studies.measures import measures_of
from popsim.studies.unit import build, simulate
from popsim.studies.warnings import design_warnings
from popsim.verification.definition_check import check_file

ROOT = Path(__file__).parents[2]
CLINICAL = ROOT / "experiments" / "heart_failure_discharge.toml"
KEY = RandomKey(7)


def clinical_study(*names: str, **changes: object):
    said = {
        "population": 150,
        "draws": 0,
        "replications": 1,
        "follow_up_days": 60,
        "enrolment_days": 0,
        **NO_PAST,
    } | changes
    study_changes = {key: Change(key, value) for key, value in (said | NO_PAST | changes).items()}
    return read_study(CLINICAL, study_changes | {"organ_systems": Change("organ_systems", list(names))})


def lived(*names: str, days: int = 90, size: int = 300):
    """People who live with these organ systems only."""
    people = sample(CohortSource.read(ROOT / "cohorts/heart_failure_discharge.toml"), SCHEMA, size, KEY)
    people["alive"] = 1
    physiology = build_physiology(SCHEMA, SHIPPED, key=KEY, organ_systems=names)
    physiology.initialise(people)
    start = people.copy()
    for day in range(days):
        physiology.advance(people, Clock(day))
    return start, people


@pytest.mark.parametrize("name", ORGAN_SYSTEMS)
def test_each_organ_system_declares_its_needs(name):
    """A need is an organ system that writes a column which one of its kernels takes by name."""
    writer = {column.name: other for other, system in ORGAN_SYSTEMS.items() for column in system.columns}
    bindings = [one for one in vars(ORGAN_SYSTEMS[name](SHIPPED, key=KEY)).values() if hasattr(one, "_parameters")]
    taken = {
        parameter for one in bindings for kernel, _ in one._parameters.values() for parameter in parameters_of(kernel)
    }
    assert {writer[one] for one in taken if one in writer} - {name} == set(ORGAN_SYSTEMS[name].needs)
    assert ORGAN_SYSTEMS[name].parameter_set in SHIPPED
    assert inspect.getdoc(ORGAN_SYSTEMS[name])


def test_what_is_left_out_keeps_its_state_at_entry_and_the_others_change():
    start, end = lived("diabetes", "kidney_disease")
    for name, system in ORGAN_SYSTEMS.items():
        for column in system.columns:
            same = np.array_equal(start[column.name], end[column.name])
            assert same or name in ("diabetes", "kidney_disease"), column.name
            values = start[column.name]
            assert ((values >= column.low) & (values <= column.high)).all(), (
                column.name
            )  # none is 0 for want of a value
    assert not np.array_equal(start["hba1c_percent"], end["hba1c_percent"])
    assert not np.array_equal(start["weight_kg"], end["weight_kg"])


@pytest.mark.slow
def test_all_named_in_any_order_are_the_default():
    _, named = lived(*reversed(ORGAN_SYSTEMS), days=20)
    people = sample(CohortSource.read(ROOT / "cohorts/heart_failure_discharge.toml"), SCHEMA, 300, KEY)
    people["alive"] = 1
    usual = ClinicalPhysiology(SHIPPED, key=KEY)
    usual.initialise(people)
    for day in range(20):
        usual.advance(people, Clock(day))
    for kind in ("real", "code"):
        assert named.block(kind).tobytes() == people.block(kind).tobytes()
    keys = [{unit.key for unit in clinical_study(*names).units} for names in (ORGAN_SYSTEMS, reversed(ORGAN_SYSTEMS))]
    assert keys[0] == keys[1] != {unit.key for unit in clinical_study("blood").units}


def test_an_organ_system_that_is_left_out_has_no_influence():
    """Without vessels nobody can have an infarction or a stroke; drugs that are left out have no effect at entry."""
    _, with_vessels = lived("vessels", "diabetes", days=1)
    model = build_physiology(SCHEMA, SHIPPED, key=KEY, organ_systems=["diabetes"])
    people = with_vessels.copy()
    model.initialise(people)
    model.advance(people, Clock(0))
    absent = [f"{cause}_per_day" for cause in ("infarction", "stroke", "bleeding", "fall")]
    for name in (*absent, "beta_blockade", "systolic_shift_mmhg"):
        assert not model.influences[name].any(), name
    assert model.influences["glucose_per_day"].any()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["vessels"], r"organ_systems = 'vessels': needs 'diabetes', which the list leaves out"),
        (["ageing", "diabetes"], r"organ_systems = 'ageing': needs 'vessels', which the list leaves out"),
        (["kidny_disease"], r"no organ system, did you mean 'kidney_disease'"),
        (["blood", "blood"], r"organ_systems = 'blood': is listed twice"),
    ],
)
def test_an_impossible_list_is_refused_in_one_line(names, says):
    with pytest.raises(DefinitionError, match=says) as refused:
        clinical_study(*names)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=says):
        build_physiology(SCHEMA, SHIPPED, key=KEY, organ_systems=names)


INTERVENTION = """
[[strategies.interventions]]
name = "added"
"""
CONDITION = """kind = "policy"
follow_up = [ { setting = "general_practice", within_days = 7, uptake = 1.0 } ]
eligible = [ { column = "haemoglobin_g_dl", below = 12.0 } ]
"""
DRUG = 'kind = "drug"\ncolumn = "mra_fraction"\ndose = 1.0\n'


@pytest.mark.parametrize(
    ("names", "added", "says"),
    [
        ('["diabetes"]', INTERVENTION + DRUG, "interventions.added.kind = 'drug': needs the organ system 'drugs'"),
        (
            '["diabetes"]',
            'drugs_not_started = ["statin"]',
            "drugs_not_started = 'statin': needs the organ system 'drugs'",
        ),
        ('["diabetes"]', INTERVENTION + CONDITION, "eligible = 'haemoglobin_g_dl': needs the organ system 'blood'"),
        ('["blood"]', INTERVENTION + CONDITION, ""),
        ('["drugs", "diabetes"]', INTERVENTION + DRUG, ""),
    ],
)
def test_what_needs_an_organ_system_that_is_left_out_is_refused(names, added, says, tmp_path):
    file = written(tmp_path, f"organ_systems = {names}\n", added)
    if says:
        with pytest.raises(DefinitionError, match=f"{says}, which organ_systems leaves out"):
            read_study(file)
    else:
        read_study(file)


def written(folder: Path, key: str, added: str = "") -> Path:
    """A small experiment of clinical twins."""
    text = (
        f'name = "short"\ncohort = "{ROOT}/cohorts/heart_failure_discharge.toml"\n'
        f'network = "{ROOT}/experiments/networks/heart_failure_catchment.toml"\n{key}'
        f'[[strategies]]\nname = "usual_care"\n\n[[strategies]]\nname = "more"\n{added}'
    )
    file = folder / "short.toml"
    file.write_text(text)
    return file


def test_check_prints_the_list(tmp_path):
    assert "organ systems: heart_failure (core), diabetes, blood" in check_file(
        written(tmp_path, 'organ_systems = ["blood", "diabetes"]\n')
    )
    assert f"organ systems: heart_failure (core), {', '.join(ORGAN_SYSTEMS)}" in check_file(written(tmp_path, ""))


def test_a_scenario_may_have_a_shorter_list(tmp_path):
    file = written(tmp_path, "", '\n[[scenarios]]\nname = "heart_alone"\norgan_systems = []\n')
    assert read_study(file, scenario="heart_alone").experiment.organ_systems == ()


def test_parameters_that_nothing_reads_are_warned_of():
    study = clinical_study("blood")
    assert any(
        "organ_systems leaves out 'remodelling'" in one for one in design_warnings(study.experiment, study.sampling)
    )


@pytest.mark.parametrize("names", [(), ("environment",), ("drugs", "diabetes"), ("blood", "lungs", "remodelling")])
def test_a_shorter_list_runs_to_its_end(names):
    model = build(next(iter(clinical_study(*names, follow_up_days=20, population=60).units)))
    model.run_for(20)
    assert model.population["alive"].sum() > 30
    assert len(model.physiology.systems) == len(names)


@pytest.mark.parametrize("names", [("diabetes",), (*ORGAN_SYSTEMS,), ("diabetes", "vessels")])
def test_measures_that_need_what_is_left_out_are_left_out(names):
    study = clinical_study(*names, follow_up_days=10, population=40)
    kept = set(simulate(study.units[0])["measures"]["measure"])
    asked = {name for name in measures_of(study) if name.startswith("presentations_")}
    assert asked == {name for name in kept if name.startswith("presentations_")}
    for cause in ("infarction", "stroke", "bleeding", "fall"):
        assert (f"presentations_{cause}_per_person_year" in asked) == ("vessels" in names)
    assert "presentations_glucose_per_person_year" in asked


def test_a_target_that_nobody_can_reach_is_refused(tmp_path):
    target = """
[[targets]]
name = "strokes"
quantity = "hazard_ratio"
arm = "more"
endpoint = "stroke"
value = 1.0
low = 0.9
high = 1.1
unit = "ratio"
use = "context"
source = "Made up."
provenance = "recalled"
"""
    read_study(written(tmp_path, "", target))
    with pytest.raises(DefinitionError, match=r"targets\.strokes = 'stroke': needs the organ system 'vessels'"):
        read_study(written(tmp_path, 'organ_systems = ["blood"]\n', target))
