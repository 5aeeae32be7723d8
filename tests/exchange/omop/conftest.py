"""A small run, simulated once, and its people in the OMOP CDM."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl
import pytest

from popsim.exchange.omop.mapping import CdmSource, cdm_tables
from popsim.exchange.omop.writing import write_cdm
from popsim.exchange.records import PersonRecords, records_of
from popsim.runs.engine import Engine
from popsim.runs.run import StoredRun
from popsim.runs.runner import run_study
from popsim.studies.design import read_study

START = date(2019, 3, 1)
EXPERIMENT = """
name = "for_omop"
cohort = "{root}/cohorts/heart_failure_discharge.toml"
network = "{root}/experiments/networks/heart_failure_catchment.toml"
population = 90
replications = 1
seed = 7
follow_up_days = 80
enrolment_days = 20
store = "events"
discount_rate_costs = 0.0
[[strategies]]
name = "tele"
[[strategies.follow_up]]
setting = "heart_failure_clinic"
within_days = 14
uptake = 0.8
[strategies.telemonitoring]
desk = "telemonitoring_desk"
uptake = 0.5
duration_days = 90
weight_gain_kg = 2.0
days_between_alerts = 3
systolic_low_mmhg = 90
systolic_high_mmhg = 180
heart_rate_low_bpm = 45
heart_rate_high_bpm = 120
"""


class Exported(NamedTuple):
    """A finished run, its records, and its tables."""

    run: StoredRun
    records: PersonRecords
    tables: dict[str, pl.DataFrame]
    folder: object


@pytest.fixture(scope="session")
def exported(tmp_path_factory, request) -> Exported:
    """The run and its people, all of them."""
    folder = tmp_path_factory.mktemp("omop")
    file = folder / "for_omop.toml"
    file.write_text(EXPERIMENT.format(root=request.config.rootpath))
    run_study(read_study(file), folder / "results", Engine(1, 1))
    run = StoredRun.open(file, folder / "results")
    records = records_of(run.unit("tele"))
    source = CdmSource("for_omop", "tele, draw 0", run.manifest["run_id"], "GBP", "test")
    return Exported(run, records, cdm_tables(records, START, source), folder)


@pytest.fixture(scope="session")
def written(exported) -> dict:
    """The tables in every form, by form."""
    places = {"parquet": "parquet", "csv": "csv", "sqlite": "cdm.sqlite", "duckdb": "cdm.duckdb"}
    return {form: write_cdm(exported.tables, exported.folder / name, form) for form, name in places.items()}
