"""(a) Twin-days a second of the heart-failure physiology: popsim, the same loop by hand, Mesa; (e) its vectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from mesa import Agent, Model

from benchmarks.fused import compile_fused
from benchmarks.measuring import Section, alternate
from popsim.physiology import HeartFailurePhysiology
from popsim.physiology.organs.heart_failure import ADVANCE_READS, ADVANCE_WRITES
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

COHORT = Path(__file__).parents[1] / "cohorts" / "heart_failure_discharge.toml"
GOAL = 50e6  # twin-days a second on two quiet cores


def people(size: int, seed: int = 1) -> Population:
    """A cohort at its discharge, all alive and at home, with the physiology settled."""
    population = sample(CohortSource.read(COHORT), SCHEMA, size, seed)
    population["alive"] = 1
    HeartFailurePhysiology(seed=seed).initialise(population)
    return population


def by_popsim(population: Population, first: int, days: int, seed: int = 1) -> None:
    """Some days as the model advances them."""
    physiology = HeartFailurePhysiology(seed=seed)
    for day in range(first, first + days):
        physiology.advance(population, Clock(day))


class ByHand:
    """The fused loop on plain arrays of its own."""

    def __init__(self, population: Population) -> None:
        self.arrays = [population[name].copy() for name in (*ADVANCE_READS, *ADVANCE_WRITES)]
        self.person = population.person_id.copy()
        self._fused = compiled()

    def advance(self, first: int, days: int, seed: int = 1) -> None:
        for day in range(first, first + days):
            self._fused(len(self.person), self.person, *self.arrays, seed, 0, day)


_compiled: list[Callable[..., None]] = []


def compiled() -> Callable[..., None]:
    """The fused loop, compiled once a process."""
    if not _compiled:
        _compiled.append(compile_fused(HeartFailurePhysiology().constants(1.0)))
    return _compiled[0]


class MesaTwin(Agent):  # type: ignore[misc]
    """A reduced twin of three variables in plain Python: fluid, filling pressure and symptoms, with noise."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.fluid = self.pressure = self.symptoms = 0.0

    def step(self) -> None:
        self.fluid += 0.1 * (0.5 - self.fluid) + 0.2 * self.random.gauss(0.0, 1.0)
        self.pressure += 0.5 * (12.0 + 4.0 * max(self.fluid, 0.0) - self.pressure)
        self.symptoms += 0.3 * (min(max(0.4 * (self.pressure - 12.0), 0.0), 10.0) - self.symptoms)


class MesaPopulation(Model):  # type: ignore[misc]
    """Plain Mesa: one Python call for each agent and day."""

    def __init__(self, size: int) -> None:
        super().__init__(rng=1)
        MesaTwin.create_agents(self, size)

    def step(self) -> None:
        self.agents.do("step")


def speed(run: Callable[[int, int], None], twins: int, days: int, threads: int) -> Callable[[], float]:
    """A candidate: twin-days a second over some days on some threads."""
    day = [0]

    def turn() -> float:
        numba.set_num_threads(threads)
        run(day[0], 1)  # wakes the threads and fills the caches
        began = time.perf_counter()
        run(day[0] + 1, days)
        day[0] = (day[0] + 1 + days) % 300
        return twins * days / (time.perf_counter() - began)

    return turn


def side_by_side(twins: int, days: int, mesa_twins: int, turns: int) -> Section:
    """popsim, the loop by hand and Mesa, on one thread and on all."""
    population = people(twins)
    by_hand = ByHand(population)
    mesa = MesaPopulation(mesa_twins)
    most = numba.config.NUMBA_NUM_THREADS
    candidates = {}
    for threads in sorted({most, 1}, reverse=True):
        name = f"{threads} thread" + "s" * (threads > 1)
        candidates[f"popsim, {name}"] = speed(
            lambda first, days: by_popsim(population, first, days), twins, days, threads
        )
        candidates[f"fused by hand, {name}"] = speed(by_hand.advance, twins, days, threads)

    def mesa_days(first: int, days: int) -> None:
        for _ in range(days):
            mesa.step()

    candidates["Mesa, 3 variables, step() per agent"] = speed(mesa_days, mesa_twins, 3, 1)
    rows = alternate(candidates, turns)
    numba.set_num_threads(most)
    share = rows[0].median / rows[1].median
    return Section(
        f"(a) Physiology: {twins:,} twins, {days} days a turn",
        "million twin-days a second",
        rows,
        [
            f"popsim reaches {share:.2f} of the loop by hand on {most} threads (goal 0.8) and "
            f"{rows[0].median / GOAL:.2f} of {GOAL / 1e6:.0f} million a second (goal, on two quiet cores).",
            f"Mesa: {mesa_twins:,} agents, a tenth of the arithmetic and no drugs, kidneys or deaths.",
        ],
        scale=1e6,
    )


def one_day_agrees(size: int) -> bool:
    """Whether the loop by hand still does what popsim does, to the last bit."""
    population = people(size)
    population["care_level"] = np.arange(size) % 5
    population["alive"][::7] = 0
    by_hand = ByHand(population)
    by_hand.advance(0, 5)
    by_popsim(population, 0, 5)
    names = (*ADVANCE_READS, *ADVANCE_WRITES)
    return all(population[name].tobytes() == array.tobytes() for name, array in zip(names, by_hand.arrays, strict=True))
