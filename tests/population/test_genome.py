"""Genes: phenotypes as CPIC has them, frequencies as published, the same person the same genes."""

from pathlib import Path

import numpy as np
import pytest

from cohorts import cohort
from popsim.errors import DefinitionError, InputError
from popsim.kernels.numerics.random import RandomKey
from popsim.population import genome
from popsim.population.cohort import CohortSource
from popsim.population.columns import Schema
from popsim.population.genome import GENES, diplotypes, gene_table, sample_genes
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.population.traits import COLUMNS as TRAITS
from popsim.simulation.schema import SCHEMA

COHORT = Path(__file__).parents[2] / "cohorts/heart_failure_discharge.toml"
SEED = 11
SIZE = 40_000
ASIAN, BLACK, WHITE = 1, 2, 4

# Diplotype and phenotype code, re-entered from PharmCAT (PharmGKB/PharmCAT, phenotype/cpic/CYP2D6.json, CYP2C9.json)
# and pypgx (sbslee/pypgx, diplotype-table.csv: CYP2C19, SLCO1B1; equation-table.csv: limits of CYP2D6 and CYP2C9).
CPIC = {
    "cyp2d6": {
        "*4/*5": 1, "*3/*4": 1, "*4/*10": 2, "*4/*41": 2, "*1/*4": 2, "*1/*3": 2, "*1/*5": 2, "*17/*29": 2,
        "*10/*10": 2, "*1/*10": 3, "*1/*9": 3, "*1/*41": 3, "*1/*17": 3, "*1/*1": 3, "*1/*2": 3, "*4/*1x2": 3,
        "*10/*1x2": 3, "*1/*1x2": 5, "*1/*2x2": 5, "*17/*1x2": 5,
    },
    "cyp2c19": {
        "*2/*2": 1, "*2/*3": 1, "*3/*3": 1, "*1/*2": 2, "*1/*3": 2, "*2/*17": 2, "*3/*17": 2, "*1/*1": 3, "*1/*17": 4,
        "*17/*17": 5,
    },
    "cyp2c9": {"*3/*3": 1, "*2/*3": 1, "*1/*3": 2, "*2/*2": 2, "*1/*2": 2, "*1/*5": 2, "*1/*8": 2, "*1/*6": 2,
               "*1/*1": 3},
    "vkorc1": {"A/A": 1, "G/A": 2, "G/G": 3},
    "slco1b1": {"*5/*5": 1, "*1/*5": 2, "*1/*1": 3},
}  # fmt: skip


def people(ethnicity=WHITE, size=SIZE):
    population = Population(Schema((*TRAITS, *genome.COLUMNS)), np.arange(size))
    population["ethnicity"] = ethnicity
    sample_genes(population, (), RandomKey(SEED))
    return population


@pytest.fixture(scope="module")
def white():
    return people()


@pytest.mark.parametrize("gene", GENES)
def test_phenotypes_are_those_of_cpic(gene):
    table = gene_table(gene)
    for diplotype, phenotype in CPIC[gene].items():
        one, two = (table.names.index(allele) for allele in diplotype.split("/"))
        assert table.phenotype[one, two] == table.phenotype[two, one] == phenotype, diplotype


def test_the_activity_score_of_cyp2d6_is_the_sum_of_two_alleles():
    """Lookup keys in PharmCAT's table."""
    table = gene_table("cyp2d6")
    for diplotype, score in {"*1/*4": 1.0, "*1/*9": 1.25, "*1/*17": 1.5, "*1/*2x2": 3.0, "*4/*10": 0.25}.items():
        one, two = (table.names.index(allele) for allele in diplotype.split("/"))
        assert table.activity[one] + table.activity[two] == score


@pytest.mark.parametrize(
    ("ethnicity", "gene", "code", "published", "of"),
    [
        # Dutch, PMC7027978 Table 2; its CYP2C9 PM counts *2/*2, which CPIC calls intermediate: see the test below.
        (WHITE, "cyp2c9", 3, 0.655, 1583),
        (WHITE, "vkorc1", 3, 0.364, 1549),
        (WHITE, "vkorc1", 2, 0.467, 1549),
        (WHITE, "vkorc1", 1, 0.169, 1549),
        # European, PMC9318053 Table 3
        (WHITE, "cyp2c19", 3, 0.406, 1_689_246),
        (WHITE, "cyp2c19", 4, 0.276, 1_689_246),
        (WHITE, "cyp2c19", 5, 0.047, 1_689_246),
        (WHITE, "cyp2c19", 2, 0.248, 1_689_246),
        (WHITE, "cyp2c19", 1, 0.021, 1_689_246),
        # German, Fux et al. 2005, Clin Pharmacol Ther 78:378; its EM and IM are drawn by another rule than CPIC's
        (WHITE, "cyp2d6", 5, 0.041, 121),
        (WHITE, "cyp2d6", 1, 0.033, 121),
    ],
)
def test_frequencies_are_the_published_ones(ethnicity, gene, code, published, of, white):
    """Within 3 standard errors, binomial, of the simulated and the published share together."""
    simulated = np.mean(white[gene] == code)
    standard_error = np.sqrt(published * (1 - published) * (1 / of + 1 / SIZE))
    assert abs(simulated - published) < 3 * standard_error + 0.0005  # shares are printed to three digits


def test_two_null_alleles_without_a_call_of_the_deletion_are_as_frequent_as_in_the_dutch(white):
    """PMC7027978 Table 2: 4.2% of 1576; *5 was not called."""
    null = {"*3", "*4", "*6"}
    share = np.mean([set(pair.split("/")) <= null for pair in diplotypes(white, "cyp2d6", SEED)])
    assert abs(share - 0.042) < 3 * np.sqrt(0.042 * 0.958 * (1 / 1576 + 1 / SIZE))


def test_cyp2c9_with_two_variant_alleles_is_as_frequent_as_in_the_dutch(white):
    """PMC7027978 Table 2: 3.7% of 1583 have *2/*2, *2/*3 or *3/*3."""
    share = np.mean([not {"*1", "*8", "*11"} & set(pair.split("/")) for pair in diplotypes(white, "cyp2c9", SEED)])
    assert abs(share - 0.037) < 3 * np.sqrt(0.037 * 0.963 * (1 / 1583 + 1 / SIZE))


def test_ancestry_matters():
    """South Asians: 26.8% carry CYP2C9 *2 or *3 (Frontiers in Pharmacology 2025, 10.3389/fphar.2025.1597379).

    They give 85% of Asian alleles here, East Asians (0.035 of alleles, PMC6562764 Table 1) the rest.
    """
    asian, black = people(ASIAN, 10_000), people(BLACK, 10_000)
    carriers = np.mean(asian["cyp2c9"] < 3)
    assert abs(carriers - (1 - (1 - 0.85 * (1 - np.sqrt(1 - 0.268)) - 0.15 * 0.035) ** 2)) < 3 * np.sqrt(
        0.25 * 0.75 / 10_000
    )
    # Frequency of VKORC1 A in Africans 0.054 (PMC6562764 Table 1)
    assert abs(np.mean(black["vkorc1"] == 3) - 0.946**2) < 3 * np.sqrt(0.895 * 0.105 / 10_000)


@pytest.mark.parametrize(
    ("gene", "alleles"), [("cyp2c19", ("*1", "*2", "*17")), ("slco1b1", ("*1", "*5")), ("vkorc1", "GA")]
)
def test_pairs_of_alleles_follow_hardy_and_weinberg(gene, alleles, white):
    """p^2 and 2pq from the counted alleles, each within 4 standard errors."""
    pairs = np.array([pair.split("/") for pair in diplotypes(white, gene, SEED)])
    share = {allele: np.mean(pairs == allele) for allele in alleles}
    for i, one in enumerate(alleles):
        for two in alleles[i:]:
            expected = share[one] * share[two] * (1 if one == two else 2)
            found = np.mean((pairs == (one, two)).all(axis=1))
            assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / SIZE)


def test_the_names_of_the_alleles_make_the_phenotype_that_the_twin_carries(white):
    for gene in GENES:
        table = gene_table(gene)
        code = {f"{a}/{b}": table.phenotype[i, j] for i, a in enumerate(table.names) for j, b in enumerate(table.names)}
        assert [code[pair] for pair in diplotypes(white, gene, SEED)] == white[gene].tolist()


def test_the_same_person_has_the_same_genes_whoever_else_is_there():
    cohort = CohortSource.read(COHORT)
    few = sample(cohort, SCHEMA, 50, RandomKey(3))
    many = sample(cohort, SCHEMA, 400, RandomKey(3), enrolment_days=30)
    place = np.argsort(many.person_id)[few.person_id]
    other = sample(cohort, SCHEMA, 400, RandomKey(4))
    for gene in GENES:
        assert (few[gene] >= 1).all()
        assert (few[gene] == many[gene][place]).all()
        assert (many[gene] != other[gene]).any()


def test_a_cohort_may_fix_a_gene():
    always = {"distribution": "fixed"}
    fixed = cohort({"cyp2d6": always | {"value": 1.0}, "ethnicity": always | {"value": 4.0}})
    schema = Schema([column for column in (*TRAITS, *genome.COLUMNS) if not column.required])
    population = sample(fixed, schema, 200, RandomKey(1))
    assert (population["cyp2d6"] == 1).all()
    assert len(np.unique(population["cyp2c19"])) > 3


def test_an_unknown_gene_is_refused():
    with pytest.raises(InputError, match="no gene 'cyp3a4'"):
        gene_table("cyp3a4")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("from_score = 1.0", "from_score = 3.0", "from_score must start at 0 and rise"),
        ("frequency = { european = 0.145,", "frequency = { european = 0.945,", "add up to more than 1"),
        ("european = 0.217,", "europan = 0.217,", "europan"),
    ],
)
def test_a_gene_file_that_makes_no_sense_is_refused(tmp_path, old, new, message):
    folder = Path(genome.__file__).parents[1] / "evidence/genome"
    text = (folder / "cyp2c19.toml").read_text()
    assert old in text
    (tmp_path / "cyp2c19.toml").write_text(text.replace(old, new, 1))
    (tmp_path / "ancestry.toml").write_text((folder / "ancestry.toml").read_text())
    with pytest.raises(DefinitionError, match=message):
        gene_table("cyp2c19", tmp_path)
