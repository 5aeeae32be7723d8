"""From the resources of a document to facts about persons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from popsim.exchange.fhir.conditions import read_condition, read_procedure
from popsim.exchange.fhir.documents import FhirDocument, FhirEntry
from popsim.exchange.fhir.encounters import read_encounter
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, ReadTally
from popsim.exchange.fhir.medications import read_medication
from popsim.exchange.fhir.observations import read_observation, signal_codes
from popsim.exchange.fhir.patient import read_patient
from popsim.exchange.fhir.references import References, names_in
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.shapes import check_shape
from popsim.registry.vocabulary import Vocabulary

# Read, in this order: who the persons are and what references point to comes first.
ORDER = (
    "Patient", "Medication", "Condition", "Encounter", "Procedure", "MedicationRequest", "MedicationStatement",
    "Observation",
)  # fmt: skip
REFERRED_TO = ("Patient", "Medication", "Condition")
NOT_A_PERSON = frozenset(("Group", "Device", "Location", "Medication", "Organization", "Substance", "Specimen"))
WITHDRAWN = "entered-in-error"
UNREAD = {
    "MedicationAdministration": "prescriptions and statements tell the dose",
    "MedicationDispense": "prescriptions and statements tell the dose",
    "Medication": "read where a prescription refers to it",
    "FamilyMemberHistory": "of relatives",
    "DiagnosticReport": "its Observations are read",
    "OperationOutcome": "of the server",
}
NO_USE = "not of use to a twin"


class PersonReader:
    """Reads resources, one after the other, in the order of ORDER.

    Args:
        vocabulary: of the registry.
        tally: counts what becomes of everything.
        one: whether the document must be about one person.

    Attributes:
        persons: facts by a name of the person that lives as long as this reader.
    """

    def __init__(self, vocabulary: Vocabulary, tally: ReadTally, *, one: bool) -> None:
        self._vocabulary, self._tally, self._one = vocabulary, tally, one
        self._signals = signal_codes(vocabulary)
        self.references = References()
        self.persons: dict[str, FhirFacts] = {}
        self._patients: dict[int, str] = {}
        self._readers: Mapping[str, Callable[[dict[str, Any], FactPlace, FhirFacts], None]] = {
            "Condition": lambda resource, place, facts: read_condition(resource, place, facts, tally),
            "Procedure": lambda resource, place, facts: read_procedure(resource, place, facts, tally),
            "Encounter": lambda resource, place, facts: read_encounter(resource, place, facts, tally, self.references),
            "Observation": lambda resource, place, facts: read_observation(
                resource, place, facts, tally, self._signals
            ),
            "MedicationRequest": self._medication,
            "MedicationStatement": self._medication,
        }

    def refer(self, entry: FhirEntry) -> None:
        """Make a resource known to references; those inside a Patient or Medication, too."""
        if entry.resource["resourceType"] in REFERRED_TO:
            self.references.add(entry.resource, entry.full_url)

    def read(self, entry: FhirEntry) -> None:
        """Read a resource.

        Raises:
            FhirError: it has the wrong form, or is about another person than those before where one is wanted.
        """
        resource = entry.resource
        kind = resource["resourceType"]
        place = FactPlace(kind, entry.file, entry.path)
        if kind in ORDER:
            check_shape(resource, entry.file, entry.path)
        if kind == "Patient":
            self._patient(entry, place)
            return
        whose = self._whose(resource, place)
        if kind not in self._readers:
            self._tally.skip(place, UNREAD.get(kind, NO_USE))
        elif whose is None:
            self._tally.skip(place, "of no person, or not told of whom")
        elif resource.get("status") == WITHDRAWN:
            self._tally.skip(place, "refuted or entered in error")
        else:
            facts = self.persons.setdefault(whose, FhirFacts())
            self._readers[kind](resource, place, facts)
            if kind == "Observation" and "contained" in resource:
                self._contained(resource, place, facts)

    def _contained(self, holder: dict[str, Any], place: FactPlace, facts: FhirFacts) -> None:
        """Read the Observations that a panel holds within itself."""
        held = holder["contained"]
        for number, inner in enumerate(held if isinstance(held, list) else ()):
            if isinstance(inner, dict) and inner.get("resourceType") == "Observation":
                where = FactPlace("Observation", place.file, f"{place.path}.contained[{number}]")
                check_shape(inner, where.file, where.path)
                own = {key: holder[key] for key in holder if key.startswith("effective")} | inner
                read_observation(own, where, facts, self._tally, self._signals)

    def _medication(self, resource: dict[str, Any], place: FactPlace, facts: FhirFacts) -> None:
        read_medication(resource, place, facts, self._tally, self.references, self._vocabulary)

    def _patient(self, entry: FhirEntry, place: FactPlace) -> None:
        name = entry.full_url or f"Patient/{entry.resource.get('id', '')}"
        if self._one and self._patients:
            self._second(place, "")
        if name in self._patients.values():
            refuse(place.file, place.path, "two Patients of one fullUrl or id")
        self._patients[id(entry.resource)] = name
        read_patient(entry.resource, place, self.persons.setdefault(name, FhirFacts()), self._tally)

    def _whose(self, resource: dict[str, Any], place: FactPlace) -> str | None:
        """The person that a resource is about; None if it is about none, or does not tell."""
        element = "subject" if "subject" in resource else "patient"
        reference = resource.get(element)
        if not isinstance(reference, dict):
            return None
        found = self.references.find(reference, resource)
        if found is not None:
            name = self._patients.get(id(found))
        else:
            names = names_in(reference)
            name = names[-1] if names else None
            kind = name.partition("/")[0] if name is not None else ""
            if kind in NOT_A_PERSON or reference.get("type") in NOT_A_PERSON:
                return None
        if name is not None and self._one and self.persons and name not in self.persons:
            self._second(place, f".{element}")
        return name

    def _second(self, place: FactPlace, element: str) -> None:
        refuse(place.file, place.path + element, "is about a second person; a twin is of one: give one file a person")


def read_persons(document: FhirDocument, vocabulary: Vocabulary, tally: ReadTally, *, one: bool) -> list[FhirFacts]:
    """The facts about each person of a document.

    Args:
        one: refuse a document about several.

    Raises:
        FhirError: a resource has the wrong form, or there is a second person where one is wanted.
    """
    reader = PersonReader(vocabulary, tally, one=one)
    tally.resources += len(document.entries) + sum(document.passed.values())
    tally.passed.update(document.passed)
    for entry in document.entries:
        reader.refer(entry)
    for entry in in_order(document.entries):
        reader.read(entry)
    return list(reader.persons.values())


def in_order(entries: Iterable[FhirEntry]) -> list[FhirEntry]:
    """Resources in the order of reading; those of other types come last."""
    rank = {kind: number for number, kind in enumerate(ORDER)}
    return sorted(entries, key=lambda entry: rank.get(entry.resource["resourceType"], len(ORDER)))
