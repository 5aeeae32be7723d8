"""popsim export omop: a run's people in the OMOP Common Data Model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import FinishedRun, StudyOptions, one_unit, opened, whole
from popsim.errors import InputError

FORMATS = ("parquet", "csv", "duckdb", "sqlite")  # the same as in exchange.omop.writing, which is slow to import


@one_unit("one unit of the run is simulated again")
def omop(
    run: FinishedRun,
    options: StudyOptions,
    strategy: Annotated[str, typer.Option(help="Strategy; by default the comparator.")] = "",
    draw: Annotated[int | None, whole("Number of the parameter draw; by default the run's first.")] = None,
    replication: Annotated[int, whole("Number of the replication.")] = 0,
    region: Annotated[int, whole("Number of the region.")] = 0,
    people: Annotated[int | None, whole("How many people to write; by default all.")] = None,
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
    from popsim.exchange.omop.writing import FORMATS as ENDINGS
    from popsim.exchange.omop.writing import check_target, write_cdm
    from popsim.exchange.privacy.gate import allow_export
    from popsim.exchange.records import records_of
    from popsim.reporting.text.progress import progress_bar

    if people is not None and people < 1:
        raise InputError(f"--people {people}: must be 1 or more")
    try:
        asked = date.fromisoformat(start) if start else None
    except ValueError:
        raise InputError(f"--start {start}: must be a date, YYYY-MM-DD") from None
    found = opened(run)
    name = strategy or found.comparator
    target = out or Path(f"{found.experiment.name}_{name}_omop{ENDINGS.get(form, '')}")
    check_target(target, form, force)
    allow_export(found)
    unit = found.unit(name, draw, replication, region)
    days = found.experiment.enrolment_days + found.experiment.follow_up_days
    first = checked_start(asked, days, date.today())
    options.use_threads(found.study.region_size(region))
    with progress_bar(f"{found.experiment.name}, {name}") as on_day:
        records = records_of(unit, people, lambda done, total: on_day(done, total, 0))
    whose = f"{name}, draw {unit.draw}, replication {unit.replication}, region {unit.region}"
    source = CdmSource(
        found.experiment.name, whose, found.manifest["run_id"], found.experiment.currency, version("popsim")
    )
    tables = cdm_tables(records, first, source)
    print(write_cdm(tables, target, form))
    print(f"  {len(tables['person']):,} people, {records.days:,} days from {first}; {whose}")
    filled = {table: len(frame) for table, frame in tables.items() if len(frame) and table != "person"}
    print("  rows: " + ", ".join(f"{table} {rows:,}" for table, rows in filled.items()))
