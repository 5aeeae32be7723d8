"""(c) A whole piece of work by phases, each in a process of its own: `python -m benchmarks.whole_run TWINS`.

One strategy (usual care), one replication, everybody entering on day 0, a year, and the tables written. Prints seconds
of processor by phase, which other programs on the machine do not lengthen, and peak memory as JSON. The phases
`interventions` to `recorder` are parts of a day; `conservation` is the part of `care` that checks that nobody is lost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Row, Section

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "heart_failure_discharge.toml"
DAY_PARTS = ("interventions", "physiology", "monitoring", "care", "valuation", "recorder")
PHASES = ("sampling", "start", *DAY_PARTS, "other days", "outcomes", "writing")
GOAL_SECONDS, GOAL_GIB, GOAL_CONSERVATION = 45.0, 2.0, 0.03


class Stopwatch:
    """Seconds of processor by name; what is timed inside something else counts in both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began

    def watch(self, thing: Any, method: str, name: str) -> None:
        """Time every call of a function or method from now on."""
        plain: Callable[..., Any] = getattr(thing, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.timing(name):
                return plain(*arguments, **named)

        setattr(thing, method, timed)


def live(twins: int, days: int, folder: Path) -> dict[str, Any]:
    """One piece of work from nothing to the store, with the kernels loaded before."""
    from popsim.runs.store import UnitStore  # noqa: PLC0415
    from popsim.studies import unit as work  # noqa: PLC0415  (after threads are set)
    from popsim.studies.design import Change, read_study  # noqa: PLC0415

    numbers = {"population": twins, "replications": 1, "enrolment_days": 0, "follow_up_days": days}
    study = read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in numbers.items()})
    unit = study.units[0]
    work.warm_up([unit])
    watch, began, worked = Stopwatch(), time.perf_counter(), time.process_time()
    watch.watch(work, "sample", "sampling")
    with watch.timing("start"):
        model = work.build(unit)
    watch.watch(model.interventions, "apply", "interventions")
    watch.watch(model.physiology, "advance", "physiology")
    watch.watch(model.monitoring, "observe", "monitoring")
    watch.watch(model.care, "treat", "care")
    watch.watch(model.care, "_check", "conservation")
    watch.watch(model.valuation, "accrue", "valuation")
    watch.watch(model.recorder, "record", "recorder")
    with watch.timing("days"):
        output = work.run_to_end(model)
    events, logged = model.care.events_processed, len(model.events)
    del model
    with watch.timing("outcomes"):
        tables = work.tables_of(output, unit)
    store = UnitStore(folder)
    with store.opened(), watch.timing("writing"):
        store.publish(store.write(unit.key, tables, 0.0))
    seconds = watch.seconds
    seconds["start"] -= seconds["sampling"]
    seconds["other days"] = seconds["days"] - sum(seconds[part] for part in DAY_PARTS)
    return {
        "twins": twins,
        "total": time.perf_counter() - began,
        "processor": time.process_time() - worked,
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "events": events,
        "logged": logged,
    }


def peak_bytes() -> int:
    """Most memory that this process has had."""
    import resource  # noqa: PLC0415  (not on every system)

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def measure(twins: int, days: int = 365) -> dict[str, Any]:
    """`live` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.whole_run", str(twins), str(days)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=dict(os.environ))
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def sections(sizes: list[int], turns: int, days: int = 365) -> list[Section]:
    """Whole runs of several sizes: totals, phases, peaks, and the cost of the conservation check."""
    results: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for _ in range(turns):
        for size in sizes:
            results[size].append(measure(size, days))
    found = [_totals(results, days)]
    found += [_phases(size, results[size]) for size in sizes]
    return found


def _totals(results: dict[int, list[dict[str, Any]]], days: int) -> Section:
    rows, notes = [], []
    for size, runs in results.items():
        rows.append(Row(f"{size:,} twins", tuple(run["total"] / size * 1e6 for run in runs)))
        peak = max(run["peak_bytes"] for run in runs)
        total, worked = median(run["total"] for run in runs), median(run["processor"] for run in runs)
        notes.append(
            f"{size:,} twins: {total:.1f} s ({worked:.1f} s of processors), peak {peak / 2**30:.2f} GiB, "
            f"{runs[0]['events'] / size:.1f} events and "
            f"{runs[0]['logged'] / size:.1f} lines of the log a twin"
        )
    notes.append(f"Linear cost is a ratio of 1. Goal at 1,000,000 twins: {GOAL_SECONDS:g} s and {GOAL_GIB:g} GiB.")
    title = f"(c) Whole run of one strategy, {days} days, kernels loaded: microseconds a twin"
    return Section(title, "microseconds a twin", rows, notes, digits=1)


def _phases(size: int, runs: list[dict[str, Any]]) -> Section:
    total = Row("total", tuple(run["processor"] / size * 1e6 for run in runs), "share of the total")
    rows = [_phase(name, size, runs) for name in (*PHASES, "conservation")]
    share = rows[-1].median / total.median
    notes = [f"(e) Conservation, checked every day within care, takes {share:.2%} (goal {GOAL_CONSERVATION:.0%})."]
    title = f"(c) Where {size:,} twins spend their time: microseconds of processor a twin"
    return Section(title, "microseconds a twin", [total, *rows], notes, digits=1)


def _phase(name: str, size: int, runs: list[dict[str, Any]]) -> Row:
    """Microseconds of processor a twin of one phase, and its share of the run."""
    share = median(run["seconds"][name] / run["processor"] for run in runs)
    return Row(name, tuple(run["seconds"][name] / size * 1e6 for run in runs), f"{share:.1%}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(live(int(sys.argv[1]), int(sys.argv[2]), Path(scratch) / "run")))
