"""The record from which a twin is made: known facts of a person at day 0, without identity; TOML or JSON.

    age_years = 74
    sex = "female"

    [diagnoses]                    # true or false; leave out if not known
    diabetes = true
    copd = false

    [traits]                       # any other constant column of the twins
    ethnicity = 4

    [[measurements]]               # of day 0, by LOINC code
    code = "29463-7"
    value = 81.5
    unit = "kg"

    [medications]                  # all current drugs; without this table they are unknown
    furosemide = { dose = 40, unit = "mg/d" }

Genes come from a separate file: CSV or TSV of gene and diplotype (CYP2D6, *1/*4), with or without that header. Missing
values are as uncertain as among similar people of the cohort.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from popsim.errors import DefinitionError, did_you_mean
from popsim.population.columns import Column
from popsim.population.genome import GENES, gene_table
from popsim.population.traits import HISTORY_COLUMNS
from popsim.registry.privacy import NO_NAMES, personal, personal_key, shown, shown_path
from popsim.registry.stream import MAX_WORD, read_text
from popsim.registry.vocabulary import Measure, Vocabulary, dose_columns, parts_of
from popsim.simulation.schema import SCHEMA

KEYS = ("age_years", "sex", "diagnoses", "traits", "measurements", "medications")
MAX_DOTS = 200  # on a line of TOML: a dotted key of thousands takes minutes and gigabytes
MAX_NUMBER = 1e300
GENE_HEADER = ["gene", "diplotype"]
GENE_LINE = "CYP2D6,*1/*4"
ALLELES = re.compile(r"[/|]")
SEXES = {"male": 0.0, "female": 1.0}
DIAGNOSES = (
    "diabetes", "ckd", "atrial_fibrillation", "copd", "hypertension", "coronary_disease", "prior_infarction",
    "prior_stroke", "iron_deficiency", "heart_failure",
)  # fmt: skip
# Set by other keys, or not at all.
NO_TRAITS = (
    "entry_day", "age_years", "female", "life_table_hazard_per_day", *DIAGNOSES, *GENES,
    *(column.name for column in HISTORY_COLUMNS),
)  # fmt: skip
MAX_LISTED = 20


@dataclass(frozen=True)
class Person:
    """The content of a record.

    Attributes:
        known: columns that all members share.
        measurements: (code, value, unit) of day 0, as stored.
    """

    known: Mapping[str, float]
    measurements: tuple[tuple[str, float, str], ...]


def read_record(path: Path, vocabulary: Vocabulary, genome: Path | None = None) -> Person:
    """Read a record and, optionally, a file of genes.

    Raises:
        DefinitionError: a key or value is refused; personal data are not repeated.
        InputError: a file cannot be read.
    """
    return person_of(read_text(path), path, vocabulary, genome)


def person_of(text: str, file: Path, vocabulary: Vocabulary, genome: Path | None = None) -> Person:
    """Parse the text of a record (JSON if the file name says so, else TOML) and a file of genes.

    Raises:
        DefinitionError: a key or value is refused; personal data are not repeated.
    """
    record = _Record(file, text, vocabulary)
    known, measurements = record.known(), record.measurements()
    if genome is not None:
        known |= read_genome(genome)
    return Person(known, measurements)


class _Record:
    """The parser of a record."""

    def __init__(self, path: Path, text: str, vocabulary: Vocabulary) -> None:
        self._file, self._text, self._vocabulary = shown_path(path), text, vocabulary
        self._table = self._parsed(path)
        self._check_keys(self._table, KEYS, "")
        for key in ("age_years", "sex"):
            if key not in self._table:
                self._refuse(key, None, "missing, this key is required")

    def known(self) -> dict[str, float]:
        """Columns that the record sets."""
        sex = self._table["sex"]
        if not isinstance(sex, str) or sex not in SEXES:
            self._refuse("sex", None, f"allowed: {', '.join(SEXES)}")
        known = {"age_years": self._number("age_years", self._table["age_years"], SCHEMA["age_years"])}
        known["female"] = SEXES[sex]
        for name, value in self._part("diagnoses", DIAGNOSES).items():
            if not isinstance(value, bool):
                self._refuse(f"diagnoses.{name}", shown(value), "must be true or false")
            known[name] = float(value)
        for name, value in self._part("traits", self._traits()).items():
            known[name] = self._number(f"traits.{name}", value, SCHEMA[name])
        return known | self._doses()

    def measurements(self) -> tuple[tuple[str, float, str], ...]:
        """Readings of day 0."""
        listed = self._table.get("measurements", [])
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            self._refuse("measurements", None, "must be a list of tables with code, value and unit")
        found: dict[str, tuple[str, float, str]] = {}
        for place, one in enumerate(listed):
            key = f"measurements.{place}"
            self._check_keys(one, ("code", "value", "unit"), f"{key}.")
            code, known = one.get("code"), self._vocabulary.measurements
            if not isinstance(code, str) or code not in known:
                near = did_you_mean(code[:MAX_WORD] if isinstance(code, str) else "", known)
                self._refuse(f"{key}.code", shown(code), near)
            if code in found:
                self._refuse(f"{key}.code", code, "is there twice; further readings of day 0 go into a stream")
            found[code] = code, self._measured(f"{key}.value", one, known[code], "value"), known[code].unit
        return tuple(found.values())

    def _doses(self) -> dict[str, float]:
        if "medications" not in self._table:
            return {}
        known = self._vocabulary.medications
        taken: dict[str, float] = {measure.name: 0.0 for measure in known.values()}
        columns: list[str] = []
        given = self._part("medications", known)
        # Combinations come first: a drug of the same class that is told beside one is what counts.
        for name, entry in sorted(given.items(), key=lambda one: len(parts_of(known, one[0])), reverse=True):
            key, measure = f"medications.{name}", known[name]
            if not isinstance(entry, dict):
                self._refuse(key, None, 'must be a table such as { dose = 40, unit = "mg/d" }')
            self._check_keys(entry, ("dose", "unit"), f"{key}.")
            if measure.name in columns:
                self._refuse(key, None, "a second drug of the same class; twins take one at a time")
            columns.append(measure.name)
            taken |= dose_columns(known, name, self._measured(f"{key}.dose", entry, measure, "dose"))
        return taken

    def _measured(self, key: str, entry: Mapping[str, Any], measure: Measure, word: str) -> float:
        """A number with its unit, in the unit of storage."""
        value, unit = entry.get(word), entry.get("unit")
        if not isinstance(unit, str) or measure.in_unit(0.0, unit) is None:
            self._refuse(f"{key.rpartition('.')[0]}.unit", None, f"allowed: {', '.join(measure.units())}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(key, None, "must be a number")
        stored = measure.in_unit(float(value), unit) if abs(value) < MAX_NUMBER else None
        if stored is None or not measure.takes(stored):
            self._refuse(key, shown(value), measure.allowed)
        return stored

    def _number(self, key: str, value: object, column: Column) -> float:
        whole = column.kind != "real"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            self._refuse(key, None, f"must be a {'whole ' if whole else ''}number")
        if not column.low <= value <= column.high:
            self._refuse(key, shown(value), f"must be between {column.low:g} and {column.high:g} {column.unit}")
        return float(value)

    def _traits(self) -> list[str]:
        return [one.name for one in SCHEMA.columns.values() if one.writer == "cohort" and one.name not in NO_TRAITS]

    def _part(self, key: str, allowed: Any) -> dict[str, Any]:
        """A table of the record."""
        part = self._table.get(key, {})
        if not isinstance(part, dict):
            self._refuse(key, None, "must be a table")
        self._check_keys(part, allowed, f"{key}.")
        return part

    def _check_keys(self, table: Mapping[str, Any], allowed: Any, where: str) -> None:
        for key, value in table.items():
            if key not in allowed:
                near = did_you_mean(key[:MAX_WORD], allowed, MAX_LISTED)
                words = NO_NAMES if self._personal(key, value) else f"unknown key, {near}"
                # An unknown key may be a name, so the error gives only its line.
                raise DefinitionError(f"{self._file}:{self._line(key)}", f"{where}(key)", None, words)

    @staticmethod
    def _personal(key: str, value: object) -> bool:
        return personal_key(key) or personal(key) or (isinstance(value, str) and personal(value))

    def _parsed(self, path: Path) -> dict[str, Any]:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        for number, text in enumerate(self._text.split("\n") if kind == "TOML" else (), start=1):
            if text.count(".") > MAX_DOTS:
                raise DefinitionError(f"{self._file}:{number}", "file", None, "nested too deeply")
        try:
            if kind == "JSON":
                table = json.loads(self._text, object_pairs_hook=self._once)
            else:
                table = tomllib.loads(self._text)
        except RecursionError:
            raise DefinitionError(self._file, "file", None, "nested too deeply") from None
        except ValueError as error:  # includes numbers with thousands of digits
            found = re.search(r"line (\d+)", str(error))
            line = found[1] if found else str(self._text.rstrip().count("\n") + 1)
            raise DefinitionError(f"{self._file}:{line}", "file", None, f"not valid {kind}") from None
        if not isinstance(table, dict):
            raise DefinitionError(f"{self._file}:1", "file", None, "must be a table")
        return table

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise DefinitionError(self._file, "file", None, "a key is there twice")
        return dict(pairs)

    def _line(self, key: str) -> int:
        """The line on which a key first occurs."""
        place = self._text.find(key)
        return self._text.count("\n", 0, max(place, 0)) + 1

    def _refuse(self, key: str, value: str | None, allowed: str) -> NoReturn:
        raise DefinitionError(self._file, key, value, allowed)


def read_genome(path: Path) -> dict[str, float]:
    """Phenotypes from a file of diplotypes, by column.

    Raises:
        DefinitionError: a line is refused.
        InputError: the file cannot be read.
    """
    file = shown_path(path)
    text = read_text(path)
    reader = csv.reader(text.split("\n"), delimiter="\t" if "\t" in text.partition("\n")[0] else ",", strict=True)
    lines: list[tuple[str, list[str]]] = []
    try:
        for words in reader:
            if any(word.strip() for word in words):
                lines.append((f"{file}:{reader.line_num}", [word.strip() for word in words]))
    except csv.Error:
        raise DefinitionError(f"{file}:{reader.line_num}", "line", None, "is not CSV") from None
    if not lines:
        raise DefinitionError(file, "header", None, f"missing: must be gene,diplotype, then lines such as {GENE_LINE}")
    where, fields = lines[0]
    if [word.lower() for word in fields] == GENE_HEADER:
        del lines[0]
    elif len(fields) != 2 or (fields[0].lower() not in GENES and not ALLELES.search(fields[1])):
        raise DefinitionError(where, "header", None, f"must be gene,diplotype, or a line such as {GENE_LINE}")
    if not lines:
        raise DefinitionError(file, "gene", None, f"there is none; lines must be such as {GENE_LINE}")
    found: dict[str, float] = {}
    for where, fields in lines:
        if len(fields) != 2:
            raise DefinitionError(where, "line", None, f"has {len(fields)} fields, must have 2")
        gene = fields[0].lower()
        if gene not in GENES:
            raise DefinitionError(where, "gene", None, did_you_mean(gene[:MAX_WORD], GENES))
        if gene in found:
            raise DefinitionError(where, "gene", gene.upper(), "is there twice")
        found[gene] = float(_phenotype(gene, fields[1], where))
    return found | {"genotype_known": 1.0}


def _phenotype(gene: str, diplotype: str, where: str) -> int:
    table = gene_table(gene)
    alleles = [allele.strip() for allele in ALLELES.split(diplotype)]
    unknown = [allele for allele in alleles if allele not in table.names]
    if len(alleles) != 2 or unknown:
        near = get_close_matches(unknown[0][:MAX_WORD], table.names, n=1, cutoff=0.5) if unknown else []
        hint = f"; did you mean '{near[0]}'?" if near else ""
        allowed = f"must be two of {', '.join(table.names)}, as in {table.names[0]}/{table.names[-1]}{hint}"
        raise DefinitionError(where, "diplotype", None, allowed)
    first, second = (table.names.index(allele) for allele in alleles)
    return int(np.int64(table.phenotype[first, second]))
