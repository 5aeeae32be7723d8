"""Encounters: admissions with their moves between wards, attendances, visits, care at home and in facilities.

An admission is one Encounter from the first ward to the discharge, with every ward as a location; each stay on a ward
is an Encounter of its own that is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from popsim.evidence.code_systems import load_codes, system_url
from popsim.exchange.fhir.writing.coding import Json, coding, concept, diagnosis, hl7, meta, reference
from popsim.exchange.fhir.writing.contacts import ADMISSION, INDEX, WARD
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.fhir.writing.shared import encounter_class

ENCOUNTER_SYSTEM = "urn:popsim:encounter"
WHOLE = (ADMISSION, INDEX)
DAYS = "d"


def encounters(export: PopulationExport, one: ExportedPerson, conditions: Mapping[int, str]) -> Iterator[Json]:
    """The Encounters of a person.

    Args:
        export, one: the export and the person.
        conditions: id of the Condition for which care was sought, by the contact's row.
    """
    wards: dict[int, list[dict[str, Any]]] = {}
    by_row = {contact["row"]: contact for contact in one.contacts}
    for contact in one.contacts:
        if contact["kind"] == WARD and contact["part_of"] is not None:
            wards.setdefault(contact["part_of"], []).append(contact)
    for contact in one.contacts:
        found = _encounter(export, one, contact)
        if contact["row"] in conditions:
            role = hl7("diagnosis-role", "AD", "Admission diagnosis") if contact["kind"] in WHOLE else None
            said = {"condition": reference("Condition", conditions[contact["row"]])}
            found["diagnosis"] = [said | ({} if role is None else {"use": role})]
        if contact["kind"] == ADMISSION:
            found["location"] = [_location(export, ward) for ward in wards.get(contact["row"], [])]
        elif contact["setting"] is not None:
            found["location"] = [_location(export, contact)]
        if contact["kind"] == WARD and contact["part_of"] in by_row:
            found["partOf"] = reference("Encounter", by_row[contact["part_of"]]["id"])
        if not found.get("location", True):
            del found["location"]
        yield found


def _encounter(export: PopulationExport, one: ExportedPerson, contact: dict[str, Any]) -> Json:
    """An Encounter without what links it to others."""
    cause = diagnosis(contact["cause"]) if contact["cause"] not in (None, "none", "planned") else None
    found: Json = {
        "resourceType": "Encounter",
        "id": contact["id"],
        "meta": meta("us-core-encounter", export.source),
        "identifier": [{"system": ENCOUNTER_SYSTEM, "value": f"{export.label}-{one.person_id}-{contact['number']}"}],
        "status": "finished" if contact["finished"] else "in-progress",
        "class": encounter_class(contact["kind"]),
        "type": [_type(export, contact)],
        "subject": reference("Patient", one.patient),
        "period": _period(export, contact),
        "serviceProvider": reference("Organization", export.shared.organization),
    }
    if contact["kind"] in (*WHOLE, WARD) and contact["cause"] not in (None, "none"):
        planned = contact["planned"]
        code, display = ("EL", "elective") if planned else ("EM", "emergency")
        found["priority"] = hl7("v3-ActPriority", code, display)
    if cause is not None:
        found["reasonCode"] = [concept(cause, ("snomed", "icd10cm"))]
    if contact["finished"] and contact["start"] is not None and contact["kind"] != "telehealth":
        length = contact["end"] - contact["start"]
        if length > 0.0:
            found["length"] = {
                "value": round(length, 3), "unit": "day", "system": system_url("ucum"), "code": DAYS,
            }  # fmt: skip
    if (stay := _hospitalization(export, contact)) is not None:
        found["hospitalization"] = stay
    return found


def _type(export: PopulationExport, contact: dict[str, Any]) -> Json:
    """The type of an Encounter: that of its class of setting, in the words of the setting."""
    setting = next((one for one in export.network.settings if one.name == contact["setting"]), None)
    kind = {ADMISSION: "inpatient", INDEX: "inpatient"}.get(contact["kind"], contact["kind"])
    if kind == WARD and setting is not None:
        kind = setting.setting_class
    coded = load_codes("settings")[kind]
    return concept(coded, ("snomed",), text=coded.label if setting is None else setting.title)


def _period(export: PopulationExport, contact: dict[str, Any]) -> Json:
    ends = {"start": contact["start"], "end": contact["end"]}
    return {name: export.calendar.time(time) for name, time in ends.items() if time is not None}


def _location(export: PopulationExport, contact: dict[str, Any]) -> Json:
    return {
        "location": reference("Location", export.shared.locations[contact["setting"]]),
        "status": "completed" if contact["finished"] else "active",
        "period": _period(export, contact),
    }


def _hospitalization(export: PopulationExport, contact: dict[str, Any]) -> Json | None:
    """Readmission, and where the person went."""
    if contact["kind"] not in (*WHOLE, "emergency", "observation", "facility", "hospice"):
        return None
    found: Json = {}
    if contact["readmission"]:
        again = coding(load_codes("flags")["readmission"], "admission", "Re-admission")
        found["reAdmission"] = {"coding": [again], "text": "Re-admission within 30 days"}
    if (name := _disposition(export, contact)) is not None:
        coded = load_codes("dispositions")[name]
        systems = ("us_discharge_disposition", "discharge_disposition")
        found["dischargeDisposition"] = concept(coded, systems)
    return found or None


def _disposition(export: PopulationExport, contact: dict[str, Any]) -> str | None:
    """Where the person went, as a key of the table of dispositions; None while inside, or on to a ward."""
    if contact["died"]:
        return "died"
    if not contact["finished"]:
        return None
    setting = next((one for one in export.network.settings if one.name == contact["destination"]), None)
    if setting is None:
        return "other" if contact["kind"] in WHOLE else None
    if setting.setting_class == "community":
        return "home_care" if setting.name in export.nursed else "home"
    if setting.setting_class in ("facility", "hospice"):
        return str(setting.setting_class)
    return "other" if contact["kind"] in WHOLE else None
