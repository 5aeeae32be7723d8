"""A person of an OMOP CDM, for popsim twin new and popsim twin update."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.errors import InputError

if TYPE_CHECKING:
    from popsim.exchange.omop.to_twin import Counts
    from popsim.registry.record import Person
    from popsim.registry.vocabulary import Vocabulary

STANDARD_INPUT = "-"
CdmPerson = Annotated[
    str, typer.Option("--person", metavar="ID", help="person_id of an OMOP CDM; - reads it from standard input.")
]


def asks_for_cdm(source: Path, person: str) -> bool:
    """Whether a person of a CDM is asked for.

    Raises:
        InputError: the source is a CDM and no person is named.
    """
    if person:
        return True
    if source.is_dir() or source.suffix.lower() in (".zip", ".duckdb", ".sqlite", ".db"):
        from popsim.exchange.omop.cdm_files import is_cdm

        if is_cdm(source):
            raise InputError("command line: --person: missing; an OMOP CDM needs the person_id of one person")
    return False


def cdm_person(path: Path, person: str, day_zero: date | None, vocabulary: Vocabulary) -> tuple[Person, Counts]:
    """The record of a person at day 0, and the numbers of records by table and what became of them."""
    from popsim.exchange.omop.to_twin import record_of_person
    from popsim.registry.record import person_of

    text, counts = record_of_person(path, _id(person), _zero(day_zero), vocabulary)
    return person_of(text, Path("record.json"), vocabulary), counts


def cdm_stream(path: Path, person: str, day_zero: date | None, vocabulary: Vocabulary) -> tuple[bytes, Counts]:
    """What a CDM has of a person after day 0, as a stream that updates a twin; counts as `cdm_person` gives them."""
    from popsim.exchange.omop.to_twin import stream_of_person

    return stream_of_person(path, _id(person), _zero(day_zero), vocabulary)


def _id(person: str) -> str:
    return sys.stdin.readline().strip() if person == STANDARD_INPUT else person.strip()


def _zero(day_zero: date | None) -> date:
    if day_zero is None:
        raise InputError(
            "command line: --day-zero: missing; a person of an OMOP CDM needs the date of the twin's day 0"
        )
    return day_zero
