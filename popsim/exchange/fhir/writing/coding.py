"""Parts that all resources share: codes from the one table of codes, references, and the mark of test data."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from popsim.evidence.code_systems import Coded, load_codes, system_url

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
UCUM = system_url("ucum")
LOINC = system_url("loinc")
AIAST = {
    "system": TERMINOLOGY + "v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}  # HL7 AI Transparency on FHIR, labels of provenance
WRITTEN = ("snomed", "icd10cm", "rxnorm", "atc", "loinc")  # code systems of a concept, in this order
UNIT_WORDS = {"mm[Hg]": "mmHg", "[iU]": "IU", "{dose}": "dose"}

type Json = dict[str, Any]


@cache
def test_data() -> Json:
    """The label of test health data, which every resource of a synthetic population carries."""
    coded = load_codes("flags")["test_data"]
    return {"system": system_url("act_reason"), "code": coded.code("act_reason"), "display": "test health data"}


def meta(profile: str | None = None, source: str = "", more: Iterable[Json] = ()) -> Json:
    """The meta element: profile of US Core, if any, and security labels."""
    found: Json = {"source": source} if source else {}
    if profile:
        found["profile"] = [US_CORE + profile]
    return found | {"security": [test_data(), *more]}


def coding(coded: Coded, system: str, display: str | None = None) -> Json | None:
    """The code of a meaning in a code system; None where it has none."""
    code = coded.code(system)
    if code is None:
        return None
    shown = {} if display is None else {"display": display}
    return {"system": system_url(system), "code": code} | shown


def concept(coded: Coded, systems: Iterable[str] = WRITTEN, text: str | None = None) -> Json:
    """A CodeableConcept with the codes of every system, and the meaning in words."""
    found = [one for system in systems if (one := coding(coded, system)) is not None]
    return ({"coding": found} if found else {}) | {"text": text or coded.label}


def hl7(system: str, code: str, display: str | None = None, text: str | None = None) -> Json:
    """A CodeableConcept of one code of HL7's terminology."""
    one: Json = {"system": TERMINOLOGY + system, "code": code} | ({} if display is None else {"display": display})
    return {"coding": [one]} | ({} if text is None else {"text": text})


def reference(kind: str, identity: str) -> Json:
    """A reference to a resource of the same export."""
    return {"reference": f"{kind}/{identity}"}


def quantity(value: float, unit: str) -> Json:
    """A UCUM quantity."""
    return {"value": value, "unit": UNIT_WORDS.get(unit, unit), "system": UCUM, "code": unit}


def diagnosis(key: str) -> Coded | None:
    """The codes of a diagnosis, cause or complication; None where popsim's name has none."""
    return load_codes("diagnoses").get(key)
