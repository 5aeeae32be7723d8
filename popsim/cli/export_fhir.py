"""popsim export fhir, popsim export twin: FHIR R4 for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import FinishedRun, StudyOptions, one_unit, opened
from popsim.cli.private_commands import private
from popsim.cli.twin import Registry, Twin
from popsim.cli.unit_options import Draw, People, Region, Replication, Strategy, check_people, read_date
from popsim.errors import InputError
from popsim.plurals import counted

if TYPE_CHECKING:
    from popsim.exchange.fhir.writing.folder import WrittenFolder


@one_unit("one unit of the run is simulated again")
def export_fhir(
    run: FinishedRun,
    options: StudyOptions,
    strategy: Strategy = "",
    draw: Draw = None,
    replication: Replication = 0,
    region: Region = 0,
    people: People = None,
    start: Annotated[
        str, typer.Option(metavar="DATE", help="Calendar date of day 0; by default the care network's own.")
    ] = "",
    bundles: Annotated[bool, typer.Option("--bundles", help="Also one Bundle for each person.")] = False,
    costs: Annotated[bool, typer.Option("--costs", help="Also Coverage and ExplanationOfBenefit.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default 'fhir/<strategy>' in the run's folder.")
    ] = None,
) -> None:
    """Write the people of a finished run as FHIR R4 (Bulk Data NDJSON), marked as test data.

    One unit is simulated again with the same random numbers, and taken down as a health record would hold it: what
    devices and laboratories show, never the hidden state.
    """
    from popsim.exchange.fhir.writing.folder import check_folder
    from popsim.exchange.fhir.writing.population import ExportChoices, export_population
    from popsim.reporting.text.progress import progress_bar

    first = read_date(start)
    check_people(people)
    if out is not None:
        check_folder(out)
    found = opened(run)
    choices = ExportChoices(strategy, draw, replication, region, people, first, bundles, costs)
    options.use_threads(found.experiment.population // found.experiment.regions)
    with progress_bar("Days simulated") as on_progress:
        print(_summary(export_population(found, out, choices, on_progress)))


@private
def export_twin(
    twin: Twin,
    registry: Registry,
    fhir: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bundle with the last forecast as RiskAssessments (.json).")
    ] = None,
    cds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The last recommendation as a CDS Hooks card (.json).")
    ] = None,
    day_zero: Annotated[
        str, typer.Option(metavar="DATE", help="Calendar date of the twin's day 0; without it no date is written.")
    ] = "",
) -> None:
    """Write the last forecast of a twin as FHIR, its last recommendation as a CDS Hooks card; only you can read them.

    For research, not for care.
    """
    from popsim.exchange.fhir.writing.told import write_card, write_forecast
    from popsim.registry.exports import index_export
    from popsim.registry.privacy import checked_id, shown_path
    from popsim.registry.service import TwinRegistry
    from popsim.registry.views import summarise

    if fhir is None and cds is None:
        raise InputError("command line: name a file with --fhir or --cds")
    for flag, path in (("--fhir", fhir), ("--cds", cds)):
        if path is not None and (path.suffix != ".json" or path.is_dir() or not path.parent.is_dir()):
            raise InputError(f"command line: {flag} {shown_path(path)}: must be a .json file in a folder that exists")
    zero = read_date(day_zero, "--day-zero", personal=True)
    opened_registry = TwinRegistry(registry)
    summary = summarise(opened_registry, checked_id(twin))
    made = [("forecast as FHIR", write_forecast(summary, fhir, zero))] if fhir is not None else []
    made += [("recommendation as a card", write_card(summary, cds))] if cds is not None else []
    with opened_registry.database.writing() as connection:
        for what, path in made:
            index_export(connection, [summary.twin], what, path)
    for _, path in made:
        print(f"{shown_path(path)}: written")


def _summary(written: WrittenFolder) -> str:
    counts = "\n".join(f"  {name:<22}{number:>12,}" for name, number in written.resources.items())
    bundles = f", {counted(written.bundles, 'Bundle')}" if written.bundles else ""
    size = f"{written.size_bytes / 1e6:,.1f} MB"
    return f"{written.folder}: {counted(written.files, 'file')}, {size}{bundles}; test data\n{counts}"
