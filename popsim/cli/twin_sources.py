"""What the commands of twins read, recognised by what it holds: popsim's own files, FHIR R4, an OMOP CDM, devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from popsim.cli.twin_omop import asks_for_cdm, cdm_person, cdm_stream
from popsim.errors import InputError
from popsim.exchange.fhir.documents import is_fhir
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.genomics import read_genes
from popsim.exchange.fhir.to_twin import MAX_LOOK_BACK_DAYS, new_person, update_twin
from popsim.exchange.omop.facts import UNDERSTOOD
from popsim.exchange.recognise import wearable_data
from popsim.registry.audit import FileRead
from popsim.registry.exports import digest_of_file
from popsim.registry.record import Person, read_record
from popsim.registry.service import Report, TwinRegistry
from popsim.registry.stream import Calendar, read_bytes
from popsim.registry.vocabulary import Vocabulary, vocabulary_of
from popsim.reporting.text.fhir_reading import tally_dict, tally_text

SUFFIXES = (".csv", ".jsonl", ".json", ".ndjson", ".xml", ".zip")
OWN_RECORD = "command line: {}: is for FHIR; a record of popsim's own is about day 0"


def person_of_record(
    record: Path, genome: Path | None, vocabulary: Vocabulary, cdm_id: str, **options: Any
) -> tuple[Person, ReadTally, list[str]]:
    """A person from a record, FHIR or an OMOP CDM, with what was read of FHIR and notes.

    Args:
        record: a file, or a folder of FHIR or of a CDM.
        genome: file of genes.
        vocabulary: of a record.
        cdm_id: of the person in a CDM; empty elsewhere.
        options: of `new_person`.

    Raises:
        DefinitionError: a file is refused.
        InputError: it cannot be read, or an option is out of bounds.
    """
    genes, tally = ({}, ReadTally()) if genome is None else read_genes(genome)
    is_cdm = asks_for_cdm(record, cdm_id)
    if not is_cdm and is_fhir(record):
        if not 0 <= options["look_back_days"] <= MAX_LOOK_BACK_DAYS:
            raise InputError(f"command line: --look-back: must be between 0 and {MAX_LOOK_BACK_DAYS} days")
        read = new_person(record, vocabulary, genes=genes, **options)
        read.tally.taken.update(tally.taken)
        read.tally.passed.update(tally.passed)
        return read.person, read.tally, _notes(options["day_zero"], read.later, read.died)
    for flag in ("complete", "strict", "bad_as_missing", *([] if is_cdm else ["day_zero"])):
        if options[flag]:
            raise InputError(OWN_RECORD.format(f"--{flag.replace('_', '-')}"))
    if is_cdm:
        person, counts = cdm_person(record, cdm_id, options["day_zero"], vocabulary)
        _add_cdm(tally, counts)
    else:
        person = read_record(record, vocabulary)
    if genes:
        person = Person(dict(person.known) | genes, person.measurements)
    return person, tally if tally.passed or is_cdm else ReadTally(), []


def _add_cdm(tally: ReadTally, counts: Counter[tuple[str, str]]) -> None:
    """Count the records of a CDM as used or passed over."""
    for (table, became), number in counts.items():
        (tally.taken if became == UNDERSTOOD else tally.passed)[table, became] += number


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
    """Updates a registry with files of any kind.

    Attributes:
        content, lines: what was read of the last file, if it is not popsim's own: for JSON and for the terminal.
    """

    def __init__(
        self, registry: TwinRegistry, calendar: Calendar, *, strict: bool, bad_as_missing: bool, cdm_id: str = ""
    ) -> None:
        self._registry, self._calendar, self._cdm_id = registry, calendar, cdm_id
        self._strict, self._bad_as_missing = strict, bad_as_missing
        self._vocabulary = vocabulary_of(registry.parameters)
        self.content: dict[str, Any] = {}
        self.lines: list[str] = []

    def __call__(self, path: Path, twin: str | None) -> Report:
        """Update with a file.

        Raises:
            DefinitionError: it is refused.
            InputError: it cannot be read, or there is no such twin.
        """
        self.content, self.lines = {}, []
        if asks_for_cdm(path, self._cdm_id):
            raw, counts = cdm_stream(path, self._cdm_id, self._calendar.day_zero, self._vocabulary)
            report = self._update(raw, path, twin, FileRead("OMOP", digest_of_file(path)))
            tally = ReadTally()
            _add_cdm(tally, counts)
            self.content, self.lines = read_of_fhir(tally)
            return report
        if is_fhir(path):
            report, tally = update_twin(
                self._registry,
                path,
                self._vocabulary,
                twin=twin,
                calendar=self._calendar,
                strict=self._strict,
                bad_as_missing=self._bad_as_missing,
            )
            self.content, self.lines = read_of_fhir(tally)
            return report
        device = wearable_data(path, twin, self._calendar, self._vocabulary)
        if device is None:
            return self._update(read_bytes(path), path, twin, None)
        report = self._update(device.stream, path, twin, FileRead(device.form, digest_of_file(path)))
        self.content, self.lines = {"device": device.as_dict()}, list(device.lines())
        return report

    def _update(self, raw: bytes, path: Path, twin: str | None, read: FileRead | None) -> Report:
        return self._registry.update(raw, path, twin=twin, calendar=self._calendar, read=read)


def read_of_fhir(tally: ReadTally, notes: Sequence[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """What was read of FHIR, for JSON and for the terminal; nothing where nothing was."""
    if not (tally.taken or tally.passed):
        return {}, []
    return {"read": tally_dict(tally), "notes": list(notes)}, [tally_text(tally), *notes]


def told_after(
    content: Mapping[str, Any], text: str, read: tuple[Mapping[str, Any], Sequence[str]]
) -> tuple[dict[str, Any], str]:
    """A result for JSON and for the terminal, with what was read of files that are not popsim's own."""
    return {**content, **read[0]}, "\n".join([text, *read[1]])
