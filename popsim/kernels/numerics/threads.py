"""Which threads run the parallel kernels, and how many.

The threads are those of OpenMP wherever numba finds it, whatever NUMBA_THREADING_LAYER says. numba's first choice would
be TBB, with which a finished process may spin for minutes before it exits, and whose threads spin while another process
has the processor that they wait for; numba's own work queue aborts the process when two Python threads run kernels at
the same time.
"""

from __future__ import annotations

import os

import numba

ROWS_PER_THREAD = 25_000  # below this a day's parallel loops are so short that threads cost more than they gain

numba.config.THREADING_LAYER = "default"
numba.config.THREADING_LAYER_PRIORITY = ["omp", "workqueue", "tbb"]  # the second and third where there is no OpenMP
# Threads that wait for the next parallel loop sleep instead of spinning: on a machine that others use too, a spinning
# thread keeps the one that it waits for from running. Read when the first parallel kernel is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def use_threads(count: int) -> None:
    """Run parallel kernels on `count` threads, at most as many as numba was started with."""
    numba.set_num_threads(max(1, min(count, numba.config.NUMBA_NUM_THREADS)))


def threads_for(rows: int, most: int) -> int:
    """Number of threads that pay off for this many rows, at most `most`."""
    return max(1, min(most, rows // ROWS_PER_THREAD))
