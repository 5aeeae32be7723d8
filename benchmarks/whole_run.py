"""(c) A whole piece of work by phases, each in a process of its own: `python -m benchmarks.whole_run TWINS`.

One strategy (usual care), one replication, the experiment's enrolment, a year of follow-up for each twin, catchment
after catchment of 50,000, on one thread, and the tables written. Prints seconds of processor by phase, which other
programs on the machine do not lengthen, seconds of wall and peak memory as JSON. The phases `interventions` to
`recorder` are parts of a day; `conservation` is the part of `care` that checks that nobody is lost.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Row, Section

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "experiments" / "heart_failure_discharge.toml"
BASE_CASE = {"draws": 0, "entry": "as_described", "run_in_days": 0}  # what is timed is a year, and no past before it
DAY_PARTS = ("interventions", "physiology", "monitoring", "care", "valuation", "recorder")
PHASES = ("sampling", "start", *DAY_PARTS, "other days", "outcomes", "writing")
WATCHED = (
    ("interventions", "apply", "interventions"), ("physiology", "advance", "physiology"),
    ("monitoring", "observe", "monitoring"), ("care", "treat", "care"), ("care", "_check", "conservation"),
    ("valuation", "accrue", "valuation"), ("recorder", "record", "recorder"),
)  # fmt: skip
GOAL_MICROSECONDS, GOAL_GIB, GOAL_CONSERVATION = 110.0, 1.5, 0.03


class Stopwatch:
    """Seconds of processor and of wall by name; what is timed inside something else counts in both."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        began, worked = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.process_time() - worked
            self.wall[name] += time.perf_counter() - began

    def watch(self, thing: Any, method: str, name: str) -> None:
        """Time every call of a function or method from now on."""
        plain: Callable[..., Any] = getattr(thing, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.timing(name):
                return plain(*arguments, **named)

        setattr(thing, method, timed)


def live(twins: int, days: int, folder: Path) -> dict[str, Any]:
    """One strategy from nothing to the store, with the kernels loaded before."""
    from popsim.kernels.numerics.threads import use_threads  # noqa: PLC0415  (this loads numba)
    from popsim.runs.store import UnitStore  # noqa: PLC0415
    from popsim.studies import unit as work  # noqa: PLC0415  (after threads are set)
    from popsim.studies.design import Change, read_study  # noqa: PLC0415

    numbers = {"population": twins, "replications": 1, "follow_up_days": days} | BASE_CASE
    study = read_study(EXPERIMENT, {key: Change(f"--{key}", value) for key, value in numbers.items()})
    units = [unit for unit in study.units if unit.strategy.name == study.units[0].strategy.name]
    use_threads(1)  # as a worker that shares the machine with others
    work.warm_up(units)
    gc.collect()
    gc.freeze()  # as in `work.simulate`
    watch, store, seen = Stopwatch(), UnitStore(folder), Counter[str]()
    watch.watch(work, "sample", "sampling")
    with watch.timing("total"), store.opened():
        for unit in units:
            with watch.timing("start"):
                model = work.build(unit)
            for part, method, phase in WATCHED:
                watch.watch(getattr(model, part), method, phase)
            with watch.timing("days"):
                output = work.run_to_end(model)
            seen.update(events=model.care.events_processed, logged=len(model.events))
            del model
            with watch.timing("outcomes"):
                tables = work.tables_of(output, unit)
            with watch.timing("writing"):
                store.publish(store.write(unit.key, tables, 0.0))
            del output, tables
    for seconds in (watch.seconds, watch.wall):
        seconds["start"] -= seconds["sampling"]
        seconds["other days"] = seconds["days"] - sum(seconds[part] for part in DAY_PARTS)
    return {"twins": twins, "seconds": watch.seconds, "wall": watch.wall, "peak_bytes": peak_bytes(), **seen}


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
        rows.append(Row(f"{size:,} twins", tuple(run["seconds"]["total"] / size * 1e6 for run in runs)))
        peak = max(run["peak_bytes"] for run in runs)
        total, worked = (median(run[kind]["total"] for run in runs) for kind in ("wall", "seconds"))
        notes.append(
            f"{size:,} twins: {total:.1f} s ({worked:.1f} s of processors), peak {peak / 2**30:.2f} GiB, "
            f"{runs[0]['events'] / size:.1f} events and "
            f"{runs[0]['logged'] / size:.1f} lines of the log a twin"
        )
    notes.append(f"Linear cost is a ratio of 1. Goals: {GOAL_MICROSECONDS:g} microseconds and {GOAL_GIB:g} GiB.")
    title = f"(c) Whole run of one strategy, {days} days, kernels loaded: microseconds of processor a twin"
    return Section(title, "microseconds a twin", rows, notes, digits=1)


def _phases(size: int, runs: list[dict[str, Any]]) -> Section:
    total = _phase("total", size, runs)
    rows = [_phase(name, size, runs) for name in (*PHASES, "conservation")]
    share = rows[-1].median / total.median
    notes = [f"(e) Conservation, checked every day within care, takes {share:.2%} (goal {GOAL_CONSERVATION:.0%})."]
    title = f"(c) Where {size:,} twins spend their time: microseconds of processor a twin"
    return Section(title, "microseconds a twin", [total, *rows], notes, digits=1)


def _phase(name: str, size: int, runs: list[dict[str, Any]]) -> Row:
    """Microseconds of processor a twin of one phase, its share of the run, and its wall."""
    share = median(run["seconds"][name] / run["seconds"]["total"] for run in runs)
    wall = median(run["wall"][name] / size * 1e6 for run in runs)
    return Row(name, tuple(run["seconds"][name] / size * 1e6 for run in runs), f"{share:.1%}, wall {wall:.1f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(live(int(sys.argv[1]), int(sys.argv[2]), Path(scratch) / "run")))
