"""OMOP concepts: which concept stands for which of popsim's own names, and the vocabulary tables of those in use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from popsim.evidence.code_systems import Coded, load_codes
from popsim.exchange.omop.rules import cdm_table
from popsim.population.csv_table import read_csv

SEEN_FILE = Path(__file__).with_name("concepts.csv")
VOCABULARY_FILE = Path(__file__).with_name("vocabularies.csv")
KINDS = ("signals", "drugs", "diagnoses", "procedures", "settings", "dispositions", "types", "people")
VOCABULARY_OF = {"loinc": "LOINC", "rxnorm": "RxNorm", "snomed": "SNOMED"}
NO_VOCABULARY, NO_CLASS = "None", "Undefined"
NO_CONCEPT = 0
MAX_NAME = 255
CDM_VERSION, CDM_VERSION_CONCEPT = "5.4", 756265  # CDM_SOURCE.csv of Synthea27Nj 5.4 (OHDSI/EunomiaDatasets), seen
# The period of validity that OMOP gives to concepts that are valid without limit (CONCEPT.csv of the same, seen).
VALID_FROM, VALID_TO = date(1970, 1, 1), date(2099, 12, 31)
SOURCE_SYSTEMS = (
    "icd10cm",
    "loinc",
    "rxnorm",
    "atc",
    "snomed",
)  # whose code is a source value, the first that there is


def coded(kind: str, key: str) -> Coded | None:
    """The codes of a meaning; None where the table has none."""
    return load_codes(kind).get(key)


def concept(kind: str, key: str) -> int:
    """The standard concept of a meaning, 0 where none is confirmed."""
    found = coded(kind, key)
    return found.concept_id if found else NO_CONCEPT


def type_concept(key: str) -> int:
    """A concept that says where a record comes from."""
    return load_codes("types")[key].concept_id


def source_value(kind: str, key: str) -> str:
    """The code under which a source has a meaning; popsim's own name where there is no code."""
    found = coded(kind, key)
    codes = (found.code(system) for system in SOURCE_SYSTEMS) if found else ()
    return next((code for code in codes if code), key)


@cache
def _known() -> dict[int, tuple[str, str, str, str, str]]:
    """Name, domain, vocabulary, class and code of every concept that popsim can write."""
    table = read_csv(SEEN_FILE).frame
    seen = {int(row[0]): (row[1], row[2], row[3]) for row in table.iter_rows()}
    found: dict[int, tuple[str, str, str, str, str]] = {}
    for kind in KINDS:
        for one in load_codes(kind).values():
            if one.unit_concept_id:
                unit = seen.get(one.unit_concept_id, ("UCUM", "Unit", one.unit))
                found.setdefault(one.unit_concept_id, (one.unit, "Unit", *unit))
            if one.concept_id and one.domain:
                guess = _first_code(one)
                found.setdefault(one.concept_id, (one.label, one.domain, *seen.get(one.concept_id, guess)))
    found[NO_CONCEPT] = ("No matching concept", "Metadata", NO_VOCABULARY, NO_CLASS, "No matching concept")
    version = f"OMOP CDM version {CDM_VERSION}"
    found[CDM_VERSION_CONCEPT] = (version, "Metadata", "CDM", "CDM", f"CDM v{CDM_VERSION}")
    vocabulary = {"domain": "Domain", "vocabulary": "Vocabulary", "concept_class": "Concept Class"}
    for kind, _, name, number in read_csv(VOCABULARY_FILE).frame.iter_rows():
        word = vocabulary[kind]
        found[int(number)] = (name, "Metadata", word, word, number)
    return found


def _first_code(one: Coded) -> tuple[str, str, str]:
    """Vocabulary, class and code of a concept that was not seen in a concept table."""
    for system, name in VOCABULARY_OF.items():
        if (code := one.code(system)) is not None and one.domain not in ("Visit",):
            return name, NO_CLASS, code
    return NO_VOCABULARY, NO_CLASS, str(one.concept_id)


def vocabulary_tables(used: Iterable[int]) -> dict[str, pl.DataFrame]:
    """The tables concept, domain, vocabulary, concept_class and relationship (empty) for the concepts in use.

    Args:
        used: ids in the other tables.

    Raises:
        KeyError: an id that popsim does not know.
    """
    rows = read_csv(VOCABULARY_FILE).frame.select("table", "id", "name", pl.col("concept_id").cast(pl.Int64))
    ids = sorted({NO_CONCEPT, CDM_VERSION_CONCEPT, *used, *rows["concept_id"]})
    known = [(number, *_known()[number]) for number in ids]
    names = ("concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "concept_code")
    concepts = pl.DataFrame(known, names, orient="row").with_columns(
        pl.col("concept_name").str.slice(0, MAX_NAME),
        standard_concept=pl.when(pl.col("domain_id") != "Metadata").then(pl.lit("S")),
        valid_start_date=VALID_FROM,
        valid_end_date=VALID_TO,
    )
    # The version of the model is itself a standard concept, as OHDSI's check asks.
    version = pl.col("concept_id") == CDM_VERSION_CONCEPT
    concepts = concepts.with_columns(
        pl.when(version).then(pl.lit("S")).otherwise("standard_concept").alias("standard_concept")
    )
    tables = {"concept": concepts, "relationship": pl.DataFrame()}
    for table in ("domain", "vocabulary", "concept_class"):
        own = rows.filter(pl.col("table") == table)
        tables[table] = own.select(
            pl.col("id").alias(f"{table}_id"),
            pl.col("name").alias(f"{table}_name"),
            pl.col("concept_id").alias(f"{table}_concept_id"),
            pl.lit("OMOP").alias("vocabulary_reference"),
        )
    return {table: cdm_table(table, frame) for table, frame in tables.items()}
