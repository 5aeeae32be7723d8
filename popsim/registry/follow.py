"""Data as they arrive: a folder whose files grow and appear, or a pipe. Each batch is one update."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from popsim.errors import InputError, PopsimError
from popsim.registry.privacy import ID, shown_path
from popsim.registry.service import Report, TwinRegistry
from popsim.registry.stream import Calendar, Reader, read_bytes

SUFFIXES = (".csv", ".jsonl")
PIPE_BYTES = 1 << 20
STANDARD_INPUT = "-"


def watch_folder(
    registry: TwinRegistry,
    folder: Path,
    *,
    twin: str | None = None,
    calendar: Calendar | None = None,
    every_s: float = 1.0,
    once: bool = False,
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Take in the .csv and .jsonl files of a folder whenever they have changed.

    A file called by a twin's id is about that twin. A file that is refused is left until it changes; what was taken in
    before is known and not taken in again.

    Args:
        folder: looked at every `every_s` seconds.
        twin: whom all files are about.
        once: look once, and end.

    Returns:
        files' names with what became of them, as it happens.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"watch {shown_path(folder)}: must be a folder, a pipe or -")
    return _changed(registry, folder, twin, calendar, every_s, once)


def _changed(
    registry: TwinRegistry, folder: Path, twin: str | None, calendar: Calendar | None, every_s: float, once: bool
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Take in what has changed, again and again."""
    seen: dict[Path, tuple[int, int]] = {}
    while True:
        for path in sorted(one for one in folder.iterdir() if one.suffix in SUFFIXES):
            try:
                about = path.stat()
            except OSError:  # it has gone meanwhile
                continue
            if seen.get(path) == (about.st_size, about.st_mtime_ns):
                continue
            seen[path] = (about.st_size, about.st_mtime_ns)
            whose = twin or (path.stem if ID.fullmatch(path.stem) else None)
            try:
                yield shown_path(path), registry.update(read_bytes(path), path, twin=whose, calendar=calendar)
            except PopsimError as error:
                yield shown_path(path), error
        if once:
            return
        time.sleep(every_s)


def watch_pipe(
    registry: TwinRegistry, pipe: Path, *, twin: str | None = None, calendar: Calendar | None = None
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Take in lines of a named pipe, or of standard input, as they come, until whoever writes them has closed it.

    A bad line is refused and passed over; a last line without its end is left out.

    Raises:
        InputError: there is no such twin.
    """
    name = shown_path(pipe)
    reader = Reader(name, calendar or Calendar(), twin)
    for lines in _arriving(pipe):
        refused: list[PopsimError] = []
        try:
            report = registry.hear(reader, lines, refused.append, twin)
        except PopsimError as error:
            yield name, error
        else:
            yield name, report
        for problem in refused:
            yield name, problem


def is_pipe(path: Path) -> bool:
    """Whether a path is standard input or a named pipe."""
    return str(path) == STANDARD_INPUT or (path.exists() and stat.S_ISFIFO(path.stat().st_mode))


def _arriving(pipe: Path) -> Iterator[list[str]]:
    """Whole lines, as many as have come."""
    if str(pipe) == STANDARD_INPUT:
        yield from _lines(sys.stdin.buffer, pipe)
    else:
        with pipe.open("rb") as stream:
            yield from _lines(stream, pipe)


def _lines(stream: BinaryIO, pipe: Path) -> Iterator[list[str]]:
    rest = b""
    while chunk := os.read(stream.fileno(), PIPE_BYTES):
        complete, _, rest = (rest + chunk).rpartition(b"\n")
        if len(rest) > PIPE_BYTES:
            raise InputError(f"{shown_path(pipe)}: a line is longer than {PIPE_BYTES // 1024:,} KiB")
        if complete:
            # Bytes that are not UTF-8 fit into no field: their line alone is refused.
            text = complete.decode("utf-8", "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
            yield [line.removesuffix("\r") for line in text.split("\n")]
