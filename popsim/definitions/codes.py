"""Codes of public code systems: what a quantity, drug, diagnosis or setting is called in LOINC, RxNorm, SNOMED CT ...

[sources]
eunomia = "OHDSI/EunomiaDatasets, Synthea27Nj 5.4, CONCEPT.csv, seen"

[[codes]]
key = "weight_kg"
label = "Body weight"
codes = { loinc = ["29463-7", "3141-9"] }     the first is written, all are read
unit = "kg"
sources = ["eunomia"]
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Label, Source, real, whole

MAX_CODES = 200  # of one meaning
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:\-]{0,30}$")]
Codes = Annotated[tuple[Code, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_CODES)]
ConceptId = Annotated[int, whole(0, 2_000_000_000)]
# The dihedral group D5 and the permutation of Verhoeff's check digit (Error detecting decimal codes, 1969).
_TIMES = tuple(
    tuple((a + b) % 5 if a < 5 and b < 5 else (a - b) % 5 if a >= 5 and b >= 5 else 5 + (a + b if a < 5 else a - b) % 5
          for b in range(10))
    for a in range(10)
)  # fmt: skip
_PERMUTED = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


class CodeSystem(Definition):
    """A code system.

    Attributes:
        key: popsim's name of it.
        url: its canonical address in FHIR.
        also: other addresses under which files name it.
        form: regular expression of its codes.
        nested: whether a code is a kind of each shorter code that it begins with (ICD-10, ATC).
        licence: on which terms its codes may be used.
    """

    key: Identifier
    name: Label
    url: Label
    also: Annotated[tuple[Label, ...], AS_TUPLE] = ()
    form: Label
    nested: bool = False
    licence: Source
    source: Source


class CodeSystemFile(Definition):
    """All code systems."""

    systems: Annotated[tuple[CodeSystem, ...], AS_TUPLE, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for words in ([s.key for s in self.systems], [u for s in self.systems for u in (s.url, *s.also)]):
            if twice := sorted({word for word in words if words.count(word) > 1}):
                raise ValueError(f"systems: '{twice[0]}' is there twice")
        return self


class CodeEntry(Definition):
    """The codes of one meaning.

    Attributes:
        key: popsim's own name.
        codes: by code system, the first is written and all are read.
        written: by code system, codes that are written although they mean something wider, and are not read as this.
        same_as: another key of the file whose codes are written for this one too.
        units: by code, the unit that it implies where that is not `unit`; UCUM.
        strengths: by code of a product, the amount of the drug in one piece, in the unit of `unit` without "/d".
        unit: UCUM; empty where the meaning has none.
        concept_id, unit_concept_id: OMOP standard concepts; 0 = not confirmed.
        domain: of OMOP.
        cause: why a person with this diagnosis seeks acute care, in the words of kernels/codes.py.
        column: of the twin that the diagnosis or procedure sets to 1.
        sources: keys of the file's sources.
    """

    key: Identifier
    label: Label
    codes: dict[Identifier, Codes] = Field({})
    written: dict[Identifier, Annotated[tuple[Code, ...], AS_TUPLE, Field(min_length=1, max_length=1)]] = Field({})
    same_as: Identifier | None = None
    units: dict[Code, Label] = Field({})
    strengths: dict[Code, Annotated[float, real(1e-6, 1e6)]] = Field({})
    unit: Annotated[str, Field(max_length=40)] = ""
    concept_id: ConceptId = 0
    unit_concept_id: ConceptId = 0
    domain: Annotated[str, Field(max_length=40)] = ""
    cause: Identifier | None = None
    column: Identifier | None = None
    sources: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.same_as is None) == (not self.codes and not self.written):
            raise ValueError(f"{self.key}: must have codes (or written), or same_as, not both")
        if self.same_as is None and not self.sources:
            raise ValueError(f"{self.key}: sources is missing")
        own = {code for codes in self.codes.values() for code in codes}
        if lost := sorted({*self.units, *self.strengths} - own):
            raise ValueError(f"{self.key}: '{lost[0]}' has a unit or strength, but is not among the codes")
        return self


class CodeFile(Definition):
    """Meanings of one kind, with their sources."""

    sources: dict[Identifier, Source]
    codes: Annotated[tuple[CodeEntry, ...], AS_TUPLE, Field(min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        keys = [entry.key for entry in self.codes]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"codes: the key '{twice[0]}' is there twice")
        plain = {entry.key for entry in self.codes if entry.same_as is None}
        for entry in self.codes:
            if unknown := [source for source in entry.sources if source not in self.sources]:
                raise ValueError(f"{entry.key}: no source '{unknown[0]}' in [sources]")
            if entry.same_as is not None and entry.same_as not in plain:
                raise ValueError(f"{entry.key}: same_as = '{entry.same_as}' is no key with codes of its own")
        return self


def is_code(system: CodeSystem, code: str) -> bool:
    """Whether a code has the form of its system, check digit included."""
    if re.fullmatch(system.form, code) is None:
        return False
    if system.key == "loinc" and not code.startswith("LA"):  # the rule for the check digit of an answer is not known
        return has_check_digit(code)
    return system.key != "snomed" or has_verhoeff_digit(code)


def has_check_digit(loinc: str) -> bool:
    """Whether a LOINC code ends in its check digit (Luhn's sum of the number before the hyphen)."""
    number, _, check = loinc.partition("-")
    if not (number.isdigit() and len(check) == 1 and check.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return (10 - total % 10) % 10 == int(check)


def has_verhoeff_digit(number: str) -> bool:
    """Whether a SNOMED CT identifier ends in its check digit (Verhoeff's)."""
    if not (number.isascii() and number.isdigit()):  # also false for ""
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTED[value]
        total = _TIMES[total][value]
    return total == 0
