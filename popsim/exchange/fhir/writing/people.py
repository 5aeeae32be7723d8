"""Patients, their follow-up as ResearchSubjects, their insurance, and who made the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popsim.evidence.code_systems import load_codes, system_url
from popsim.exchange.fhir.writing.coding import AIAST, US_CORE, Json, hl7, meta, reference
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport

RACES = {1: "asian", 2: "black", 4: "white"}  # of popsim's ethnic groups; mixed and other have no one category
BIRTH_SEX = ("M", "F")
PERSON_SYSTEM = "urn:popsim:person"


def patient(export: PopulationExport, one: ExportedPerson) -> Json:
    """The Patient; the name says that the person is made up."""
    female = int(one.traits["female"])
    found: Json = {
        "resourceType": "Patient",
        "id": one.patient,
        "meta": meta("us-core-patient", export.source),
        "extension": [*_race(one.traits), {"url": US_CORE + "us-core-birthsex", "valueCode": BIRTH_SEX[female]}],
        "identifier": [{"use": "official", "system": PERSON_SYSTEM, "value": f"{export.label}-{one.person_id}"}],
        "active": one.death is None,
        "name": [{"use": "official", "family": f"Simulated{one.person_id}", "given": ["Twin"]}],
        "gender": load_codes("people")["female" if female else "male"].code("gender"),
        "birthDate": one.birth_date,
        "managingOrganization": reference("Organization", export.shared.organization),
    }
    if one.death is not None:
        found["deceasedDateTime"] = export.calendar.time(one.death)
    return found


def _race(traits: dict[str, Any]) -> Iterator[Json]:
    name = RACES.get(int(traits.get("ethnicity", 0)))
    if name is None:
        return
    coded = load_codes("people")[name]
    category = {"system": system_url("race"), "code": coded.code("race"), "display": coded.label}
    parts = [{"url": "ombCategory", "valueCoding": category}, {"url": "text", "valueString": coded.label}]
    yield {"url": US_CORE + "us-core-race", "extension": parts}


def subject(export: PopulationExport, one: ExportedPerson) -> Json:
    """Follow-up: from entry until death or the end of the study, on the arm of the strategy."""
    died = one.death is not None
    end = export.calendar.time(one.death) if one.death is not None else export.calendar.date(one.end_day)
    return {
        "resourceType": "ResearchSubject",
        "id": one.id("ResearchSubject"),
        "meta": meta(None, export.source),
        "status": "off-study" if died else "follow-up",
        "period": {"start": export.calendar.time(one.entry), "end": end},
        "study": reference("ResearchStudy", export.shared.study),
        "individual": reference("Patient", one.patient),
        "actualArm": export.strategy,
    }


def provenance(export: PopulationExport, one: ExportedPerson) -> Json:
    """Who made the person's data: popsim."""
    return {
        "resourceType": "Provenance",
        "id": one.id("Provenance"),
        "meta": meta("us-core-provenance", export.source, [AIAST]),
        "target": [reference("Patient", one.patient)],
        "recorded": export.calendar.time(one.end_day),
        "agent": [
            {
                "type": hl7("provenance-participant-type", "author", "Author"),
                "who": reference("Device", export.shared.device),
                "onBehalfOf": reference("Organization", export.shared.organization),
            }
        ],
    }


def coverage(export: PopulationExport, one: ExportedPerson) -> Json:
    """Insurance with the payer whose costs popsim counts."""
    return {
        "resourceType": "Coverage",
        "id": one.id("Coverage"),
        "meta": meta("us-core-coverage", export.source),
        "status": "active",
        "type": {"text": "Health insurance"},
        "subscriberId": f"{export.label}-{one.person_id}",
        "beneficiary": reference("Patient", one.patient),
        "relationship": hl7("subscriber-relationship", "self", "Self"),
        "period": {"start": export.calendar.date(one.entry), "end": export.calendar.date(one.end_day)},
        "payor": [reference("Organization", export.shared.payer)],
    }
