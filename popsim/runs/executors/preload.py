"""Setup of the processes of popsim's own Dask cluster: Dask loads this module and calls `dask_setup`."""

from __future__ import annotations

from typing import Any

import popsim.runs.work  # noqa: F401  (takes seconds, and would count as the first job's time)
from popsim.runs.executors.starting import end_with_driver


def dask_setup(server: Any) -> None:
    """Stop the HTTP server of the scheduler (in the driver) and of each worker; Dask has no option for it."""
    server.http_server.stop()
    end_with_driver()
