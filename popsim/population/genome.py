"""Five pharmacogenes.

Two alleles of each gene are drawn independently (Hardy-Weinberg equilibrium) from published frequencies of the person's
ancestry (evidence/genome/*.toml), keyed by person and gene. Their activity values add up to a score, which determines
the phenotype by the rules of the Clinical Pharmacogenetics Implementation Consortium (CPIC). A twin stores only the
phenotype; `diplotypes` draws the same alleles again.

Limits of validity: common alleles only; genes are drawn independently of one another (CYP2C9 and CYP2C19 lie close to
each other on chromosome 10); people of mixed ancestry have alleles mixed at random.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from popsim.definitions.gene import Ancestries, Gene, Phenotype
from popsim.errors import InputError, did_you_mean
from popsim.evidence.parameters import FOLDER
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology.genome import draw_alleles
from popsim.population.columns import Column
from popsim.population.population import Population

GENES = ("cyp2d6", "cyp2c19", "cyp2c9", "vkorc1", "slco1b1")  # the order sets the index of the random stream
UNDETERMINED, POOR, INTERMEDIATE, NORMAL, RAPID, ULTRARAPID = range(6)
METABOLISERS: tuple[str, ...] = get_args(Phenotype)
CODES = {name: code for code, name in enumerate(METABOLISERS, start=POOR)}


def _gene(name: str, high: int, meaning: str, words: Sequence[str] = METABOLISERS) -> Column:
    """A phenotype, drawn by ancestry if the cohort does not give it."""
    codes = {code: f"{name.upper()} {word}" for code, word in enumerate(("unknown", *words)[: high + 1])}
    return Column(name, "code", "1", 0, high, meaning, "cohort", at_entry=UNDETERMINED, codes=codes)


COLUMNS: tuple[Column, ...] = (
    _gene("cyp2d6", 5, "CYP2D6: 1 poor to 3 normal, 5 ultrarapid metaboliser, 0 unknown."),
    _gene("cyp2c19", 5, "CYP2C19: 1 poor to 5 ultrarapid metaboliser, 0 unknown."),
    _gene("cyp2c9", 3, "CYP2C9: 1 poor to 3 normal metaboliser, 0 unknown."),
    _gene("vkorc1", 3, "VKORC1 -1639: 1 AA (low warfarin dose), 2 AG, 3 GG, 0 unknown.", ("AA", "AG", "GG")),
    _gene("slco1b1", 3, "SLCO1B1: 1 poor to 3 normal function, 0 unknown."),
)


class GeneTable(NamedTuple):
    """A gene as arrays.

    Attributes:
        place: index in GENES.
        names: of the alleles.
        cumulative: float64[ethnicities, alleles], cumulative frequencies of the alleles.
        activity: float64[alleles], part of the activity score.
        phenotype: int8[alleles, alleles], code.
    """

    place: int
    names: tuple[str, ...]
    cumulative: NDArray[np.float64]
    activity: NDArray[np.float64]
    phenotype: NDArray[np.int8]


@cache
def gene_table(column: str, folder: Path = FOLDER / "genome") -> GeneTable:
    """Read a gene and the ancestry of the ethnic groups from their files.

    Raises:
        InputError: there is no such gene.
        DefinitionError: a file is refused.
    """
    if column not in GENES:
        raise InputError(f"no gene '{column}': {did_you_mean(column, GENES)}")
    gene = Gene.read(folder / f"{column}.toml")
    ancestries = Ancestries.read(folder / "ancestry.toml")
    frequency = np.array(
        [
            [
                sum(share * allele.frequency.get(group, 0.0) for group, share in one.shares.items())
                for allele in gene.alleles
            ]
            for one in ancestries.ethnicities
        ]
    )
    frequency[:, 0] = 1.0 - frequency.sum(axis=1)
    activity = np.array([allele.activity for allele in gene.alleles])
    score = activity[:, None] + activity[None, :]  # of two alleles
    limits = np.array([one.from_score for one in gene.phenotypes])
    codes = np.array([CODES[one.name] for one in gene.phenotypes], np.int8)
    phenotype = codes[np.searchsorted(limits, score, side="right") - 1]
    names = tuple(allele.name for allele in gene.alleles)
    return GeneTable(GENES.index(column), names, np.cumsum(frequency, axis=1), activity, phenotype)


def sample_genes(population: Population, given: Collection[str], key: RandomKey) -> None:
    """Draw the gene columns of the population that the cohort does not give.

    Args:
        population: with `ethnicity`.
        given: columns that the cohort sets.
        key: of the random numbers.
    """
    everybody = np.arange(len(population))
    for column in GENES:
        if column in population.schema and column not in given:
            table = gene_table(column)
            first, second = _alleles(table, population, everybody, key)
            population[column] = table.phenotype[first, second]


def diplotypes(population: Population, gene: str, seed: int | RandomKey, replication: int = 0) -> list[str]:
    """The sampled alleles of each row, such as "*1/*4", in the order of the gene's file.

    seed and replication must be those with which the people were sampled.

    Raises:
        InputError: there is no such gene, or the key is invalid.
    """
    table = gene_table(gene)
    key = RandomKey.of(seed, replication)
    first, second = np.sort(_alleles(table, population, np.arange(len(population)), key), axis=0)
    return [f"{table.names[a]}/{table.names[b]}" for a, b in zip(first, second, strict=True)]


def allele_activities(
    population: Population, gene: str, rows: NDArray[np.int64], key: RandomKey
) -> NDArray[np.float64]:
    """Activity values of the two alleles of some rows, shape (2, rows).

    NaN for people whose phenotype was fixed by the cohort and differs from that of the alleles.
    """
    table = gene_table(gene)
    alleles = _alleles(table, population, rows, key)
    as_carried = table.phenotype[alleles[0], alleles[1]] == population[gene][rows]
    return np.where(as_carried, table.activity[alleles], np.nan)


def _alleles(table: GeneTable, population: Population, rows: NDArray[np.int64], key: RandomKey) -> NDArray[np.int64]:
    """Indices of the two alleles of some rows, shape (2, rows)."""
    alleles = np.empty((2, len(rows)), np.int64)
    population.check_codes(["ethnicity"])
    person_id, ethnicity = population.person_id[rows], population["ethnicity"][rows]
    draw_alleles(key, person_id, ethnicity, table.place, table.cumulative, *alleles)
    return alleles
