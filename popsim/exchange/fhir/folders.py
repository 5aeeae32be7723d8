"""Many persons from folders of Bundles and of Bulk Data, one file or line at a time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from popsim.errors import DefinitionError, InputError
from popsim.exchange.fhir.documents import FhirDocument, FhirEntry, line_entries, load_document
from popsim.exchange.fhir.facts import FactPlace, FhirFacts, ReadTally
from popsim.exchange.fhir.reading import ORDER, PersonReader, read_persons
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.strict import check_strictly
from popsim.exchange.fhir.versions import RESOURCE_TYPES
from popsim.registry.privacy import shown_path
from popsim.registry.vocabulary import Vocabulary

BULK_NAME = re.compile(r"([A-Z][A-Za-z]+)[.\-_\d]*\.ndjson")
MAX_FILES = 1_000_000


class FhirPerson(NamedTuple):
    """A person, and the file as it may be shown."""

    file: str
    facts: FhirFacts


class FhirSources(NamedTuple):
    """Files to read: Bundles and resources, and those of Bulk Data by folder."""

    documents: list[Path]
    bulk: list[list[Path]]

    @property
    def number(self) -> int:
        """Number of files."""
        return len(self.documents) + sum(map(len, self.bulk))


def find_sources(paths: Sequence[Path]) -> FhirSources:
    """The files of FHIR among paths, and in the folders among them at any depth.

    Raises:
        InputError: a path does not exist, or there is no such file.
    """
    documents: list[Path] = []
    bulk: dict[Path, list[Path]] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: No such file or directory")
        found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in found[:MAX_FILES]:
            if one.suffix.lower() == ".ndjson" and one.name != "log.ndjson":
                bulk.setdefault(one.parent, []).append(one)
            elif one.suffix.lower() == ".json" or not path.is_dir():
                documents.append(one)
    if not documents and not bulk:
        raise InputError(f"{paths[0]}: holds no .json or .ndjson file")
    return FhirSources(documents, list(bulk.values()))


def persons_in(
    sources: FhirSources,
    vocabulary: Vocabulary,
    tally: ReadTally,
    *,
    strict: bool = False,
    refused: Callable[[DefinitionError], None] | None = None,
    done: Callable[[], None] = lambda: None,
) -> Iterator[FhirPerson]:
    """The persons of all files.

    Args:
        strict: check all resources against R4's definitions first.
        refused: receives the error of a refused Bundle, which is then passed over; None: it is raised.
        done: called after each file.

    Raises:
        DefinitionError: a file is refused.
    """
    for path in sources.documents:
        own = ReadTally(codes=None if tally.codes is None else Counter())
        try:
            document = load_document(path)
            if strict:
                check_strictly(document)
            persons = read_persons(document, vocabulary, own, one=False)
        except DefinitionError as error:
            if refused is None:
                raise
            refused(error)
        else:
            tally.add(own)
            yield from (FhirPerson(document.file, facts) for facts in persons if facts.patient is not None)
        done()
    for files in sources.bulk:
        yield from _bulk(files, vocabulary, tally, strict, done)


def _bulk(
    files: Sequence[Path], vocabulary: Vocabulary, tally: ReadTally, strict: bool, done: Callable[[], None]
) -> Iterator[FhirPerson]:
    """The persons of one Bulk Data export: the types of resources in the order of reading, line by line."""
    rank = {kind: number for number, kind in enumerate(ORDER)}
    reader = PersonReader(vocabulary, tally, one=False)
    seen: dict[str, int] = {}
    for path in sorted(files, key=lambda one: (rank.get(_type_of(one), len(ORDER)), one.name)):
        if (kind := _type_of(path)) in RESOURCE_TYPES and kind not in rank:
            tally.skip(FactPlace(kind, shown_path(path), ""), "a file of a type that twins have no use for")
        else:
            for entry in line_entries(path):
                if strict:
                    check_strictly(FhirDocument(entry.file, [entry]))
                if _is_new(entry, seen, tally):
                    tally.resources += 1
                    reader.refer(_reduced(entry))
                    reader.read(entry)
        done()
    lost = [facts for facts in reader.persons.values() if facts.patient is None]
    if lost and len(lost) == len(reader.persons):
        refuse(shown_path(files[0].parent), "Patient", "there is no Patient in the files of .ndjson")
    tally.passed["Patient", "persons of whom there is no Patient"] += len(lost)
    yield from (
        FhirPerson(shown_path(files[0].parent), one) for one in reader.persons.values() if one.patient is not None
    )


def _type_of(path: Path) -> str:
    found = BULK_NAME.fullmatch(path.name)
    return "" if found is None else found[1]


def _is_new(entry: FhirEntry, seen: dict[str, int], tally: ReadTally) -> bool:
    """Whether a resource was not there before.

    Raises:
        FhirError: it was, with other content.
    """
    kind, name = entry.resource["resourceType"], entry.resource.get("id")
    if kind in ("(deleted)", "(no resource)"):
        tally.passed["(entry)", "a deletion" if kind == "(deleted)" else "an entry without a resource"] += 1
        return False
    if not isinstance(name, str) or kind not in ORDER:
        return True
    key, content = f"{kind}/{name}", hash(repr(entry.resource))
    if key not in seen:
        seen[key] = content
        return True
    if seen[key] != content:
        refuse(entry.file, f"{entry.path}.id", "is there twice with other content")
    tally.passed[kind, "there twice"] += 1
    return False


def _reduced(entry: FhirEntry) -> FhirEntry:
    """A Condition with what references to it need, so that all of them fit into memory."""
    if entry.resource["resourceType"] != "Condition":
        return entry
    wanted: dict[str, Any] = {
        key: entry.resource[key] for key in ("resourceType", "id", "code", "identifier") if key in entry.resource
    }
    return entry._replace(resource=wanted)
