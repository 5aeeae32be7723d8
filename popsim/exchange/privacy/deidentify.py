"""Files of real people without what names them: FHIR, OMOP CDM folders and plain tables.

What is kept is listed, everything else is left out. The output is written beside its final name and renamed when it is
whole; nothing is written where something exists. Messages name files and rows by number: a file's name, too, may be a
person's.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import InputError, PopsimError
from popsim.exchange.privacy.calendar import DateMover, Dates
from popsim.exchange.privacy.deidentified import Deidentified
from popsim.exchange.privacy.fhir_people import FhirPeople, checked_resource
from popsim.exchange.privacy.kept import listed
from popsim.exchange.privacy.omop_people import PERSON, OmopPeople
from popsim.exchange.privacy.table_people import KeptColumn, TablePeople, read_list
from popsim.exchange.privacy.values import Values, zip_areas

MAX_JSON = 2**30  # bytes of one JSON document, which is held in memory
MAX_LINE = 2**28  # letters of a line of NDJSON
PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
FHIR, NDJSON, TABLES = (".json",), (".ndjson", ".jsonl"), (".csv", ".tsv", ".parquet")
BATCH = 50_000  # rows of Parquet at a time
INPUT = "input"  # stands for the path, which may name a person


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        dates: year, relative or shifted.
        zip_populations: CSV of people by area; None: the list of the 2000 census.
        keep: TOML list of the columns of a plain table.
        today: the day on which ages are reckoned.
    """

    dates: Dates = "year"
    zip_populations: Path | None = None
    keep: Path | None = None
    today: date | None = None


def deidentify(source: Path, out: Path, wanted: Wanted) -> Deidentified:
    """Write `source` without identifiers to `out`, which must not exist.

    Raises:
        InputError: the input or an option is refused, or the output cannot be written. It names no file of the input
            and repeats nothing of it; nothing is left behind.
    """
    try:
        return _deidentify(source, out, wanted)
    except PopsimError:
        raise
    except OSError as error:
        raise InputError(f"{INPUT} or --out: cannot be read or written: {error.strerror or 'fails'}") from None
    except Exception as error:  # whose words may repeat the input
        raise InputError(f"{INPUT}: cannot be read ({type(error).__name__})") from None


def write_report(path: Path | None) -> Callable[[str], None]:
    """Writes the text of a report to a file that does not exist yet; does nothing without one.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    if path is None:
        return lambda text: None
    if os.path.lexists(path) or not path.parent.is_dir():
        raise InputError("--report: must be a file that does not exist, in a folder that does")

    def write(text: str) -> None:
        with _replacing(path, folder=False, flag="--report") as temporary:
            temporary.write_text(text, encoding="utf-8")

    return write


def _deidentify(source: Path, out: Path, wanted: Wanted) -> Deidentified:
    kind = _kind(source)
    _check_out(source, out, kind)
    areas, zip_source = zip_areas(wanted.zip_populations)
    calendar = DateMover(wanted.dates, wanted.today or date.today())
    values = Values(calendar, areas)
    if (kind == "table") != (wanted.keep is not None):
        how = "a list of the columns to keep, by kind" if kind == "table" else "a plain table alone; leave it out"
        raise InputError(f"--keep: {'missing: a table needs' if kind == 'table' else 'goes with'} {how}")
    keep = read_list(wanted.keep) if wanted.keep else []
    with _replacing(out, folder=source.is_dir()) as temporary:
        persons, written = _WRITERS[kind](source, temporary, values, keep, out.suffix)
    return Deidentified(kind, written, values, persons, zip_source)


def _kind(source: Path) -> str:
    """Table, FHIR or OMOP, by what is there."""
    if not source.exists():
        raise InputError(f"{INPUT}: no such file or folder")
    if source.is_file():
        found = source.suffix.lower()
        if found in FHIR + NDJSON:
            return "fhir"
        if found in TABLES:
            return "table"
        raise InputError(f"{INPUT}: must end with {', '.join(FHIR + NDJSON + TABLES)}, or be a folder; unpack archives")
    names = {path.suffix.lower() for path in _files(source)}
    if names & {*FHIR, *NDJSON}:
        return "fhir"
    if any(path.stem.lower() == PERSON and path.suffix.lower() in TABLES for path in _files(source)):
        return "omop"
    raise InputError(f"{INPUT}: the folder has neither FHIR (.json, .ndjson) nor an OMOP table of persons (person.csv)")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _check_out(source: Path, out: Path, kind: str) -> None:
    if os.path.lexists(out):
        raise InputError("--out: exists already; nothing is written over")
    if not out.parent.is_dir():
        raise InputError("--out: must be in a folder that exists")
    inside, whole = source.resolve(), out.parent.resolve() / out.name
    if source.is_dir() and (whole == inside or inside in whole.parents):
        raise InputError("--out: must not be inside the input")
    endings = {"fhir": (source.suffix.lower(),), "table": (".csv", ".parquet")}.get(kind, ())
    if source.is_file() and out.suffix.lower() not in endings:
        raise InputError(f"--out: must end with {' or '.join(endings)}")


@contextmanager
def _replacing(out: Path, folder: bool, flag: str = "--out") -> Iterator[Path]:
    """A file or folder to write, readable by its owner alone, which gets its name once it is whole and on the disk."""
    temporary = out.parent / f".popsim-{secrets.token_hex(8)}"
    try:
        if folder:
            temporary.mkdir(PRIVATE_FOLDER)
        else:
            temporary.touch(PRIVATE)
        yield temporary
        for path in [*temporary.iterdir()] if folder else [temporary]:
            path.chmod(PRIVATE)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if os.path.lexists(out):
            raise InputError(f"{flag}: exists already; nothing is written over")
        temporary.rename(out)
    finally:
        if folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


type _Written = tuple[dict[str, dict[str, Any]], dict[str, int]]


def _write_fhir(source: Path, out: Path, values: Values, _keep: Sequence[KeptColumn], _suffix: str) -> _Written:
    people = FhirPeople(values)
    files = _files(source) if source.is_dir() else [source]
    chosen = [(place, path) for place, path in enumerate(files, 1) if path.suffix.lower() in FHIR + NDJSON]
    values.left_out["files of other kinds"] += len(files) - len(chosen)
    for place, path in chosen:
        for resource in _resources(place, path):
            people.see(resource)
    written: dict[str, int] = {}
    if source.is_dir():
        secrets.SystemRandom().shuffle(chosen)  # the order of files would be that of their names
    for place, path in chosen:
        for resource in _resources(place, path):
            made = people.written(resource)
            if made is None:
                continue
            kind = made["resourceType"]
            written[kind] = written.get(kind, 0) + 1
            for entry in made.get("entry", ()):
                inner = entry["resource"]["resourceType"]
                written[inner] = written.get(inner, 0) + 1
            target, mode = out, "a"
            if source.is_dir() and path.suffix.lower() in NDJSON:
                target = out / f"{kind}.000.ndjson"
            elif source.is_dir():
                target = out / f"{kind.lower()}_{written[kind]:05d}.json"
            with target.open(mode, encoding="utf-8") as file:
                file.write(json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")
    if not written:
        raise InputError(f"{INPUT}: has no resource of a type that is kept")
    return people.persons, written


def _resources(place: int, path: Path) -> Iterator[dict[str, Any]]:
    """The resources of a file: one JSON document, or one a line."""
    where = f"{INPUT}, file {place}"
    if path.suffix.lower() in FHIR:
        if path.stat().st_size > MAX_JSON:
            raise InputError(f"{where}: is larger than {MAX_JSON // 2**30} GiB; give it as NDJSON")
        yield checked_resource(_decoded(path.read_bytes(), where), where)
        return
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            if line.strip():
                yield checked_resource(_decoded(line, f"{where}, line {number}"), f"{where}, line {number}")


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where}: is not UTF-8") from None


def _write_omop(source: Path, out: Path, values: Values, _keep: Sequence[KeptColumn], _suffix: str) -> _Written:
    people = OmopPeople(values)
    files = _files(source)
    known = {path.stem.lower(): path for path in files if path.suffix.lower() in TABLES}
    tables = {name: path for name, path in known.items() if name in listed("kept_omop")}
    values.left_out["tables and files that are not kept"] += len(files) - len(tables)
    for name, path in tables.items():
        people.see(name, _rows(path, files.index(path) + 1)[1])
    written = {}
    for name, path in tables.items():
        headings, rows = _rows(path, files.index(path) + 1)
        columns = people.columns(name, headings)
        if not columns:
            raise InputError(f"{INPUT}, file {files.index(path) + 1}: has no column of the CDM's table")
        values.left_out["columns that are not on the list"] += len(headings) - len(columns)
        target = out / f"{name}{path.suffix.lower() if path.suffix.lower() == '.parquet' else '.csv'}"
        made = (people.written(name, columns, row) for row in rows)
        written[name] = _write_rows(target, columns, made, "\t" if path.suffix.lower() == ".tsv" else ",")
    return people.persons, written


def _write_table(source: Path, out: Path, values: Values, keep: Sequence[KeptColumn], suffix: str) -> _Written:
    people = TablePeople(values, keep)
    headings, rows = _rows(source, 1, as_written=True)
    people.check(headings)
    values.left_out["columns that are not on the list"] += len(headings) - len(keep)
    for place, row in enumerate(rows, 1):
        people.see(place, row)
    made = (people.written(place, row) for place, row in enumerate(_rows(source, 1, as_written=True)[1], 1))
    count = _write_rows(out, [column.name for column in keep], made, ",", parquet=suffix.lower() == ".parquet")
    return people.persons, {"rows": count}


def _rows(path: Path, place: int, as_written: bool = False) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """The headings of a table and its rows; headings in lower case unless they are to stay as written."""
    where = f"{INPUT}, file {place}"
    clean: Callable[[str], str] = (lambda text: text) if as_written else (lambda text: text.strip().lower())
    if path.suffix.lower() == ".parquet":
        scan = pl.scan_parquet(path)
        names = scan.collect_schema().names()
        count = scan.select(pl.len()).collect().item()
        slices = (scan.slice(first, BATCH).collect() for first in range(0, count, BATCH))
        return [clean(name) for name in names], (
            {clean(name): value for name, value in row.items()} for part in slices for row in part.iter_rows(named=True)
        )
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        first = file.readline()
    mark = max(",;\t|", key=first.count)
    headings = next(csv.reader([first], delimiter=mark), [])
    if not headings:
        raise InputError(f"{where}: has no headings")
    return [clean(one) for one in headings], _csv_rows(path, where, mark, clean)


def _csv_rows(path: Path, where: str, mark: str, clean: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        reader = csv.reader(file, delimiter=mark)
        headings = [clean(one) for one in next(reader)]
        try:
            for number, row in enumerate(reader, 1):
                if len(row) not in (0, len(headings)):
                    raise InputError(f"{where}, row {number}: has {len(row)} cells, the headings are {len(headings)}")
                if row:
                    yield dict(zip(headings, row, strict=True))
        except csv.Error:
            raise InputError(f"{where}: is not a CSV table") from None


def _write_rows(
    path: Path, columns: Sequence[str], rows: Iterator[dict[str, Any]], mark: str, parquet: bool | None = None
) -> int:
    """Write rows as CSV, or as Parquet by the ending; returns how many."""
    if parquet or (parquet is None and path.suffix == ".parquet"):
        frame = pl.DataFrame(list(rows), schema=list(columns), infer_schema_length=None, orient="row")
        frame.write_parquet(path)
        return len(frame)
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=mark, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


_WRITERS: dict[str, Callable[[Path, Path, Values, Sequence[KeptColumn], str], _Written]] = {
    "fhir": _write_fhir,
    "omop": _write_omop,
    "table": _write_table,
}
