"""What the concepts of a CDM mean in popsim's own names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

import polars as pl

from popsim.evidence.code_systems import find_meaning, load_codes
from popsim.exchange.omop.cdm_files import CdmReader

SYSTEM_OF = {  # OMOP vocabulary: popsim's name of the code system
    "LOINC": "loinc", "SNOMED": "snomed", "ICD10CM": "icd10cm", "ICD10": "icd10", "RxNorm": "rxnorm", "ATC": "atc",
}  # fmt: skip
SOURCES = {  # code systems that a source value may be of, the likeliest first
    "signals": ("loinc",), "diagnoses": ("snomed", "icd10cm", "icd10"), "drugs": ("rxnorm", "atc"),
    "procedures": ("snomed",),
}  # fmt: skip
UNIT_VOCABULARY = "UCUM"


class Meanings:
    """The meanings of one source: popsim's table of codes, and the source's own concepts, if it has them.

    Args:
        cdm: the source.
    """

    def __init__(self, cdm: CdmReader) -> None:
        concepts = cdm.table("concept")
        self._concepts = {
            number: (vocabulary, code)
            for number, vocabulary, code in concepts.select("concept_id", "vocabulary_id", "concept_code").iter_rows()
        }
        self._names = dict(concepts.select("concept_id", "concept_name").iter_rows())
        self._wider: dict[str, dict[str, str]] = {}
        self._ancestors = cdm.table("concept_ancestor")
        self.unknown: Counter[str] = Counter()  # records that are passed over, by concept or source value

    def of(self, kind: str, concept: str | None, source: str | None, source_concept: str | None = None) -> str | None:
        """popsim's own name; None where it knows none."""
        return (
            self._by_concept(kind, concept) or self._by_concept(kind, source_concept) or self._by_source(kind, source)
        )

    def name(self, concept: str | None, source: str | None) -> str:
        """A concept in words, for a list of what is not known."""
        if concept not in (None, "0"):
            return f"{self._names.get(concept) or 'concept'} ({concept})"
        return f"concept 0, source {source}" if source else "concept 0"

    def code(self, concept: str | None, source: str | None, vocabulary: str) -> str | None:
        """The code of a vocabulary that a record has: of its concept, or its source value."""
        own = self._concepts.get(concept or "")
        return own[1] if own and own[0] == vocabulary else source

    def unit(self, concept: str | None, source: str | None) -> str:
        """The unit of a value, UCUM or as the source writes it; empty where it has none."""
        if (known := _units().get(concept or "")) is not None:
            return known
        own = self._concepts.get(concept or "")
        return own[1] if own and own[0] == UNIT_VOCABULARY else source or ""

    def _by_concept(self, kind: str, concept: str | None) -> str | None:
        if concept in (None, "0"):
            return None
        if (key := _standard(kind).get(concept)) is not None:
            return key
        own = self._concepts.get(concept)
        if own is not None and own[0] in SYSTEM_OF and (key := find_meaning(kind, SYSTEM_OF[own[0]], own[1])):
            return key
        return self._descendants(kind).get(concept)

    def _by_source(self, kind: str, source: str | None) -> str | None:
        if source is None:
            return None
        return next((key for system in SOURCES[kind] if (key := find_meaning(kind, system, source))), None)

    def _descendants(self, kind: str) -> dict[str, str]:
        """Concepts below those of the table, by the source's own hierarchy."""
        if kind not in self._wider:
            named = self._ancestors.filter(pl.col("ancestor_concept_id").is_in(list(_standard(kind))))
            pairs = named.select("descendant_concept_id", "ancestor_concept_id").iter_rows()
            self._wider[kind] = {below: _standard(kind)[above] for below, above in pairs}
        return self._wider[kind]


@cache
def _standard(kind: str) -> dict[str, str]:
    """popsim's own name by standard concept."""
    return {str(one.concept_id): key for key, one in load_codes(kind).items() if one.concept_id and not one.same_as}


@cache
def _units() -> dict[str, str]:
    """UCUM units by concept, as far as popsim's table has them."""
    return {str(one.unit_concept_id): one.unit for one in load_codes("signals").values() if one.unit_concept_id}


def concepts_of(kind: str, keys: Iterable[str]) -> str:
    """The standard concepts of popsim's own names, in words."""
    table = load_codes(kind)
    found = {table[key].concept_id for key in keys if key in table and table[key].concept_id}
    return ", ".join(map(str, sorted(found)))
