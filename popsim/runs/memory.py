"""How much memory a piece of work takes, and how much there is. Imports nothing heavy: it is asked before that."""

from __future__ import annotations

from pathlib import Path

from popsim.errors import RunError

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

GIB = 2**30
# Peaks measured on Linux at 1,000 to 200,000 twins of both physiologies, 60 to 1,460 days, one and two workers, with
# kernels that are compiled already: within 15% of what is said here. Compiling them takes up to 1 GiB, before.
BYTES_PER_PROCESS = 420 * 2**20  # Python, libraries and kernels, before there is a twin
BYTES_PER_TWIN = 2600  # its state, and what its tables take while they are made
BYTES_PER_TWIN_DAY = 2.0  # its events
MIN_ADDRESSES = 2 * GIB  # that a process reserves, used or not, for its libraries and their threads


def needed_memory(twins: int, days: int = 365) -> int:
    """Bytes that a process needs to simulate so many twins for so long."""
    return BYTES_PER_PROCESS + int(twins * (BYTES_PER_TWIN + BYTES_PER_TWIN_DAY * days))


def needed_together(workers: int, twins: int, days: int = 365) -> int:
    """Bytes that a driver and its workers need, each with so many twins; a single worker is the driver itself."""
    return needed_memory(twins, days) * workers + (BYTES_PER_PROCESS if workers > 1 else 0)


def workers_that_fit(twins: int, days: int = 365) -> int:
    """For how many workers there is memory; one at least."""
    return max(1, (free_memory() - BYTES_PER_PROCESS) // needed_memory(twins, days))


def free_memory() -> int:
    """Bytes that can be used without swapping; where the system does not say, assume 8 GiB."""
    return min(_free_on_machine(), _free_in_group(), _limit() - MIN_ADDRESSES + BYTES_PER_PROCESS)


def check_limits() -> None:
    """Refuse to start where libraries would die of a limit on memory in ways of their own.

    Raises:
        RunError: the limit of a process (ulimit -v, ulimit -d) is too low.
    """
    if _limit() < MIN_ADDRESSES:
        limited = f"a process may take {_limit() / GIB:.1f} GiB of memory here (ulimit -v, ulimit -d)"
        raise RunError(f"{limited}: popsim needs {MIN_ADDRESSES / GIB:g} GiB or more, most of it reserved only")


def _limit() -> int:
    """What a process may reserve."""
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
    """What a container may still take (control groups, version 2); no limit where there is none."""
    try:
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text(encoding="ascii")) for name in ("max", "current")
        )
    except (OSError, ValueError):  # "max" is the text of no limit
        return _free_on_machine()
    return max(0, limit - used)
