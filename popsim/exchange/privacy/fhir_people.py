"""FHIR R4 without identifiers: bundles, single resources and NDJSON, element by element from the list of what is kept.

New resources are built from kept elements; nothing is copied that the list does not name, so that narrative, names,
identifiers, contact points, notes, photographs, devices, extensions and text never reach the output. Numbers lose
digits beyond the sixth. References become new random ids; those that lead to nothing kept are left out.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from popsim.errors import InputError
from popsim.exchange.privacy.calendar import year_of
from popsim.exchange.privacy.kept import fhir_rules, known_code, known_unit
from popsim.exchange.privacy.values import Values, age, country, number, state

UCUM = "http://unitsofmeasure.org"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
OMB = "urn:oid:2.16.840.1.113883.6.238"
YEARS = ("a", "years", "year")
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
MAX_DEPTH = 60
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{2,40})/([A-Za-z0-9\-.]{1,128})(?:/_history/.*)?")


@dataclass
class FhirPeople:
    """The resources of one data set, seen once before they are written, so that ids and first days are known.

    Attributes:
        values: what becomes of single values.
        persons: for the report: what is written of each patient, by the new id.
        dropped: how many resources of types that are not kept.
    """

    values: Values
    persons: dict[str, dict[str, Any]] = field(default_factory=dict)
    dropped: int = 0
    _type_of: dict[str, str] = field(default_factory=dict, repr=False)  # by reference
    _same: dict[str, str] = field(default_factory=dict, repr=False)  # fullUrl to Type/id
    _linked: str = ""

    def see(self, resource: Any) -> None:
        """Note ids and dates of a resource or of all in a bundle."""
        for one, url, _ in self._resources(resource):
            key = self._key(one, url)
            self._type_of[key] = one["resourceType"]
            if url:
                self._same[url] = key
        for one, url, parent in self._resources(resource):
            person = self._person(parent or one, url)
            rules = fhir_rules().get(one["resourceType"], {})
            for kind, value in _leaves(one, rules):
                if kind == "date":
                    self.values.calendar.see(person, value)
            if one["resourceType"] == "Patient":
                self.values.calendar.see_death(person, one.get("deceasedDateTime"))

    def written(self, resource: Any, in_bundle: bool = False) -> dict[str, Any] | None:
        """The resource, or bundle, as it may leave; None where nothing of it may."""
        if resource.get("resourceType") == "Bundle":
            entries = []
            for one, url in _entries(resource):
                if (made := self._made(one, url, "urn:uuid:")) is not None:
                    entries.append({"fullUrl": f"urn:uuid:{made['id']}", "resource": made})
            return {"resourceType": "Bundle", "type": "collection", "entry": entries}
        return self._made(resource, "", "urn:uuid:" if in_bundle else "")

    def _made(self, resource: dict[str, Any], url: str, linked: str) -> dict[str, Any] | None:
        kind = resource["resourceType"]
        if kind not in fhir_rules():
            self.dropped += 1
            self.values.left_out["resources of other types"] += 1
            return None
        self._linked = linked
        person, key = self._person(resource, url), self._key(resource, url)
        made = {"resourceType": kind, "id": self.values.id(key)}
        inner = [one for one in _list(resource.get("contained")) if _type(one) == "Medication"]
        contained = [self._contained(one, person, key) for one in inner]
        if contained:
            made["contained"] = contained
        made |= (
            self._kept(resource, fhir_rules()[kind], person, {"key": key, **{f"#{one.get('id')}": "" for one in inner}})
            or {}
        )
        if kind == "Patient":
            self._describe(resource, made, person)
        return made

    def _contained(self, one: dict[str, Any], person: str, key: str) -> dict[str, Any]:
        kept = self._kept(one, fhir_rules()["Medication"], person, {"key": key}) or {}
        return {"resourceType": "Medication", "id": self.values.id(f"{key}#{one.get('id')}"), **kept}

    def _describe(self, resource: dict[str, Any], made: dict[str, Any], person: str) -> None:
        """Race and ethnicity by the broad categories, and a mask where the year of birth may not be written."""
        extensions = [found for url in (RACE, ETHNICITY) if (found := _category(resource, url))]
        if extensions:
            made["extension"] = extensions
        if "birthDate" not in made and self.values.calendar.old(person, resource.get("birthDate")):
            made["_birthDate"] = MASKED
        codes = {one["url"]: one["extension"][0]["valueCoding"]["code"] for one in extensions}
        address = _list(made.get("address"))
        self.persons[made["id"]] = {
            "birth_year": made.get("birthDate", "90 or older" if "_birthDate" in made else ""),
            "sex": made.get("gender", ""),
            "race": codes.get(RACE, ""),
            "ethnicity": codes.get(ETHNICITY, ""),
            "state": next((one["state"] for one in address if "state" in one), ""),
            "zip3": next((one["postalCode"] for one in address if "postalCode" in one), ""),
            "death_year": str(year_of(made.get("deceasedDateTime")) or ""),
        }

    def _kept(self, node: Any, rule: Any, person: str, place: dict[str, str]) -> Any:
        """What is kept of an element; None where nothing is."""
        if isinstance(node, list):
            some = [kept for one in node if (kept := self._kept(one, rule, person, place)) is not None]
            return some or None
        if isinstance(rule, str):
            return self.values.count(self._value(node, rule, person, place), f"{rule.split('|')[0]} not recognised")
        if not isinstance(node, dict):
            return None
        found: dict[str, Any] = {}
        for name, value in node.items():
            if name in rule:
                if (kept := self._kept(value, rule[name], person, place)) is not None:
                    found[name] = kept
            elif name not in ("resourceType", "id", "contained"):
                self.values.left_out["elements that are not on the list"] += 1
        return found or None

    def _value(  # noqa: PLR0911 a case for each kind
        self, value: Any, rule: str, person: str, place: dict[str, str]
    ) -> Any:
        match rule:
            case "date":
                return self.values.calendar.written(person, value)
            case "birth":
                year = self.values.calendar.born(person, value)
                return None if year is None else f"{year:04d}"
            case "zip":
                return self.values.zip(value)
            case "state":
                return state(value)
            case "country":
                return country(value)
            case "concept":
                codings = [kept for one in _list(value.get("coding")) if (kept := _coding(one))] if _is(value) else []
                return {"coding": codings} if codings else None
            case "coding":
                return _coding(value)
            case "quantity":
                return _quantity(value)
            case "age":
                return _quantity(value, always_years=True)
            case "number":
                return number(value) if not isinstance(value, str) else None
            case "count":
                return number(value) if isinstance(value, int) else None
            case "flag":
                return value if isinstance(value, bool) else None
            case "link":
                return self._link(value, place)
        return value if isinstance(value, str) and value in rule.split("|") else None

    def _link(self, value: Any, place: dict[str, str]) -> dict[str, str] | None:
        """A reference by the new id; None where it leads to nothing that is kept."""
        text = value.get("reference") if _is(value) else None
        if not isinstance(text, str):
            return None
        if text.startswith("#"):
            return {"reference": f"#{self.values.id(f'{place["key"]}{text}')}"} if text in place else None
        target = self._target(text)
        kind = self._type_of.get(target) or (target.split("/")[0] if "/" in target and ":" not in target else "")
        if kind not in fhir_rules():
            return None
        new = self.values.id(target)
        return {"reference": f"{self._linked}{new}" if self._linked else f"{kind}/{new}"}

    def _target(self, text: str) -> str:
        """What a reference leads to: Type/id, or the address itself."""
        if text in self._same:
            return self._same[text]
        found = _REFERENCE.fullmatch(text)
        return f"{found[1]}/{found[2]}" if found and found[1] in fhir_rules() else text

    @staticmethod
    def _key(resource: dict[str, Any], url: str) -> str:
        name = resource.get("id")
        return (
            f"{resource['resourceType']}/{name}"
            if isinstance(name, str) and name
            else url or f"nameless {secrets.token_hex(8)}"
        )

    def _person(self, resource: dict[str, Any], url: str) -> str:
        """Whose a resource is."""
        if resource["resourceType"] == "Patient":
            return self._key(resource, url)
        for name in ("subject", "patient", "beneficiary"):
            link = resource.get(name)
            if isinstance(link, dict) and isinstance(link.get("reference"), str):
                return self._target(link["reference"])
        return f"whose {self._key(resource, url)}"

    @staticmethod
    def _resources(resource: Any) -> Iterator[tuple[dict[str, Any], str, dict[str, Any] | None]]:
        """Each resource with its fullUrl; those contained with the one that holds them."""
        for one, url in _entries(resource) if resource.get("resourceType") == "Bundle" else [(resource, "")]:
            yield one, url, None
            for inner in _list(one.get("contained")):
                if _type(inner):
                    yield {**inner, "id": f"{one.get('id')}#{inner.get('id')}"}, "", one


def checked_resource(text: str, place: str) -> dict[str, Any]:
    """A FHIR resource from its text.

    Raises:
        InputError: it is not one; the message repeats nothing of it.
    """
    try:
        found = json.loads(text)
        deep = _depth(found) > MAX_DEPTH
    except (ValueError, RecursionError):
        raise InputError(f"{place}: is not JSON") from None
    if deep:
        raise InputError(f"{place}: is nested more than {MAX_DEPTH} deep")
    if not _is(found) or not _type(found):
        raise InputError(f"{place}: is not a FHIR resource (a JSON object with a resourceType)")
    if found["resourceType"] == "Bundle" and not isinstance(found.get("entry", []), list):
        raise InputError(f"{place}: Bundle.entry: must be a list")
    return dict(found)


def _depth(value: Any) -> int:
    deepest, rest = 0, [(value, 1)]
    while rest:
        node, depth = rest.pop()
        deepest = max(deepest, depth)
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        rest += [(one, depth + 1) for one in inner]
    return deepest


def _entries(bundle: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for entry in bundle.get("entry", []):
        resource = entry.get("resource") if _is(entry) else None
        if isinstance(resource, dict) and _type(resource) and _type(resource) != "Bundle":
            url = entry.get("fullUrl")
            yield resource, url if isinstance(url, str) else ""


def _leaves(node: Any, rule: Any) -> Iterator[tuple[str, Any]]:
    """The values that the list names, each with its kind."""
    if isinstance(node, list):
        for one in node:
            yield from _leaves(one, rule)
    elif isinstance(rule, str):
        yield rule, node
    elif isinstance(node, dict):
        for name, inner in rule.items():
            if name in node:
                yield from _leaves(node[name], inner)


def _coding(value: Any) -> dict[str, str] | None:
    if _is(value) and known_code(value.get("system"), value.get("code")):
        return {"system": value["system"], "code": value["code"]}
    return None


def _quantity(value: Any, always_years: bool = False) -> dict[str, Any] | None:
    """A quantity with a known unit; years over 89 are 90."""
    if not _is(value) or isinstance(value.get("value"), str):
        return None
    unit = next((one for one in (value.get("code"), value.get("unit")) if known_unit(one)), None)
    years = always_years or unit in YEARS or value.get("unit") in YEARS
    found = age(value.get("value")) if years else number(value.get("value"))
    if found is None:
        return None
    kept: dict[str, Any] = {"value": found}
    if value.get("comparator") in ("<", "<=", ">=", ">"):
        kept["comparator"] = value["comparator"]
    return kept if unit is None else {**kept, "unit": unit, "system": UCUM, "code": unit}


def _category(resource: dict[str, Any], url: str) -> dict[str, Any] | None:
    """Race or ethnicity by the broad categories of the census."""
    for extension in _list(resource.get("extension")):
        if not _is(extension) or extension.get("url") != url:
            continue
        for inner in _list(extension.get("extension")):
            coding = _coding(inner.get("valueCoding")) if _is(inner) and inner.get("url") == "ombCategory" else None
            if coding and coding["system"] == OMB:
                return {"url": url, "extension": [{"url": "ombCategory", "valueCoding": coding}]}
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is(value: Any) -> bool:
    return isinstance(value, dict)


def _type(value: Any) -> str:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""
