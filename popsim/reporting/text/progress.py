"""Progress bars on a terminal and in a notebook; none in a pipe or a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CELLS = 30  # of a bar in a notebook


@contextmanager
def progress_bar(title: str, *, quiet: bool = False) -> Iterator[Callable[[int, int, int], None]]:
    """A bar on standard error, or in a notebook, while the block runs.

    Yields a function to call with the numbers of units done, in all, and failed.
    """
    if not quiet and (display := _notebook_display()) is not None:
        with _in_notebook(title, display) as show:
            yield show
        return
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


def _notebook_display() -> Any:
    """The display function of a notebook; None elsewhere, also in a terminal with IPython."""
    python = sys.modules.get("IPython")
    shell = None if python is None else python.get_ipython()
    return None if shell is None or not hasattr(shell, "kernel") else sys.modules["IPython.display"].display


@contextmanager
def _in_notebook(title: str, display: Any) -> Iterator[Callable[[int, int, int], None]]:
    """A line of text that is updated as work goes on, and removed at the end."""
    line = display({"text/plain": title}, raw=True, display_id=True)

    def show(done: int, total: int, failed: int) -> None:
        filled = CELLS * done // max(total, 1)
        failures = f"  {failed} failed" if failed else ""
        bar = "━" * filled + " " * (CELLS - filled)
        line.update({"text/plain": f"{title}  {bar}  {done}/{total}{failures}"}, raw=True)

    try:
        yield show
    finally:
        line.update({"text/plain": ""}, raw=True)
