"""How much memory a piece of work takes, and how much there is. Imports nothing heavy: it is asked before that."""

from __future__ import annotations

from pathlib import Path

from popsim.errors import RunError

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

GIB = 2**30
BYTES_PER_TWIN = 3000  # peak while a year is simulated and its tables are made: 2,700 measured at 200,000 twins
BYTES_PER_PROCESS = 300 * 2**20  # Python, libraries and kernels, before there is a twin: 260 MiB measured
LEAST_ADDRESSES = 2 * GIB  # that a process reserves, used or not, for its libraries and their threads


def needed_memory(twins: int) -> int:
    """Bytes that a process needs to simulate so many twins."""
    return BYTES_PER_PROCESS + twins * BYTES_PER_TWIN


def free_memory() -> int:
    """Bytes that can be used without swapping; where the system does not say, assume 8 GiB."""
    return min(_free_on_machine(), _free_in_group(), _limit() - LEAST_ADDRESSES + BYTES_PER_PROCESS)


def check_limits() -> None:
    """Refuse to start where libraries would die of a limit on memory in ways of their own.

    Raises:
        RunError: the limit of a process (ulimit -v, ulimit -d) is too low.
    """
    if _limit() < LEAST_ADDRESSES:
        limited = f"a process may take {_limit() / GIB:.1f} GiB of memory here (ulimit -v, ulimit -d)"
        raise RunError(f"{limited}: popsim needs {LEAST_ADDRESSES / GIB:g} GiB or more, most of it reserved only")


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
