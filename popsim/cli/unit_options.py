"""Options of commands that write the people of one unit of a finished run."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from popsim.cli.options import whole
from popsim.errors import InputError

MIN_YEAR, MAX_YEAR = 1800, 9000  # days of follow-up later, a year still has four digits

Strategy = Annotated[str, typer.Option(help="Strategy; by default the comparator.")]
Draw = Annotated[int | None, whole("Number of the parameter draw; by default the first.")]
Replication = Annotated[int, whole("Number of the replication.")]
Region = Annotated[int, whole("Number of the catchment.")]
People = Annotated[int | None, whole("People to write, those of the lowest ids; by default all.")]


def check_people(people: int | None) -> None:
    """Refuse a number of people below 1."""
    if people is not None and people < 1:
        raise InputError(f"command line: --people = {people}: must be at least 1")


def read_date(text: str, flag: str = "--start", *, personal: bool = False) -> date | None:
    """A date of the command line, None if there is none; that of a person is not repeated in the error."""
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.min
    if found is not None and not MIN_YEAR <= found.year <= MAX_YEAR:
        shown = "" if personal else f" {text}"
        raise InputError(f"command line: {flag}{shown}: must be a date from {MIN_YEAR} on, YYYY-MM-DD")
    return found
