"""How many threads the parallel kernels use."""

from __future__ import annotations

import numba


def use_threads(count: int) -> None:
    """Run parallel kernels on `count` threads, at most as many as numba was started with."""
    numba.set_num_threads(max(1, min(count, numba.config.NUMBA_NUM_THREADS)))
