"""References between resources, of every form that FHIR R4 has.

`urn:uuid:...` and absolute addresses (the fullUrl of an entry), `Type/id` with or without a server and a version,
`#id` of a contained resource, conditional `Type?identifier=system|value`, and logical references by identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from popsim.exchange.fhir.versions import RESOURCE_TYPES

type Resource = Mapping[str, Any]


class References:
    """The resources of a document, by all the names that a reference may give them."""

    def __init__(self) -> None:
        self._by_name: dict[str, Resource] = {}

    def add(self, resource: Resource, full_url: str = "") -> None:
        """Add a resource under its names; the first with a name keeps it."""
        for name in names_of(resource, full_url):
            self._by_name.setdefault(name, resource)

    def find(self, reference: Any, container: Resource | None = None) -> Resource | None:
        """The resource that a Reference points to; None if it is not in the document.

        Args:
            container: the resource that holds the reference, for `#id`.
        """
        if not isinstance(reference, dict):
            return None
        literal = reference.get("reference")
        if isinstance(literal, str) and literal.startswith("#"):
            return _contained(container, literal[1:])
        for name in names_in(reference):
            if (found := self._by_name.get(name)) is not None:
                return found
        return None


def names_of(resource: Resource, full_url: str) -> list[str]:
    """The names under which a resource can be referred to."""
    kind, names = resource["resourceType"], []
    if full_url:
        names.append(_plain(full_url))
    if isinstance(resource.get("id"), str):
        names.append(f"{kind}/{resource['id']}")
    given = resource.get("identifier")
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            names += [_identified(kind, one.get("system"), one["value"]), _identified(kind, None, one["value"])]
    return names


def names_in(reference: Mapping[str, Any]) -> list[str]:
    """The names by which a Reference may point to something, the surest first."""
    names: list[str] = []
    literal = reference.get("reference")
    if isinstance(literal, str) and literal:
        names.append(_plain(literal))
        if (relative := _relative(literal)) is not None:
            names.append(relative)
        elif "?" in literal:
            names += _conditional(literal)
    logical = reference.get("identifier")
    if not names and isinstance(logical, dict) and isinstance(logical.get("value"), str):
        kind = reference.get("type") or "Patient"  # without a type: what is asked for here is whose data these are
        names.append(_identified(kind, logical.get("system"), logical["value"]))
    return names


def _plain(literal: str) -> str:
    """A literal reference without its version; urns in small letters."""
    if literal[:4].lower() == "urn:":
        return literal.lower()
    return literal.partition("/_history/")[0]


def _relative(literal: str) -> str | None:
    """`Type/id` from a relative or absolute address; None for other forms."""
    parts = _plain(literal).split("/")
    return f"{parts[-2]}/{parts[-1]}" if len(parts) > 1 and parts[-2] in RESOURCE_TYPES else None


def _conditional(literal: str) -> list[str]:
    """Names from `Type?identifier=system|value`."""
    address, _, query = literal.partition("?")
    kind = address.rpartition("/")[2]
    names = []
    for key, value in parse_qsl(query):
        if key == "identifier":
            system, _, number = value.rpartition("|")
            names.append(_identified(kind, system or None, number))
        elif key == "_id":
            names.append(f"{kind}/{value}")
    return names


def _identified(kind: str, system: Any, value: str) -> str:
    return f"{kind}?{system if isinstance(system, str) else ''}|{value}"


def _contained(container: Resource | None, name: str) -> Resource | None:
    held = [] if container is None else container.get("contained")
    for one in held if isinstance(held, list) else []:
        if isinstance(one, dict) and one.get("id") == name and isinstance(one.get("resourceType"), str):
            return one
    return None
