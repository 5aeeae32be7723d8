"""How a FHIR file is refused: in one line, with the file, the path in the document, and what is allowed.

Nothing that a file holds is repeated unless it cannot identify a person.
"""

from __future__ import annotations

from typing import Any, NoReturn

from popsim.errors import DefinitionError
from popsim.registry.privacy import shown


class FhirError(DefinitionError):
    """A value in a FHIR file is refused."""


def refuse(file: str, path: str, allowed: str, value: Any = None) -> NoReturn:
    """Refuse a value.

    Args:
        file: as it may be shown.
        path: in the document, as in `Bundle.entry[3].resource.status`.
        allowed: what is allowed there, or what is wrong.
        value: shown if it is short and no text.

    Raises:
        FhirError: always.
    """
    raise FhirError(file, path, None if value is None else shown(value), allowed)
