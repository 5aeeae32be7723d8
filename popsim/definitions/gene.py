"""Genes of drug metabolism: alleles, their activity and frequency by ancestry, and the phenotype of two alleles."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.fields import AS_TUPLE, Identifier, Source, real, whole

Ancestry = Literal["european", "central_south_asian", "east_asian", "sub_saharan_african"]
"""Biogeographical groups of the Clinical Pharmacogenetics Implementation Consortium (CPIC)."""
Phenotype = Literal["poor", "intermediate", "normal", "rapid", "ultrarapid"]
Share = Annotated[float, real(0.0, 1.0)]
NEARLY = 1e-9  # of shares that must add up to one


class Allele(Definition):
    """One allele.

    Attributes:
        name: as PharmVar calls it ("*4"); "x2" behind it for a duplication.
        activity: its part of the activity score, 1 for normal function.
        frequency: share of alleles by ancestry; 0 if absent. The first allele of a gene has the remainder.
    """

    name: str
    activity: Annotated[float, real(0.0, 4.0)]
    frequency: dict[Ancestry, Share] = Field(default_factory=dict)


class PhenotypeLimit(Definition):
    """A phenotype and its lowest activity score."""

    name: Phenotype
    from_score: Annotated[float, real(0.0, 8.0)]


class Gene(Definition):
    """One gene.

    Attributes:
        gene: its symbol.
        column: of the phenotype.
        source: of activities and phenotypes.
        sources: of the frequencies, by ancestry.
        phenotypes: from the lowest score up.
        alleles: the reference allele first.
    """

    gene: str
    column: Identifier
    source: Source
    sources: dict[Ancestry, Source]
    phenotypes: Annotated[tuple[PhenotypeLimit, ...], AS_TUPLE, Field(min_length=1)]
    alleles: Annotated[tuple[Allele, ...], AS_TUPLE, Field(min_length=2, max_length=64)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        limits = [one.from_score for one in self.phenotypes]
        if limits[0] != 0.0 or limits != sorted(set(limits)):
            raise ValueError("phenotypes: from_score must start at 0 and rise")
        if self.alleles[0].frequency:
            raise ValueError(f"alleles.0.frequency: '{self.alleles[0].name}' is the first, it has the remainder")
        for group in self.sources:
            if sum(allele.frequency.get(group, 0.0) for allele in self.alleles) > 1.0:
                raise ValueError(f"alleles: the frequencies of '{group}' add up to more than 1")
        return self


class Ethnicity(Definition):
    """A code of the column `ethnicity`, and the ancestries from which people of that group have their alleles."""

    code: Annotated[int, whole(0, 5)]
    name: str
    shares: dict[Ancestry, Share]
    source: Source

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.shares.values()) - 1.0) > NEARLY:
            raise ValueError(f"shares of '{self.name}' must add up to 1")
        return self


class Ancestries(Definition):
    """The file of the ancestries of ethnic groups; codes 0, 1, 2 ... in order."""

    ethnicities: Annotated[tuple[Ethnicity, ...], AS_TUPLE, Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if [one.code for one in self.ethnicities] != list(range(len(self.ethnicities))):
            raise ValueError("ethnicities: code must be 0, 1, 2 ... in order")
        return self


class OfAgent(Definition):
    """People who are on one drug of a class: the code of an `..._agent` column."""

    column: Identifier
    code: Annotated[int, whole(0, 127)]


class PrescribingRule(Definition):
    """A prescriber's response to the result of one gene, once, when it arrives.

    Attributes:
        name: by which a genetic test refers to it.
        gene: column of the phenotype.
        phenotypes: for which it holds.
        agent: for people on that agent only.
        set_codes: code columns and what they become.
        at_most: maximum doses (as a fraction of the target dose); higher doses are reduced to them.
        iwpc_dose: the dose that is set to that of the warfarin algorithm, unless it is 0.
        source: of the recommendation.
    """

    name: Identifier
    gene: Identifier
    phenotypes: Annotated[tuple[Phenotype, ...], AS_TUPLE, Field(min_length=1)]
    agent: OfAgent | None = None
    set_codes: dict[Identifier, Annotated[int, whole(0, 127)]] = Field(default_factory=dict)
    at_most: dict[Identifier, Annotated[float, real(0.0, 3.0)]] = Field(default_factory=dict)
    iwpc_dose: Identifier | None = None
    source: Source


class Prescribing(Definition):
    """The file of prescribing rules."""

    rules: Annotated[tuple[PrescribingRule, ...], AS_TUPLE, Field(min_length=1)]
