"""Conditions: the problem list at entry, the diagnosis of every acute contact, and what begins in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popsim.evidence.code_systems import Coded, load_codes
from popsim.exchange.fhir.writing.coding import Json, concept, diagnosis, hl7, meta, reference
from popsim.exchange.fhir.writing.contacts import ADMISSION, INDEX
from popsim.exchange.fhir.writing.person import ExportedPerson, PopulationExport
from popsim.exchange.records import BEGUN
from popsim.units import DAYS_PER_YEAR

PROBLEM, ENCOUNTER = "problem-list-item", "encounter-diagnosis"
PROFILES = {PROBLEM: "us-core-condition-problems-health-concerns", ENCOUNTER: "us-core-condition-encounter-diagnosis"}
CATEGORY_WORDS = {PROBLEM: "Problem List Item", ENCOUNTER: "Encounter Diagnosis"}
INFARCTION = "infarction"
ACUTE_KINDS = (ADMISSION, INDEX, "emergency", "observation")


class PersonConditions:
    """The Conditions of one person.

    Attributes:
        resources: all of them.
        reasons: id of the diagnosis of each acute contact, by the contact's row.
        problems: id of each problem by its key.
    """

    def __init__(self, export: PopulationExport, one: ExportedPerson) -> None:
        self._export, self._one = export, one
        self.resources: list[Json] = []
        self.reasons: dict[int, str] = {}
        self.problems: dict[str, str] = {}
        for key, coded in problems(one.traits):
            self.problems[key] = self._add(coded, PROBLEM, one.entry, onset=_onset(key, one))
        self._add_infarction()
        for contact in one.contacts:
            if contact["kind"] in ACUTE_KINDS and contact["cause"] not in (None, "none", "planned"):
                began = contact["end"] if contact["start"] is None else contact["start"]
                coded = load_codes("diagnoses")[contact["cause"]]
                onset = _infarction(one) if _is_index_infarction(contact) else contact["start"]
                ended = contact["end"] if contact["finished"] and not contact["died"] else None
                self.reasons[contact["row"]] = self._add(
                    coded, ENCOUNTER, began, onset=onset, encounter=contact["id"], abated=ended
                )
        for happened in one.complications:
            if (found := diagnosis(happened["name"])) is not None:
                self._add(found, ENCOUNTER, happened["time"], onset=happened["time"], encounter=happened["encounter"])
        self._add_states()
        if one.death is not None and (cause := diagnosis(one.death_cause)) is not None:
            self._add(cause, ENCOUNTER, one.death, onset=one.death, text=f"Cause of death: {cause.label}")

    def _add_infarction(self) -> None:
        """An infarction in the year before entry, unless it is the diagnosis of the index admission."""
        at = _infarction(self._one)
        if at is not None and not any(map(_is_index_infarction, self._one.contacts)):
            self._add(load_codes("diagnoses")[INFARCTION], PROBLEM, self._one.entry, onset=at)

    def _add_states(self) -> None:
        """What begins after entry; what was there at entry is a problem already."""
        open_since: dict[str, dict[str, Any]] = {}
        for state in self._one.states:
            key = BEGUN.get(state["state"])
            if key is None or key in self.problems:
                continue
            if state["present"]:
                open_since[key] = state
            elif key in open_since:
                self._add_state(key, open_since.pop(key), state["time"])
        for key, state in open_since.items():
            self._add_state(key, state, None)

    def _add_state(self, key: str, state: dict[str, Any], ended: float | None) -> None:
        coded = load_codes("diagnoses")[key]
        self._add(coded, PROBLEM, state["time"], onset=state["time"], encounter=state["encounter"], abated=ended)

    def _add(
        self, coded: Coded, category: str, recorded: float, *, onset: float | None = None, encounter: str = "",
        abated: float | None = None, text: str | None = None,
    ) -> str:  # fmt: skip
        export, one = self._export, self._one
        identity = one.id("Condition", len(self.resources))
        status = "active" if abated is None else "resolved"
        found: Json = {
            "resourceType": "Condition",
            "id": identity,
            "meta": meta(PROFILES[category], export.source),
            "clinicalStatus": hl7("condition-clinical", status),
            "verificationStatus": hl7("condition-ver-status", "confirmed"),
            "category": [hl7("condition-category", category, CATEGORY_WORDS[category])],
            "code": concept(coded, ("snomed", "icd10cm"), text),
            "subject": reference("Patient", one.patient),
        }
        if encounter:
            found["encounter"] = reference("Encounter", encounter)
        if onset is not None:
            found["onsetDateTime"] = export.calendar.time(onset)
        if abated is not None:
            found["abatementDateTime"] = export.calendar.time(abated)
        found["recordedDate"] = export.calendar.time(recorded)
        self.resources.append(found)
        return identity


def problems(traits: dict[str, Any]) -> Iterator[tuple[str, Coded]]:
    """Lasting diagnoses at entry: key and codes of each that the person has."""
    for key, coded in load_codes("diagnoses").items():
        if coded.column == key and not coded.same_as and traits.get(key):
            yield key, coded
    if traits.get("dialysis"):
        yield "kidney_failure", load_codes("diagnoses")["kidney_failure"]


def _infarction(one: ExportedPerson) -> float | None:
    """When the infarction of the year before entry was, None without one."""
    days = float(one.traits.get("infarction_days_before_entry", 0.0))
    return one.entry - days if days > 0.0 else None


def _is_index_infarction(contact: dict[str, Any]) -> bool:
    return bool(contact["kind"] == INDEX and contact["cause"] == INFARCTION)


def _onset(key: str, one: ExportedPerson) -> float | None:
    """When a lasting diagnosis was made, where that is known."""
    years = float(one.traits.get("disease_duration_years", 0.0))
    return one.entry - years * DAYS_PER_YEAR if key == "heart_failure" and years > 0.0 else None
