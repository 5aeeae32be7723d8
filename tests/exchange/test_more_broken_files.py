"""Files broken in further ways: one line with the file and what is allowed, nothing half taken, no row repeated."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from popsim.cli import main
from popsim.evidence.sets import SHIPPED
from popsim.exchange.fhir.facts import ReadTally
from popsim.exchange.fhir.folders import find_sources, persons_in
from popsim.exchange.fhir.to_cohort import draft_from_fhir
from popsim.exchange.wearables.device_csv import is_device_csv, read_device_csv
from popsim.exchange.wearables.json_files import read_device_json
from popsim.kernels.numerics.random import RandomKey
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
