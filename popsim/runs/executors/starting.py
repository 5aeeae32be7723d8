"""Start of a worker process: it ends with its driver, and it must not run the driver's script."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.connection import wait
from typing import Any

NO_MAIN_GUARD = 78  # exit code of a process that should become a worker and began the driver's script instead
PR_SET_PDEATHSIG = 1  # of prctl(2)


def end_with_driver() -> None:
    """End this process when the driver is gone: even during a task, and on Linux even if stopped or hung."""
    driver = multiprocessing.parent_process()
    if driver is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_leave_with, args=(driver.sentinel,), daemon=True).start()


@contextmanager
def bound_from_the_start() -> Iterator[None]:
    """Make processes spawned inside request that first, before they import the driver's script."""
    command_line = spawn.get_command_line

    def bound(**keys: Any) -> list[str]:
        *before, program, flag = command_line(**keys)
        ask = f"import ctypes; ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGKILL)}); "
        return [*before, ask + program, flag]

    if sys.platform == "linux" and not getattr(sys, "frozen", False):
        spawn.get_command_line = bound
    try:
        yield
    finally:
        spawn.get_command_line = command_line


def _leave_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def leave_if_script_is_imported() -> None:
    """End a starting worker that imports the driver's script and finds the same run in it.

    The driver's `unguarded` says what is missing, so that not every worker repeats it.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(NO_MAIN_GUARD)


def unguarded() -> str:
    """The message for a script whose workers end with `NO_MAIN_GUARD`."""
    script = getattr(sys.modules["__main__"], "__file__", None) or "the script"
    guard = "if __name__ == '__main__':"
    return f'{script}: worker processes import this file, so the code that it runs must be under "{guard}"'
