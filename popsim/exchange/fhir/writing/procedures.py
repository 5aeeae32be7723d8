"""Procedures that popsim knows of, and the genotype once it is in the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from popsim.evidence.code_systems import load_codes, system_url
from popsim.exchange.fhir.writing.coding import LOINC, Json, concept, hl7, meta, reference
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.records import PROCEDURES

GENOTYPE_KNOWN = "genotype_known"


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


def genotypes(export: PopulationExport, one: ExportedPerson, diplotypes: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """The genotypes of a person whose result is in the record, as Observations of HL7's genomics reporting guide.

    Args:
        export, one: the export and the person.
        diplotypes: gene (key of the table of codes) and diplotype, such as ("cyp2c19", "*1/*2").
    """
    known = next((one for one in one.states if one["state"] == GENOTYPE_KNOWN and one["present"]), None)
    if known is None:
        return
    for number, (gene, diplotype) in enumerate(diplotypes):
        coded, about = load_codes("genes")[gene], load_codes("genes")["gene_studied"]
        text = f"{coded.label} {diplotype}"
        yield {
            "resourceType": "Observation",
            "id": one.id("Genotype", number),
            "meta": meta(None, export.source),
            "status": "final",
            "category": [
                hl7("observation-category", "laboratory", "Laboratory"),
                hl7("v2-0074", "GE", "Genetics"),
            ],
            "code": concept(load_codes("genes")["genotype"], ("loinc",)),
            "subject": reference("Patient", one.patient),
            "effectiveDateTime": export.calendar.time(known["time"]),
            "valueCodeableConcept": {"text": text},
            "component": [
                {
                    "code": {"coding": [{"system": LOINC, "code": about.code("loinc"), "display": about.label}]},
                    "valueCodeableConcept": {
                        "coding": [{"system": system_url("hgnc"), "code": coded.code("hgnc"), "display": coded.label}]
                    },
                }
            ],
        }
