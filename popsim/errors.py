"""Every error popsim raises on purpose, and the exit code each one means on the command line.

    PopsimError
    ├── InputError            what the user gave cannot be used        exit 2
    │   └── DefinitionError   ... in a file: file, key, value, allowed
    └── RunError              the work itself failed                   exit 1

Each message is one line, written for the person who has to correct the input.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from traceback import walk_tb

MAX_VALUE_SHOWN = 60
MAX_KEY_SHOWN = 200
MAX_NAME_COMPARED = 100
MAX_LISTED = 100  # names; if there are more, those most like the wrong one are shown


class PopsimError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class RunError(PopsimError):
    """The input was fine, the work failed (a unit of an experiment, a full disk)."""


class InputError(PopsimError):
    """What the user gave cannot be used."""

    exit_code = 2


class DefinitionError(InputError):
    """A file holds something that popsim refuses; the message names the file, key, value and what is allowed."""

    def __init__(
        self, file: object, key: str, value: object, allowed: str = "", known: Iterable[str] | None = None
    ) -> None:
        """Say what is allowed in words, and by the names that are `known`, led by the one nearest to the value."""
        if known is not None:
            allowed = f"{allowed}, {did_you_mean(str(value), known)}" if allowed else did_you_mean(str(value), known)
        shown = "" if value is None else f" = {shorten(value)}"
        super().__init__(one_line(f"{file}: {_cut(key, MAX_KEY_SHOWN)}{shown}: {allowed}"))
        self.file, self.key, self.value, self.allowed = str(file), key, value, allowed


def one_line(text: str) -> str:
    """`text` with each run of white space replaced by one blank, and control characters made visible."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def place_of(error: BaseException, file: str = "") -> str:
    """File and line that raised an error, "file.py:12"; the last line of `file` on the way, if there is one."""
    lines = [(trace.f_code.co_filename, line) for trace, line in walk_tb(error.__traceback__)]
    if not lines:
        return ""
    path, line = next((one for one in reversed(lines) if one[0] == file), lines[-1])
    return f"{Path(path).name}:{line}"


def shorten(value: object) -> str:
    """`repr(value)`, cut in the middle when it is long."""
    if isinstance(value, str):
        return _cut(repr(_cut(value, 10 * MAX_VALUE_SHOWN)), MAX_VALUE_SHOWN)
    try:
        return _cut(repr(value), MAX_VALUE_SHOWN)
    except ValueError:  # Python refuses to print a whole number of thousands of digits
        return "a number of thousands of digits"


def _cut(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def nearest(name: str, known: Iterable[str], likeness: float = 0.8) -> str | None:
    """The known name that `name` misspells; None if it resembles none (`likeness`: difflib's ratio, 1 for the same)."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=likeness)), None)


def did_you_mean(name: str, known: Iterable[str], max_listed: int = MAX_LISTED) -> str:
    """A clause that lists what is allowed, led by the nearest match: "did you mean 'x'? (allowed: ...)".

    Of more than `max_listed` names it lists those most like the wrong one.
    """
    known, name = sorted(known), str(name)[:MAX_NAME_COMPARED]
    near = nearest(name, known, 0.6)
    listed = ", ".join(known) if known else "nothing"
    if len(known) > max_listed:
        listed = ", ".join([*difflib.get_close_matches(name, known, 8, 0.3), f"... {len(known)} names in all"])
    return f"did you mean '{near}'? (allowed: {listed})" if near else f"allowed: {listed}"
