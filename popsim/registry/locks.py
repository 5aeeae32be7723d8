"""A lock that two processes respect, for files that are replaced whole. The system releases it when a process dies."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from popsim.errors import InputError, RunError
from popsim.registry.privacy import OWNER_ONLY, shown_path

POLL_S = 0.02


def lock_path(path: Path) -> Path:
    """The file whose lock stands for the lock of another; it is empty and stays."""
    return path.with_name(f"{path.name}.lock")


@contextmanager
def locked(path: Path, patience_s: float, *, alone: bool) -> Iterator[None]:
    """Hold the lock of a file, alone to write it or with others to read it.

    Raises:
        RunError: another process holds it for too long.
        InputError: the system has no such locks, or the lock's file cannot be made.
    """
    try:
        import fcntl  # noqa: PLC0415 (not on Windows)
    except ImportError:
        raise InputError("an encrypted registry needs the file locks of Linux or macOS") from None
    try:
        file = os.open(lock_path(path), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, OWNER_ONLY)
    except OSError as error:
        raise InputError(f"--registry {shown_path(lock_path(path))}: {error.strerror}") from None
    try:
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RunError(f"--registry {shown_path(path)}: in use by another command or program") from None
                time.sleep(POLL_S)
        yield
    finally:
        os.close(file)
