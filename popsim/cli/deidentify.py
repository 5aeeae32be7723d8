"""popsim deidentify: files of real people without what names them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from popsim.cli.options import whole
from popsim.errors import InputError

PANEL = "Report of an expert's determination"


def deidentify(
    source: Annotated[
        Path,
        typer.Argument(metavar="IN", help="FHIR (.json, .ndjson or a folder), an OMOP CDM folder, or a plain table."),
    ],
    out: Annotated[Path, typer.Option(help="File or folder to write; must not exist.")],
    dates: Annotated[
        str, typer.Option(help="year; relative (days from the person's first date); shifted (fails Safe Harbor).")
    ] = "year",
    keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a plain table: TOML list of the columns to keep, by kind.")
    ] = None,
    zip_populations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with zip3 and population, the newest; by default the 2000 census."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Markdown file for the report; must not exist.")
    ] = None,
    quasi: Annotated[
        str, typer.Option(metavar="NAMES", help="Columns that somebody may know, for k.", rich_help_panel=PANEL)
    ] = "",
    sensitive: Annotated[
        str, typer.Option(metavar="NAMES", help="Columns that nobody may learn, for l and t.", rich_help_panel=PANEL)
    ] = "",
    k: Annotated[int, whole("Least people of a class.", panel=PANEL)] = 11,
    expert: Annotated[str, typer.Option(help="Who determines.", rich_help_panel=PANEL)] = "",
    lapses: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Until when it holds.", rich_help_panel=PANEL)] = "",
) -> None:
    """Write files of real people without the 18 kinds of identifiers of Safe Harbor; only what is listed is kept.

    Free text, notes, names, numbers of records and devices, addresses and pictures are left out; ids are new.
    """
    from popsim.exchange.privacy.deidentify import Wanted, write_report
    from popsim.exchange.privacy.deidentify import deidentify as made_of
    from popsim.exchange.privacy.risk import class_risk, risk_text

    if (sensitive or expert or lapses) and not quasi:
        raise InputError("command line: --sensitive, --expert, --lapses: go with --quasi")
    if quasi and report is None:
        raise InputError("command line: --quasi: goes with --report, the file for the report")
    if not 2 <= k <= 1000:
        raise InputError(f"command line: --k {k}: must be between 2 and 1000")
    until = _day(lapses)
    names, secret = ([one.strip() for one in text.split(",") if one.strip()] for text in (quasi, sensitive))
    with_report = write_report(report)
    done = made_of(source, out, Wanted(dates, zip_populations, keep))  # type: ignore[arg-type]
    text = done.report()
    if names:
        risk = class_risk(list(done.persons.values()), names, secret, k)
        text += "\n\n" + risk_text(risk, names, expert, until)
        print(f"k = {risk.k} by {', '.join(names)}; {risk.under:,} of {risk.people:,} people in classes under {k}")
    with_report(text + "\n")
    print(done.text())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("command line: --lapses: must be a day, as 2028-12-31") from None
