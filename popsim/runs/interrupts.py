"""Ctrl-C and the signals that end a process, as one exception that cannot be lost."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
SECONDS_UNTIL_RAISED_AGAIN = 0.1
WORDS = {"SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}


class Interruption:
    """What ends a block: Ctrl-C, or a signal that has the same effect.

    Attributes:
        number: of the signal; SIGINT until another arrives.
        lost: whether Python dropped the last exception, as it does in a destructor or a callback.
    """

    def __init__(self) -> None:
        self.number = int(signal.SIGINT)
        self.lost = False
        self._again: threading.Timer | None = None

    @property
    def word(self) -> str:
        """The word for it in messages."""
        return WORDS.get(signal.Signals(self.number).name, "interrupted")

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, but only once, so that the clean-up is not disturbed."""
        if self.number == signal.SIGINT or self.lost:
            self.number, self.lost = number, False
            raise KeyboardInterrupt

    def raise_again(self) -> None:
        """Raise it again in a moment."""
        self.lost = True
        where = threading.main_thread().ident
        self._again = threading.Timer(SECONDS_UNTIL_RAISED_AGAIN, signal.pthread_kill, [where, self.number])
        self._again.daemon = True
        self._again.start()

    def disarm(self) -> None:
        """Raise nothing more."""
        if self._again:
            self._again.cancel()


@contextmanager
def signals_as_interrupts() -> Iterator[Interruption]:
    """Inside the block, SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does; if Python drops it, it is repeated.

    A signal that the caller ignores or handles is left alone.
    """
    ending, unraisable = Interruption(), sys.unraisablehook

    def drop(what: Any) -> None:
        if what.exc_type is KeyboardInterrupt:
            ending.raise_again()
        else:
            unraisable(what)

    if threading.current_thread() is not threading.main_thread():
        yield ending  # only the main thread is interrupted
        return
    taken = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    try:
        sys.unraisablehook = drop
        for number in taken:
            signal.signal(number, ending.handle)
        yield ending
    finally:
        ending.disarm()
        sys.unraisablehook = unraisable
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interrupts_checked() -> Iterator[Callable[[], None]]:
    """Yields a function that raises KeyboardInterrupt if an interrupt did not end the block.

    Python drops an exception that is raised in a destructor or in a callback.
    """
    before: dict[int, Any] = {}
    seen = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen = True
        before[number](number, frame)

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():  # no other thread is interrupted
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
        before |= {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in before:
            signal.signal(number, note)
        yield check
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is note:
                signal.signal(number, handler)
