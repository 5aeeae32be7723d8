"""Commands that repeat nothing personal: not what was typed, nor what made them fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from popsim.cli.options import StudyOptions, one_unit
from popsim.errors import InputError, PopsimError, RunError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer bundles its parser or imports it, by version


class PrivateCommand(TyperCommand):
    """A command whose parser repeats nothing that was typed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; error messages contain nothing personal."""
        wanted = [one for one in args if one.startswith("--")]  # the parser takes args apart
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            raise InputError(_misuse(error, ctx.command.params, wanted, ctx.info_name)) from None


class PrivateGroup(TyperGroup):
    """Commands of twins; an unknown command is not repeated."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        if args and self.get_command(ctx, args[0]) is None:
            raise InputError(f"popsim twin: no such command, allowed: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def _misuse(error: Exception, parameters: list[Any], wanted: list[str], command: str) -> str:
    """What is wrong with the command line, without repeating what was typed."""
    flags = sorted(flag for one in parameters for flag in one.opts if flag.startswith("--"))
    about = getattr(error, "param", None)
    hint = f"see 'popsim twin {command} --help'"
    given = {flag.partition("=")[0] for flag in wanted}
    if given - {*flags, "--help"}:
        return f"command line: no such option, allowed: {', '.join(flags)}"
    if about is None:
        return f"command line: not understood, {hint}"
    if type(error).__name__ == "MissingParameter":
        required = [one for one in parameters if one is about or (one.required and _is_option(one))]
        lacking = [one for one in required if not given & {*one.opts}]
        return f"command line: {', '.join(map(_name, lacking))}: missing, {hint}"
    return f"command line: {_name(about)}: not of the right form, {hint}"


def _is_option(parameter: Any) -> bool:
    """Whether it is an option, and no argument."""
    return bool(parameter.opts[0].startswith("--"))


def _name(parameter: Any) -> str:
    name: str = parameter.opts[0] if _is_option(parameter) else parameter.name.upper()
    return name


def private[**P](command: Callable[P, None]) -> Callable[P, None]:
    """A command whose internal errors reveal nothing of its input."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (PopsimError, typer.Exit, BrokenPipeError):
            raise
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            location = "" if trace is None else f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
            raise RunError(f"internal error: {type(error).__name__}{location}") from None

    return guarded


def simulating(command: Callable[..., None]) -> Callable[..., None]:
    """A private command that simulates twins."""

    @functools.wraps(command)
    def threaded(*, options: StudyOptions, **given: Any) -> None:
        options.use_threads(1)
        command(**given)

    return one_unit("the twins of a batch are rows of one population, and the log of the registry is one chain")(
        private(threaded)
    )
