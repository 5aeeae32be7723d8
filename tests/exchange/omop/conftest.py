"""The people of the small run in the OMOP CDM."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl
import pytest

from popsim.exchange.omop.mapping import CdmSource, cdm_tables
from popsim.exchange.omop.records import PersonRecords, person_records
from popsim.exchange.omop.writing import write_cdm
from popsim.exchange.records import record
from popsim.runs.run import StoredRun

START = date(2019, 3, 1)


class Exported(NamedTuple):
    """A finished run, its records, and its tables."""

    run: StoredRun
    records: PersonRecords
    tables: dict[str, pl.DataFrame]
    folder: object


@pytest.fixture(scope="session")
def exported(run, tmp_path_factory) -> Exported:
    """The run and its people, all of them."""
    unit = run.unit("usual")
    records = person_records(record(unit), unit)
    source = CdmSource("written", "usual, draw 0", run.manifest["run_id"], "GBP", "test")
    return Exported(run, records, cdm_tables(records, START, source), tmp_path_factory.mktemp("omop"))


@pytest.fixture(scope="session")
def written(exported) -> dict:
    """The tables in every form, by form."""
    places = {"parquet": "parquet", "csv": "csv", "sqlite": "cdm.sqlite", "duckdb": "cdm.duckdb"}
    return {form: write_cdm(exported.tables, exported.folder / name, form) for form, name in places.items()}
