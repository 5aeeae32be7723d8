"""(h) Twin-days a second of the clinical twin beside the heart-failure core alone, and what each organ system takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numba

from benchmarks.measuring import Row, Section, alternate
from benchmarks.physiology import live, settled, speed
from popsim.physiology.clinical import BLOCK, ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.population import Population

GOAL = 15e6  # twin-days a second on two quiet cores
MAX_BYTES = 600


def side_by_side(twins: int, days: int, turns: int) -> list[Section]:
    """The whole clinical twin and the core alone; then the nanoseconds of each of its systems."""
    population, physiology = settled(twins, organ_systems=None)
    whole, most = live(population, physiology), numba.config.NUMBA_NUM_THREADS
    candidates = {
        f"clinical twin, {most} threads": speed(whole, twins, days, most),
        "clinical twin, 1 thread": speed(whole, twins, days, 1),
        f"heart-failure core alone, {most} threads": speed(live(*settled(twins)), twins, days, most),
    }
    rows = alternate(candidates, turns)
    numba.set_num_threads(most)
    size = population.nbytes / len(population)
    return [
        Section(
            f"(h) Clinical twin: {twins:,} twins, {days} days a turn",
            "million twin-days a second",
            rows,
            [
                f"{rows[0].median / GOAL:.2f} of {GOAL / 1e6:.0f} million a second (goal, on two quiet cores).",
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
