"""One unit's records as tables of the OMOP CDM 5.4, checked against its rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from popsim.errors import InputError, RunError
from popsim.exchange.omop import clinical
from popsim.exchange.omop.checks import violations
from popsim.exchange.omop.concepts import CDM_VERSION, CDM_VERSION_CONCEPT, vocabulary_tables
from popsim.exchange.omop.records import PersonRecords
from popsim.exchange.omop.rules import cdm_fields, cdm_table
from popsim.exchange.omop.visits import care_sites, costs, details_of, visit_detail, visit_occurrence, visits_of
from popsim.units import DAYS_PER_YEAR

LAST_YEAR = 2024  # by default the simulation ends in it at the latest: no date of an export is in the future
EARLIEST = date(1950, 1, 1)  # no date may be earlier (plausibleValueLow of OHDSI's DataQualityDashboard)
MAX_ABBREVIATION = 25
DESCRIPTION = (
    "Simulated people, no real persons. Values are readings of simulated devices; costs are undiscounted prices of the"
    " experiment, in {currency}."
)


@dataclass(frozen=True)
class CdmSource:
    """What is written about the source of an export.

    Attributes:
        name: of the experiment.
        unit: which strategy, draw, replication and region.
        run_id: of the run.
        currency: of the costs.
        version: of popsim.
    """

    name: str
    unit: str
    run_id: str
    currency: str
    version: str


def default_start(days: int) -> date:
    """The first of January with which so many days end in LAST_YEAR at the latest."""
    return date(LAST_YEAR + 1 - math.ceil(days / DAYS_PER_YEAR), 1, 1)


def checked_start(start: date | None, days: int, today: date) -> date:
    """The date of day 0 of the simulation.

    Raises:
        InputError: its last day would be in the future, or day 0 is too early.
    """
    start = start or default_start(days)
    try:
        last = start + timedelta(days=days - 1)
    except OverflowError:
        last = date.max
    if last > today:
        latest = today - timedelta(days=days - 1)
        raise InputError(
            f"--start {start}: the {days} days of the simulation would end in the future; at most {latest}"
        )
    if start < EARLIEST:
        raise InputError(f"--start {start}: must be {EARLIEST} or later")
    return start


def cdm_tables(records: PersonRecords, start: date, source: CdmSource) -> dict[str, pl.DataFrame]:
    """All tables that popsim writes, in the order of the CDM.

    Args:
        records: of one unit.
        start: date of day 0 of the simulation.
        source: what is exported.

    Raises:
        RunError: a table breaks a rule of the CDM.
    """
    visits = visits_of(records)
    details = details_of(visits, records)
    conditions = clinical.conditions(records, visits, start)
    readings = clinical.readings(records, visits, start)
    tables = {
        "person": clinical.person(records, start),
        "observation_period": clinical.observation_period(records, start),
        "visit_occurrence": visit_occurrence(visits, records, start),
        "visit_detail": visit_detail(details, records, start),
        "condition_occurrence": conditions["condition_occurrence"],
        "drug_exposure": clinical.drug_exposure(records, visits, start),
        "procedure_occurrence": clinical.procedure_occurrence(records, visits, start),
        "measurement": readings["measurement"],
        "observation": clinical.observation([conditions["observation"], readings["observation"]], start),
        "death": clinical.death(records, start),
        "cost": costs(visits, details, records),
        "care_site": care_sites(records),
        "cdm_source": _source(source, start + timedelta(days=records.days - 1)),
    }
    tables |= vocabulary_tables(_concepts(tables))
    tables = {table: tables[table] for table in cdm_fields()}
    if broken := violations(tables):
        more = f"; and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise RunError(f"the export breaks a rule of the OMOP CDM {CDM_VERSION}: {broken[0]}{more}")
    return tables


def _source(source: CdmSource, last: date) -> pl.DataFrame:
    row = {
        "cdm_source_name": f"popsim: {source.name}, {source.unit}"[:255],
        "cdm_source_abbreviation": f"popsim {source.name}"[:MAX_ABBREVIATION],
        "cdm_holder": "popsim",
        "source_description": DESCRIPTION.format(currency=source.currency),
        "source_documentation_reference": f"run {source.run_id}",
        "cdm_etl_reference": f"popsim {source.version}, popsim export omop",
        "source_release_date": last,
        "cdm_release_date": last,
        "cdm_version": CDM_VERSION,
        "cdm_version_concept_id": CDM_VERSION_CONCEPT,
        "vocabulary_version": "concepts in use",
    }
    return cdm_table("cdm_source", pl.DataFrame([row]))


def _concepts(tables: dict[str, pl.DataFrame]) -> set[int]:
    """Every concept id in the tables."""
    columns = (frame[name] for frame in tables.values() for name in frame.columns if name.endswith("concept_id"))
    return {int(number) for column in columns for number in column.unique().drop_nulls()}
