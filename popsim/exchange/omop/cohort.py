"""A cohort drafted from an OMOP CDM, and the codebook of what became what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from popsim.drafting.draft import Draft, DraftedColumn, draft_table
from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.exchange.omop.cdm_files import open_cdm
from popsim.exchange.omop.facts import UNDERSTOOD, read_facts
from popsim.exchange.omop.people import NOT_TAKEN, CdmPeople, CodebookRow, people_at
from popsim.exchange.tables.csv_file import write_harmless
from popsim.kernels.numerics.random import RandomKey
from popsim.population.csv_table import CsvTable

CODEBOOK_ENDING = "_codebook.csv"
MAX_UNKNOWN = 10  # concepts that are named, of those that popsim does not know


@dataclass(frozen=True)
class CdmDraft:
    """A cohort drafted from a CDM.

    Attributes:
        draft: the people in popsim's columns.
        people: from which it was drafted.
        counts: records understood and passed over, by table and reason.
        unknown: records passed over, by concept.
    """

    draft: Draft
    people: CdmPeople
    counts: Counter[tuple[str, str]]
    unknown: Counter[str]

    def lines(self) -> Iterator[str]:
        """What was read, in words."""
        yield f"index: {self.people.index}"
        for why, number in self.people.left_out.items():
            yield f"people left out, {why}: {number:,}"
        for table in dict.fromkeys(table for table, _ in self.counts):
            reasons = {
                why: rows for (of, why), rows in self.counts.items() if of == table and why != UNDERSTOOD and rows
            }
            passed = "".join(f"; {why}: {rows:,}" for why, rows in reasons.items())
            yield f"{table}: {self.counts[table, UNDERSTOOD]:,} records understood{passed}"
        if self.unknown:
            most = ", ".join(f"{name} {rows:,}" for name, rows in self.unknown.most_common(MAX_UNKNOWN))
            yield f"not known to popsim, the most frequent of {len(self.unknown):,}: {most}"

    def codebook(self) -> pl.DataFrame:
        """One row a column of the cohort: where it is from, how many people have it, how it was read."""
        rows = [self._row(column) for column in self.draft.columns]
        names = ("column", "unit", "cdm_table", "concept_ids", "records", "people", "share_missing", "read_as")
        return pl.DataFrame(rows, names, orient="row")

    def _row(self, column: DraftedColumn) -> tuple[object, ...]:
        one = self._origin(column)
        told = "; ".join(part for part in (one.told, column.told) if part)
        share = round(column.imputed / self.draft.rows, 4)
        known = self.draft.rows - column.imputed
        return column.name, one.unit, one.table, one.concepts, one.records, known, share, told

    def column_lines(self) -> list[str]:
        """What each column of the cohort is; drugs that nobody takes on one line."""
        nobody = [column for column in self.draft.columns if self._origin(column).told.startswith(NOT_TAKEN)]
        names = {column.name for column in nobody}
        lines = [self._column_line(column) for column in self.draft.columns if column.name not in names]
        return [*lines, f"{NOT_TAKEN}: {', '.join(column.name for column in nobody)}"] if nobody else lines

    def _column_line(self, column: DraftedColumn) -> str:
        """What a column of the cohort is, in one line."""
        one = self._origin(column)
        missing = (
            f"{column.imputed} of {self.draft.rows} missing ({100 * column.imputed / self.draft.rows:.1f}%), imputed"
        )
        parts = (one.told, column.told, missing if column.imputed else "")
        return f"{column.name} from {one.table}: {'; '.join(part for part in parts if part)}"

    def _origin(self, column: DraftedColumn) -> CodebookRow:
        return next(row for row in self.people.codebook if row.column == column.header)


def draft_cdm(
    path: Path, parameters: Parameters, key: RandomKey, index: str = "", at: str = "admission", look_back: int = 365
) -> CdmDraft:
    """Draft a cohort from a CDM.

    Args:
        path: folder, zip, DuckDB or SQLite file.
        parameters: for formulas, as that of filtration.
        key: of the imputation.
        index, at, look_back: as for `people_at`.

    Raises:
        DefinitionError: the source is refused.
        InputError: nobody is left.
    """
    with open_cdm(path) as cdm:
        facts = read_facts(cdm)
    people = people_at(facts, index, at, look_back)
    draft = draft_table(CsvTable(people.table, (), ",", False), [], parameters, key)
    return CdmDraft(draft, people, facts.counts, facts.meanings.unknown)


def write_codebook(codebook: pl.DataFrame, path: Path) -> Path:
    """Write the codebook.

    Raises:
        InputError: it cannot be written.
    """
    try:
        write_harmless(codebook, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path
