"""A process that has loaded popsim and waits for its commands, so that a run started from the dashboard begins at once.

`python -m popsim.cli.standby [EXPERIMENT]` loads the kernels that the experiment uses, and reads one line of JSON,
`{"commands": [[...], ...], "log": path}`: it runs the commands one after the other with their output in the log, and
ends; if one is interrupted, at once. If standard input closes first, it ends without a word.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress

from popsim.cli import INTERRUPTED
from popsim.cli import main as run_command


def main() -> int:
    """Load, wait, run."""
    line: list[str] = []
    reader = threading.Thread(target=lambda: line.append(sys.stdin.readline()), daemon=True)
    reader.start()
    with suppress(Exception):  # the command itself says what is wrong with the experiment
        _load(sys.argv[1] if len(sys.argv) > 1 else "")
    reader.join()
    if not line or not line[0].strip():
        return 0
    said = json.loads(line[0])
    log = os.open(said["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    return run_all(said["commands"])


def run_all(commands: list[list[str]]) -> int:
    """Run commands one after the other, and none after an interrupted one; returns the last one's exit status."""
    code = 0
    for command in commands:
        code = run_command(command)
        if code == INTERRUPTED:
            break
    return code


def _load(file: str) -> None:
    """Import what a run needs, and load the kernels of an experiment from the cache."""
    import popsim.analyses.precision
    import popsim.reporting.text.tables
    import popsim.runs.runner  # noqa: F401
    from popsim.studies.design import Change, read_study
    from popsim.studies.unit import warm_up

    if file:
        study = read_study(file, {"replications": Change("", 1), "draws": Change("", 0)})
        warm_up(study.units)


if __name__ == "__main__":
    raise SystemExit(main())
