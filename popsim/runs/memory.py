"""Memory that a unit needs, and memory available. Imports nothing heavy, because it is used first."""

from __future__ import annotations

from pathlib import Path

from popsim.errors import RunError

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

GIB = 2**30
# Peaks measured on Linux at 1,000 to 200,000 twins of both physiologies, 60 to 1,460 days, one and two workers, with
# kernels already compiled: within 15% of these figures. Compiling them takes up to 1 GiB beforehand.
BYTES_PER_PROCESS = 420 * 2**20  # Python, libraries and kernels, without twins
BYTES_PER_TWIN = 2600  # its state, and its tables while they are made
BYTES_PER_TWIN_DAY = 2.0  # its events
MAX_DAYS_LIVED = 15 * 365  # on average, of people followed for longer: the dead have no events
BYTES_PER_PAST = 1700  # of each person who lives through a run-in, before the others exist
MIN_ADDRESSES = 2 * GIB  # reserved by a process, used or not, for its libraries and their threads


def needed_memory(twins: int, days: int = 365, past: int = 0) -> int:
    """Bytes that a process needs to simulate `twins` twins for `days` days, of whom `past` have lived before."""
    return BYTES_PER_PROCESS + max(
        int(twins * (BYTES_PER_TWIN + BYTES_PER_TWIN_DAY * min(days, MAX_DAYS_LIVED))), past * BYTES_PER_PAST
    )


def needed_together(workers: int, twins: int, days: int = 365, past: int = 0) -> int:
    """Bytes that a driver and its workers need, each with `twins` twins; a single worker is the driver itself."""
    return needed_memory(twins, days, past) * workers + (BYTES_PER_PROCESS if workers > 1 else 0)


def workers_that_fit(twins: int, days: int = 365, past: int = 0) -> int:
    """Number of workers that fit into memory; at least one."""
    return max(1, (free_memory() - BYTES_PER_PROCESS) // needed_memory(twins, days, past))


def free_memory() -> int:
    """Bytes that can be used without swapping; 8 GiB where the system does not tell."""
    return min(_free_on_machine(), _free_in_group(), _limit() - MIN_ADDRESSES + BYTES_PER_PROCESS)


def check_limits() -> None:
    """Refuse to start under a memory limit that would make libraries crash.

    Raises:
        RunError: the limit of a process (ulimit -v, ulimit -d) is too low.
    """
    if _limit() < MIN_ADDRESSES:
        limited = f"a process may use only {_limit() / GIB:.1f} GiB of memory here (ulimit -v, ulimit -d)"
        raise RunError(f"{limited}: popsim needs {MIN_ADDRESSES / GIB:g} GiB or more, most of it reserved only")


def _limit() -> int:
    """Bytes that a process may reserve."""
    if resource is None:
        return 2**63
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min([2**63, *(limit for limit in limits if limit != resource.RLIM_INFINITY)])


def _free_on_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return 8 * GIB


def _free_in_group() -> int:
    """Bytes that a container may still use (control groups, version 2); infinite without a limit."""
    try:
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text(encoding="ascii")) for name in ("max", "current")
        )
    except (OSError, ValueError):  # "max" is the text of no limit
        return _free_on_machine()
    return max(0, limit - used)
