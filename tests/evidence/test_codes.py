"""The table of codes: forms and check digits, what it covers, and codes as other programs say them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from popsim.care.signals import FILE
from popsim.definitions.codes import has_check_digit, has_verhoeff_digit
from popsim.definitions.signal import SignalFile
from popsim.errors import DefinitionError, InputError
from popsim.evidence import code_systems
from popsim.evidence.code_systems import (
    SYSTEMS,
    find_meaning,
    kinds,
    load_codes,
    loinc_of,
    meaning_of,
    read_codes,
    system_key,
    system_url,
)  # fmt: skip
from popsim.evidence.drugs import load_drugs
from popsim.kernels.codes import CAUSE_NAMES, CLASS_NAMES, DEATH_CAUSE_NAMES
from popsim.kernels.physiology.reactions import REACTIONS
from popsim.population.genome import GENES
from popsim.registry.record import DIAGNOSES
from popsim.simulation.schema import SCHEMA

EVERY = [(kind, coded) for kind in kinds() for coded in load_codes(kind).values()]
ORDINAL_OR_HIDDEN = {
    "symptom_score", "extracellular_fluid_excess_l", "infection_severity", "exacerbation_severity", "frailty",
    "iron_store_mg", "has_atrial_fibrillation",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("84114007", True),  # heart failure, as HL7's examples have it
        ("90781000119102", True),  # a code of the American extension
        ("2363", True), ("2364", False),  # the textbook's 236 with its check digit
        ("84114008", False), ("84141007", False),  # a wrong digit, and two digits swapped
        ("", False), ("abc", False), ("١٢٣", False),
    ],
)  # fmt: skip
def test_verhoeff_finds_wrong_and_swapped_digits(number: str, valid: bool):
    assert has_verhoeff_digit(number) is valid


def test_every_code_has_the_form_of_its_system():
    # Written out here independently of the table: the forms that the publishers describe.
    forms = {
        "loinc": r"(LA)?\d{1,7}-\d", "rxnorm": r"\d{3,7}", "atc": r"[A-V]\d\d[A-Z]([A-Z](\d\d)?)?",
        "icd10cm": r"[A-TV-Z]\d[0-9AB](\.[0-9A-Z]{1,4})?", "icd10": r"[A-Z]\d\d(\.\d)?", "hgnc": r"HGNC:\d+",
        "snomed": r"\d{6,18}",
    }  # fmt: skip
    seen = set()
    for _, coded in EVERY:
        for system, codes in coded.codes.items():
            seen.add(system)
            assert len(set(codes)) == len(codes)
            for code in codes:
                assert re.fullmatch(forms.get(system, ".+"), code), (coded.key, system, code)
                assert system != "loinc" or code.startswith("LA") or has_check_digit(code)
                assert system != "snomed" or has_verhoeff_digit(code)
    assert set(forms) <= seen and "cpt" not in SYSTEMS


def test_no_code_means_two_things():
    for kind in kinds():
        meanings = [
            (system, code)
            for coded in load_codes(kind).values()
            if not coded.same_as
            for system, codes in coded.codes.items()
            if system not in coded.written_only
            for code in codes
        ]
        assert len(meanings) == len(set(meanings)) == len(meaning_of(kind))


def test_everything_that_popsim_knows_has_a_code():
    signals, diagnoses = load_codes("signals"), load_codes("diagnoses")
    for signal in SignalFile.read(FILE).signals:
        assert (signal.measures in signals) != (signal.measures in ORDINAL_OR_HIDDEN), signal.measures
        if signal.measures in signals:
            assert signals[signal.measures].unit == ("" if signal.unit == "1" else signal.unit)
    assert {drug.name for drug in load_drugs()} <= load_codes("drugs").keys()
    assert all(drug.target_dose.unit == load_codes("drugs")[drug.name].unit for drug in load_drugs())
    assert {*DIAGNOSES, *CAUSE_NAMES[1:], *DEATH_CAUSE_NAMES.values()} <= diagnoses.keys()
    assert REACTIONS.keys() - {"intolerance"} <= diagnoses.keys()
    assert {"infection", "delirium", "kidney_injury", "fracture"} <= diagnoses.keys()
    assert all("snomed" in coded.codes and "icd10cm" in coded.codes for coded in diagnoses.values())
    assert set(GENES) <= load_codes("genes").keys()
    assert set(CLASS_NAMES[1:]) <= load_codes("settings").keys()
    assert {coded.cause for coded in diagnoses.values()} - {""} <= set(CAUSE_NAMES)
    assert {coded.column for _, coded in EVERY} - {""} <= SCHEMA.columns.keys()


def test_sources_and_licences_are_said():
    assert all(len(coded.source) > 20 for _, coded in EVERY)
    assert all(len(system.licence) > 10 for system in code_systems.code_systems().values())


def test_codes_as_others_write_them():
    # HL7/US-Core 9.0.0, input/examples: observations, condition and encounter.
    assert meaning_of("signals")["loinc", "85354-9"] == "blood_pressure_panel"
    assert meaning_of("signals")["loinc", "2823-3"] == "potassium_mmol_l"
    # Synthea 2021: the old panel, albuminuria by mass, eGFR by MDRD; 2024: chronic congestive heart failure, dialysis.
    assert [find_meaning("signals", "loinc", code) for code in ("55284-4", "14959-1", "33914-3")] == [
        "blood_pressure_panel", "albuminuria_mg_g", "gfr_ml_min",
    ]  # fmt: skip
    assert find_meaning("diagnoses", "snomed", "88805009") == "heart_failure"
    assert find_meaning("procedures", "snomed", "265764009") == "dialysis"
    # RxNorm 866412, 24 HR metoprolol succinate 100 MG Extended Release Oral Tablet (Synthea).
    assert find_meaning("drugs", "rxnorm", "866412") == "metoprolol"
    assert load_codes("drugs")["metoprolol"].strengths["866412"] == 100.0
    # FEV1 in per cent of the predicted is 20152-5; 20150-9 is litres and 8587-8 nothing that anybody uses.
    assert loinc_of("fev1_percent") == "20152-5" and loinc_of("baseline_fev1_percent") == "20152-5"
    assert not {("loinc", "20150-9"), ("loinc", "8587-8")} & meaning_of("signals").keys()
    assert load_codes("signals")["albuminuria_mg_g"].units == {"32294-1": "mg/mmol"}


def test_nested_systems_are_read_by_the_nearest_wider_code():
    found = {code: find_meaning("diagnoses", "icd10cm", code) for code in ("I50.22", "I5022", "J44.1", "J44.9", "J449")}
    assert found == {
        "I50.22": "heart_failure", "I5022": "heart_failure", "J44.1": "exacerbation", "J44.9": "copd", "J449": "copd",
    }  # fmt: skip
    assert find_meaning("diagnoses", "icd10cm", "E11.22") == "ckd"
    assert find_meaning("diagnoses", "icd10cm", "E11.21") == "diabetes"
    assert find_meaning("drugs", "atc", "A10AB05") == "insulin"  # insulin aspart
    assert find_meaning("diagnoses", "icd10cm", "Q99.9") is None
    assert find_meaning("diagnoses", "snomed", "8411400") is None  # SNOMED CT is not nested
    assert find_meaning("diagnoses", "cpt", "99213") is None


def test_what_is_only_written_is_not_read():
    critical, inpatient = (load_codes("settings")[key] for key in ("critical", "inpatient"))
    assert critical.code("act_code") == inpatient.code("act_code") == "IMP"
    assert meaning_of("settings")["act_code", "IMP"] == "inpatient"
    assert load_codes("diagnoses")["renal"].code("icd10cm") == "N17.9"
    assert meaning_of("diagnoses")["icd10cm", "N17.9"] == "kidney_injury"
    assert load_codes("drugs")["vericiguat"].code("rxnorm") is None  # not confirmed, so never written


def test_systems_by_address():
    assert system_url("loinc") == SYSTEMS["loinc"] == "http://loinc.org"
    assert system_key("http://www.nubc.org/patient-discharge") == "us_discharge_disposition"
    assert system_key("http://loinc.org/") == "loinc" and system_key("http://example.org") is None
    with pytest.raises(InputError, match="no code system 'lonic', did you mean 'loinc'"):
        system_url("lonic")
    with pytest.raises(InputError, match="no table of codes 'drug', did you mean 'drugs'"):
        load_codes("drug")


HEAD = '[sources]\nhl7 = "HL7/US-Core, examples"\n'
WEIGHT = '[[codes]]\nkey = "weight"\nlabel = "Weight"\nsources = ["hl7"]\n'
CODED = WEIGHT + 'codes = { loinc = ["29463-7"] }\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WEIGHT + 'codes = { loinc = ["29463-8"] }', "codes.weight.codes.loinc = '29463-8': is not a code of LOINC"),
        (WEIGHT + 'codes = { lonic = ["29463-7"] }', "no such code system, did you mean 'loinc'"),
        (CODED + CODED.replace("weight", "mass"), "codes.mass.codes.loinc = '29463-7': means 'weight' already"),
        (CODED + CODED, "'weight' is there twice"),
        (CODED.replace('"hl7"]', '"hl8"]'), "no source 'hl8' in"),
        (WEIGHT, "must have codes (or written), or same_as, not both"),
        (CODED + 'units = { "3141-9" = "kg" }', "'3141-9' has a unit or strength"),
        (WEIGHT + 'same_as = "height"', "same_as = 'height' is no key with codes"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "codes.toml"
    path.write_text(HEAD + text)
    with pytest.raises(DefinitionError, match=re.escape(message)):
        read_codes(path)
