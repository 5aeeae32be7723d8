"""popsim export omop: a run's people in the OMOP Common Data Model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, StudyOptions, one_unit, opened
from popsim.cli.unit_options import Draw, People, Region, Replication, Strategy, check_people, read_date

FORMATS = ("parquet", "csv", "duckdb", "sqlite")  # the same as in exchange.omop.writing, which is slow to import


@one_unit("one unit of the run is simulated again")
def omop(
    run: FinishedRun,
    options: StudyOptions,
    strategy: Strategy = "",
    draw: Draw = None,
    replication: Replication = 0,
    region: Region = 0,
    people: People = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder or database to write; by default named after the run.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}.")] = "parquet",
    start: Annotated[
        str, typer.Option(metavar="DATE", help="Date of day 0; by default the simulation ends in 2024.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over an earlier export.")] = False,
) -> None:
    """Write the people of a run in the OMOP Common Data Model 5.4, simulated again with the same random numbers.

    Measurements are readings of devices, not the hidden state. Nothing is written after death.
    """
    from datetime import date
    from importlib.metadata import version

    from popsim.exchange.omop.mapping import CdmSource, cdm_tables, checked_start
    from popsim.exchange.omop.records import person_records
    from popsim.exchange.omop.writing import FORMATS as ENDINGS
    from popsim.exchange.omop.writing import check_target, write_cdm
    from popsim.exchange.privacy.gate import unit_to_export
    from popsim.exchange.records import record
    from popsim.reporting.text.progress import progress_bar

    asked = read_date(start)
    check_people(people)
    found = opened(run)
    name = strategy or found.comparator
    target = out or Path(f"{found.experiment.name}_{name}_omop{ENDINGS.get(form, '')}")
    check_target(target, form, force)
    unit = unit_to_export(found, name, draw, replication, region)
    days = found.experiment.enrolment_days + found.experiment.follow_up_days
    first = checked_start(asked, days, date.today())
    options.use_threads(found.study.region_size(region))
    with progress_bar(f"{found.experiment.name}, {name}") as on_day:
        records = person_records(record(unit, people, on_day=on_day), unit)
    whose = f"{name}, draw {unit.draw}, replication {unit.replication}, region {unit.region}"
    source = CdmSource(
        found.experiment.name, whose, found.manifest["run_id"], found.experiment.currency, version("popsim")
    )
    tables = cdm_tables(records, first, source)
    print(write_cdm(tables, target, form))
    print(f"  {len(tables['person']):,} people, {records.days:,} days from {first}; {whose}")
    filled = {table: len(frame) for table, frame in tables.items() if len(frame) and table != "person"}
    print("  rows: " + ", ".join(f"{table} {rows:,}" for table, rows in filled.items()))
