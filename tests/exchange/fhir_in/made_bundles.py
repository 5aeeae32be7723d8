"""A made-up person in FHIR R4, and the same person in popsim's own files; how such files are read."""

import copy
import json
from datetime import date

from popsim.evidence.sets import SHIPPED
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.stream_lines import stream_lines
from popsim.exchange.fhir.to_twin import new_person, read_one
from popsim.registry.vocabulary import vocabulary_of

WORDS = vocabulary_of(SHIPPED)
LOINC, SNOMED, RXNORM = "http://loinc.org", "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
DAY_ZERO = date(2024, 3, 10)
PATIENT = "urn:uuid:0b5c1d3e-0000-4000-8000-000000000001"

# The same facts as in `person_bundle` on day 0, and after it. Age: from the 10th of March 1950 to day 0 is 74 years.
RECORD = """
age_years = 74.0
sex = "female"
[diagnoses]
diabetes = true
ckd = true
heart_failure = true
[traits]
height_cm = 165
smoking = 1
ethnicity = 4
[medications]
furosemide = { dose = 40, unit = "mg/d" }
bisoprolol = { dose = 5, unit = "mg/d" }
[[measurements]]
code = "29463-7"
value = 180
unit = "[lb_av]"
[[measurements]]
code = "8480-6"
value = 128
unit = "mm[Hg]"
[[measurements]]
code = "2823-3"
value = 4.6
unit = "mmol/L"
[[measurements]]
code = "88020-3"
value = 3
unit = "1"
"""
STREAM = """time,code,value,unit,kind
3.354167,29463-7,82.5,kg,observation
3.354167,8480-6,118,mm[Hg],observation
4.5,furosemide,80,mg/d,medication
6.0,heart_failure,,,event
6.0,admitted,,,event
8.5,discharged,,,event
9.25,2823-3,5.1,mmol/L,observation
12.375,reviewed,,,event
"""


def concept(system, code, display=""):
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def subject():
    return {"reference": PATIENT}


def quantity(value, unit):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def patient(**other):
    race = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}},
            {"url": "text", "valueString": "White"},
        ],
    }
    return {
        "resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-03-10", "extension": [race],
        "identifier": [{"system": "http://hospital.example/mrn", "value": "4711"}], **other,
    }  # fmt: skip


def observation(name, code, value, unit, time, **other):
    return {
        "resourceType": "Observation", "id": name, "status": "final", "code": concept(LOINC, code),
        "subject": subject(), "effectiveDateTime": time, "valueQuantity": quantity(value, unit), **other,
    }  # fmt: skip


def pressure(name, time, systolic, panel="85354-9"):
    found = observation(name, panel, 0, "", time)
    del found["valueQuantity"]
    parts = (("8480-6", systolic), ("8462-4", 70))
    found["component"] = [
        {"code": concept(LOINC, code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in parts
    ]
    return found


def coded(name, code, value, time):
    found = observation(name, code, 0, "", time, valueCodeableConcept=value)
    del found["valueQuantity"]
    return found


def condition(name, code, onset, **other):
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    verified = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {
        "resourceType": "Condition", "id": name, "clinicalStatus": concept(clinical, "active"),
        "verificationStatus": concept(verified, "confirmed"), "code": concept(SNOMED, code), "subject": subject(),
        "onsetDateTime": onset, **other,
    }  # fmt: skip


def prescription(name, code, words, time, pieces=1, frequency=1, **other):
    dosage = {
        "timing": {"repeat": {"frequency": frequency, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": pieces}}],
    }
    return {
        "resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order", "subject": subject(),
        "medicationCodeableConcept": concept(RXNORM, code, words), "authoredOn": time, "dosageInstruction": [dosage],
        **other,
    }  # fmt: skip


def encounter(name, kind, start, end, reason=None, **other):
    found = {
        "resourceType": "Encounter", "id": name, "status": "finished", "subject": subject(),
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": kind},
        "period": {"start": start, "end": end}, **other,
    }  # fmt: skip
    return found | ({"reasonCode": [concept(SNOMED, reason)]} if reason else {})


def resources():
    """Everything of the person; day 0 is the 10th of March 2024."""
    return [
        patient(),
        condition("c1", "88805009", "2018-05-01"),  # chronic congestive heart failure
        condition("c2", "44054006", "2010"),  # type 2 diabetes
        condition("c3", "709044004", "2019-02"),  # chronic kidney disease
        observation("o1", "8302-2", 165, "cm", "2020-01-01"),
        coded("o2", "72166-2", concept(SNOMED, "8517006"), "2021-06-01"),
        observation("o3", "29463-7", 180, "[lb_av]", "2024-03-10T08:00:00+01:00"),
        pressure("o4", "2024-03-10T08:05:00+01:00", 128),
        observation("o5", "2823-3", 4.6, "mmol/L", "2024-03-09"),
        coded("o6", "88020-3", concept(LOINC, "LA28406-9"), "2024-03-10"),
        prescription("m1", "313988", "furosemide 40 MG Oral Tablet", "2023-01-01"),
        prescription("m2", "854905", "bisoprolol fumarate 5 MG Oral Tablet", "2023-01-01"),
        observation("o7", "29463-7", 82.5, "kg", "2024-03-13T08:30:00+01:00"),
        pressure("o8", "2024-03-13T08:30:00+01:00", 118, "55284-4"),
        prescription("m3", "313988", "furosemide 40 MG Oral Tablet", "2024-03-14T12:00:00+01:00", 1, 2),
        encounter("e1", "IMP", "2024-03-16T00:00:00+01:00", "2024-03-18T12:00:00+01:00", "88805009"),
        observation("o9", "2823-3", 5.1, "mmol/L", "2024-03-19T06:00:00+01:00"),
        encounter("e2", "AMB", "2024-03-22T09:00:00+01:00", "2024-03-22T09:30:00+01:00"),
    ]


def bundle(listed=None, kind="transaction"):
    """A Bundle of resources: a copy, free to be broken."""
    entries = []
    for resource in copy.deepcopy(resources() if listed is None else listed):
        url = PATIENT if resource["resourceType"] == "Patient" else f"urn:uuid:{resource.get('id', 'none')}"
        request = {"method": "POST", "url": resource["resourceType"]}
        entries.append(
            {"fullUrl": url, "resource": resource}
            | ({"request": request} if kind in ("transaction", "history") else {})
        )
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def written(folder, content, name="person.json"):
    """A file of JSON."""
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def new(path, **options):
    return new_person(path, WORDS, day_zero=DAY_ZERO, **options)


def lines_of(path, zero=DAY_ZERO):
    """The stream of a file, and what was passed over."""
    tally = ReadTally()
    lines = stream_lines(read_one(path, WORDS, tally), zero.toordinal(), WORDS, tally)
    return [json.loads(line.text) for line in lines], tally


def told(folder, *extra, **options):
    """The record of the made-up Patient with nothing but some resources."""
    return new(written(folder, bundle([patient(), *extra])), **options)
