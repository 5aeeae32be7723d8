"""FHIR files: recognised, limited in size, taken apart into resources; single ones, Bundles, Bulk Data folders.

A Bundle may be of any type; one inside another is taken apart, too. Deleted resources and older versions of one are
left out. The same resource twice is one; twice with other content is refused, unless one of the two is newer.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from popsim.errors import InputError, did_you_mean
from popsim.exchange.fhir.refusals import refuse
from popsim.exchange.fhir.versions import OTHER_TYPES, R4B_TYPES, RESOURCE_TYPES, other_version
from popsim.registry.privacy import shown_path
from popsim.registry.stream import read_bytes

MAX_LINE_BYTES = 32 * 1024 * 1024
MAX_RESOURCES = 1_000_000  # of one person's document
MAX_BUNDLE_DEPTH = 3  # a Bundle of answers holds Bundles; deeper ones are refused
BUNDLE_TYPES = (
    "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset",
    "collection",
)  # fmt: skip
LINES = (".ndjson", ".jsonl")
MARK = b'"resourceType"'
MANIFEST = {"transactionTime", "output"}  # keys of a Bulk Data manifest, which is no resource
HEAD = 1000  # bytes in which a file says what it is
COMPRESSED = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}
# What the parser says, and what is told.
WRONG_JSON = {
    "UTF-8": "not UTF-8",
    "infinity": "the number is too large",
    "depth": "nested too deeply, at most 1,024 levels",
    "end of data": "not JSON: the file is cut off",
}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NOT_FHIR = "must be a FHIR R4 resource or Bundle in JSON, or a Bulk Data folder of .ndjson files"

type Json = dict[str, Any]


class FhirEntry(NamedTuple):
    """A resource of a document.

    Attributes:
        file: in which it is, as it may be shown; with the line in files of lines.
        path: in the document, as in `Bundle.entry[3].resource`.
        full_url: of its entry; empty if it has none.
    """

    file: str
    path: str
    resource: Json
    full_url: str = ""


@dataclass
class FhirDocument:
    """The resources of a file or folder.

    Attributes:
        file: as it may be shown.
        entries: resources of R4, in order.
        passed: resources left out, by type and reason.
    """

    file: str
    entries: list[FhirEntry] = field(default_factory=list)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)


def is_fhir(path: Path, head: bytes | None = None) -> bool:
    """Whether a path is meant as FHIR: a folder, a file of .ndjson, or JSON or XML with FHIR's marks in it.

    Args:
        head: content of the file, if it was read already.

    Raises:
        InputError: the file cannot be read, or is too large.
    """
    if path.is_dir() or path.suffix.lower() == ".ndjson":
        return True
    if path.suffix.lower() not in (".json", ".jsonl", ".xml"):
        return False
    raw = read_bytes(path) if head is None else head
    text = raw.replace(b"\0", b"") if raw[:2] in UTF16 or raw[1:2] == b"\0" or raw[:1] == b"\0" else raw
    return MARK in text or b"http://hl7.org/fhir" in text[:HEAD] or raw[:2] == b"PK"


def load_document(path: Path) -> FhirDocument:
    """The resources of a FHIR file or a Bulk Data folder.

    Raises:
        FhirError: it is not FHIR R4 in JSON, or a resource cannot be.
        InputError: it cannot be read, or is too large.
    """
    if path.is_dir():
        lines = (entry for file in bulk_files(path) for entry in line_entries(file))
        return collected(shown_path(path), lines)
    raw, file = read_bytes(path), shown_path(path)
    if path.suffix.lower() in LINES:
        return collected(file, line_entries(path))
    found = parsed(raw, file)
    if "resourceType" not in found and found.keys() >= MANIFEST:
        return FhirDocument(file, passed=Counter({("(file)", "the manifest of Bulk Data"): 1}))
    return collected(file, unpacked(found, file, ""))


def bulk_files(folder: Path) -> list[Path]:
    """The .ndjson files of a Bulk Data folder, without its log.

    Raises:
        FhirError: it has none.
    """
    found = sorted(one for one in folder.iterdir() if one.suffix.lower() == ".ndjson" and one.name != "log.ndjson")
    if not found:
        packed = next((one for one in folder.iterdir() if one.suffix.lower() in (".gz", ".zip")), None)
        hint = "; unpack its files first" if packed is not None else "; a folder of Bundles makes a cohort, not a twin"
        refuse(shown_path(folder), "folder", f"holds no .ndjson file of a Bulk Data export{hint}")
    return found


def line_entries(path: Path) -> Iterator[FhirEntry]:
    """The resources of a file with one JSON document a line."""
    name = shown_path(path)
    try:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    refuse(name, f"line {number}", f"is longer than {MAX_LINE_BYTES // 2**20} MiB")
                if number == 1:
                    _check_encoding(line, name)
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line.strip():
                    file = f"{name}:{number}"
                    yield from unpacked(parsed(line, file), file, "")
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None


def parsed(raw: bytes, file: str) -> Json:
    """A JSON document that is an object.

    Raises:
        FhirError: it is not JSON in UTF-8, or no object.
    """
    _check_encoding(raw, file)
    try:
        found = orjson.loads(raw.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        refuse(file, f"line {error.lineno}, column {error.colno}", _why_not_json(raw, error))
    if not isinstance(found, dict):
        refuse(file, "document", f"{NOT_FHIR}, not a {'list' if isinstance(found, list) else 'single value'}")
    return found


def _why_not_json(raw: bytes, error: orjson.JSONDecodeError) -> str:
    """What is wrong with JSON, in words that repeat nothing of it."""
    start = max(error.pos - 1, 0)  # of "-Infinity" the letter is found wrong
    if not raw.strip():
        return f"empty; {NOT_FHIR}"
    if raw[start : error.pos + 9].lstrip(b"-+: ,[").startswith((b"NaN", b"Infinity", b"nan", b"inf")):
        return "NaN and Infinity are no numbers of JSON; leave the value out, and say why in dataAbsentReason"
    return next((told for sign, told in WRONG_JSON.items() if sign in error.msg), "not JSON")


def _check_encoding(raw: bytes, file: str) -> None:
    """Refuse what is not JSON in UTF-8, by its first bytes."""
    for magic, name in COMPRESSED.items():
        if raw.startswith(magic):
            refuse(file, "file", f"is compressed ({name}); unpack it first")
    if raw.startswith(UTF16) or b"\0" in raw[:4]:
        refuse(file, "file", "is UTF-16 or UTF-32; FHIR is written in UTF-8")
    if raw[:HEAD].removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        refuse(file, "file", f"is XML; {NOT_FHIR}")


def unpacked(resource: Json, file: str, path: str, url: str = "", depth: int = 0) -> Iterator[FhirEntry]:
    """A resource, or those in a Bundle; deletions are entries of type "(deleted)".

    Raises:
        FhirError: it is not of R4, or a Bundle has the wrong form.
    """
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        refuse(file, f"{path}.resourceType".lstrip("."), f"missing; {NOT_FHIR}")
    if kind not in RESOURCE_TYPES and kind not in R4B_TYPES and kind not in OTHER_TYPES:
        near = did_you_mean(kind, RESOURCE_TYPES, 8)
        refuse(file, f"{path}.resourceType".lstrip("."), f"is no resource of FHIR R4, {near}")
    here = path or kind
    if (sign := other_version(resource)) is not None:
        refuse(file, f"{here}.{sign[0]}", f"is of FHIR {sign[1]}; popsim reads R4 (4.0.1) and R4B")
    if kind != "Bundle":
        yield FhirEntry(file, here, resource, url)
        return
    if depth >= MAX_BUNDLE_DEPTH:
        refuse(file, here, f"Bundles within Bundles, at most {MAX_BUNDLE_DEPTH} deep")
    yield from _bundled(resource, file, here, depth)


def _bundled(bundle: Json, file: str, path: str, depth: int) -> Iterator[FhirEntry]:
    kind, entries = bundle.get("type"), bundle.get("entry", [])
    if not isinstance(kind, str) or kind not in BUNDLE_TYPES:
        refuse(file, f"{path}.type", did_you_mean("", BUNDLE_TYPES))
    if not isinstance(entries, list):
        refuse(file, f"{path}.entry", "must be a list")
    for place, entry in enumerate(entries):
        where = f"{path}.entry[{place}]"
        if not isinstance(entry, dict):
            refuse(file, where, "must be an object")
        resource, url, request = entry.get("resource"), entry.get("fullUrl", ""), entry.get("request")
        if not isinstance(url, str):
            refuse(file, f"{where}.fullUrl", "must be a text")
        if request is not None and not isinstance(request, dict):
            refuse(file, f"{where}.request", "must be an object")
        if request is not None and request.get("method") == "DELETE":
            gone = {"resourceType": "(deleted)", "id": str(request.get("url", "")), "history": kind == "history"}
            yield FhirEntry(file, where, gone, url)
        elif resource is None:
            yield FhirEntry(file, where, {"resourceType": "(no resource)"}, url)
        elif not isinstance(resource, dict):
            refuse(file, f"{where}.resource", "must be an object")
        else:
            yield from unpacked(resource, file, f"{where}.resource", url, depth + 1)


def collected(file: str, entries: Iterable[FhirEntry]) -> FhirDocument:
    """The newest version of each resource.

    Raises:
        FhirError: there are too many, or one is there twice with other content.
    """
    document = FhirDocument(file)
    places: dict[str, int] = {}
    kept: list[FhirEntry | None] = []
    gone: set[str] = set()
    for count, entry in enumerate(entries):
        if count >= MAX_RESOURCES:
            refuse(file, entry.path, f"too many resources, at most {MAX_RESOURCES:,}")
        resource = entry.resource
        kind, name = resource["resourceType"], resource.get("id")
        if kind == "(no resource)":
            document.passed["(entry)", "an entry without a resource"] += 1
            continue
        if kind == "(deleted)":
            document.passed["(entry)", "a deletion"] += 1
            key = "/".join(str(name).partition("/_history")[0].split("/")[-2:])
            if not (resource["history"] and key in places):  # a history begins with the newest: it was made again
                gone.add(key)
            continue
        if not isinstance(name, str):
            kept.append(entry)
            continue
        key = f"{kind}/{name}"
        if key not in places:
            places[key] = len(kept)
            kept.append(entry)
            continue
        before = kept[places[key]]
        assert before is not None
        if before.resource == resource:
            document.passed[kind, "there twice"] += 1
            continue
        document.passed[kind, "an older version"] += 1
        if _is_newer(entry, before):
            kept[places[key]] = entry
    for key in gone & places.keys():
        document.passed[key.partition("/")[0], "deleted"] += 1
        kept[places[key]] = None
    document.entries = [entry for entry in kept if entry is not None]
    return document


def _is_newer(entry: FhirEntry, other: FhirEntry) -> bool:
    """Whether an entry is a newer version than another of the same resource.

    Raises:
        FhirError: nothing tells which is newer.
    """
    mine, its = (_moment(_meta(one.resource, "lastUpdated")) for one in (entry, other))
    if mine is not None and its is not None and mine != its:
        return mine > its
    mine, its = (_whole(_meta(one.resource, "versionId")) for one in (entry, other))
    if mine is not None and its is not None and mine != its:
        return mine > its
    refuse(entry.file, f"{entry.path}.id", "is there twice with other content; meta.versionId tells which is newer")


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _whole(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() and len(text) < 16 else None


def _meta(resource: Mapping[str, Any], element: str) -> str | None:
    meta = resource.get("meta")
    found = meta.get(element) if isinstance(meta, dict) else None
    return found if isinstance(found, str) else None
