"""popsim twin ...: one person's digital twin, created, updated, forecast, compared and deleted.

An error repeats nothing that a user types or a file holds unless it cannot be personal: these commands have their own
parser for that, and hide the text of an internal error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from popsim.cli.clinical import PageCheck, PageOut, check_page, write_page
from popsim.cli.options import whole
from popsim.cli.private_commands import PrivateCommand, PrivateGroup, private, simulating
from popsim.cli.twin_omop import CdmPerson
from popsim.cli.twin_tables import NOTICE, Json, prints_private_tables, tell
from popsim.errors import DefinitionError, InputError, PopsimError

if TYPE_CHECKING:
    from popsim.registry.service import TwinRegistry
    from popsim.registry.stream import Calendar
    from popsim.registry.summary import TwinSummary

MAX_WAIT_S = 3600.0


twin_app = typer.Typer(
    help=f"A person's digital twin, kept up to date from data. {NOTICE}", no_args_is_help=True, cls=PrivateGroup
)
Registry = Annotated[Path, typer.Option(metavar="FILE", help="The registry of twins; only its owner can read it.")]
Twin = Annotated[str, typer.Argument(metavar="TWIN", help="Id of the twin.")]
Whose = Annotated[
    str, typer.Option("--twin", metavar="TWIN", help="Twin that the data belong to, if the data do not name it.")
]
DayZero = Annotated[
    str, typer.Option(metavar="DATE", help="Calendar date of the twin's day 0, for data with dates; not stored.")
]
Today = Annotated[int | None, whole("Today, in days since the twin's start; one twin is advanced to it.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="FHIR: check whole resources first (needs popsim's extra 'fhir').")
]
BadAsMissing = Annotated[
    bool, typer.Option("--bad-as-missing", help="FHIR: pass over readings that are refused, instead of the file.")
]


@twin_app.command(cls=PrivateCommand)
@simulating
def new(
    record: Annotated[
        Path,
        typer.Argument(metavar="RECORD", help="TOML or JSON: age, sex, diagnoses, drugs ...; FHIR R4; or an OMOP CDM."),
    ],
    registry: Registry,
    cohort: Annotated[Path, typer.Option(metavar="FILE", help="Cohort, for everything that the record lacks.")],
    genome: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or TSV: gene, diplotype; or a PharmCAT or CPIC table.")
    ] = None,
    members: Annotated[int, whole("Possible selves of which the belief consists.")] = 100,
    seed: Annotated[int, whole("Key of the random numbers.")] = 1,
    person: CdmPerson = "",
    identity: Annotated[
        str, typer.Option("--id", metavar="ID", help="Id of a made-up person's twin, to make the same again.")
    ] = "",
    day_zero: DayZero = "",
    look_back: Annotated[int, whole("FHIR: how old a reading may be to count as one of day 0, days.")] = 30,
    complete: Annotated[
        bool, typer.Option("--complete", help="FHIR: a diagnosis that is not in the file is one the person has not.")
    ] = False,
    strict: Strict = False,
    bad_as_missing: BadAsMissing = False,
    json_file: Json = None,
) -> None:
    """Create a twin from a record without names, from FHIR R4 or a person of an OMOP CDM; prints its random id.

    Of FHIR, day 0 is --day-zero or the last day on which something is told of the living person.
    """
    from popsim.cli.twin_sources import person_of_record, read_of_fhir, told_after
    from popsim.evidence.sets import SHIPPED
    from popsim.population.cohort import CohortSource
    from popsim.registry.audit import FileRead
    from popsim.registry.exports import digest_of_file
    from popsim.registry.service import TwinRegistry
    from popsim.registry.vocabulary import vocabulary_of

    source = _read(CohortSource.read, cohort)
    zero = _calendar(day_zero, None).day_zero
    who, tally, notes = person_of_record(
        record,
        genome,
        vocabulary_of(SHIPPED),
        person,
        day_zero=zero,
        look_back_days=look_back,
        complete=complete,
        strict=strict,
        bad_as_missing=bad_as_missing,
    )
    ids = [identity] if identity else None
    opened = TwinRegistry(registry, create=True)
    read = [FileRead(what, digest_of_file(path)) for what, path in (("record", record), ("genes", genome)) if path]
    [twin] = opened.new([who], source, members=members, seed=seed, ids=ids, read=read)
    content, text = told_after({"twin": twin, "day": 0}, twin, read_of_fhir(tally, notes))
    tell(content, f"{text}\n\n{NOTICE}", json_file, registry, [twin])


@twin_app.command(cls=PrivateCommand)
@simulating
def update(
    stream: Annotated[
        Path,
        typer.Argument(
            metavar="STREAM", help="CSV or JSON lines: time, code, value, unit, kind; FHIR R4, an OMOP CDM, a device."
        ),
    ],
    registry: Registry,
    twin: Whose = "",
    person: CdmPerson = "",
    day_zero: DayZero = "",
    today: Today = None,
    strict: Strict = False,
    bad_as_missing: BadAsMissing = False,
    json_file: Json = None,
) -> None:
    """Assimilate the data of a file, also of a scale, cuff or watch: all of it, or nothing.

    FHIR R4 and a person of an OMOP CDM need --twin and --day-zero.
    """
    from popsim.cli.twin_sources import FileUpdates, told_after
    from popsim.registry.privacy import shown_path
    from popsim.reporting.text.twin import report_text

    whose, calendar = _whose(twin), _calendar(day_zero, today)
    updates = FileUpdates(_opened(registry), calendar, strict=strict, bad_as_missing=bad_as_missing, cdm_id=person)
    report = updates(stream, whose)
    shown = report_text(shown_path(stream), report)
    content, text = told_after(report._asdict(), shown, (updates.content, updates.lines))
    tell(content, f"{text}\n\n{NOTICE}", json_file, registry, list(report.days))


@twin_app.command(cls=PrivateCommand)
@simulating
def watch(
    source: Annotated[Path, typer.Argument(metavar="DIR_OR_PIPE", help="Folder, named pipe, or - for standard input.")],
    registry: Registry,
    twin: Whose = "",
    day_zero: DayZero = "",
    every: Annotated[float, typer.Option(metavar="SECONDS", help="How often to check a folder.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Check the folder once, then stop.")] = False,
    strict: Strict = False,
    bad_as_missing: BadAsMissing = False,
) -> None:
    """Assimilate data as they arrive, until interrupted or the pipe closes. A file named by a twin's id is its data.

    Files are .csv and .jsonl, and FHIR R4 in .json, .ndjson and folders of .ndjson, which need --day-zero.
    """
    from popsim.cli.twin_sources import SUFFIXES, FileUpdates, told_after
    from popsim.registry.follow import is_pipe, watch_folder, watch_pipe
    from popsim.reporting.text.twin import report_text

    if not 0.0 < every <= MAX_WAIT_S:
        raise InputError(f"command line: --every: must be above 0 and at most {MAX_WAIT_S:g} s")
    whose, calendar, opened = _whose(twin), _calendar(day_zero, None), _opened(registry)
    updates = FileUpdates(opened, calendar, strict=strict, bad_as_missing=bad_as_missing)
    if is_pipe(source):
        arriving = watch_pipe(opened, source, twin=whose, calendar=calendar)
    else:
        arriving = watch_folder(opened, source, twin=whose, take=updates, suffixes=SUFFIXES, every_s=every, once=once)
    print(NOTICE, flush=True)
    for name, became in arriving:
        if isinstance(became, PopsimError):
            print(f"popsim: {became}", file=sys.stderr, flush=True)
        else:
            print(told_after({}, report_text(name, became), ({}, updates.lines))[1], flush=True)


@twin_app.command(cls=PrivateCommand)
@private
@prints_private_tables
def show(
    twin: Twin,
    registry: Registry,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page instead, .html or .png; only its owner can read it."),
    ] = None,
    json_file: Json = None,
) -> None:
    """Show what is recorded, estimated, forecast and advised for a twin."""
    from popsim.registry.privacy import shown_path
    from popsim.registry.views import summarise
    from popsim.reporting.text.twin import summary_text

    summary = summarise(_opened(registry), str(_whose(twin)))
    if out is not None:
        from popsim.registry.exports import index_export
        from popsim.reporting.pages.twin import write_twin_page

        opened, page = _opened(registry), write_twin_page(summary, out)
        with opened.database.writing() as connection:
            index_export(connection, [summary.twin], "page", page)
        name = shown_path(page)
        tell({"twin": summary.twin, "page": name}, f"{name}: written\n\n{NOTICE}", json_file, registry, [summary.twin])
        return
    tell(summary.as_dict(), summary_text(summary), json_file, registry, [summary.twin])


@twin_app.command(cls=PrivateCommand)
@simulating
@prints_private_tables
def forecast(
    twin: Twin, registry: Registry, days: Annotated[int, whole("Days to look ahead.")] = 90, json_file: Json = None
) -> None:
    """Forecast risks within 7, 30 and 90 days, and the course of each measured signal."""
    from popsim.registry.advice import make_forecast
    from popsim.registry.views import summarise
    from popsim.reporting.text.twin import forecast_text

    whose, opened = str(_whose(twin)), _opened(registry)
    make_forecast(opened, whose, days)
    summary = summarise(opened, whose)
    ahead = {signal.name: asdict(signal.forecast) for signal in summary.signals}
    content = {"twin": whose, "day": summary.forecast_day, "risks": [asdict(one) for one in summary.risks]}
    tell(content | {"signals": ahead}, forecast_text(summary), json_file, registry, [whose])


@twin_app.command(cls=PrivateCommand)
@simulating
@prints_private_tables
def compare(
    twin: Twin,
    registry: Registry,
    candidates: Annotated[
        Path | None,
        typer.Option("--options", metavar="FILE", help="TOML file of options; by default the standard ones."),
    ] = None,
    days: Annotated[int, whole("Days to look ahead.")] = 180,
    willingness_to_pay: Annotated[float, typer.Option(help="GBP per QALY.")] = 20_000.0,
    highest_risk: Annotated[
        float | None, typer.Option(help="Highest acceptable risk of an adverse reaction, 0 to 1.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Highest extra cost over doing nothing, GBP.")] = None,
    json_file: Json = None,
) -> None:
    """Compare treatment options and recommend one, with reasons."""
    from popsim.assimilation.options import load_options
    from popsim.registry.advice import compare_options
    from popsim.registry.views import summarise
    from popsim.reporting.text.twin import options_text

    whose, opened = str(_whose(twin)), _opened(registry)
    compare_options(
        opened,
        whose,
        None if candidates is None else _read(load_options, candidates),
        days=days,
        willingness_to_pay=willingness_to_pay,
        highest_risk=highest_risk,
        budget=budget,
    )
    summary = summarise(opened, whose)
    tell(_advice(summary), f"{options_text(summary)}\n\n{NOTICE}", json_file, registry, [whose])


@twin_app.command(cls=PrivateCommand)
@simulating
def explain(
    twin: Twin, registry: Registry, out: PageOut = None, check: PageCheck = None, json_file: Json = None
) -> None:
    """Explain the last recommendation and what would change it; compares first if need be."""
    from popsim.registry.advice import compare_options
    from popsim.registry.views import summarise
    from popsim.reporting.text.twin import reasons_text

    whose, opened = str(_whose(twin)), _opened(registry)
    if out or check:
        content, text = write_page(opened, whose, out) if out else check_page(opened, whose, check)
        tell(content, text, json_file, registry, [whose])
        return
    summary = summarise(opened, whose)
    if summary.options_day is None:
        compare_options(opened, whose)
        summary = summarise(opened, whose)
    text = f"Twin {whose}, day {summary.options_day}\n\n{reasons_text(summary)}\n\n{NOTICE}"
    tell(_advice(summary), text, json_file, registry, [whose])


def _advice(summary: TwinSummary) -> dict[str, Any]:
    """What was compared, recommended and why."""
    return {
        "twin": summary.twin,
        "day": summary.options_day,
        "options": [asdict(option) for option in summary.options],
        "benefit_unit": summary.benefit_unit,
        "sure": summary.sure,
        "reasons": list(summary.reasons),
    }


def _read[T](reader: Callable[[Path], T], path: Path) -> T:
    """Read a file; errors name it without its folders, which often contain a name.

    Raises:
        DefinitionError: the file is refused.
    """
    from popsim.registry.privacy import shown_path

    try:
        return reader(path)
    except DefinitionError as error:
        raise DefinitionError(shown_path(error.file), error.key, error.value, error.allowed) from None


def _opened(path: Path) -> TwinRegistry:
    from popsim.registry.service import TwinRegistry

    return TwinRegistry(path)


def _whose(twin: str) -> str | None:
    from popsim.registry.privacy import checked_id

    return checked_id(twin) if twin else None


def _calendar(day_zero: str, today: int | None) -> Calendar:
    """How times are turned into days.

    Raises:
        InputError: the date is invalid or lies in the future, or the day is out of range.
    """
    from popsim.registry.stream import LAST_DAY, Calendar

    if today is not None and not 0 <= today <= LAST_DAY:
        raise InputError(f"command line: --today: must be between 0 and {LAST_DAY}")
    try:
        zero = date.fromisoformat(day_zero) if day_zero else None
    except ValueError:
        raise InputError("command line: --day-zero: must be a date, YYYY-MM-DD") from None
    if zero is not None and today is None and zero > date.today():
        raise InputError("command line: --day-zero: lies in the future")
    return Calendar(zero, today)
