"""Ctrl-C that is not lost: Python drops an exception that is raised in a destructor or in a callback."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_remembered() -> Iterator[Callable[[], None]]:
    """Inside, what is given raises KeyboardInterrupt if there has been an interrupt that did not end the block."""
    before = signal.getsignal(signal.SIGINT)
    seen = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen = True
        assert callable(before)
        before(number, frame)

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield check  # only the main thread is interrupted, and only where interrupts are not ignored
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
