"""Genes: Observations of HL7's genomics reporting guide, and tables as PharmCAT and CPIC write them.

A diplotype is read by popsim's allele tables. Where these lack an allele, the phenotype that is given beside it counts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from popsim.evidence.code_systems import load_codes
from popsim.exchange.fhir.codings import codings, has_code, meaning, words_of
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, ReadTally
from popsim.exchange.fhir.refusals import refuse
from popsim.population.genome import GENES, gene_table
from popsim.registry.privacy import shown_path
from popsim.registry.record import read_genome
from popsim.registry.stream import read_text
from popsim.simulation.schema import SCHEMA

# CPIC's standard terms (Caudle and others 2017, Genet Med 19:215-223).
PHENOTYPES = {
    "poor metabolizer": 1.0, "intermediate metabolizer": 2.0, "normal metabolizer": 3.0, "extensive metabolizer": 3.0,
    "rapid metabolizer": 4.0, "ultrarapid metabolizer": 5.0,
    "poor function": 1.0, "decreased function": 2.0, "intermediate function": 2.0, "normal function": 3.0,
}  # fmt: skip
# -1639G>A on the gene's strand is C>T on the reference's, as CPIC names the alleles of rs9923231.
VKORC1_ALLELES = {
    "rs9923231 reference (c)": "G", "rs9923231 variant (t)": "A", "-1639g": "G", "-1639a": "A", "g": "G", "a": "A",
    "c": "G", "t": "A",
}  # fmt: skip
ONE_OF_TWO = re.compile(r"[/|]")
SEVERAL = re.compile(r"\s+OR\s+|;")
GENE_NAMES = ("gene", "gene symbol", "gene_symbol")
DIPLOTYPE_NAMES = ("source diplotype", "diplotype", "genotype")
PHENOTYPE_NAMES = ("phenotype", "metabolizer status", "coded diplotype/phenotype summary")
SAMPLE_NAMES = ("sample id", "sample", "sample_id")
HEADER_LINES = 5  # of which one has the names of the columns
NOT_KNOWN = "alleles that twins do not have, without a phenotype"


def is_gene(resource: dict[str, Any]) -> bool:
    """Whether an Observation tells a genotype or how a gene's product works."""
    return _is(resource["code"], "genotype", "drug_metabolism")


def _is(concept: Any, *keys: str) -> bool:
    """Whether a concept has the code of one of some keys of the table of codes."""
    return has_code(concept, *(code for key in keys for code in load_codes("genes")[key].codes["loinc"]))


def read_gene(resource: dict[str, Any], place: FactPlace, facts: FhirFacts, tally: ReadTally) -> None:
    """Add what an Observation tells of a gene.

    Raises:
        FhirError: another tells something else of the same gene.
    """
    concept = resource.get("valueCodeableConcept", {})
    words = [words_of(concept), concept.get("text", ""), *(code for _, code in codings(concept))]
    words.append(resource.get("valueString", ""))
    studied: dict[str, Any] = next(
        (part for part in resource.get("component", ()) if _is(part.get("code"), "gene_studied")), {}
    )
    gene = _gene_named(words) or _gene_studied(studied.get("valueCodeableConcept", {}))
    if gene is None:
        tally.skip(place, "no gene of twins")
        return
    found = next((one for text in words if (one := phenotype_of(gene, _without(gene, text), text)) is not None), None)
    if found is None:
        tally.skip(place, NOT_KNOWN)
    elif facts.genes.get(gene, found) != found:
        refuse(place.file, place.path, "tells another phenotype of a gene than an earlier Observation")
    else:
        facts.genes[gene] = found
        facts.gene_places.append(place)


def _gene_named(words: list[str]) -> str | None:
    """The gene with which a text begins, as in "CYP2C19 *2/*2"."""
    for text in words:
        name = re.match(r"[A-Za-z0-9]+", text.strip())
        if name is not None and name[0].lower() in GENES:
            return name[0].lower()
    return None


def _gene_studied(concept: dict[str, Any]) -> str | None:
    key = meaning("genes", concept)
    named = (
        code.removeprefix("HGNC:").lower() for coding in concept.get("coding", ()) for code in [coding.get("code", "")]
    )
    return key if key in GENES else next((one for one in [words_of(concept).lower(), *named] if one in GENES), None)


def _without(gene: str, text: str) -> str:
    """A diplotype without the names of its gene."""
    return re.sub(rf"\b{gene}\b\s*:?\s*(?=[*A-Za-z-])|{gene}(?=\*)", "", text, flags=re.IGNORECASE).strip()


def phenotype_of(gene: str, diplotype: str, phenotype: str = "") -> float | None:
    """The value of a gene's column from a diplotype or else a phenotype in words; None if neither is known."""
    options = {_of_alleles(gene, one) for one in SEVERAL.split(diplotype)}
    if len(options) == 1 and (found := options.pop()) is not None:
        return found
    told = PHENOTYPES.get(phenotype.strip().lower().replace("metaboliser", "metabolizer"))
    return told if told is not None and gene != "vkorc1" and told <= SCHEMA[gene].high else None


def _of_alleles(gene: str, diplotype: str) -> float | None:
    table, alleles = gene_table(gene), [one.strip() for one in ONE_OF_TWO.split(diplotype)]
    if gene == "vkorc1":
        plain = re.sub(r"^-1639\s+(?=[GA]{2}$)", "", diplotype.strip())
        alleles = list(plain) if re.fullmatch("[GA]{2}", plain) else alleles
        alleles = [VKORC1_ALLELES.get(one.lower(), one) for one in alleles]
    if len(alleles) != 2 or not {*alleles} <= {*table.names}:
        return None
    first, second = (table.names.index(one) for one in alleles)
    return float(np.int64(table.phenotype[first, second]))


def read_genes(path: Path) -> tuple[dict[str, float], ReadTally]:
    """Phenotypes from a file of genes: popsim's own of gene and diplotype, PharmCAT's report or calls, CPIC's lists.

    Raises:
        DefinitionError: the file is refused.
        InputError: it cannot be read.
    """
    tally, lines = ReadTally(), read_text(path).split("\n")
    table = next((one for one in enumerate(lines[:HEADER_LINES]) if _columns(one[1])), None)
    plain = [word.strip().lower() for word in re.split("[,\t;]", lines[0])] == ["gene", "diplotype"]
    if table is None or plain:
        genes = read_genome(path)
        tally.taken["genes", "phenotypes"] += len(genes) - 1
        return genes, tally
    found: dict[str, float] = {}
    for number, gene, diplotype, phenotype in _rows(lines, table[0], path):
        place = FactPlace("genes", f"{shown_path(path)}:{number}", "line")
        if gene not in GENES:
            tally.skip(place, "no gene of twins")
            continue
        value = phenotype_of(gene, _without(gene, diplotype), phenotype)
        if value is None:
            tally.skip(place, NOT_KNOWN)
        elif found.get(gene, value) != value:
            refuse(place.file, "diplotype", f"tells another phenotype of {gene.upper()} than a line above")
        else:
            found[gene] = value
            tally.take(place, "phenotypes")
    if not found:
        refuse(shown_path(path), "gene", f"no line tells a known diplotype or phenotype of {', '.join(GENES).upper()}")
    return found | {"genotype_known": 1.0}, tally


def _columns(line: str) -> dict[str, int] | None:
    """Places of the columns that a header names; None if it is no header of a table of genes."""
    words = [word.strip().strip('"').lower() for word in re.split("\t" if "\t" in line else "[,;]", line)]
    kinds = {"gene": GENE_NAMES, "diplotype": DIPLOTYPE_NAMES, "phenotype": PHENOTYPE_NAMES, "sample": SAMPLE_NAMES}
    found = {kind: words.index(name) for kind, names in kinds.items() for name in names[::-1] if name in words}
    return found if "gene" in found and ("diplotype" in found or "phenotype" in found) else None


def _rows(lines: list[str], header: int, path: Path) -> Iterator[tuple[int, str, str, str]]:
    """(line, gene, diplotype, phenotype) of each row."""
    file, columns = shown_path(path), _columns(lines[header])
    assert columns is not None
    mark = next(one for one in "\t;," if one in lines[header])
    samples: set[str] = set()
    reader = csv.reader(lines[header + 1 :], delimiter=mark, strict=True)
    try:
        for words in reader:
            number = header + 1 + reader.line_num
            if not any(word.strip() for word in words):
                continue
            if len(words) <= max(columns.values()):
                refuse(
                    f"{file}:{number}",
                    "line",
                    f"has {len(words)} fields, must have {max(columns.values()) + 1} or more",
                )
            samples.add(words[columns["sample"]] if "sample" in columns else "")
            if len(samples) > 1:
                refuse(f"{file}:{number}", "sample", "is another person than above; one file a person")
            fields = {kind: words[place].strip() for kind, place in columns.items()}
            yield number, fields["gene"].lower(), fields.get("diplotype", ""), fields.get("phenotype", "")
    except csv.Error:
        refuse(f"{file}:{header + 1 + reader.line_num}", "line", "is not CSV or TSV")
