"""Procedures that popsim knows of."""

from __future__ import annotations

from collections.abc import Iterator

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.writing.coding import Json, concept, meta, reference
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.records import PROCEDURES


def procedures(export: PopulationExport, one: ExportedPerson) -> Iterator[Json]:
    """The Procedures of a person: a stent set, dialysis begun."""
    for number, state in enumerate(one.states):
        if not state["present"] or state["state"] not in PROCEDURES:
            continue
        coded = load_codes("procedures")[PROCEDURES[state["state"]]]
        found: Json = {
            "resourceType": "Procedure",
            "id": one.id("Procedure", number),
            "meta": meta("us-core-procedure", export.source),
            "status": "completed",
            "code": concept(coded, ("snomed",)),
            "subject": reference("Patient", one.patient),
            "performedDateTime": export.calendar.time(state["time"]),
        }
        if state["encounter"]:
            found["encounter"] = reference("Encounter", state["encounter"])
        yield found
