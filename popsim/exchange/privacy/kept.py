"""Lists of what de-identification keeps, read from the TOML files of this folder."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MAX_CODE = 40  # letters of a code

_VERHOEFF_D = [[(i + j) % 5 + 5 * ((i // 5) ^ (j // 5)) if i < 5 else (i - j) % 5 + 5 * (1 - j // 5) for j in range(10)]
               for i in range(10)]  # fmt: skip
_VERHOEFF_P = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


@cache
def listed(name: str) -> dict[str, Any]:
    """The content of one of the lists: kept_fhir, kept_omop, codes_kept or zip3."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def fhir_rules() -> dict[str, Any]:
    """Elements of FHIR that are kept, as a tree by type: {"Patient": {"address": {"state": "state"}}}."""
    tree: dict[str, Any] = {}
    for kind, paths in listed("kept_fhir").items():
        root = tree.setdefault(kind, {})
        for path, rule in paths.items():
            *above, last = path.split(".")
            node = root
            for part in above:
                node = node.setdefault(part, {})
            node[last] = rule
    return tree


@cache
def _forms() -> dict[str, re.Pattern[str]]:
    return {system: re.compile(form) for system, form in listed("codes_kept")["forms"].items()}


@cache
def _units() -> frozenset[str]:
    return frozenset(listed("codes_kept")["units"])


def known_unit(unit: object) -> bool:
    """Whether a unit is one of those listed."""
    return isinstance(unit, str) and unit in _units()


def known_code(system: object, code: object) -> bool:
    """Whether a code is one of a known public system: listed, or of its form with a right check digit."""
    if not isinstance(system, str) or not isinstance(code, str) or len(code) > MAX_CODE:
        return False
    if (codes := listed("codes_kept")["listed"].get(system)) is not None:
        return code in codes
    form = _forms().get(system)
    if form is None or not form.fullmatch(code) or not code.isascii():
        return False
    if system == "http://loinc.org":
        return _luhn(code.replace("-", ""))
    return _snomed(code) if system == "http://snomed.info/sct" else True


def _luhn(digits: str) -> bool:
    """LOINC's check digit (mod 10, every second digit doubled from the right)."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _snomed(code: str) -> bool:
    """Whether a number can be a SNOMED CT concept: the partition says concept, and Verhoeff's check digit is right."""
    if code[-3:-1] not in ("00", "10"):
        return False
    check, power = 0, list(range(10))
    for digit in reversed(code):
        check = _VERHOEFF_D[check][power[int(digit)]]
        power = [_VERHOEFF_P[d] for d in power]
    return check == 0
