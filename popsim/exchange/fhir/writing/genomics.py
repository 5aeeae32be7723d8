"""Genes once their result is in the record, by HL7's genomics reporting guide: genotypes, what follows, the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from popsim.care.genetic_testing import prescribing_rules
from popsim.definitions.drug import Drug
from popsim.definitions.gene import PrescribingRule
from popsim.evidence.code_systems import load_codes
from popsim.evidence.drugs import load_drugs
from popsim.exchange.fhir.genomics import PHENOTYPES
from popsim.exchange.fhir.writing.coding import Json, coding, concept, hl7, meta, reference
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport

GENOTYPE_KNOWN = "genotype_known"
# HL7/genomics-reporting, input/fsh: code of the profile TherapeuticImplication.
TBD = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs"


def genomics(export: PopulationExport, one: ExportedPerson, diplotypes: Sequence[tuple[str, str]]) -> Iterator[Json]:
    """The genotypes of a person whose result is in the record, their implications, and the report of all.

    Args:
        export, one: the export and the person.
        diplotypes: gene (key of the table of codes) and diplotype, such as ("cyp2c19", "*1/*2").
    """
    known = next((one for one in one.states if one["state"] == GENOTYPE_KNOWN and one["present"]), None)
    if known is None or not diplotypes:
        return
    time, results = export.calendar.time(known["time"]), []
    for number, (gene, diplotype) in enumerate(diplotypes):
        found = _observation(export, one, one.id("Genotype", number), time)
        coded = load_codes("genes")[gene]
        found["code"] = concept(load_codes("genes")["genotype"], ("loinc",))
        found["valueCodeableConcept"] = {"text": f"{coded.label} {diplotype}"}
        found["component"] = [_component("gene_studied", concept(coded, ("hgnc",)))]
        results.append(found)
        if gene in _assessed():
            results.append(_implication(export, one, found["id"], gene, one.id("Implication", number), time))
    yield from results
    yield {
        "resourceType": "DiagnosticReport",
        "id": one.id("GenomicReport"),
        "meta": meta(None, export.source),
        "status": "final",
        "category": [_genetics()],
        "code": concept(load_codes("genes")["genomic_report"], ("loinc",)),
        "subject": reference("Patient", one.patient),
        "effectiveDateTime": time,
        "issued": time,
        "result": [reference("Observation", one["id"]) for one in results],
    }


@cache
def _assessed() -> Mapping[str, str]:
    """The drug whose prescribing rules go by a gene; for warfarin CYP2C9, as VKORC1 has no function to tell."""
    rules, drugs = prescribing_rules().values(), load_drugs()
    return {
        "cyp2c9" if rule.iwpc_dose else rule.gene: drug.name for rule in rules for drug in drugs if _is_on(drug, rule)
    }


def _is_on(drug: Drug, rule: PrescribingRule) -> bool:
    """Whether a rule is about a drug."""
    if rule.agent is None:
        return drug.dose_column in rule.at_most
    return (drug.agent_column, drug.agent) == (rule.agent.column, rule.agent.code)


def _implication(
    export: PopulationExport, one: ExportedPerson, genotype: str, gene: str, identity: str, time: str
) -> Json:
    """What a genotype means for the drug whose rules go by the gene."""
    cyp = gene.startswith("cyp")
    what = "metabolizer" if cyp else "function"
    phenotype = next(term for term, level in PHENOTYPES.items() if level == one.traits[gene] and term.endswith(what))
    effect = load_codes("genes")["drug_metabolism" if cyp else "phenotype"]
    drug = concept(load_codes("drugs")[_assessed()[gene]], ("rxnorm", "atc"))
    return _observation(export, one, identity, time) | {
        "code": {"coding": [{"system": TBD, "code": "therapeutic-implication", "display": "Therapeutic Implication"}]},
        "derivedFrom": [reference("Observation", genotype)],
        "component": [
            _component("medication_assessed", drug),
            {
                "code": {"coding": [coding(effect, "loinc", effect.label)]},
                "valueCodeableConcept": {"text": phenotype.capitalize()},
            },
        ],
    }


def _observation(export: PopulationExport, one: ExportedPerson, identity: str, time: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": identity,
        "meta": meta(None, export.source),
        "status": "final",
        "category": [hl7("observation-category", "laboratory", "Laboratory"), _genetics()],
        "subject": reference("Patient", one.patient),
        "effectiveDateTime": time,
    }


def _genetics() -> Json:
    return hl7("v2-0074", "GE", "Genetics")


def _component(key: str, value: Json) -> Json:
    return {"code": concept(load_codes("genes")[key], ("loinc",)), "valueCodeableConcept": value}
