"""MedicationRequests: each dose that a person is on, from the day it is prescribed until it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popsim.evidence.code_systems import load_codes
from popsim.evidence.drugs import load_drugs
from popsim.exchange.fhir.writing.coding import Json, concept, hl7, meta, quantity, reference
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.records import INTRAVENOUS

PER_DAY = "/d"
DIGITS = 4  # significant, of a dose: columns are single precision


def medication_requests(export: PopulationExport, one: ExportedPerson) -> Iterator[Json]:
    """The MedicationRequests of a person, in the order of the doses."""
    latest: dict[str, int] = {}
    ends: dict[int, dict[str, Any]] = {}
    for number, dose in enumerate(one.doses):
        if dose["drug"] in latest:
            ends[latest[dose["drug"]]] = dose
        latest[dose["drug"]] = number
    for number, dose in enumerate(one.doses):
        if dose["dose"] > 0.0:
            yield _request(export, one, number, dose, ends.get(number))


def _request(
    export: PopulationExport, one: ExportedPerson, number: int, dose: dict[str, Any], end: dict[str, Any] | None
) -> Json:
    drug = dose["drug"]
    coded = load_codes("drugs")[drug]
    inside = dose["inside"]
    stop = one.death if end is None else end["time"]
    found: Json = {
        "resourceType": "MedicationRequest",
        "id": one.id("MedicationRequest", number),
        "meta": meta("us-core-medicationrequest", export.source),
        "status": "active" if stop is None else "completed" if end is not None and end["dose"] > 0.0 else "stopped",
        "intent": "order",
        "category": [
            hl7("medicationrequest-category", "inpatient", "Inpatient")
            if inside
            else hl7("medicationrequest-category", "community", "Community")
        ],
        "reportedBoolean": False,
        "medicationCodeableConcept": concept(coded, ("rxnorm", "atc")),
        "subject": reference("Patient", one.patient),
    }
    if dose["encounter"]:
        found["encounter"] = reference("Encounter", dose["encounter"])
    start = export.calendar.time(dose["time"])
    bounds = {"start": start} | ({} if stop is None else {"end": export.calendar.time(stop)})
    times, unit = _times(drug), coded.unit.removesuffix(PER_DAY)
    daily = float(f"{dose['dose']:.{DIGITS}g}")
    each = float(f"{daily / times:.{DIGITS}g}")
    found |= {
        "authoredOn": start,
        "requester": reference("Organization", export.shared.organization),
        "dosageInstruction": [
            {
                "text": f"{each:g} {quantity(0, unit)['unit']} {'once' if times == 1 else 'twice'} a day",
                "timing": {"repeat": {"boundsPeriod": bounds, "frequency": times, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": quantity(each, unit)}],
            }
        ],
    }
    return found


def _times(drug: str) -> int:
    """Doses a day."""
    if drug == INTRAVENOUS:
        return 1
    return next(one.doses_a_day for one in load_drugs() if one.name == drug)
