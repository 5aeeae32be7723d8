"""Broken and dangerous CDMs are refused in one line, and nothing is written."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing

import pytest
from made_cdm import MEASUREMENT, PERSON, TABLES, facts_of, folder_of, parquet_of, sqlite_of, zip_of

from popsim.cli import main
from popsim.errors import DefinitionError, InputError


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert old in TABLES[name]
    return {**TABLES, name: TABLES[name].replace(old, new, 1)}


BROKEN = {
    "no person": ({k: v for k, v in TABLES.items() if k != "PERSON"}, "person: the table is missing"),
    "empty person": ({**TABLES, "PERSON": ""}, "person: the file is empty"),
    "other columns": ({**TABLES, "PERSON": "a,b\n1,2\n"}, "person: has none of the columns person_id"),
    "no key": (changed("PERSON", "PERSON_ID", "WHO"), "person.person_id: the column is missing"),
    "no birth": (changed("PERSON", "YEAR_OF_BIRTH", "BORN"), "person.year_of_birth: the column is missing"),
    "a column twice": (changed("PERSON", "MONTH_OF_BIRTH", "year_of_birth"), "is there twice"),
    "a person twice": (changed("PERSON", "12,8507", "11,8507"), "person.person_id: a person is there twice"),
    "words as id": (
        changed("PERSON", "12,8507", "twelve,8507"),
        "person.person_id row 2 = 'twelve': must be a whole number",
    ),
    "an id with a share": (changed("PERSON", "12,8507", "12.5,8507"), "must be a whole number"),
    "no id": (changed("PERSON", "12,8507", ",8507"), "row 2: missing, must be a whole number"),
    "NaN as year": (
        changed("PERSON", "1940", "NaN"),
        "person.year_of_birth row 2 = 'NaN': must be between 1850 and 2200",
    ),
    "infinity": (changed("PERSON", "1940", "inf"), "must be between 1850 and 2200"),
    "a year before all": (changed("PERSON", "1940", "940"), "must be between 1850 and 2200"),
    "no year": (changed("PERSON", "1940", ""), "must be between 1850 and 2200"),
    "month 13": (
        changed("PERSON", "1950,3,1", "1950,13,1"),
        "person.month_of_birth row 1 = '13': must be between 1 and 12",
    ),
    "a visit without date": (
        changed("Visit_Occurrence", "2020-02-01,2020-02-01", ",2020-02-01"),
        "missing, must be a date",
    ),
    "a date of words": (
        changed("Visit_Occurrence", "2020-01-05", "5 Jan"),
        "visit_occurrence.visit_start_date row 1 = '5 Jan'",
    ),
    "February 30": (changed("MEASUREMENT", "2020-01-10", "2020-02-30"), "measurement.measurement_date row"),
    "an American date": (changed("drug_exposure", "2020-01-08", "01/08/2020"), "must be a date, YYYY-MM-DD"),
    "a bad end": (changed("drug_exposure", "2020-02-07", "later"), "drug_exposure.drug_exposure_end_date row"),
    "a bad death": (changed("death", "2021-01-01", "yes"), "death.death_date row 1 = 'yes'"),
    "visit of words": (
        changed("Visit_Occurrence", "1,11,9201", "one,11,9201"),
        "visit_occurrence.visit_occurrence_id row 1",
    ),
    "ragged": (
        {**TABLES, "MEASUREMENT": MEASUREMENT + "1,2,3,4,5,6,7,8,9,10,11\n"},
        "measurement: is not a readable table",
    ),
    "an open quote": (changed("condition_occurrence", "I50.9", '"I50.9'), "condition_occurrence"),
    "semicolons": ({**TABLES, "PERSON": PERSON.replace(",", ";")}, "person: has none of the columns"),
}


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("case", list(BROKEN))
def test_broken_tables_are_refused_in_one_line(tmp_path, case, form):
    tables, told = BROKEN[case]
    path = folder_of(tmp_path / "cdm", tables) if form == "folder" else zip_of(tmp_path / "cdm.zip", tables)
    with pytest.raises(DefinitionError) as refused:
        facts_of(path)
    text = str(refused.value)
    assert told in text
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) < 400


RAW = {
    "UTF-16": PERSON.encode("utf-16"),
    "UTF-16 without mark": PERSON.encode("utf-16-le"),
    "zeros": b"\0" * 100,
    "not UTF-8": PERSON.encode() + b"13,8507,19\xff\xfe0,1,1,0\n",
    "only blanks": b"   \n",
    "an executable": b"\x7fELF" + bytes(range(256)),
}


@pytest.mark.parametrize("case", list(RAW))
def test_files_that_are_no_text_are_refused(tmp_path, case):
    folder = folder_of(tmp_path / "cdm", TABLES)
    (folder / "PERSON.csv").write_bytes(RAW[case])
    with pytest.raises(DefinitionError, match="person"):
        facts_of(folder)


def test_broken_parquet_and_two_files_of_a_table(tmp_path):
    folder = parquet_of(tmp_path / "cdm")
    whole = (folder / "person.parquet").read_bytes()
    (folder / "person.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DefinitionError, match="person: is not a readable table"):
        facts_of(folder)
    (folder / "person.parquet").write_bytes(whole)
    (folder / "PERSON.csv").write_text(PERSON)
    with pytest.raises(DefinitionError, match="two files hold it"):
        facts_of(folder)


def _member(name: str, content: bytes = b"x", attributes: int = 0) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = attributes, zipfile.ZIP_DEFLATED
    return info, content


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (_member("../PERSON.csv"), "leads out of the zip"),
        (_member("a/../../PERSON.csv"), "leads out of the zip"),
        (_member("/etc/PERSON.csv"), "leads out of the zip"),
        (_member("..\\PERSON.csv"), "leads out of the zip"),
        (_member("C:/PERSON.csv"), "leads out of the zip"),
        (_member("LINK.csv", b"/etc/passwd", 0o120777 << 16), "holds a link"),
        (_member("MEASUREMENT.csv", b"0" * (32 * 1024**2)), "unpacks to more than 200 times its size"),
    ],
)
def test_dangerous_zips_are_refused(tmp_path, member, told):
    path = zip_of(tmp_path / "cdm.zip", TABLES if "MEASUREMENT" not in member[0].filename else {"PERSON": PERSON})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(*member)
    with pytest.raises(DefinitionError, match=told):
        facts_of(path)


def test_many_members_and_a_liar_are_refused(tmp_path):
    path = zip_of(tmp_path / "cdm.zip", TABLES)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(2001):
            archive.writestr(f"f{number}", b"")
    with pytest.raises(DefinitionError, match="holds more than 2000 files"):
        facts_of(path)
    path = zip_of(tmp_path / "liar.zip", {"PERSON": PERSON})
    raw = bytearray(path.read_bytes())
    place = raw.rfind(b"PK\x01\x02")  # the last entry of the directory; its size of 4 bytes is at 24
    for at in [i for i in range(len(raw)) if raw[i : i + 4] == b"PK\x01\x02"]:
        raw[at + 24 : at + 28] = (7).to_bytes(4, "little")
    assert place > 0
    path.write_bytes(bytes(raw))
    with pytest.raises(DefinitionError):
        facts_of(path)


@pytest.mark.parametrize("cut", [10, 100, 400])
def test_cut_off_files_are_refused(tmp_path, cut):
    for source in (zip_of(tmp_path / "cdm.zip", TABLES), sqlite_of(tmp_path / "cdm.db")):
        source.write_bytes(source.read_bytes()[:cut])
        with pytest.raises(DefinitionError):
            facts_of(source)


def test_databases_of_something_else(tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE cars (id)")
        database.commit()
    with pytest.raises(DefinitionError, match="person: the table is missing"):
        facts_of(tmp_path / "other.db")
    with closing(sqlite3.connect(tmp_path / "view.db")) as database:
        database.execute("CREATE VIEW person AS SELECT 1 AS person_id")
        database.commit()
    with pytest.raises(DefinitionError, match="person: the table is missing"):
        facts_of(tmp_path / "view.db")
    (tmp_path / "text.db").write_text("hello")
    with pytest.raises(DefinitionError, match="must be a folder, a zip, a DuckDB or a SQLite file"):
        facts_of(tmp_path / "text.db")
    with pytest.raises(DefinitionError, match="no such file or folder"):
        facts_of(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DefinitionError, match="person: the table is missing"):
        facts_of(tmp_path / "empty")


def test_a_duckdb_file_reads_nothing_else(tmp_path):
    library = pytest.importorskip("duckdb")
    secret = tmp_path / "secret.csv"
    secret.write_text(PERSON)
    with library.connect(str(tmp_path / "cdm.duckdb")) as database:
        database.execute(f"CREATE VIEW person AS SELECT * FROM read_csv('{secret}')")
    with pytest.raises(DefinitionError, match="person: the table is missing"):
        facts_of(tmp_path / "cdm.duckdb")
    whole = (tmp_path / "cdm.duckdb").read_bytes()
    (tmp_path / "cdm.duckdb").write_bytes(whole[:9000])
    with pytest.raises(DefinitionError, match="is not a readable DuckDB file"):
        facts_of(tmp_path / "cdm.duckdb")


def test_a_duckdb_file_without_duckdb(tmp_path, monkeypatch):
    (tmp_path / "cdm.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 100)
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(InputError, match=r"cdm.duckdb: needs DuckDB: pip install 'popsim\[omop\]'"):
        facts_of(tmp_path / "cdm.duckdb")


def test_nothing_is_written_when_a_cdm_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "cdm", BROKEN["a date of words"][0])
    assert main(["cohort", "from-omop", "cdm"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cdm"]
