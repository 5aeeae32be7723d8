"""From facts about a person to a twin: the record of day 0, and the lines of its stream after it.

Both go through the doors of the registry that files of its own go through, so that the same facts give the same twin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from popsim.errors import DefinitionError
from popsim.exchange.fhir.day_record import RecordOfDay
from popsim.exchange.fhir.documents import load_document
from popsim.exchange.fhir.facts import FhirFacts, ReadTally
from popsim.exchange.fhir.reading import read_persons
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.stream_lines import stream_lines
from popsim.exchange.fhir.strict import check_strictly
from popsim.exchange.fhir.times import DAY
from popsim.registry.audit import FileRead
from popsim.registry.exports import digest_of_file
from popsim.registry.privacy import shown_path
from popsim.registry.record import Person, person_of
from popsim.registry.service import Report, TwinRegistry
from popsim.registry.stream import Calendar
from popsim.registry.vocabulary import Vocabulary

LOOK_BACK_DAYS = 30  # assumption: a reading of the last month still describes day 0
MAX_LOOK_BACK_DAYS = 365


class NewTwin(NamedTuple):
    """A person read from FHIR.

    Attributes:
        person: for the registry.
        tally: what became of all that was read.
        later: facts after day 0, for an update with the same date of day 0.
        died: days from day 0 to death; None if it is not told.
    """

    person: Person
    tally: ReadTally
    later: int
    died: int | None


def read_one(path: Path, vocabulary: Vocabulary, tally: ReadTally, *, strict: bool = False) -> FhirFacts:
    """The facts about the one person of a FHIR file or folder; none if it is about nobody.

    Raises:
        FhirError: it is not FHIR R4, has the wrong form, or is about several persons.
    """
    document = load_document(path)
    if strict:
        check_strictly(document)
    persons = read_persons(document, vocabulary, tally, one=True)
    return persons[0] if persons else FhirFacts()


def new_person(
    path: Path,
    vocabulary: Vocabulary,
    *,
    day_zero: date | None = None,
    look_back_days: int = LOOK_BACK_DAYS,
    genes: Mapping[str, float] | None = None,
    strict: bool = False,
    complete: bool = False,
    bad_as_missing: bool = False,
) -> NewTwin:
    """A person as known at day 0.

    Args:
        day_zero: date of day 0; None: the last day on which something is told of the person while alive.
        look_back_days: how old a reading may be to count as one of day 0.
        genes: phenotypes from a separate file; they come before those of the FHIR file.
        strict: check all resources against R4's definitions first.
        complete: whether a diagnosis that is not in the file is one that the person does not have.
        bad_as_missing: pass over readings that are refused.

    Raises:
        DefinitionError: the file is refused, or says something impossible.
    """
    tally = ReadTally()
    facts = read_one(path, vocabulary, tally, strict=strict)
    file = shown_path(path)
    if facts.patient is None:
        refuse(file, "Patient", "missing; a twin is made from a file with the Patient and what is told of the person")
    zero = day_of(facts, day_zero, file)
    building = RecordOfDay(facts, vocabulary, tally, file, zero, look_back_days, bad_as_missing)
    record = building.record(complete)
    person = person_of(json.dumps(record), Path(file).with_suffix(".json"), vocabulary)
    known = {name: value for name, value in person.known.items() if name not in building.uncertain}
    told = dict(facts.genes) | dict(genes or {})
    if told:
        known |= told | {"genotype_known": 1.0}
    died = None if facts.died is None else facts.died.day - zero
    return NewTwin(replace(person, known=known), tally, building.later, died)


def day_of(facts: FhirFacts, day_zero: date | None, file: str) -> int:
    """Day 0 as a proleptic ordinal.

    Raises:
        FhirError: nothing tells it, or the person is not born yet, or dead already.
    """
    died = None if facts.died is None else facts.died.day
    if day_zero is not None:
        zero = day_zero.toordinal()
    else:
        moments = [reading.time.days for reading in facts.readings] + [drug.start.days for drug in facts.drugs]
        moments += [one.days for stay in facts.stays for one in (stay.start, stay.end) if one is not None]
        moments += [one.start.days for one in facts.diagnoses if one.start is not None and one.start.precision >= DAY]
        moments.append(facts.newest)
        alive = [one for one in moments if one > 0.0 and (died is None or one < died)]
        if not alive:
            refuse(file, "document", "nothing in it has a day; give the date of day 0: --day-zero")
        zero = int(max(alive))
        if zero > date.today().toordinal():
            refuse(file, "document", "its last event lies in the future; give the date of day 0: --day-zero")
    if died is not None and zero >= died:
        refuse(file, "Patient.deceasedDateTime", "the person is dead on day 0; give an earlier date: --day-zero")
    return zero


def update_twin(
    registry: TwinRegistry,
    path: Path,
    vocabulary: Vocabulary,
    *,
    twin: str | None,
    calendar: Calendar,
    strict: bool = False,
    bad_as_missing: bool = False,
) -> tuple[Report, ReadTally]:
    """Update a twin with what a FHIR file tells of day 0 and after: all of it, or nothing.

    Args:
        twin: its id; None: the file does not say whose twin it is about, and is refused.
        calendar: with the date of day 0.
        strict: check all resources against R4's definitions first.
        bad_as_missing: pass over what is refused.

    Raises:
        DefinitionError: the file is refused, or contradicts itself or what is stored.
        InputError: there is no such twin.
    """
    file, tally = shown_path(path), ReadTally()
    if twin is None:
        refuse(file, "document", "does not name the twin; give its id: --twin, or as the name of the file")
    if calendar.day_zero is None:
        refuse(file, "document", "holds dates; give the date of the twin's day 0: --day-zero")
    facts = read_one(path, vocabulary, tally, strict=strict)
    lines = stream_lines(facts, calendar.day_zero.toordinal(), vocabulary, tally, bad_as_missing)
    raw = "".join(f"{line.text}\n" for line in lines).encode()

    def located(error: DefinitionError) -> DefinitionError:
        number = error.file.rpartition(":")[2]
        if not number.isdecimal() or not 0 < int(number) <= len(lines):
            return error
        place = lines[int(number) - 1].place
        return DefinitionError(place.file, place.path, error.value, error.allowed)

    def pass_over(error: DefinitionError) -> None:
        number = int(error.file.rpartition(":")[2])
        tally.taken[lines[number - 1].place.kind, lines[number - 1].became] -= 1
        tally.skip(lines[number - 1].place, "contradicts something else")

    refused: Callable[[DefinitionError], None] | None = pass_over if bad_as_missing else None
    try:
        read = FileRead("FHIR", digest_of_file(path))
        report = registry.update(raw, path, twin=twin, calendar=calendar, read=read, refuse=refused)
    except DefinitionError as error:
        raise located(error) from None
    return report, tally
