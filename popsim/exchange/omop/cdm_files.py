"""Reads the tables of an OMOP CDM 5.3 or 5.4 from a folder, a zip, a DuckDB or a SQLite database, as text.

Names of files, tables and columns may be in any case. CSV is separated by commas or tabs (as Athena's CONCEPT.csv).
Nothing is unpacked to the disk, nothing outside the source is opened, and only the columns that popsim needs are read.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import polars as pl

from popsim.errors import DefinitionError, did_you_mean
from popsim.exchange.omop.writing import duckdb_library

# Tables that are read: their columns, those marked with * are required; a name after | is that of CDM 5.3.
READ: dict[str, tuple[str, ...]] = {
    "person": ("person_id*", "gender_concept_id*", "year_of_birth*", "month_of_birth", "day_of_birth",
               "race_concept_id", "gender_source_value"),
    "observation_period": ("person_id*", "observation_period_start_date*", "observation_period_end_date*"),
    "visit_occurrence": ("visit_occurrence_id*", "person_id*", "visit_concept_id*", "visit_start_date*",
                         "visit_end_date", "discharged_to_concept_id|discharge_to_concept_id"),
    "condition_occurrence": ("person_id*", "condition_concept_id*", "condition_start_date*", "visit_occurrence_id",
                             "condition_source_value", "condition_source_concept_id"),
    "drug_exposure": ("person_id*", "drug_concept_id*", "drug_exposure_start_date*", "drug_exposure_end_date",
                      "quantity", "days_supply", "drug_source_value", "drug_source_concept_id",
                      "dose_unit_source_value"),
    "measurement": ("person_id*", "measurement_concept_id*", "measurement_date*", "value_as_number", "unit_concept_id",
                    "unit_source_value", "measurement_source_value", "measurement_source_concept_id"),
    "observation": ("person_id*", "observation_concept_id*", "observation_date*", "value_as_number", "unit_concept_id",
                    "unit_source_value", "observation_source_value", "observation_source_concept_id"),
    "procedure_occurrence": ("person_id*", "procedure_concept_id*", "procedure_date*", "procedure_source_value",
                             "procedure_source_concept_id"),
    "death": ("person_id*", "death_date*"),
    "concept": ("concept_id*", "vocabulary_id*", "concept_code*", "concept_name"),
    "concept_ancestor": ("ancestor_concept_id*", "descendant_concept_id*"),
}  # fmt: skip
NEEDED = ("person",)
ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
MAX_TABLE_BYTES = 4 * 1024**3  # of one table, unpacked
MAX_MEMBERS = 2000
MAX_RATIO = 200  # a larger ratio of unpacked to packed is a bomb; text of the CDM packs 20 to 40 times
SMALL_BYTES = 16 * 1024**2  # below which the ratio does not matter
SQLITE, ZIP, PARQUET = b"SQLite format 3\0", b"PK", b"PAR1"
DUCK = b"DUCK"  # at byte 8 of a DuckDB file

type TableReader = Callable[[str], pl.DataFrame | None]


def is_cdm(path: Path) -> bool:
    """Whether a path may be a CDM: a folder, or a file that begins like a zip or a database."""
    if path.is_dir():
        return any(_table_of(file.name) in NEEDED for file in path.iterdir())
    return path.is_file() and _kind(path) is not None


class CdmReader:
    """The tables of one source.

    Args:
        path: the source, named in errors.
        shown: its name in errors, where the path may be personal.
        read: a table with the columns of READ, as text; None where the source has none.
    """

    def __init__(self, path: Path, read: TableReader, shown: str = "") -> None:
        self.path, self._read = path, read
        self.shown = shown or str(path)
        self._kept: dict[str, pl.DataFrame] = {}

    def table(self, name: str) -> pl.DataFrame:
        """A table as text, with all columns of READ (null where the source has none); empty where there is none.

        Raises:
            DefinitionError: a column that is needed is missing, or the table cannot be read.
        """
        if name not in self._kept:
            found = self._read(name)
            if found is None and name in NEEDED:
                self.refuse(name, None, "the table is missing")
            self._kept[name] = self._columns(name, pl.DataFrame() if found is None else found, found is not None)
        return self._kept[name]

    def _columns(self, name: str, frame: pl.DataFrame, there: bool) -> pl.DataFrame:
        have = {column.lower(): column for column in frame.columns}
        columns = []
        for wanted in READ[name]:
            own, _, older = wanted.removesuffix("*").partition("|")
            source = have.get(own) or have.get(older)
            if source is None and wanted.endswith("*") and there:
                self.refuse(f"{name}.{own}", None, f"the column is missing, {did_you_mean(own, have)}")
            value = pl.lit(None, pl.String) if source is None else pl.col(source).cast(pl.String)
            text = value.str.strip_chars().replace("", None)
            whole = text.str.replace(r"^(\d+)\.0$", "$1") if own.endswith("_id") else text  # ids written as decimals
            columns.append(whole.alias(own))
        names = [column.meta.output_name() for column in columns]
        return frame.select(columns) if there else pl.DataFrame(schema=dict.fromkeys(names, pl.String))

    def refuse(self, key: str, value: object, allowed: str) -> NoReturn:
        """Refuse the source.

        Raises:
            DefinitionError: always.
        """
        raise DefinitionError(self.shown, key, value, allowed)


@contextmanager
def open_cdm(path: Path, shown: str = "") -> Iterator[CdmReader]:
    """Open a source.

    Args:
        path: folder, .zip, DuckDB or SQLite file.
        shown: its name in errors; the path when empty.

    Raises:
        DefinitionError: it is none of these, or is refused.
        InputError: it needs DuckDB, which is not installed.
    """
    name = shown or str(path)
    if path.is_dir():
        yield CdmReader(path, _Folder(path, name).read, name)
        return
    if not path.is_file():
        raise DefinitionError(name, "file", None, "no such file or folder")
    match _kind(path):
        case "zip":
            with _opened_zip(path, name) as archive:
                yield CdmReader(path, _Zip(archive, name).read, name)
        case "sqlite":
            with closing(_opened_sqlite(path, name)) as database:
                yield CdmReader(path, _Database(_sqlite_query(database, name), SQLITE_TABLES, name).read, name)
        case "duckdb":
            with _opened_duckdb(path, name) as query:
                yield CdmReader(path, _Database(query, DUCKDB_TABLES, name).read, name)
        case _:
            raise DefinitionError(
                name, "file", None, "must be a folder, a zip, a DuckDB or a SQLite file of an OMOP CDM"
            )


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return None
    if head.startswith(ZIP):
        return "zip"
    if head == SQLITE:
        return "sqlite"
    return "duckdb" if head[8:12] == DUCK else None


def _table_of(name: str) -> str | None:
    """The table that a file holds by its name; None for others."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem, ending = path.stem.lower(), path.suffix.lower()
    return stem if ending in ENDINGS and stem in READ else None


def _parsed(content: bytes | Path, table: str, parquet: bool, shown: str) -> pl.DataFrame:
    """A table from a file or its bytes, only the columns that are read.

    Raises:
        DefinitionError: it cannot be read.
    """
    wanted = {word for name in READ[table] for word in name.removesuffix("*").split("|")}
    try:
        if parquet:
            names = [name for name in pl.read_parquet_schema(content) if name.lower() in wanted]
            return pl.read_parquet(content, columns=names)
        head = _head(content)
        columns, tab = _wanted_columns(head, table, wanted, shown), b"\t" in head
        form: dict[str, Any] = {"separator": "\t", "quote_char": None} if tab else {"separator": ",", "quote_char": '"'}
        return pl.read_csv(content, columns=columns, infer_schema=False, encoding="utf8", **form)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, ValueError) as error:
        _refuse(shown, table, f"is not a readable table: {_why(error)}")


def _wanted_columns(head: bytes, table: str, wanted: set[str], shown: str) -> list[str]:
    """The columns of a CSV file that are read, by its first line."""
    if not head.strip():
        _refuse(shown, table, "the file is empty")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        _refuse(shown, table, "is not UTF-8 text; write it as UTF-8")
    names = _names(head)
    columns = [name for name in names if name.lower() in wanted]
    if twice := [name for name in columns if [one.lower() for one in names].count(name.lower()) > 1]:
        _refuse(shown, table, f"the column {twice[0]} is there twice")
    if not columns:
        _refuse(shown, table, f"has none of the columns {', '.join(READ[table])}")
    return columns


# What libraries say of a file that they cannot read, and what is told.
WHY = {
    "more fields": "a row has more fields than the header", "could not parse": "a quote does not end, or a row is cut",
    "utf": "text that is not UTF-8", "decode": "text that is not UTF-8", "not a database": "it is no database",
    "not a zip": "it is no zip, or cut off", "lock": "another program holds it", "encrypted": "it is encrypted",
}  # fmt: skip


def _why(error: Exception) -> str:
    """What is wrong with a file, in words that repeat nothing of it: libraries quote rows, and rows are persons."""
    said = str(error).lower()
    return next((told for sign, told in WHY.items() if sign in said), "it is damaged, or of another form")


def _head(content: bytes | Path) -> bytes:
    """The first line."""
    if isinstance(content, bytes):
        return content[:65_536].split(b"\n", 1)[0]
    with content.open("rb") as file:
        return file.readline(65_536)


def _names(head: bytes) -> list[str]:
    text = head.decode("utf-8-sig").strip("\r\n")
    return [name.strip().strip('"') for name in text.split("\t" if "\t" in text else ",")]


def _refuse(shown: str, table: str, allowed: str) -> NoReturn:
    raise DefinitionError(shown, table, None, allowed)


class _Folder:
    """A folder of one file a table."""

    def __init__(self, folder: Path, shown: str) -> None:
        self._shown = shown
        self._files: dict[str, Path] = {}
        for file in sorted(folder.iterdir()):
            table = _table_of(file.name)
            if table is None or not file.is_file():
                continue
            if table in self._files:
                _refuse(shown, table, f"two files hold it: {self._files[table].name}, {file.name}")
            self._files[table] = file

    def read(self, table: str) -> pl.DataFrame | None:
        """A table."""
        if (file := self._files.get(table)) is None:
            return None
        if file.stat().st_size > MAX_TABLE_BYTES:
            _refuse(self._shown, table, f"larger than {MAX_TABLE_BYTES // 1024**3} GiB; use a database")
        return _parsed(file, table, file.suffix.lower() == ".parquet", self._shown)


@contextmanager
def _opened_zip(path: Path, shown: str) -> Iterator[zipfile.ZipFile]:
    """The archive, once its list of members is found harmless.

    Raises:
        DefinitionError: it is damaged, encrypted or dangerous.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist(), shown)
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        raise DefinitionError(shown, "file", None, f"is not a readable zip: {_why(error)}") from None


def _check_members(members: list[zipfile.ZipInfo], shown: str) -> None:
    if len(members) > MAX_MEMBERS:
        _refuse(shown, "file", f"holds more than {MAX_MEMBERS} files")
    for one in members:
        parts = PurePosixPath(one.filename.replace("\\", "/")).parts
        if ".." in parts or one.filename.startswith(("/", "\\")) or ":" in one.filename.split("/", 1)[0]:
            _refuse(shown, "file", "holds a path that leads out of the zip")
        if (one.external_attr >> 16) & 0o170000 == 0o120000:
            _refuse(shown, "file", "holds a link")
        if one.flag_bits & 1:
            _refuse(shown, "file", "is encrypted")
        if one.file_size > MAX_TABLE_BYTES:
            _refuse(shown, "file", f"holds a file of more than {MAX_TABLE_BYTES // 1024**3} GiB")
        if one.file_size > SMALL_BYTES and one.file_size > MAX_RATIO * max(one.compress_size, 1):
            _refuse(shown, "file", f"unpacks to more than {MAX_RATIO} times its size")


class _Zip:
    """A zip of one file a table, in any folder within it."""

    def __init__(self, archive: zipfile.ZipFile, shown: str) -> None:
        self._archive, self._shown = archive, shown
        self._members: dict[str, zipfile.ZipInfo] = {}
        for one in archive.infolist():
            table = _table_of(one.filename)
            name = PurePosixPath(one.filename)
            if table is None or name.name.startswith("._") or "__MACOSX" in name.parts:
                continue
            if table in self._members:
                _refuse(shown, table, "two files of the zip hold it")
            self._members[table] = one

    def read(self, table: str) -> pl.DataFrame | None:
        """A table."""
        if (one := self._members.get(table)) is None:
            return None
        with self._archive.open(one) as file:
            content = file.read(one.file_size + 1)
        return _parsed(content, table, one.filename.lower().endswith(".parquet"), self._shown)


type Query = Callable[[str, list[str]], pl.DataFrame]
SQLITE_TABLES = "SELECT '' AS place, name FROM sqlite_master WHERE type = 'table'"
DUCKDB_TABLES = (
    "SELECT '\"' || table_catalog || '\".\"' || table_schema || '\"' AS place, table_name AS name"
    " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
)


class _Database:
    """A database; views are not read, because they may lead elsewhere."""

    def __init__(self, query: Query, tables: str, shown: str) -> None:
        self._query, self._shown = query, shown
        every = [row for row in query(tables, ["place", "name"]).iter_rows() if row[1].lower() in READ]
        places = [place for place, name in every if name.lower() == "person"]
        if not places:
            _refuse(shown, "person", "the table is missing")
        if len(places) > 1:
            _refuse(shown, "person", f"is in several schemas: {', '.join(places)}")
        self._names = {name.lower(): (place, name) for place, name in every if place == places[0]}

    def read(self, table: str) -> pl.DataFrame | None:
        """A table."""
        if table not in self._names:
            return None
        place, name = self._names[table]
        where = f"{place}.{_quoted(name)}" if place else _quoted(name)
        have = self._query(f"SELECT * FROM {where} LIMIT 0", []).columns
        wanted = {word for one in READ[table] for word in one.removesuffix("*").split("|")}
        columns = [column for column in have if column.lower() in wanted]
        if not columns:
            _refuse(self._shown, table, f"has none of the columns {', '.join(READ[table])}")
        listed = ", ".join(f"CAST({_quoted(column)} AS VARCHAR)" for column in columns)
        return self._query(f"SELECT {listed} FROM {where}", columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _opened_sqlite(path: Path, shown: str) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        database.execute("PRAGMA trusted_schema = OFF")
        return database
    except sqlite3.Error as error:
        raise DefinitionError(shown, "file", None, f"is not a readable SQLite file: {_why(error)}") from None


def _sqlite_query(database: sqlite3.Connection, shown: str) -> Query:
    def query(text: str, names: list[str]) -> pl.DataFrame:
        try:
            found = database.execute(text)
            names = names or [column[0] for column in found.description]
            return pl.DataFrame(found.fetchall(), dict.fromkeys(names, pl.String), orient="row", strict=False)
        except (sqlite3.Error, pl.exceptions.PolarsError, OverflowError) as error:
            raise DefinitionError(shown, "file", None, f"is not a readable SQLite file: {_why(error)}") from None

    return query


@contextmanager
def _opened_duckdb(path: Path, shown: str) -> Iterator[Query]:
    """Queries of a DuckDB file that can read nothing else."""
    library: Any = duckdb_library(shown)
    try:
        settings: Mapping[str, str] = {"enable_external_access": "false", "lock_configuration": "true"}
        database = library.connect(str(path), read_only=True, config=dict(settings))
    except library.Error as error:
        raise DefinitionError(shown, "file", None, f"is not a readable DuckDB file: {_why(error)}") from None

    def query(text: str, names: list[str]) -> pl.DataFrame:
        try:
            found = database.execute(text)
            named = names or [column[0] for column in found.description]
            columns = list(found.fetchnumpy().values())
        except library.Error as error:
            raise DefinitionError(shown, "file", None, f"cannot be read: {_why(error)}") from None
        texts = [
            pl.Series(name, column.tolist(), pl.String, strict=False)
            for name, column in zip(named, columns, strict=True)
        ]
        return pl.DataFrame(texts)

    try:
        yield query
    finally:
        database.close()
