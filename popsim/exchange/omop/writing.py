"""Tables of the OMOP CDM as files: a folder of Parquet or CSV, or one DuckDB or SQLite database."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from popsim.errors import InputError, RunError, did_you_mean, one_line
from popsim.exchange.omop.rules import create_statements
from popsim.exchange.tables.csv_file import write_harmless

FORMATS = {
    "parquet": "",
    "csv": "",
    "duckdb": ".duckdb",
    "sqlite": ".sqlite",
}  # with the ending of the file, if it is one
MOMENT = "%Y-%m-%d %H:%M:%S"
DUCKDB_MISSING = "needs DuckDB: pip install 'popsim[omop]'"


def check_target(out: Path, form: str, force: bool = False) -> None:
    """Refuse a format or a place that cannot be written to, before anything is simulated.

    Raises:
        InputError: the format is unknown or its library missing, or the place exists or is none.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form}: {did_you_mean(form, FORMATS)}")
    if form == "duckdb":
        duckdb_library("--format duckdb")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: the folder {out.parent} does not exist")
    ending = FORMATS[form]
    if ending and out.suffix != ending:
        raise InputError(f"--out {out}: must end with {ending}")
    if not (out.exists() or out.is_symlink()):
        return
    if out.is_symlink():
        raise InputError(f"--out {out}: is a link; name the place itself")
    if not force:
        raise InputError(f"--out {out}: exists already; --force writes it anew, --out names another place")
    if out.is_dir() and (ending or not (out / f"person.{form}").is_file()):
        raise InputError(f"--out {out}: exists, and is no export in {form}; --out names another place")
    if out.is_file() and not ending:
        raise InputError(f"--out {out}: is a file, and {form} needs a folder")


def duckdb_library(where: str) -> Any:
    """The library of DuckDB.

    Raises:
        InputError: it is not installed; `where` names what needs it.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise InputError(f"{where}: {DUCKDB_MISSING}") from None
    return duckdb


def write_cdm(tables: Mapping[str, pl.DataFrame], out: Path, form: str) -> Path:
    """Write all tables beside the place, then rename: a killed export leaves the place as it was.

    Args:
        tables: all that popsim writes.
        out: folder or file; what is there is replaced.
        form: of FORMATS.

    Raises:
        RunError: it cannot be written.
    """
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            if form in ("parquet", "csv"):
                beside.mkdir()
                for table, frame in tables.items():
                    _write_file(frame, beside / f"{table}.{form}", form)
            elif form == "sqlite":
                _write_sqlite(tables, beside)
            else:
                _write_duckdb(tables, beside)
            _replace(beside, out)
        finally:
            if beside.is_dir():
                shutil.rmtree(beside, ignore_errors=True)
            else:
                beside.unlink(missing_ok=True)
    except (OSError, sqlite3.Error, pl.exceptions.PolarsError) as error:
        raise RunError(
            one_line(f"--out {out}: cannot be written: {getattr(error, 'strerror', None) or error}")
        ) from None
    return out


def _replace(beside: Path, out: Path) -> None:
    if out.is_dir():
        old = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
        out.rename(old)
        beside.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    else:
        beside.replace(out)


def _write_file(frame: pl.DataFrame, path: Path, form: str) -> None:
    if form == "csv":
        write_harmless(_with_dates_as_text(frame), path)
    else:
        frame.write_parquet(path)


def _with_dates_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.Date).dt.strftime("%Y-%m-%d"), pl.col(pl.Datetime).dt.strftime(MOMENT))


def _write_sqlite(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """One SQLite file; dates and times are text, as SQLite's own functions read them."""
    with closing(sqlite3.connect(path)) as database:
        for statement in create_statements():
            database.execute(statement)
        for table, frame in tables.items():
            marks = ", ".join("?" * frame.width)
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", _with_dates_as_text(frame).iter_rows())
        database.commit()


def _write_duckdb(tables: Mapping[str, pl.DataFrame], path: Path) -> None:
    """One DuckDB file, through Parquet, which needs no further library."""
    library = duckdb_library("--format duckdb")
    with (
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".popsim-") as folder,
        library.connect(str(path)) as database,
    ):
        for statement in create_statements():
            database.execute(statement)
        for table, frame in tables.items():
            part = Path(folder) / "part.parquet"
            frame.write_parquet(part)
            database.execute(f"INSERT INTO {table} SELECT * FROM read_parquet(?)", [str(part)])
