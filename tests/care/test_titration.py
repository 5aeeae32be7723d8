"""Drugs at visits, by the table of drug files and indications: what is started, raised, reduced, stopped and replaced.

Expected doses are worked out from the ladders and conditions of the drug files, from practice/indications.toml and from
one change of dose a visit (evidence/care_practice.toml).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_care import HOME, Life, clinic, network, place

from popsim.care.network import CareNetwork
from popsim.care.prescribing import PrescribingTables, load_indications, prescribed_classes
from popsim.care.signals import hidden
from popsim.care.strategy_checks import check_strategy
from popsim.definitions.base import validate
from popsim.definitions.indication import Indication
from popsim.definitions.interventions import FollowUp
from popsim.definitions.strategy import Strategy
from popsim.errors import DefinitionError
from popsim.evidence.drugs import load_drugs
from popsim.kernels.physiology.reactions import REACTIONS
from popsim.simulation.schema import SCHEMA

CODE = {drug.name: drug.code for drug in load_drugs()}
WELL = {  # heart failure with a reduced ejection fraction, nothing that forbids a drug, sinus rhythm, no diabetes
    "heart_failure": 1, "ejection_fraction_percent": 30.0, "systolic_mmhg": 130.0, "heart_rate_bpm": 80.0,
    "potassium_mmol_l": 4.3, "gfr_ml_min": 70.0, "nyha_class": 2, "hba1c_percent": 5.6, "iron_store_mg": 500.0,
    "nt_probnp_pg_ml": 900.0, "weight_kg": 80.0, "dry_weight_kg": 80.0, "loop_diuretic_mg_day": 40.0,
}  # fmt: skip
NEVER = tuple(name for name in prescribed_classes())


def after(
    *people: dict[str, Any], visits: int = 1, clinician: str = "specialist", without: tuple[str, ...] = ()
) -> Life:
    """Some twins, each described by what differs from `WELL`, after so many weekly visits."""
    plan = FollowUp(setting="clinic", within_days=2, every_days=7)
    strategy = Strategy(name="plan", follow_up=(plan,), drugs_not_started=without)
    care = network(HOME, clinic(clinician=clinician, slots_per_day=40))
    life = Life(care, len(people), strategy=strategy, days=7 * visits + 2)
    for name in {*WELL, *(key for person in people for key in person)}:
        life.population[name] = [person.get(name, WELL.get(name, 0)) for person in people]
    life.live(days=7 * visits)
    assert life.events("visit").height == visits * len(people)
    return life


def doses(life: Life, name: str) -> list[float]:
    return [float(x) for x in life.population[name]]


def test_four_drugs_are_started_before_one_is_raised_and_all_reach_their_target():
    """Visits: beta-blocker 0.125, ACE inhibitor 0.25, MRA 0.5, SGLT2 inhibitor 1; then raised in the same order."""
    columns = ("beta_blocker_fraction", "ras_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction")
    found = [[doses(after({}, visits=n), name)[0] for name in columns] for n in (1, 2, 3, 4, 5)]
    assert found == [
        [0.125, 0.0, 0.0, 0.0], [0.125, 0.25, 0.0, 0.0], [0.125, 0.25, 0.5, 0.0], [0.125, 0.25, 0.5, 1.0],
        [0.25, 0.25, 0.5, 1.0],
    ]  # fmt: skip
    life = after({}, visits=20)
    assert [doses(life, name)[0] for name in (*columns, "neprilysin_inhibitor_fraction")] == [1.0] * 5
    assert life.population["ras_inhibitor_agent"][0] == 1  # valsartan: never an ACE inhibitor with sacubitril
    assert life.population["ivabradine_fraction"][0] == 1.0  # the pulse is held at 80 here


def test_nobody_is_started_on_what_is_forbidden():
    """Each person has one reason against one drug, and gets the others."""
    life = after(
        {"potassium_mmol_l": 5.3}, {"heart_rate_bpm": 48.0}, {"gfr_ml_min": 18.0}, {"systolic_mmhg": 88.0},
        {"ejection_fraction_percent": 55.0}, {}, visits=20,
    )  # fmt: skip
    potassium, slow, kidney, low, preserved, well = range(6)
    given = {name: np.array(doses(life, f"{name}_fraction")) > 0.0 for name in NEVER if name != "iv_iron"}
    assert given["mra"].tolist() == [False, True, False, True, False, True]
    assert given["ras_inhibitor"].tolist() == [False, True, False, False, False, True]
    assert not given["beta_blocker"][[slow, low, preserved]].any() and given["beta_blocker"][[potassium, kidney]].all()
    assert given["sglt2_inhibitor"].tolist() == [True, True, False, False, True, True]
    assert given["neprilysin_inhibitor"].tolist() == [False, True, False, False, False, True]
    assert not any(given[name][well] for name in ("metformin", "insulin", "inhaled", "anticoagulant", "statin"))


@pytest.mark.parametrize("potassium, expected", [(5.6, (0.5, 1.0)), (6.1, (0.0, 0.0)), (5.4, (1.0, 1.0))])
def test_high_potassium_reduces_the_least_important_drug_and_stops_all_when_very_high(potassium, expected):
    life = after({"potassium_mmol_l": potassium, "mra_fraction": 1.0, "ras_inhibitor_fraction": 1.0})
    assert (doses(life, "mra_fraction")[0], doses(life, "ras_inhibitor_fraction")[0]) == expected


def test_a_reason_that_stays_takes_down_one_drug_after_the_other_to_the_lowest_dose():
    taken = {"potassium_mmol_l": 5.6, "mra_fraction": 1.0, "ras_inhibitor_fraction": 1.0}
    found = [doses(after(taken, visits=n), "ras_inhibitor_fraction")[0] for n in (1, 2, 3, 4)]
    assert found == [1.0, 0.5, 0.25, 0.25]
    assert doses(after(taken, visits=4), "mra_fraction")[0] == 0.5


def test_reactions_that_people_feel_reduce_and_those_of_the_laboratory_do_not_by_themselves():
    taken = {"beta_blocker_fraction": 0.5, "ras_inhibitor_fraction": 0.25, "mra_fraction": 1.0}
    life = after(*(taken | {"reaction": REACTIONS[name]} for name in ("bradycardia", "hypotension", "hyperkalaemia")))
    assert doses(life, "beta_blocker_fraction") == [0.25, 0.5, 0.5]
    assert doses(life, "ras_inhibitor_fraction") == [0.25, 0.0, 0.25]  # from its lowest dose it is stopped
    assert doses(life, "mra_fraction") == [1.0] * 3
    assert doses(life, "sglt2_inhibitor_fraction") == [0.0, 0.0, 1.0]  # nothing is started at a visit that reduces


def test_a_drug_that_was_given_up_is_replaced_by_another_of_its_class_or_struck_off():
    gone = {"ras_inhibitor_fraction": 1.0, "stopped_drugs": 1 << CODE["enalapril"]}
    both = gone | {"stopped_drugs": 1 << CODE["enalapril"] | 1 << CODE["valsartan"]}
    antagonist = {"mra_fraction": 1.0, "stopped_drugs": 1 << CODE["spironolactone"]}
    life = after(gone, both, antagonist, visits=12)
    assert doses(life, "ras_inhibitor_fraction") == [1.0, 0.0, 1.0]
    assert life.population["ras_inhibitor_agent"].tolist()[:2] == [1, 0]
    assert doses(life, "mra_fraction")[2] == 0.0  # and not started again


def test_a_genotype_that_limits_the_beta_blocker_holds():
    life = after({"beta_blocker_limit_percent": 50}, {"beta_blocker_limit_percent": 10}, {}, visits=20)
    assert doses(life, "beta_blocker_fraction") == pytest.approx([0.5, 0.1, 1.0])


def test_each_profession_starts_its_own_drugs():
    """A family doctor: anticoagulant, statin, sugar and lungs; no drug of heart failure unless the pressure is high."""
    ill = {
        "has_atrial_fibrillation": 1, "coronary_disease": 1, "diabetes": 1, "hba1c_percent": 9.0, "copd": 1,
        "iron_store_mg": 80.0,
    }  # fmt: skip
    life = after(ill, ill | {"systolic_mmhg": 160.0}, visits=25, clinician="general_practitioner")
    warfarin = pytest.approx([38.9 / 7.0 / 5.0] * 2, rel=1e-3)  # 38.9 mg a week; 1 is 5 mg a day
    assert doses(life, "anticoagulant_fraction") == warfarin
    assert doses(life, "antiplatelet_fraction") == [0.0, 0.0]
    for name in ("statin", "metformin", "glp1_agonist", "inhaled"):
        assert doses(life, f"{name}_fraction") == [1.0, 1.0]
    assert doses(life, "insulin_fraction") == [2.0, 2.0]
    assert doses(life, "ras_inhibitor_fraction") == [0.0, 1.0]
    for name in ("beta_blocker", "mra", "sglt2_inhibitor"):
        assert doses(life, f"{name}_fraction") == [0.0, 0.0]
    nurse = after(ill, visits=5, clinician="nurse")
    assert all(doses(nurse, f"{name}_fraction") == [0.0] for name in NEVER if name != "iv_iron")


def test_iron_is_infused_on_the_day_of_the_visit_and_is_gone_the_next_day():
    on_drugs = {
        f"{name}_fraction": 1.0
        for name in ("beta_blocker", "ras_inhibitor", "mra", "sglt2_inhibitor", "neprilysin_inhibitor", "ivabradine")
    }
    deficient = on_drugs | {"iron_store_mg": 80.0, "ras_inhibitor_agent": 1}
    plan = FollowUp(setting="clinic", within_days=2)
    care = network(HOME, clinic(clinician="specialist"))
    life = Life(care, 1, strategy=Strategy(name="plan", follow_up=(plan,)))
    for name, value in (WELL | deficient).items():
        life.population[name] = value
    assert [float(life.live().population["iv_iron_mg"][0]) for _ in range(4)] == [0.0, 1000.0, 0.0, 0.0]


def test_hospital_stops_what_is_dangerous_and_does_not_titrate():
    care = network(HOME, place("ward", capacity=9), clinic(clinician="specialist"), presentation="ward")
    life = Life(care, 2).live()
    for name, value in (WELL | {"mra_fraction": 1.0, "beta_blocker_fraction": 0.5}).items():
        life.population[name] = value
    life.population["potassium_mmol_l"] = [6.2, 5.6]
    life.live(ill=(0, 1))
    assert doses(life, "mra_fraction") == [0.0, 1.0]
    assert doses(life, "beta_blocker_fraction") == [0.5, 0.5]


def test_a_strategy_can_leave_classes_to_the_study_and_they_are_still_stopped():
    life = after({}, {"mra_fraction": 0.5}, {"mra_fraction": 1.0, "potassium_mmol_l": 6.1}, visits=15, without=("mra",))
    assert doses(life, "mra_fraction") == [0.0, 0.5, 0.0]
    assert doses(life, "beta_blocker_fraction")[0] == 1.0


def test_every_class_and_column_of_the_indications_exists():
    classes = {drug.drug_class for drug in load_drugs()}
    assert set(prescribed_classes()) == classes - {"loop_diuretic"}  # dosed by weight
    tested = {c.column for one in load_indications() for c in one.when}
    assert tested <= set(SCHEMA.columns) and not any(hidden(name, SCHEMA) for name in tested)
    tables = PrescribingTables(SCHEMA, 0).tables()
    assert len(tables["drug_records"]) == len(load_drugs()) - 1


def test_bad_indications_are_refused_in_one_line():
    said = {"drug_class": "mra", "when": [{"column": "nyha_class", "at_least": 2}], "raised_by": ["porter"]}
    with pytest.raises(DefinitionError, match="raised_by"):
        validate(said | {"source": "assumption"}, Indication, "indications.toml")
    with pytest.raises(DefinitionError, match="starts_at = 2 must be at most up_to"):
        validate(said | {"raised_by": ["nurse"], "starts_at": 2.0, "source": "assumption"}, Indication, "x.toml")


def test_unknown_classes_of_a_strategy_are_refused():
    care: CareNetwork = network(HOME, clinic())
    with pytest.raises(DefinitionError, match="'mras': not a class that clinicians start"):
        check_strategy(Strategy(name="s", drugs_not_started=("mras",)), care.definition, SCHEMA, "x.toml")
