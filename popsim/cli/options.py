"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from popsim.errors import InputError

MOST_PROCESSES = 1024

File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]


def _whole_number(text: str | int) -> int:
    """A whole number as people write it; its bounds are checked where its meaning is known."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def whole(help_text: str) -> Any:
    """An option that takes a whole number."""
    return typer.Option(parser=_whole_number, metavar="NUMBER", help=help_text)


def processes(flag: str, number: int | None) -> int | None:
    """A number of workers or threads, or None."""
    if number is not None and not 1 <= number <= MOST_PROCESSES:
        raise InputError(f"command line: {flag} = {number}: must be between 1 and {MOST_PROCESSES}")
    return number
