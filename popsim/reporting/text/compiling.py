"""What the first command of an installation says while it compiles the kernels."""

from __future__ import annotations

import sys
import time

NOTICE = "popsim: compiling the kernels, once for each installation or update: one to three minutes"
SECONDS_BETWEEN = 10.0


class CompilingNotice:
    """A line on standard error when compiling begins with an empty cache; on a terminal, more as it goes on.

    Called before each function that is compiled.
    """

    def __init__(self) -> None:
        self._begun, self._began, self._said = 0, 0.0, 0.0

    def __call__(self, fresh: bool) -> None:
        """Say so, if it is time to."""
        now = time.monotonic()
        if not self._begun:
            self._began = self._said = now
            if fresh:
                print(NOTICE, file=sys.stderr, flush=True)
        elif now - self._said > SECONDS_BETWEEN and sys.stderr.isatty():
            self._said = now
            done = f"{self._begun} functions in {now - self._began:.0f} s"
            print(f"popsim: compiling: {done}", file=sys.stderr, flush=True)
        self._begun += 1
