"""Messages in a Python user's words: `person=`, where the command line, which most are written for, says `--person`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from popsim.errors import PopsimError

FLAG = re.compile(r"(?<![\w/.-])--([a-z]+(?:-[a-z]+)*)(?: = |[ =](?=\S))?")
COMMAND = re.compile(r"popsim run(?: \.\.\.| \S+\.toml)?((?: --[a-z-]+ [\w.]+)+)")
KEYS = {"days": "follow_up_days"}  # of an experiment, which flags of `popsim run` call otherwise


class PlainText(str):
    """A text that a notebook and a console show line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def in_python(text: str, **names: str) -> str:
    """A message with arguments in the place of flags.

    Args:
        text: what the command line would print.
        names: of arguments that have another name than their flag, by the flag's.
    """
    text = COMMAND.sub(lambda found: f"experiment.with_({_keywords(found[1])}).run()", text)
    return FLAG.sub(lambda found: f"{_argument(found[1], names)}=", text)


def for_python(kind: type, **names: str) -> None:
    """Let the errors and texts of a class, and of all that it inherits from popsim, name arguments.

    Args:
        kind: what users call.
        names: as for `in_python`.
    """
    members = {name for one in kind.__mro__ if one.__module__.startswith("popsim.") for name in vars(one)}
    for name in members:
        if name == "__init__" or not name.startswith("_"):
            setattr(kind, name, _worded(inspect.getattr_static(kind, name), names))


def _worded(member: Any, names: dict[str, str]) -> Any:
    """The same function, method, class method or property, with messages in Python's words."""
    if isinstance(member, classmethod):
        return classmethod(_worded(member.__func__, names))
    if isinstance(member, property):
        return property(_worded(member.fget, names), doc=member.__doc__)
    return _function(member, names) if inspect.isfunction(member) else member


def _function(function: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    @wraps(function)
    def worded(*arguments: Any, **keywords: Any) -> Any:
        try:
            result = function(*arguments, **keywords)
        except PopsimError as error:
            error.args = (in_python(str(error), **names),)
            raise
        return PlainText(in_python(result, **names)) if isinstance(result, PlainText) else result

    return worded


def _argument(flag: str, names: dict[str, str]) -> str:
    return names.get(flag, flag.replace("-", "_"))


def _keywords(flags: str) -> str:
    return ", ".join(f"{_argument(flag, KEYS)}={value}" for flag, value in re.findall(r"--(\S+) (\S+)", flags))
