"""(h) Twin-days a second of the clinical twin beside the heart-failure core alone, and what each organ system takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numba

from benchmarks.measuring import Row, Section, alternate
from benchmarks.physiology import by_popsim, people, speed
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import BLOCK, ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

COHORT = Path(__file__).parents[1] / "cohorts" / "heart_failure_discharge.toml"
GOAL = 15e6  # twin-days a second on two quiet cores
MAX_BYTES = 600


def clinical_people(size: int, seed: int = 1) -> tuple[Population, ClinicalPhysiology]:
    """A cohort at its discharge, all alive and at home, with every organ system settled."""
    population = sample(CohortSource.read(COHORT), SCHEMA, size, RandomKey(seed))
    population["alive"] = 1
    physiology = ClinicalPhysiology(SHIPPED, key=RandomKey(seed))
    physiology.initialise(population)
    return population, physiology


def side_by_side(twins: int, days: int, turns: int) -> list[Section]:
    """The whole clinical twin and the core alone; then the nanoseconds of each of its systems."""
    population, physiology = clinical_people(twins)
    core = people(twins)
    most = numba.config.NUMBA_NUM_THREADS

    def whole(first: int, days: int) -> None:
        for day in range(first, first + days):
            physiology.advance(population, Clock(day))

    candidates = {
        f"clinical twin, {most} threads": speed(whole, twins, days, most),
        "clinical twin, 1 thread": speed(whole, twins, days, 1),
        f"heart-failure core alone, {most} threads": speed(
            lambda first, days: by_popsim(core, first, days), twins, days, most
        ),
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
