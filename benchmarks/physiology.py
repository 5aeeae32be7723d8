"""(a) Twin-days a second of the heart-failure core: popsim, what the machine would allow, and Mesa."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import numpy as np
from mesa import Agent, Model

from benchmarks import roofline
from benchmarks.measuring import Row, Section, alternate
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology.heart_failure import advance_day
from popsim.physiology import ClinicalPhysiology
from popsim.physiology.influences import PLACE
from popsim.physiology.organs.heart_failure import TAKEN, UNTREATED
from popsim.population.clock import Clock
from popsim.population.cohort import CohortSource
from popsim.population.columns import DTYPE
from popsim.population.population import Population
from popsim.population.sampling import sample
from popsim.simulation.schema import SCHEMA

COHORT = Path(__file__).parents[1] / "cohorts" / "heart_failure_discharge.toml"
GOAL = 50e6  # twin-days a second on two quiet cores


def settled(
    size: int, seed: int = 1, organ_systems: Sequence[str] | None = ()
) -> tuple[Population, ClinicalPhysiology]:
    """A cohort at its discharge, all alive and at home, settled, with some organ systems around the core."""
    population = sample(CohortSource.read(COHORT), SCHEMA, size, RandomKey(seed))
    population["alive"] = 1
    physiology = ClinicalPhysiology(SHIPPED, key=RandomKey(seed), organ_systems=organ_systems)
    physiology.initialise(population)
    return population, physiology


def live(population: Population, physiology: ClinicalPhysiology) -> Callable[[int, int], None]:
    """Some days as the model advances them."""

    def days(first: int, number: int) -> None:
        for day in range(first, first + number):
            physiology.advance(population, Clock(day))

    return days


def work_of_a_twin_day() -> roofline.Work:
    """Columns and influences of the day loop and the elementary functions in it."""
    columns = [column for name, column in SCHEMA.columns.items() if name in TAKEN]
    added = set(re.findall(r"influence_on\(\s*influences, of\.(\w+)", inspect.getsource(advance_day.py_func)))
    influences = len(TAKEN & PLACE.keys()) + len(added)
    written = [column for column in columns if column.writer == "physiology" and column.name not in UNTREATED]
    person_id, size = 8, {kind: np.dtype(dtype).itemsize for kind, dtype in DTYPE.items()}
    read = person_id + sum(size[column.kind] for column in columns) + influences * size["real"]
    calls = roofline.elementary_calls(advance_day)
    return roofline.Work(read, sum(size[column.kind] for column in written), calls)


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
    """popsim on one thread and on all, the two bounds of the roofline for each, and Mesa."""
    core, mesa, work = live(*settled(twins)), MesaPopulation(mesa_twins), work_of_a_twin_day()
    most = numba.config.NUMBA_NUM_THREADS
    names = {threads: f"{threads} thread" + "s" * (threads > 1) for threads in sorted({most, 1}, reverse=True)}
    candidates = {}
    for threads, name in names.items():
        candidates[f"popsim, {name}"] = speed(core, twins, days, threads)
        candidates[f"bytes, {name}"] = roofline.bytes_a_second(work, twins, threads)
        for function in work.calls:
            candidates[f"{function}, {name}"] = roofline.calls_a_second(function, threads)

    def mesa_days(first: int, days: int) -> None:
        for _ in range(days):
            mesa.step()

    candidates["Mesa, 3 variables, step() per agent"] = speed(mesa_days, mesa_twins, 3, 1)
    measured = {row.name: row for row in alternate(candidates, turns)}
    numba.set_num_threads(most)
    rows, notes = [], []
    for name in names.values():
        popsim, moved = measured[f"popsim, {name}"], measured[f"bytes, {name}"]
        calls = {function: measured[f"{function}, {name}"] for function in work.calls}
        memory = Row(f"its bytes alone, {name}", tuple(work.by_memory(rate) for rate in moved.figures))
        turn_by_turn = zip(*(row.figures for row in calls.values()), strict=True)
        functions = Row(f"its functions alone, {name}", tuple(work.by_functions(*rates) for rates in turn_by_turn))
        rows += [popsim, memory, functions]
        each = ", ".join(f"{1e9 / row.median:.2f} ns a call of {function}" for function, row in calls.items())
        notes.append(
            f"On {name} popsim reaches {popsim.median / min(memory.median, functions.median):.2f} of the roofline "
            f"({moved.median / 1e9:.1f} GB/s, {each})."
        )
    made = " and ".join(f"{function} {count} times" for function, count in work.calls.items())
    return Section(
        f"(a) Heart-failure core: {twins:,} twins, {days} days a turn",
        "million twin-days a second",
        [*rows, measured["Mesa, 3 variables, step() per agent"]],
        [
            f"A twin-day reads {work.read} bytes, writes {work.written} and calls {made}.",
            *notes,
            f"{rows[0].median / GOAL:.2f} of {GOAL / 1e6:.0f} million a second (goal, on two quiet cores).",
            f"Mesa: {mesa_twins:,} agents, a tenth of the arithmetic and no drugs, kidneys or deaths.",
        ],
        scale=1e6,
    )
