"""A made-up CDM of two people, in every form in which a CDM comes."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from popsim.exchange.omop.cdm_files import open_cdm
from popsim.exchange.omop.facts import read_facts

# Two people of 5.3 in capitals: concepts of OMOP's table, a unit that must be converted, a source value alone.
PERSON = """PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH,MONTH_OF_BIRTH,DAY_OF_BIRTH,RACE_CONCEPT_ID
11,8532,1950,3,1,8527
12,8507,1940,,,0
"""
VISIT = """visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,discharge_to_concept_id
1,11,9201,2020-01-05,2020-01-12,8536
2,12,9202,2020-02-01,2020-02-01,0
3,11,9201,2020-06-01,2020-06-03,8536
"""
CONDITION = """person_id,condition_concept_id,condition_start_date,condition_source_value,visit_occurrence_id
11,316139,2020-01-05,I50.9,1
11,0,2019-01-01,E11.9,
12,0,2018-05-05,49436004,
12,4306655,2018-05-05,,
"""
MEASUREMENT = """person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id,unit_source_value,measurement_source_value
11,3025315,2020-01-10,176.37,0,[lb_av],29463-7
11,3025315,2018-01-10,99,9529,kg,29463-7
11,3004249,20200111,128,8876,mmHg,8480-6
11,0,2020-01-11,88.4,0,umol/L,14682-9
11,3004249,2020-01-12,5000,8876,mmHg,8480-6
12,3027018,2020-01-12,,8541,/min,8867-4
12,3004249,2020-01-30 08:00:00,141,,,8480-6
"""  # noqa: E501
DRUG = """person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date,quantity,days_supply,drug_source_value,dose_unit_source_value
11,956874,2020-01-08,2020-02-07,1200,30,4603,mg
11,0,2020-01-08,,30,30,198222,
12,1338005,2020-01-20,2020-02-19,,30,19484,
"""  # noqa: E501
TABLES = {
    "PERSON": PERSON, "Visit_Occurrence": VISIT, "condition_occurrence": CONDITION, "MEASUREMENT": MEASUREMENT,
    "drug_exposure": DRUG, "death": "person_id,death_date\n12,2021-01-01\n",
}  # fmt: skip


def folder_of(path: Path, tables: dict[str, str], separator: str = ",") -> Path:
    path.mkdir()
    for name, text in tables.items():
        (path / f"{name}.csv").write_text(text.replace(",", separator))
    return path


def zip_of(path: Path, tables: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in tables.items():
            archive.writestr(f"cdm/{name}.csv", text)
        archive.writestr("__MACOSX/cdm/._PERSON.csv", "junk")
    return path


def frames() -> dict[str, pl.DataFrame]:
    return {name.lower(): pl.read_csv(text.encode(), infer_schema=False) for name, text in TABLES.items()}


def parquet_of(path: Path) -> Path:
    path.mkdir()
    for name, frame in frames().items():
        frame.write_parquet(path / f"{name}.parquet")
    return path


def sqlite_of(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        for name, frame in frames().items():
            database.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            database.executemany(f"INSERT INTO {name} VALUES ({','.join('?' * frame.width)})", frame.rows())
        database.commit()
    return path


def duckdb_of(path: Path, folder: Path) -> Path:
    library = pytest.importorskip("duckdb")
    parquet_of(folder)
    with library.connect(str(path)) as database:
        database.execute("CREATE SCHEMA cdm.cdm")  # the same name as the database
        for name in frames():
            database.execute(f"CREATE TABLE cdm.cdm.{name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    return path


def made(form: str, tmp_path: Path) -> Path:
    match form:
        case "folder":
            return folder_of(tmp_path / "cdm", TABLES)
        case "tabs":
            return folder_of(tmp_path / "cdm", TABLES, "\t")
        case "zip":
            return zip_of(tmp_path / "cdm.zip", TABLES)
        case "parquet":
            return parquet_of(tmp_path / "cdm")
        case "sqlite":
            return sqlite_of(tmp_path / "cdm.db")
        case _:
            return duckdb_of(tmp_path / "cdm.duckdb", tmp_path / "parts")


def facts_of(path: Path):
    with open_cdm(path) as cdm:
        return read_facts(cdm)
