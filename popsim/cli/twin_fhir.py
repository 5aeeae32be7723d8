"""What the commands of twins read: files of popsim's own, or FHIR R4, recognised by what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from popsim.errors import InputError
from popsim.exchange.fhir.documents import is_fhir
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.genomics import read_genes
from popsim.exchange.fhir.to_twin import MAX_LOOK_BACK_DAYS, new_person, update_twin
from popsim.registry.record import Person, read_record
from popsim.registry.service import Report, TwinRegistry
from popsim.registry.stream import Calendar, read_bytes
from popsim.registry.vocabulary import Vocabulary, vocabulary_of
from popsim.reporting.text.fhir_reading import tally_dict, tally_text

SUFFIXES = (".csv", ".jsonl", ".json", ".ndjson")
OWN_RECORD = "command line: {}: is for FHIR; a record of popsim's own is about day 0"


def person_of_record(
    record: Path, genome: Path | None, vocabulary: Vocabulary, **options: Any
) -> tuple[Person, ReadTally, list[str]]:
    """A person from a record or FHIR, with what was read of FHIR and notes.

    Args:
        genome: file of genes.
        options: of `new_person`.

    Raises:
        DefinitionError: a file is refused.
        InputError: it cannot be read, or an option is out of bounds.
    """
    genes, tally = ({}, ReadTally()) if genome is None else read_genes(genome)
    if is_fhir(record):
        if not 0 <= options["look_back_days"] <= MAX_LOOK_BACK_DAYS:
            raise InputError(f"command line: --look-back: must be between 0 and {MAX_LOOK_BACK_DAYS} days")
        read = new_person(record, vocabulary, genes=genes, **options)
        read.tally.taken.update(tally.taken)
        read.tally.passed.update(tally.passed)
        return read.person, read.tally, _notes(options["day_zero"], read.later, read.died)
    for flag in ("day_zero", "complete", "strict", "bad_as_missing"):
        if options[flag]:
            raise InputError(OWN_RECORD.format(f"--{flag.replace('_', '-')}"))
    person = read_record(record, vocabulary)
    if genes:
        person = Person(dict(person.known) | genes, person.measurements)
    return person, tally if tally.passed else ReadTally(), []


def _notes(day_zero: date | None, later: int, died: int | None) -> list[str]:
    notes = []
    if day_zero is None:
        notes.append("day 0 is the last day on which something is told of the living person; updates need its date")
    if later:
        notes.append(f"told of days after day 0, for an update with the same file: {later}")
    if died is not None:
        notes.append("the file tells of a death after day 0")
    return notes


class FileUpdates:
    """Updates a registry with files of popsim's own or FHIR.

    Attributes:
        tally: of the last file, if it was FHIR.
    """

    def __init__(self, registry: TwinRegistry, calendar: Calendar, *, strict: bool, bad_as_missing: bool) -> None:
        self._registry, self._calendar = registry, calendar
        self._strict, self._bad_as_missing = strict, bad_as_missing
        self.tally = ReadTally()

    def __call__(self, path: Path, twin: str | None) -> Report:
        """Update with a file.

        Raises:
            DefinitionError: it is refused.
            InputError: it cannot be read, or there is no such twin.
        """
        self.tally = ReadTally()
        if not is_fhir(path):
            return self._registry.update(read_bytes(path), path, twin=twin, calendar=self._calendar)
        report, self.tally = update_twin(
            self._registry,
            path,
            vocabulary_of(self._registry.parameters),
            twin=twin,
            calendar=self._calendar,
            strict=self._strict,
            bad_as_missing=self._bad_as_missing,
        )
        return report


def told_after(
    content: Mapping[str, Any], text: str, tally: ReadTally, notes: Sequence[str] = ()
) -> tuple[dict[str, Any], str]:
    """A result for JSON and for the terminal, with what was read of FHIR."""
    if not (tally.taken or tally.passed):
        return dict(content), text
    return {**content, "read": tally_dict(tally), "notes": list(notes)}, "\n".join([text, tally_text(tally), *notes])
