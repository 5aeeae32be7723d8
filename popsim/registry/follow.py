"""Follows incoming data: a folder whose files appear and grow, or a pipe. Each batch is one update."""

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
    """Update twins with the .csv and .jsonl files of a folder whenever they change.

    A file whose name is a twin's id is about that twin. A refused file is skipped until it changes; lines that are
    already stored are not used again.

    Args:
        folder: checked every `every_s` seconds.
        twin: the twin of all files.
        once: check once and stop.

    Returns:
        file names with the result of each update, as it happens.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"watch {shown_path(folder)}: must be a folder, a pipe or -")
    return _changed(registry, folder, twin, calendar, every_s, once)


def _changed(
    registry: TwinRegistry, folder: Path, twin: str | None, calendar: Calendar | None, every_s: float, once: bool
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Update with changed files, repeatedly."""
    seen: dict[Path, tuple[int, int]] = {}
    while True:
        for path in sorted(one for one in folder.iterdir() if one.suffix in SUFFIXES):
            try:
                about = path.stat()
            except OSError:  # the file has been removed meanwhile
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
    """Update twins with lines of a named pipe or standard input as they arrive, until the writer closes it.

    A bad line is refused and skipped; an incomplete last line is ignored.

    Raises:
        InputError: there is no such twin.
    """
    name = shown_path(pipe)
    reader = Reader(name, calendar or Calendar(), twin)
    for lines in _arriving(pipe):
        refused: list[PopsimError] = []
        try:
            report = registry.update_lines(reader, lines, refused.append, twin)
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
    """Complete lines, as many as have arrived."""
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
            # Bytes that are not UTF-8 are invalid in every field, so only their line is refused.
            text = complete.decode("utf-8", "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
            yield [line.removesuffix("\r") for line in text.split("\n")]
