"""Encounter: stays in hospital with their cause, emergency visits, and visits to a clinic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.codings import has_code, meaning
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirStay, ReadTally
from popsim.exchange.fhir.references import References
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import DAY, FhirTime, is_open_end, precedes, read_time

STAY, EMERGENCY, VISIT = "stay", "emergency", "visit"
# https://terminology.hl7.org/ValueSet-encounter-class.html (v3-ActEncounterCode)
CLASSES = {
    "IMP": STAY, "ACUTE": STAY, "NONAC": STAY, "EMER": EMERGENCY, "OBSENC": EMERGENCY, "AMB": VISIT, "HH": VISIT,
    "VR": VISIT, "FLD": VISIT, "SS": VISIT,
}  # fmt: skip
HAPPENED = ("arrived", "triaged", "in-progress", "onleave", "finished")
OTHER_CAUSE = "other"
PLANNED = ("EL", "R")  # v3-ActPriority: elective, routine
URGENT = ("EM", "UR", "A", "S")
# Of more than one reason, that which names its cause best: unnamed causes come last.
ADMISSION_USES = ("AD", "CC")  # diagnosis-role: admission diagnosis, chief complaint


def read_encounter(
    resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally, references: References
) -> None:
    """Add the contact that an Encounter tells.

    Raises:
        FhirError: it ends before it starts.
    """
    if resource["status"] not in HAPPENED:
        tally.skip(place, "not a contact that happened (status)")
        return
    period = resource.get("period", {})
    setting = CLASSES.get(resource["class"].get("code", ""))
    if setting is None:
        tally.skip(place, "class is none of a stay, an emergency or a visit")
    elif setting == STAY and "partOf" in resource:
        tally.skip(place, "a move within a stay (partOf)")
    elif "start" not in period:
        tally.skip(place, "no time given")
    else:
        start, end = read_time(period["start"]), _end(period)
        assert start is not None
        if end is not None and precedes(end, start):
            refuse(place.file, f"{place.path}.period.end", "is before period.start")
        if start.precision < DAY:
            tally.skip(place, "only the year or month given")
        elif setting == STAY and end is None and resource["status"] == "finished":
            tally.skip(place, "a finished stay without its end")
        else:
            if end is not None and end.days < start.days:  # in the hour in which clocks are set back, or a day alone
                end = start
            cause = _cause(resource, references, setting)
            left = meaning("dispositions", resource.get("hospitalization", {}).get("dischargeDisposition"))
            died = left == "died" and end is not None
            facts.stays.append(FhirStay(start, end, setting, cause, died, place))
            facts.saw(end or start)


def _end(period: dict[str, Any]) -> FhirTime | None:
    end = period.get("end")
    return None if end is None or is_open_end(end) else read_time(end)


def _cause(resource: dict[str, Any], references: References, setting: str) -> str:
    """Why the person came; empty for a visit, a planned stay, or one of which no cause is told."""
    priority = resource.get("priority")
    if setting == VISIT or has_code(priority, *PLANNED):
        return ""
    known = [cause for concept in _reasons(resource, references) if (cause := cause_of(concept))]
    named = next((cause for cause in known if cause != OTHER_CAUSE), None)
    if named is not None:
        return named
    urgent = setting == EMERGENCY or has_code(priority, *URGENT)
    urgent = urgent or has_code(resource.get("hospitalization", {}).get("admitSource"), "emd")
    return OTHER_CAUSE if urgent or known else ""


def _reasons(resource: dict[str, Any], references: References) -> Iterator[Any]:
    """The concepts that say why, the most telling first."""
    diagnoses = sorted(
        resource.get("diagnosis", ()),
        key=lambda one: (not has_code(one.get("use"), *ADMISSION_USES), one.get("rank", 99)),
    )
    yield from resource.get("reasonCode", ())
    for reference in [*resource.get("reasonReference", ()), *(one.get("condition") for one in diagnoses)]:
        found = references.find(reference, resource)
        if found is not None:
            yield found.get("code")


def cause_of(concept: Any) -> str:
    """The cause of coming to hospital that a diagnosis is; empty if it is none."""
    key = meaning("diagnoses", concept)
    return "" if key is None else load_codes("diagnoses")[key].cause
