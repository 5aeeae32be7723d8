"""(f) The tutorial's Sick-Sicker microsimulation: 30 cycles, two strategies, costs and QALYs of every individual.

Krijkamp 2018 (tests/reference/models/microsimulation_tutorial.py). Each candidate simulates every individual under both
strategies, keeps the individual's discounted cost and QALYs, and returns their means; a test holds all of them to the
exact expectation. Counted are individual-cycles per second, both strategies together.

heormodel and popsim are called through their public functions. "NumPy" is what a careful user writes with arrays of all
individuals. Mesa has an agent object for each individual, and gets fewer of them. mesa-frames is measured where it can
be imported (its release 0.1.0a0 asks for NumPy 1.26, so it cannot be installed beside popsim in the ordinary way).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import mesa
import numpy as np
import polars as pl

from benchmarks.measuring import Candidate, Section, alternate
from popsim.microsimulation import Discounting, KernelModel, StateTransitionModel, Timing

CYCLES = 30
STRATEGIES = ("no treatment", "treatment")
H, S1, S2, D = range(4)
P_HD, P_HS1, P_S1H, P_S1S2 = 0.005, 0.15, 0.5, 0.105
P_S1D, P_S2D = 1.0 - (1.0 - P_HD) ** 3.0, 1.0 - (1.0 - P_HD) ** 10.0
PROBABILITIES = np.array(
    [
        [1.0 - P_HS1 - P_HD, P_HS1, 0.0, P_HD],
        [P_S1H, 1.0 - P_S1H - P_S1S2 - P_S1D, P_S1S2, P_S1D],
        [0.0, 0.0, 1.0 - P_S2D, P_S2D],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
CUMULATIVE = np.cumsum(PROBABILITIES, axis=1)
WORTH = 1.03 ** -np.arange(CYCLES + 1)  # a year at each point
MESA_AGENTS = 2_000

type Means = list[tuple[float, float]]  # cost, QALYs by strategy


def costs(treated: bool) -> np.ndarray:
    """By state, USD a year."""
    return np.array([2000.0, 4000.0, 15000.0, 0.0]) + 12000.0 * treated * np.array([0.0, 1.0, 1.0, 0.0])


def utilities(treated: bool) -> np.ndarray:
    """By state."""
    return np.array([1.0, 0.95 if treated else 0.75, 0.5, 0.0])


def _tables() -> StateTransitionModel:
    return StateTransitionModel(
        **_common(),
        transitions=lambda p: {
            "H": {"S1": p.p_HS1, "D": p.p_HD},
            "S1": {"H": p.p_S1H, "S2": p.p_S1S2, "D": P_S1D},
            "S2": {"D": P_S2D},
        },
        costs=lambda p: dict(zip(("H", "S1", "S2", "D"), costs(p.treated > 0.0).tolist(), strict=True)),
        utilities=lambda p: dict(zip(("H", "S1", "S2", "D"), utilities(p.treated > 0.0).tolist(), strict=True)),
    )


def _by_time(p, time_in_state):  # type: ignore[no-untyped-def]
    """Probabilities of the model that fall with the time in a state."""
    falls = 0.98**time_in_state
    return {
        "H": {"S1": p.p_HS1 * falls, "D": p.p_HD * falls},
        "S1": {"H": p.p_S1H * falls, "S2": p.p_S1S2 * falls, "D": P_S1D},
        "S2": {"D": P_S2D * falls},
    }


def _common() -> dict[str, Any]:
    return {
        "states": ("H", "S1", "S2", "D"),
        "dead": ("D",),
        "timing": Timing(CYCLES, correction="none"),
        "discounting": Discounting(0.03, 0.03),
        "parameters": {"p_HD": P_HD, "p_HS1": P_HS1, "p_S1H": P_S1H, "p_S1S2": P_S1S2, "treated": 0.0},
        "strategies": {"no treatment": {}, "treatment": {"treated": 1.0}},
    }


def _next_state(state, time_in_state, cycle, u, p, x):  # type: ignore[no-untyped-def]
    from_h = H if u < 1.0 - p.p_HS1 - p.p_HD else (S1 if u < 1.0 - p.p_HD else D)
    to_s2 = S1 if u < 1.0 - p.p_S1S2 - P_S1D else S2
    from_s1 = H if u < p.p_S1H else (to_s2 if u < 1.0 - P_S1D else D)
    from_s2 = S2 if u < 1.0 - P_S2D else D
    alive = from_h if state == H else (from_s1 if state == S1 else from_s2)
    return D if state == D else alive


def _rewards(state, time_in_state, cycle, p, x):  # type: ignore[no-untyped-def]
    ill = (4000.0 if state == S1 else 15000.0) + 12000.0 * p.treated
    cost = 2000.0 if state == H else ill
    worse = 0.75 + 0.2 * p.treated if state == S1 else 0.5
    utility = 1.0 if state == H else worse
    return (0.0 if state == D else cost), (0.0 if state == D else utility)


TABLES = _tables()
TABLES_BY_TIME = replace(TABLES, transitions=_by_time)
KERNEL = KernelModel(**_common(), next_state=_next_state, rewards=_rewards)


def popsim_tables(people: int, seed: int) -> Means:
    return [tuple(row) for row in TABLES.run(people, seed=seed, persons=True).means[:, 0, :2].tolist()]


def popsim_kernel(people: int, seed: int) -> Means:
    return [tuple(row) for row in KERNEL.run(people, seed=seed, persons=True).means[:, 0, :2].tolist()]


def numpy_arrays(people: int, seed: int) -> Means:
    """All individuals in arrays, cycle by cycle; the same random numbers for both strategies."""
    means = []
    for treated in (False, True):
        rng = np.random.default_rng(seed)
        cost_of, utility_of = costs(treated), utilities(treated)
        state = np.zeros(people, np.int64)
        cost, qaly = np.full(people, cost_of[H]), np.full(people, utility_of[H])
        for worth in WORTH[1:]:
            u = rng.random(people)
            rows = CUMULATIVE[state]
            state = (u >= rows[:, 0]).astype(np.int64) + (u >= rows[:, 1]) + (u >= rows[:, 2])
            cost += worth * cost_of[state]
            qaly += worth * utility_of[state]
        means.append((float(cost.mean()), float(qaly.mean())))
    return means


def _heormodel(people: int) -> Any:
    """Probabilities are looked up by state and the parameters come with the draw, as in heormodel's own examples."""
    from heormodel.models import MicrosimModel  # noqa: PLC0415

    def transition_probabilities(params, intervention, state, attrs, rng):  # type: ignore[no-untyped-def]
        matrix = PROBABILITIES.copy()
        matrix[H, :2] = 1.0 - params["p_HS1"] - P_HD, params["p_HS1"]
        return matrix[state]

    def state_rewards(params, intervention, state, attrs):  # type: ignore[no-untyped-def]
        treated = intervention == "treatment"
        return costs(treated)[state], utilities(treated)[state]

    return MicrosimModel.discrete(
        states=("H", "S1", "S2", "D"),
        transition_probabilities=transition_probabilities,
        state_rewards=state_rewards,
        population=people,
        interventions=list(STRATEGIES),
        n_cycles=CYCLES,
        discount_rate=0.03,
        cycle_correction="none",
    )


def heormodel_psa(people: int, p_hs1: np.ndarray, seed: int) -> Any:
    """Outcomes of parameter draws; on all cores, as is its default."""
    import pandas as pd  # noqa: PLC0415
    from heormodel.run import run_psa  # noqa: PLC0415

    draws = pd.DataFrame({"p_HS1": p_hs1}, index=pd.RangeIndex(len(p_hs1), name="iteration"))
    return run_psa(_heormodel(people), draws, seed=seed, progress=False).outcomes


def heormodel(people: int, seed: int) -> Means:
    data = heormodel_psa(people, np.array([P_HS1]), seed).data
    return [(float(data.loc[(name, 0), "cost"]), float(data.loc[(name, 0), "qaly"])) for name in STRATEGIES]


class Person(mesa.Agent):
    """An individual with a random number a cycle."""

    def __init__(self, model: mesa.Model) -> None:
        super().__init__(model)
        self.state = H
        self.cost = self.model.cost_of[H]
        self.qaly = self.model.utility_of[H]

    def step(self) -> None:
        u, state = self.model.random.random(), 0
        row = self.model.rows[self.state]
        while u >= row[state]:
            state += 1
        self.state = state
        self.cost += self.model.worth * self.model.cost_of[state]
        self.qaly += self.model.worth * self.model.utility_of[state]


class SickSickerMesa(mesa.Model):
    """Plain Mesa: an agent for each individual."""

    def __init__(self, people: int, treated: bool, seed: int) -> None:
        super().__init__(rng=seed)
        self.cost_of, self.utility_of = costs(treated).tolist(), utilities(treated).tolist()
        self.rows = [[*row[:3], 1.0] for row in CUMULATIVE.tolist()]
        self.worth = 1.0
        Person.create_agents(self, people)

    def step(self) -> None:
        self.worth /= 1.03
        self.agents.do("step")


def plain_mesa(people: int, seed: int) -> Means:
    means = []
    for treated in (False, True):
        model = SickSickerMesa(people, treated, seed)
        for _ in range(CYCLES):
            model.step()
        means.append((float(model.agents.agg("cost", np.mean)), float(model.agents.agg("qaly", np.mean))))
    return means


def mesa_frames(people: int, seed: int) -> Means:
    """A data frame of agents, a step of whole columns."""
    from mesa_frames import AgentSetPolars, ModelDF  # noqa: PLC0415

    class People(AgentSetPolars):  # type: ignore[misc, valid-type]
        def __init__(self, model: Any, treated: bool) -> None:
            super().__init__(model)
            self.cost_of, self.utility_of = costs(treated), utilities(treated)
            self.rng, self.worth = np.random.default_rng(seed), 1.0
            start = {"cost": self.cost_of[H], "qaly": self.utility_of[H]}
            columns = {"unique_id": np.arange(people), "state": np.zeros(people, np.int64)}
            self.add(pl.DataFrame(columns).with_columns(**{name: pl.lit(value) for name, value in start.items()}))

        def step(self) -> None:
            self.worth /= 1.03
            u = self.rng.random(people)
            rows = CUMULATIVE[self.agents["state"].to_numpy()]
            state = (u >= rows[:, 0]).astype(np.int64) + (u >= rows[:, 1]) + (u >= rows[:, 2])
            self.agents = self.agents.with_columns(
                state=pl.Series(state),
                cost=pl.col("cost") + pl.Series(self.worth * self.cost_of[state]),
                qaly=pl.col("qaly") + pl.Series(self.worth * self.utility_of[state]),
            )

    means = []
    for treated in (False, True):
        model = ModelDF(seed)
        model.agents += People(model, treated)
        for _ in range(CYCLES):
            model.agents.do("step")
        (agents,) = model.agents.get(["cost", "qaly"]).values()
        means.append((float(agents["cost"].mean()), float(agents["qaly"].mean())))
    return means


CANDIDATES: dict[str, Callable[[int, int], Means]] = {
    "popsim, tables": popsim_tables,
    "popsim, a kernel": popsim_kernel,
    "NumPy": numpy_arrays,
    "heormodel": heormodel,
    "Mesa": plain_mesa,
}
if find_spec("mesa_frames") is not None:
    CANDIDATES["mesa-frames"] = mesa_frames


def side_by_side(people: int, turns: int) -> Section:
    """Individual-cycles per second of every candidate."""

    def turn(candidate: Callable[[int, int], Means], number: int) -> Candidate:
        candidate(min(number, 1000), 1)  # compiles, imports

        def timed() -> float:
            start = time.perf_counter()
            candidate(number, 1)
            return number * CYCLES * len(STRATEGIES) / (time.perf_counter() - start)

        return timed

    sizes = {name: MESA_AGENTS if name == "Mesa" else people for name in CANDIDATES}
    rows = alternate({name: turn(candidate, sizes[name]) for name, candidate in CANDIDATES.items()}, turns)
    title = f"(f) Sick-Sicker: {people:,} individuals x {CYCLES} cycles x {len(STRATEGIES)} strategies"
    notes = [f"Mesa: {MESA_AGENTS:,} individuals."]
    if "mesa-frames" not in CANDIDATES:
        notes.append("mesa-frames: not importable here.")
    return Section(title, "million individual-cycles/s", rows, notes, scale=1e6)


def psa(draws: int, people: int, turns: int) -> Section:
    """Individuals per second over parameter draws, each with individuals of its own, both strategies."""
    p_hs1 = np.random.default_rng(1).beta(150, 850, draws)
    table = pl.DataFrame({"p_HS1": p_hs1})
    few = max(draws // 20, 2)  # of heormodel, which takes that much longer

    def ours() -> float:
        start = time.perf_counter()
        TABLES.run(people, seed=1, draws=table)
        return draws * people / (time.perf_counter() - start)

    def theirs() -> float:
        start = time.perf_counter()
        heormodel_psa(people, p_hs1[:few], 1)
        return few * people / (time.perf_counter() - start)

    for candidate in (ours, theirs):  # compiles; heormodel's pool of processes starts
        candidate()
    rows = alternate({"popsim, tables": ours, "heormodel": theirs}, turns)
    title = f"(f) Sick-Sicker PSA: {draws:,} draws x {people:,} individuals"
    return Section(title, "thousand draws x individuals/s", rows, [f"heormodel: {few} draws."], scale=1e3)


def time_in_state(people: int, turns: int) -> Section:
    """Processor seconds of the model, and of the same with probabilities that depend on the time in state."""

    def turn(model: StateTransitionModel) -> Candidate:
        model.run(1000, seed=1)  # compiles

        def timed() -> float:
            start = time.process_time()
            model.run(people, seed=1)
            return time.process_time() - start

        return timed

    rows = alternate({"by state": turn(TABLES), "by time in state": turn(TABLES_BY_TIME)}, turns)
    return Section(f"(f) Time in state: {people:,} individuals", "processor milliseconds", rows, scale=1e-3)
