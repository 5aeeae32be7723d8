"""Progress on a terminal; silence in a pipe or a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on standard error while the block runs: call what it gives with pieces done, of all, and failed."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, failed: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failures]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, failures="")

        def show(done: int, total: int, failed: int) -> None:
            progress.update(task, completed=done, total=total, failures=f"{failed} failed" if failed else "")

        yield show
