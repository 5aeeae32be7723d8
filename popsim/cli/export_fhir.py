"""popsim export fhir, popsim export twin: FHIR R4 for other programs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from popsim.cli.options import FinishedRun, StudyOptions, one_unit, opened, whole
from popsim.cli.private_commands import private
from popsim.cli.twin import Registry, Twin
from popsim.errors import InputError
from popsim.plurals import counted

if TYPE_CHECKING:
    from popsim.exchange.fhir.writing.folder import WrittenFolder

LATEST_YEAR = 9000  # days of follow-up later, a year still has four digits


@one_unit("one unit of the run is simulated again")
def export_fhir(
    run: FinishedRun,
    options: StudyOptions,
    strategy: Annotated[str, typer.Option(help="Strategy; by default the comparator.")] = "",
    draw: Annotated[int | None, whole("Number of the parameter draw; by default the first.")] = None,
    replication: Annotated[int, whole("Number of the replication.")] = 0,
    region: Annotated[int, whole("Number of the catchment.")] = 0,
    people: Annotated[int | None, whole("People to write, those of the lowest ids; by default all.")] = None,
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

    first = _date(start) if start else None
    if people is not None and people < 1:
        raise InputError(f"command line: --people = {people}: must be at least 1")
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
    zero = _date(day_zero, "--day-zero") if day_zero else None
    opened_registry = TwinRegistry(registry)
    summary = summarise(opened_registry, checked_id(twin))
    made = [("forecast as FHIR", write_forecast(summary, fhir, zero))] if fhir is not None else []
    made += [("recommendation as a card", write_card(summary, cds))] if cds is not None else []
    with opened_registry.database.writing() as connection:
        for what, path in made:
            index_export(connection, [summary.twin], what, path)
    for _, path in made:
        print(f"{shown_path(path)}: written")


def _date(text: str, flag: str = "--start") -> date:
    """A date of the command line; the date of a person is not repeated in the error."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1800 <= found.year <= LATEST_YEAR:
        shown = f" {text}" if flag == "--start" else ""
        raise InputError(f"command line: {flag}{shown}: must be a date from 1800 on, YYYY-MM-DD") from None
    return found


def _summary(written: WrittenFolder) -> str:
    counts = "\n".join(f"  {name:<22}{number:>12,}" for name, number in written.resources.items())
    bundles = f", {counted(written.bundles, 'Bundle')}" if written.bundles else ""
    size = f"{written.size_bytes / 1e6:,.1f} MB"
    return f"{written.folder}: {counted(written.files, 'file')}, {size}{bundles}; test data\n{counts}"
