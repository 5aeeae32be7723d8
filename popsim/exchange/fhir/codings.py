"""Codes of a CodeableConcept in popsim's words, by the table of codes in popsim/evidence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from popsim.evidence.code_systems import find_meaning, system_key

MAX_CODE = 40  # letters of a code that may be shown in a codebook
LOINC = "loinc"


def codings(concept: Any) -> Iterator[tuple[str, str]]:
    """(key of the code system, code) of each coding whose system is known."""
    if isinstance(concept, dict):
        for coding in concept.get("coding", ()):
            code, url = coding.get("code"), coding.get("system")
            if code is not None and url is not None and (system := known_system(url)) is not None:
                yield system, code


@lru_cache(maxsize=1024)
def known_system(url: str) -> str | None:
    """The key of a code system by its address."""
    return system_key(url)


@lru_cache(maxsize=1 << 16)
def _meaning(kind: str, system: str, code: str) -> str | None:
    return find_meaning(kind, system, code)


def meaning(kind: str, concept: Any) -> str | None:
    """popsim's key of the first coding of a concept that has one."""
    for system, code in codings(concept):
        if (key := _meaning(kind, system, code)) is not None:
            return key
    return None


def meaning_of_coding(kind: str, coding: Any) -> str | None:
    """popsim's key of a Coding."""
    return meaning(kind, {"coding": [coding]}) if isinstance(coding, dict) else None


def first_code(concept: Any) -> tuple[str, str] | None:
    """The first code of a concept with a known system, for a codebook."""
    return next(((system, code) for system, code in codings(concept) if len(code) <= MAX_CODE), None)


def has_code(concept: Any, *codes: str) -> bool:
    """Whether a concept has one of some codes, of any system."""
    return isinstance(concept, dict) and any(one.get("code") in codes for one in concept.get("coding", ()))


def words_of(concept: Any) -> str:
    """The words of a concept: those of its first coding, else its text."""
    if not isinstance(concept, dict):
        return ""
    displays = (one["display"] for one in concept.get("coding", ()) if "display" in one)
    return str(next(displays, concept.get("text", "")))
