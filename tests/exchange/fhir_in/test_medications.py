"""Drugs of FHIR: products however they are told, doses by hand, and courses with their ends."""

import pytest
from made_bundles import RXNORM, bundle, concept, lines_of, patient, prescription, told, written

from popsim.exchange.fhir.doses import daily_dose, strength_in


@pytest.mark.parametrize(
    "form", ["coded", "contained", "referenced", "by ingredient", "conditional", "by name", "statement"]
)
def test_medications_are_found_however_they_are_told(form, tmp_path):
    words, extra = "furosemide 40 MG Oral Tablet", []
    drug = prescription("x", "313988", words, "2024-01-01", frequency=2)
    medication = {"resourceType": "Medication", "id": "f", "code": concept(RXNORM, "313988", words),
                  "identifier": [{"system": "urn:x", "value": "9"}]}  # fmt: skip
    if form in ("contained", "referenced", "by ingredient", "conditional"):
        del drug["medicationCodeableConcept"]
        where = {"contained": "#f", "conditional": "Medication?identifier=urn:x|9"}.get(form, "Medication/f")
        drug["medicationReference"] = {"reference": where}
        if form == "contained":
            drug["contained"] = [medication]
        elif form == "by ingredient":
            extra = [
                {"resourceType": "Medication", "id": "f", "ingredient": [{"itemCodeableConcept": medication["code"]}]}
            ]
        else:
            extra = [medication]
    elif form == "by name":
        drug["medicationCodeableConcept"] = concept(RXNORM, "1", words)
    elif form == "statement":
        drug |= {"resourceType": "MedicationStatement", "dosage": drug.pop("dosageInstruction"),
                 "effectivePeriod": {"start": drug.pop("authoredOn")}}  # fmt: skip
        del drug["intent"]
    known = told(tmp_path, drug, *extra).person.known
    assert known["loop_diuretic_mg_day"] == 80.0 and known["beta_blocker_fraction"] == 0.0


def test_a_medication_that_is_not_in_the_file_is_counted_and_its_class_stays_open(tmp_path):
    drug = prescription("x", "1", "", "2024-01-01")
    del drug["medicationCodeableConcept"]
    drug["medicationReference"] = {"reference": "Medication/elsewhere"}
    read = told(tmp_path, drug)
    assert read.tally.passed["MedicationRequest", "refers to a Medication that is not in the file"] == 1
    untold = told(tmp_path, prescription("y", "6918", "", "2024-01-01") | {"dosageInstruction": []})
    assert "beta_blocker_fraction" not in untold.person.known and untold.person.known["mra_fraction"] == 0.0


def repeat(frequency, period, unit, amount=1, piece="{tablet}", **other):
    return [{"timing": {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}},
             "doseAndRate": [{"doseQuantity": {"value": amount, "code": piece}}], **other}]  # fmt: skip


@pytest.mark.parametrize(
    ("dosages", "mg_a_day"),
    [
        (repeat(2, 1, "d"), 80.0),
        (repeat(1, 12, "h"), 80.0),
        (repeat(1, 2, "d", 20, "mg"), 10.0),
        (repeat(1, 1, "wk", 70, "mg"), 10.0),
        (repeat(1, 1, "d", 0.5, "g"), 500.0),
        (repeat(1, 1, "d", 1) + repeat(1, 1, "d", 0.5), 60.0),
        (repeat(1, 1, "d", 1, sequence=1) + repeat(1, 1, "d", 2, sequence=2), 40.0),
        ([{"text": "40 mg twice daily"}], 80.0),
        ([{"text": "1 tablet every 8 hours"}], 120.0),
        ([{"text": "2 tablets BID"}], 160.0),
        ([{"timing": {"code": {"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": "TID"}]}},
           "doseAndRate": [{"doseQuantity": {"value": 1}}]}], 120.0),
        ([{"timing": {"repeat": {"when": ["MORN", "EVE"]}}, "doseAndRate": [
            {"doseQuantity": {"value": 20, "unit": "mg"}}]}], 40.0),
        ([], 40.0),
    ],
)  # fmt: skip
def test_dosage_is_read_by_hand_computed_values(dosages, mg_a_day):
    found = daily_dose(dosages, 40.0, 1.0)
    assert found.amount == pytest.approx(mg_a_day)


def test_what_is_taken_as_needed_or_in_millilitres_has_no_daily_dose():
    assert daily_dose(repeat(1, 1, "d", asNeededBoolean=True), 40.0, 1.0) == "taken as needed"
    assert daily_dose(repeat(1, 1, "d", 10, "mL"), 40.0, 1.0) is None
    assert daily_dose([], None, 1.0) is None


@pytest.mark.parametrize(
    ("words", "mg"),
    [("24 HR metoprolol succinate 100 MG Extended Release Oral Tablet [Toprol]", 100.0),
     ("digoxin 125 MCG Oral Tablet", 0.125),
     ("10 ML furosemide 10 MG/ML Injection", None), ("sacubitril 24 MG / valsartan 26 MG Oral Tablet", 24.0)],
)  # fmt: skip
def test_the_strength_is_in_the_name(words, mg):
    assert strength_in(words) == mg


def test_of_a_class_the_last_prescription_counts_and_tablets_of_two_strengths_add_up(tmp_path):
    earlier = prescription("a", "20352", "carvedilol 12.5 MG Oral Tablet", "2023-01-01", frequency=2)
    later = prescription("b", "854901", "bisoprolol 10 MG", "2023-06-01")
    warfarin = [prescription(f"w{mg}", str(mg), f"warfarin sodium {mg} MG Oral Tablet", "2024-01-01") for mg in (3, 1)]
    known = told(tmp_path, earlier, later, *warfarin).person.known
    assert known["beta_blocker_fraction"] == 1.0  # 10 of bisoprolol's 10 mg
    assert known["anticoagulant_fraction"] == pytest.approx(4.0 / 5.0)


def test_a_dose_above_the_models_highest_is_that(tmp_path):
    read = told(tmp_path, prescription("a", "198223", "spironolactone 50 MG Oral Tablet", "2023-01-01"))
    assert read.person.known["mra_fraction"] == 1.0


def test_the_stream_of_drugs_has_their_ends(tmp_path):
    course = prescription("a", "313988", "furosemide 40 MG", "2024-03-12")
    course["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] = {"start": "2024-03-12", "end": "2024-03-20"}
    stopped = prescription("b", "9997", "spironolactone 25 MG", "2024-03-12", status="stopped")
    lines, tally = lines_of(written(tmp_path, bundle([patient(), course, stopped])))
    assert [(line["time"], line["code"], line["value"]) for line in lines] == [
        (2.0, "furosemide", 40.0),
        (10.0, "furosemide", 0.0),
    ]
    assert tally.passed["MedicationRequest", "over, but not told when"] == 1
