"""(h) Twin-days a second of the clinical twin beside the heart-failure core alone, and what each organ system takes.

The core that it is compared with computes in doubles, as the heart-failure model did when it was the only one: a
yardstick that does not move with the clinical twin.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numba

from benchmarks.measuring import Row, Section, alternate
from benchmarks.physiology import live, settled, speed
from popsim.kernels.numerics.compiling import njit
from popsim.kernels.physiology.heart_failure import advance_day
from popsim.physiology.binding import Binding
from popsim.physiology.clinical import BLOCK, ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population

GOAL = 0.45  # of the core's rate
MAX_BYTES = 600


def side_by_side(twins: int, days: int, turns: int) -> list[Section]:
    """The whole clinical twin and the core alone, on one thread and on all; then the nanoseconds of each system."""
    population, physiology = settled(twins, organ_systems=None)
    whole, most = live(population, physiology), numba.config.NUMBA_NUM_THREADS
    core, alone = settled(twins)
    kernel = njit(advance_day.py_func, parallel=True)  # in doubles
    call, influences = Binding(kernel, **alone.core._call.given), Influences(twins)

    def core_days(first: int, days: int) -> None:
        for day in range(first, first + days):
            call(kernel, core, influences, Clock(day))

    candidates = {}
    for threads in sorted({1, most}):
        name = f"{threads} thread" + "s" * (threads > 1)
        candidates[f"clinical twin, {name}"] = speed(whole, twins, days, threads)
        candidates[f"heart-failure core alone, in doubles, {name}"] = speed(core_days, twins, days, threads)
    rows = alternate(candidates, turns)
    numba.set_num_threads(most)
    size = population.nbytes / len(population)
    ratios = [
        f"{first.name}: {max(first.figures) / max(second.figures):.2f} of the core's rate (goal: {GOAL})."
        for first, second in zip(rows[::2], rows[1::2], strict=True)
    ]
    return [
        Section(
            f"(h) Clinical twin: {twins:,} twins, {days} days a turn",
            "million twin-days a second",
            rows,
            [
                *ratios,
                f"{size:.0f} bytes a twin in {len(population.schema.columns)} columns (goal: below {MAX_BYTES}); "
                f"influences are scratch of {Influences(BLOCK).values.nbytes / 1e6:.0f} MB however many twins.",
            ],
            scale=1e6,
        ),
        by_system(population, physiology, days, turns),
    ]


def by_system(population: Population, physiology: ClinicalPhysiology, days: int, turns: int) -> Section:
    """Nanoseconds a twin and day of every system, on all threads."""
    part = population.part(0, min(len(population), BLOCK))
    influences = Influences(len(part))

    def taking(system: object) -> Callable[[], float]:
        def turn() -> float:
            began = time.perf_counter()
            for day in range(days):
                system.advance(part, Clock(day), influences)  # type: ignore[attr-defined]
            return (time.perf_counter() - began) / days / len(part)

        turn()
        return turn

    systems = {type(system).__name__: system for system in physiology.systems}
    candidates = {"core": taking(physiology.core)} | {name: taking(system) for name, system in systems.items()}
    rows = [Row(row.name, row.figures) for row in alternate(candidates, turns)]
    return Section("(h) ... by system", "nanoseconds a twin-day", rows, scale=1e-9)
