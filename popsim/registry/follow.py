"""Follows incoming data: a folder whose files appear and grow, or a pipe. Each batch is one update."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from popsim.errors import InputError, PopsimError
from popsim.registry.privacy import ID, shown_path
from popsim.registry.service import Report, TwinRegistry
from popsim.registry.stream import Calendar, Reader, read_bytes

SUFFIXES = (".csv", ".jsonl")
FOLDERS = (".ndjson",)  # of the files of a folder that is read as a whole
PIPE_BYTES = 1 << 20
STANDARD_INPUT = "-"

type TakesFile = Callable[[Path, str | None], Report]
"""Updates a registry with a path, about the twin of an id or, for None, the twins that the data name."""


def watch_folder(
    registry: TwinRegistry,
    folder: Path,
    *,
    twin: str | None = None,
    calendar: Calendar | None = None,
    take: TakesFile | None = None,
    suffixes: Sequence[str] = SUFFIXES,
    every_s: float = 1.0,
    once: bool = False,
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Update twins with the files of a folder whenever they change.

    A file whose name is a twin's id is about that twin. A refused file is skipped until it changes; lines that are
    already stored are not used again.

    Args:
        folder: checked every `every_s` seconds.
        twin: the twin of all files.
        take: updates the registry with a file, or with a folder of files of suffixes; None: it holds a stream.
        suffixes: of the files.
        once: check once and stop.

    Returns:
        file names with the result of each update, as it happens.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"watch {shown_path(folder)}: must be a folder, a pipe or -")

    def stream(path: Path, whose: str | None) -> Report:
        return registry.update(read_bytes(path), path, twin=whose, calendar=calendar)

    return _changed(folder, twin, take or stream, (suffixes, FOLDERS if take is not None else ()), every_s, once)


def _changed(
    folder: Path,
    twin: str | None,
    take: TakesFile,
    suffixes: tuple[Sequence[str], Sequence[str]],
    every_s: float,
    once: bool,
) -> Iterator[tuple[str, Report | PopsimError]]:
    """Update with changed files, and folders of files of the second suffixes, repeatedly."""
    seen: dict[Path, tuple[int, ...]] = {}
    while True:
        for path in sorted(folder.iterdir()):
            state = _state(path, *suffixes)
            if not state or seen.get(path) == state:
                continue
            seen[path] = state
            whose = twin or (path.stem if ID.fullmatch(path.stem) else None)
            try:
                yield shown_path(path), take(path, whose)
            except PopsimError as error:
                yield shown_path(path), error
        if once:
            return
        time.sleep(every_s)


def _state(path: Path, suffixes: Sequence[str], in_folders: Sequence[str]) -> tuple[int, ...]:
    """Size and time of a file, or of those in a folder; empty for others, and for what has been removed meanwhile."""
    try:
        if path.is_dir():
            files = [one.stat() for one in sorted(path.iterdir()) if one.suffix in in_folders]
        else:
            files = [path.stat()] if path.suffix in suffixes else []
    except OSError:
        return ()
    return tuple(number for about in files for number in (about.st_size, about.st_mtime_ns))


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
