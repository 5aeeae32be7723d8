"""The strict check of whole resources against the definitions of R4 4.0.1: the door of fhirkit (`popsim[fhir]`)."""

from __future__ import annotations

from typing import Any

import orjson

from popsim.errors import InputError
from popsim.exchange.fhir.documents import FhirDocument
from popsim.exchange.fhir.refusals import refuse

NEEDED = "--strict needs fhirkit: pip install 'popsim[fhir]'"


def check_strictly(document: FhirDocument) -> None:
    """Refuse a document of which an element is unknown to R4, has another type, or is missing or there too often.

    Bindings to sets of values and invariants are not checked.

    Raises:
        FhirError: a resource is not R4.
        InputError: fhirkit is not installed.
    """
    try:
        import fhirkit  # noqa: PLC0415 only the strict check needs it
    except ImportError:
        raise InputError(NEEDED) from None
    resources: list[str | bytes | dict[str, Any]] = [orjson.dumps(entry.resource) for entry in document.entries]
    try:
        checked = fhirkit.parse_many(resources, threads=1)
    except ValueError:  # one of them is no resource at all
        refuse(document.file, "document", "holds something that is no resource of R4")
    for entry, found in zip(document.entries, checked, strict=True):
        for issue in found.issues:
            if issue.severity == "error":
                inner = str(issue.path).partition(".")[2]
                refuse(entry.file, f"{entry.path}.{inner}" if inner else entry.path, _told(str(issue.message)))


def _told(message: str) -> str:
    """What fhirkit says, without the value that it quotes."""
    return message if '"' not in message else "not as R4 defines it: " + message.rpartition('"')[2].strip()
