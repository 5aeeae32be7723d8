"""Runs as processes of their own: `popsim run`, which outlives the page and its server and can be resumed.

A job's record is a file in the dashboard's folder, so that a new server finds what an old one has started. To begin at
once, a server keeps two processes that have loaded popsim, have the people of a first look ready and wait for their
commands on standard input; they end with the server if they have none. The first simulates in its own process; where a
run is large enough for more workers, the second is a `popsim run` that works on the same run from the other end, as
popsim's store allows.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from popsim.errors import InputError, RunError
from popsim.runs.store import new_owner, taking

FOLDER = ".dashboard"  # in the folder of results
STANDBY = "popsim.cli.standby"
STANDING_BY = 2  # processes: as many as begin a run
MAX_LOG = 4000  # characters of a log that are read


@dataclass(frozen=True, slots=True)
class Job:
    """A run that was started.

    Attributes:
        run: <experiment>/<run id> below the folder of results.
        file: of the experiment.
        processes: number of each process, and the clock ticks since the machine started at which it began, which tell
            it from a later process of the same number; 0 where the system does not say.
        log: file of what it prints.
    """

    run: str
    file: str
    processes: tuple[tuple[int, int], ...]
    log: str

    @property
    def at_work(self) -> list[int]:
        """Its processes that still work."""
        return [pid for pid, began in self.processes if _began(pid) == began and _works(pid)]

    @property
    def alive(self) -> bool:
        """Whether any of its processes still works."""
        return bool(self.at_work)

    @property
    def last_words(self) -> str:
        """The last line that it printed, which says why a failed run failed."""
        with suppress(OSError):
            lines = Path(self.log).read_text(encoding="utf-8", errors="replace")[-MAX_LOG:].splitlines()
            said = [line for line in lines if line.startswith("popsim:")]
            return said[-1] if said else ""
        return ""


class Jobs:
    """The runs that dashboards of a folder of results have started.

    Args:
        results: folder of all results.
    """

    def __init__(self, results: Path) -> None:
        self.results, self.folder = results, results / FOLDER / "jobs"
        self._standby: list[subprocess.Popen[str]] = []
        self._ready_for: Path | None = None
        self._lock = threading.Lock()

    def stand_by(self, file: Path | None = None) -> None:
        """Have processes ready for the next run; those that are ready for another experiment are replaced."""
        with self._lock:
            if file != self._ready_for:
                self._dismiss()
            self._ready_for = file
            self._standby = [one for one in self._standby if one.poll() is None]
            while len(self._standby) < STANDING_BY:
                self._standby.append(self._process(file))

    def begin(self, file: Path, log: Path, workers: int, stages: int = 0) -> subprocess.Popen[str]:
        """Begin `popsim run` of an experiment.

        Args:
            file: of the experiment.
            log: file for what it prints.
            workers: processes that simulate; 0: only the first look.
            stages: of a first look before it, in one process.

        Raises:
            RunError: the process cannot be started.
        """
        named, results = str(file.resolve()), str(self.results.resolve())
        command = ["run", named, "--quiet", "--workers", str(workers), "--out", results]
        work = {"look": [named, results, stages] if stages else [], "commands": [command] if workers else []}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            process = self._taken()
            assert process.stdin is not None
            process.stdin.write(json.dumps(work | {"log": str(log.resolve())}) + "\n")
            process.stdin.close()
        except OSError as error:
            raise RunError(f"popsim run {file}: cannot be started: {error.strerror}") from None
        threading.Thread(target=process.wait, daemon=True).start()  # no defunct process while the server lives
        return process

    def log_of(self, file: Path) -> Path:
        """The log of the runs of an experiment's file."""
        return self.folder / f"{file.stem}.log"

    def keep(self, run: str, file: Path, processes: list[subprocess.Popen[str]]) -> Job:
        """Record which processes make a run."""
        places = tuple((process.pid, _began(process.pid)) for process in processes)
        job = Job(run, str(file), places, str(self.log_of(file)))
        with taking(self._record(run), new_owner(), 0o666) as temporary:
            temporary.write_text(json.dumps(asdict(job)) + "\n", encoding="utf-8")
        return job

    def of(self, run: str) -> Job | None:
        """The job of a run; None if no dashboard has started it."""
        with suppress(OSError, ValueError, TypeError, LookupError):  # damaged, or of another version
            said = json.loads(self._record(run).read_text(encoding="utf-8"))
            return Job(**said | {"processes": tuple((int(pid), int(began)) for pid, began in said["processes"])})
        return None

    def stop(self, run: str) -> None:
        """Interrupt a run as Ctrl-C does; finished units are kept, and the run can go on.

        Raises:
            InputError: it is not at work.
        """
        job = self.of(run)
        if job is None or not job.alive:
            raise InputError(f"{run}: is not at work")
        for pid in job.at_work:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)

    def close(self) -> None:
        """End the processes that wait for a command."""
        with self._lock:
            self._dismiss()

    def _dismiss(self) -> None:
        """End the processes that wait."""
        for process in self._standby:
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
            threading.Thread(target=process.wait, daemon=True).start()
        self._standby = []

    def _record(self, run: str) -> Path:
        return self.folder / f"{run.replace('/', '.')}.json"

    def _taken(self) -> subprocess.Popen[str]:
        """The process that waits, or a new one."""
        with self._lock:
            while self._standby:
                process = self._standby.pop(0)
                if process.poll() is None:
                    return process
        return self._process()

    def _process(self, file: Path | None = None) -> subprocess.Popen[str]:
        """A process in a session of its own: neither Ctrl-C nor the end of the server reaches it."""
        return subprocess.Popen(
            [sys.executable, "-m", STANDBY, *([] if file is None else [str(file.resolve())])],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip


def _stat(pid: int) -> list[str]:
    """What the system says of a process after its name: state first; empty if there is none, or no such file system."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return []


def _began(pid: int) -> int:
    words = _stat(pid)
    return int(words[19]) if len(words) > 19 else 0


def _works(pid: int) -> bool:
    words = _stat(pid)
    if words:
        return words[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
