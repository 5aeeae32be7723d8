"""Patient: age, sex, ethnic group, death. Names, addresses and numbers are not kept."""

from __future__ import annotations

import re
from typing import Any

from popsim.exchange.fhir.codings import meaning_of_coding
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, FhirTrait, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.times import YEAR, FhirTime, precedes, read_time

SEXES = {"male": False, "female": True, "M": False, "F": True}
# US Core's extensions (https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-race.html and -birthsex).
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
CATEGORY = "ombCategory"
# The categories of OMB 1997 as popsim's ethnic groups: Asian 1, Black 2, mixed 3, White 4, other 5. assumption: the
# census of England and Wales, whose groups popsim has, asks the same of other people.
GROUPS = {
    "asian": 1.0, "black": 2.0, "white": 4.0, "american_indian": 5.0, "pacific_islander": 5.0, "other_race": 5.0,
}  # fmt: skip
MIXED = 3.0
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
START = FhirTime(0.0, YEAR)


def read_patient(resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally) -> None:
    """Add what a Patient tells.

    Raises:
        FhirError: the person died before birth.
    """
    facts.patient, facts.name = place, _name(resource)
    facts.birth = read_time(resource["birthDate"]) if "birthDate" in resource else None
    facts.female = _female(resource)
    if (group := _ethnic_group(resource)) is not None:
        facts.traits.append(FhirTrait(START, "ethnicity", group, place))
    if "deceasedDateTime" in resource:
        died = read_time(resource["deceasedDateTime"])
        if died is not None and facts.birth is not None and precedes(died, facts.birth):
            refuse(place.file, f"{place.path}.deceasedDateTime", "is before birthDate")
        facts.died = died
    elif resource.get("deceasedBoolean") is True:
        tally.skip(place, "a death without its date")


def _name(resource: dict[str, Any]) -> str:
    """The first identifier of a person, or an id that is nobody else's."""
    for one in resource.get("identifier", ()):
        if isinstance(one, dict) and isinstance(one.get("system"), str) and isinstance(one.get("value"), str):
            return f"{one['system']}|{one['value']}"
    identity = resource.get("id")
    return identity if isinstance(identity, str) and UUID.fullmatch(identity) else ""


def _female(resource: dict[str, Any]) -> bool | None:
    """Sex at birth where it is told, else the administrative one."""
    for extension in resource.get("extension", ()):
        if extension.get("url") == BIRTH_SEX and extension.get("valueCode") in SEXES:
            return SEXES[extension["valueCode"]]
    return SEXES.get(resource.get("gender", ""))


def _ethnic_group(resource: dict[str, Any]) -> float | None:
    for extension in resource.get("extension", ()):
        if extension.get("url") != RACE:
            continue
        told = {
            GROUPS[key]
            for part in extension.get("extension", ())
            if part.get("url") == CATEGORY and (key := meaning_of_coding("people", part.get("valueCoding"))) in GROUPS
        }
        return MIXED if len(told) > 1 else next(iter(told), None)
    return None
