"""A process that has loaded popsim and waits for its work, so that a run started from the dashboard begins at once.

`python -m popsim.cli.standby [EXPERIMENT]` loads the kernels that the experiment uses and makes the people of its first
look, and reads one line of JSON, `{"look": [file, results, stages], "commands": [[...], ...], "log": path}`: it
simulates the first look, unless that is empty, and runs the commands one after the other with their output in the log,
and ends; if one is interrupted, at once. If standard input closes first, it ends without a word.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from popsim.cli import INTERRUPTED
from popsim.cli import main as run_command
from popsim.errors import one_line

NICER = 5  # of 19: a run takes about a third of a processor that others want as well
AUTOGROUP = Path("/proc/self/autogroup")


def main() -> int:
    """Load, wait, run."""
    line: list[str] = []
    reader = threading.Thread(target=lambda: line.append(sys.stdin.readline()), daemon=True)
    reader.start()
    with suppress(Exception):  # the command itself says what is wrong with the experiment
        _load(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    reader.join()
    if not line or not line[0].strip():
        return 0
    said = json.loads(line[0])
    log = os.open(said["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    if said["look"] and (code := look(*said["look"])) == INTERRUPTED:
        return code
    make_way()
    return run_all(said["commands"])


def look(file: str, results: str, stages: int) -> int:
    """Simulate a first look; a failed one does not keep the run. Returns an exit status."""
    from popsim.dashboard.first_look import run_look
    from popsim.runs.interrupts import signals_as_interrupts

    try:
        with signals_as_interrupts():
            run_look(Path(file), Path(results), stages)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        print(f"first look: {one_line(str(error))}", file=sys.stderr, flush=True)
        return 1
    return 0


def make_way() -> None:
    """Let the page, its server and the first look of another process come first."""
    if hasattr(os, "nice"):
        os.nice(NICER)
    with suppress(OSError):  # Linux shares processors between sessions, and this process is one of its own
        AUTOGROUP.write_text(str(NICER), encoding="utf-8")


def run_all(commands: list[list[str]]) -> int:
    """Run commands one after the other, and none after an interrupted one; returns the last one's exit status."""
    code = 0
    for command in commands:
        code = run_command(command)
        if code == INTERRUPTED:
            break
    return code


def _load(file: Path | None) -> None:
    """Import what a run needs; of an experiment, load the kernels, and make the people of its first look."""
    import popsim.analyses.precision
    import popsim.reporting.text.tables  # noqa: F401
    from popsim.dashboard.first_look import is_worth_a_look, look_study
    from popsim.definitions.experiment import ExperimentDefinition
    from popsim.studies.design import Change, read_study
    from popsim.studies.unit import warm_up

    if file is None:
        return
    if is_worth_a_look(ExperimentDefinition.read(file)):
        warm_up(look_study(file, 1).units, None)
    else:
        warm_up(read_study(file, {"replications": Change("", 1), "draws": Change("", 0)}).units)


if __name__ == "__main__":
    raise SystemExit(main())
