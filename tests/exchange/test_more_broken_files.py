"""Files broken in further ways: one line with the file and what is allowed, nothing half taken, no row repeated."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date

import pytest

from popsim.cli import main
from popsim.errors import InputError
from popsim.evidence.sets import SHIPPED
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.folders import find_sources, persons_in
from popsim.exchange.fhir.to_cohort import draft_from_fhir
from popsim.exchange.omop.cdm_files import open_cdm
from popsim.exchange.omop.facts import UNDERSTOOD, read_facts
from popsim.exchange.wearables.device_csv import is_device_csv, read_device_csv
from popsim.exchange.wearables.json_files import read_device_json
from popsim.kernels.numerics.random import RandomKey
from popsim.registry.service import TwinRegistry
from popsim.registry.vocabulary import vocabulary_of

PERSON = "person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth\n1,8507,1957,1,1\n2,8532,1943,2,2\n"
CONDITION = "person_id,condition_concept_id,condition_start_date\n1,316139,2020-01-01\n2,316139,2020-02-01\n"


def cdm(folder, person=PERSON, name="person.csv"):
    (folder / "cdm").mkdir()
    (folder / "cdm" / name).write_bytes(person if isinstance(person, bytes) else person.encode())
    (folder / "cdm" / "condition_occurrence.csv").write_text(CONDITION)
    return folder / "cdm"


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (PERSON.replace("1957", '"1957'), "person: is not a readable table: a quote does not end, or a row is cut"),
        (PERSON.replace("1943,2,2", "1943,2,2,9"), "a row has more fields than the header"),
        (PERSON.replace("1957", "19570"), "person.year_of_birth row 1"),
        (PERSON.replace(",2,2\n", ",14,2\n"), "person.month_of_birth row 2"),
        (PERSON.encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_a_broken_person_table_is_refused_without_its_rows(tmp_path, capsys, person, told):
    out = tmp_path / "back.toml"
    assert main(["cohort", "from-omop", str(cdm(tmp_path, person)), "--out", str(out)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert told in lines[-1] and "8532,1943" not in lines[-1]
    assert not list(tmp_path.glob("back*"))


VISIT = "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date\n"
WEIGHT = "person_id,measurement_concept_id,measurement_date,value_as_number,unit_concept_id,unit_source_value\n"
NEITHER = "a whole number, 0 or more"


@pytest.mark.parametrize(
    ("table", "content", "told"),
    [
        ("person", PERSON.replace("\n1,", "\n-1,"), f"person.person_id row 1 = '-1': must be {NEITHER}"),
        ("person", PERSON.replace("8532", "female"), f"person.gender_concept_id row 2 = 'female': must be {NEITHER}"),
        ("person", PERSON.replace("1957", "1957.5"), "person.year_of_birth row 1 = '1957.5': must be between"),
        ("visit_occurrence", f"{VISIT}-1,1,9201,2020-01-01,\n", f"row 1 = '-1': must be {NEITHER}"),
        (
            "condition_occurrence",
            CONDITION.replace("2020-02-01", "0001-01-01"),
            "condition_start_date row 2 = '0001-01-01': must be a date, YYYY-MM-DD, from 1850 to 2300",
        ),
    ],
)
def test_ids_and_dates_that_cannot_be_are_refused(tmp_path, capsys, table, content, told):
    folder = cdm(tmp_path)
    (folder / f"{table}.csv").write_text(content)
    assert main(["cohort", "from-omop", str(folder), "--out", str(tmp_path / "back.toml")]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("back*"))


@pytest.mark.parametrize(
    ("table", "content", "why"),
    [
        ("condition_occurrence", f"{CONDITION}77,316139,2020-01-01\n", "of nobody in the table person"),
        ("condition_occurrence", f"{CONDITION}1,316139,1930-01-01\n", "before the birth"),
        ("death", "person_id,death_date\n1,1930-01-01\n", "before the birth"),
        ("visit_occurrence", f"{VISIT}1,1,9201,2020-01-02,2020-01-01\n", "ends before it starts"),
        ("measurement", f"{WEIGHT}1,3025315,2020-01-01,80,,stone of ale\n", "unit stone of ale is none of weight_kg"),
    ],
)
def test_records_that_cannot_be_are_counted_and_passed_over(tmp_path, table, content, why):
    folder = cdm(tmp_path)
    (folder / f"{table}.csv").write_text(content)
    with open_cdm(folder) as source:
        counts = read_facts(source).counts
    assert counts[table, why] == 1
    if table == "condition_occurrence":
        assert counts[table, UNDERSTOOD] == 2


def test_far_years_are_open_ends_and_ids_may_be_written_as_decimals(tmp_path):
    folder = cdm(tmp_path, PERSON.replace("\n1,8507", "\n1.0,8507.0"))
    (folder / "visit_occurrence.csv").write_text(f"{VISIT}1,1,9201,2020-01-02,9999-12-31\n")
    with open_cdm(folder) as source:
        facts = read_facts(source)
    assert facts.people["sex"].to_list() == ["male", "female"]
    assert facts.visits.select("person", "end").rows() == [("1", date(2020, 1, 2))]


@pytest.mark.parametrize("content", ["", "\n\n", "time,code,value,unit,kind", "[" * 3000 + "]" * 3000])
def test_a_stream_without_a_whole_line_is_refused(content):
    with pytest.raises(InputError, match=r"^x\.csv: holds no whole line"):
        TwinRegistry.update(None, content.encode(), "x.csv", twin="aaaaaaa1")


def test_a_blob_as_id_is_not_repeated(tmp_path, capsys):
    path = tmp_path / "cdm.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE person (person_id, gender_concept_id, year_of_birth)")
        database.execute("INSERT INTO person VALUES (?, 8507, 1950)", (b"\xffsecret",))
        database.commit()
    assert main(["cohort", "from-omop", str(path), "--out", str(tmp_path / "back.toml")]) == 2
    told = capsys.readouterr().err
    assert "is not a readable SQLite file: text that is not UTF-8" in told and "secret" not in told


def test_bytes_and_deep_lists_are_no_file_of_a_device():
    every, deep = bytes(range(256)), "[" * 3000 + "]" * 3000
    assert not is_device_csv(every.decode("latin-1"))
    assert read_device_csv(every, "bytes.csv").readings == []
    assert read_device_json(deep, "deep.json").readings == []


def test_the_manifest_of_bulk_data_is_no_resource_and_a_person_counts_once(tmp_path, request):
    bundle = (request.config.rootpath / "docs" / "examples" / "person.json").read_text()
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(bundle)
    (tmp_path / "manifest.json").write_text(json.dumps({"transactionTime": "2024-01-01T00:00:00Z", "output": []}))
    tally, vocabulary = ReadTally(), vocabulary_of(SHIPPED)
    persons = persons_in(find_sources([tmp_path]), vocabulary, tally)
    cohort = draft_from_fhir(persons, vocabulary, SHIPPED, tally, RandomKey.of(1))
    assert tally.passed["(file)", "the manifest of Bulk Data"] == 1
    assert cohort.draft.rows == 1
    assert cohort.left_out == {"the same person (Patient.identifier) is in a file before": 1}
