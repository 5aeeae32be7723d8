"""(d) From the start of a process to the end of the first day, kernels cached: `python -m benchmarks.warm_start`.

That a kernel that has been changed is never served from the cache is tested elsewhere (tests/kernels/test_cache.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import Row, Section

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "heart_failure_discharge.toml"
STEPS = ("Python itself", "imports", "reading files", "sampling and start", "first day (loads kernels)", "second day")
GOAL_SECONDS = 2.0


def child(began: float) -> dict[str, float]:
    """The steps of one start, in seconds; `began` is when the parent started this process, by the wall clock."""
    marks = [began, time.time()]

    from popsim.studies.design import Change, read_study  # noqa: PLC0415
    from popsim.studies.unit import build  # noqa: PLC0415

    marks.append(time.time())
    numbers = {"population": 10_000, "draws": 0, "entry": "as_described", "run_in_days": 0}
    study = read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in numbers.items()})
    unit = study.units[0]
    marks.append(time.time())
    model = build(unit)
    marks.append(time.time())
    model.step()
    marks.append(time.time())
    model.step()
    marks.append(time.time())
    return {name: marks[i + 1] - marks[i] for i, name in enumerate(STEPS)}


def measure() -> dict[str, float]:
    """`child` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.warm_start", repr(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def section(turns: int) -> Section:
    """Several starts after one that fills the cache."""
    measure()
    runs = [measure() for _ in range(turns)]
    whole = Row("to the end of the first day", tuple(sum(run[step] for step in STEPS[:-1]) for run in runs))
    rows = [whole] + [Row(f"  {step}", tuple(run[step] for run in runs)) for step in STEPS]
    notes = [
        f"10,000 twins; goal: {GOAL_SECONDS:g} s to the end of the first day.",
        "That a changed kernel is never served from the cache is tested in tests/kernels/test_cache.py.",
    ]
    return Section("(d) Warm start, kernels in the cache", "seconds", rows, notes, digits=3)


if __name__ == "__main__":
    print(json.dumps(child(float(sys.argv[1]))))
