"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from popsim.errors import InputError, did_you_mean
from popsim.numbers import read_whole

if TYPE_CHECKING:
    from popsim.experiments.design import Change

MOST_PROCESSES = 1024
ENGINES = ("local", "dask")
LONGEST_DEADLINE = 30 * 86_400.0  # seconds

File = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file.")]


def _whole_number(text: str | int) -> int:
    """A whole number as people write it; its bounds are checked where its meaning is known."""
    try:
        return text if isinstance(text, int) else read_whole(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number") from None


def whole(help_text: str) -> Any:
    """An option that takes a whole number."""
    return typer.Option(parser=_whole_number, metavar="NUMBER", help=help_text)


def once(flag: str, names: Sequence[str]) -> None:
    """Refuse a name that an option has twice."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"command line: {flag} {name}: named twice")


def each_once(command: Any) -> Any:
    """A command, and all below it, made to refuse an option that stands twice: the parser would take the last."""
    for inner in getattr(command, "commands", {}).values():
        each_once(inner)
    parse = command.parse_args

    def checked(context: Any, arguments: list[str]) -> list[str]:
        _, _, given = command.make_parser(context).parse_args(args=list(arguments))
        for place, option in enumerate(given):
            single = option.param_type_name == "option" and not (option.multiple or option.is_flag)
            if single and option in given[:place]:
                raise InputError(f"command line: {option.opts[0]}: named twice")
        rest: list[str] = parse(context, arguments)
        return rest

    command.parse_args = checked
    return command


def processes(flag: str, number: int | None) -> int | None:
    """A number of workers or threads, or None."""
    if number is not None and not 1 <= number <= MOST_PROCESSES:
        raise InputError(f"command line: {flag} = {number}: must be between 1 and {MOST_PROCESSES}")
    return number


def check_engine(engine: str, address: str, deadline: float | None) -> None:
    """Refuse an engine that there is not, and options that do not go together."""
    if engine not in ENGINES:
        raise InputError(f"command line: --engine = '{engine}': {did_you_mean(engine, ENGINES)}")
    if address and engine != "dask":
        raise InputError(f"command line: --address = '{address}': only goes with --engine dask")
    if deadline is not None and not 0 < deadline <= LONGEST_DEADLINE:
        raise InputError(f"command line: --deadline = {deadline:g}: must be above 0 and at most {LONGEST_DEADLINE:g} s")


def changes(**values: int | None) -> dict[str, Change]:
    """What flags say instead of the experiment's file, by its key; None: nothing."""
    from popsim.experiments.design import Change

    flags = {key: "--days" if key == "follow_up_days" else f"--{key.replace('_', '-')}" for key in values}
    return {key: Change(flags[key], value) for key, value in values.items() if value is not None}
