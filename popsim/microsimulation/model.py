"""State-transition models: a user's own disease, individual by individual.

`StateTransitionModel` is told in tables: probabilities between states, costs and utilities of states, each by a
function of the parameters (and, where its arguments say so, of the cycle, the time in state, and traits). It is fast
from the first run, as the loop is compiled once for all such models.

`KernelModel` is told in scalar functions of one individual, which are compiled into the loop: for what does not fit a
table, such as continuous traits. Compiling takes a few seconds for each model and process.

Both run alone, without beds and queues. A disease that competes for them is an organ system of a `PopulationModel`.

Random numbers: Philox, keyed by (seed, replication and draw), counted by (person, cycle). All strategies share them, so
the same person meets the same luck under each, and nobody's luck depends on who else is simulated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean
from popsim.kernels import microsimulation as kernel
from popsim.microsimulation import tables
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.result import Microsimulation, Run
from popsim.microsimulation.tables import Function
from popsim.microsimulation.timing import Discounting, Timing

MOST_STATES = 63
MOST_REPLICATIONS, MOST_DRAWS = 10_000, 400_000  # so that the key of the random numbers stays below 2**32


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """What both kinds of model have in common.

    Attributes:
        states: names, in the order in which random numbers run through them (mildest first is a good choice).
        dead: the states in which nobody is alive.
        timing: cycles and how they are counted.
        discounting: rates of costs and effects.
        parameters: names and values, the same for all strategies.
        strategies: parameters that differ, by strategy.
        initial: state at the start; by default the first. A column `state` of the individuals overrides it.
        spells: sets of states; moves within a set do not set `time_in_state` back to 0.
    """

    states: Sequence[str]
    dead: Sequence[str]
    timing: Timing
    discounting: Discounting
    parameters: Mapping[str, float]
    strategies: Mapping[str, Mapping[str, float]]
    initial: str | None = None
    spells: Sequence[Sequence[str]] = field(default=())

    def __post_init__(self) -> None:
        states = list(self.states)
        if isinstance(self.states, str) or not 1 < len(states) <= MOST_STATES or len(set(states)) < len(states):
            raise InputError(f"states = {self.states}: must be 2 to {MOST_STATES} different names")
        if isinstance(self.dead, str):
            raise InputError(f"dead = {self.dead!r}: must be a list of states, such as [{self.dead!r}]")
        spelt = [state for spell in self.spells for state in spell]
        for where, names in (("dead", self.dead), ("initial", [self.initial or states[0]]), ("spells", spelt)):
            for name in names:
                if name not in states:
                    raise InputError(f"{where}: unknown state {name!r}, {did_you_mean(str(name), states)}")
        if len(set(spelt)) < len(spelt):
            raise InputError("spells: a state may be in one set only")
        if not self.strategies:
            raise InputError("strategies: at least one is needed")
        for name, changes in {"parameters": self.parameters, **self.strategies}.items():
            self._check(name, changes)

    def run(
        self,
        individuals: int | pl.DataFrame | Mapping[str, Any] = 10_000,
        *,
        seed: int,
        replications: int = 1,
        draws: pl.DataFrame | None = None,
        persons: bool | None = None,
    ) -> Microsimulation:
        """Let everybody live under every strategy.

        Args:
            individuals: how many, or a table of their traits with a row for each; a column `person_id` gives their
                identities (0, 1, ... without), a column `state` their states at the start.
            seed: first word of the random key, 0 .. 2**32 - 1.
            replications: how often, each with other luck.
            draws: parameter draws: a row for each, a column for each parameter that varies, all others keep their own
                values; a column `draw` numbers them (1, 2, ... without). Strategies' own values go before.
            persons: whether totals of each individual are kept; by default if there is one run.

        Raises:
            InputError: any of these, or what the model's functions say, cannot be used.
        """
        people = Individuals.of(individuals, self.states, self.initial or self.states[0], self._traits())
        runs, values = self._runs(replications, draws)
        if not (isinstance(seed, int) and 0 <= seed < 2**32):
            raise InputError(f"seed = {seed}: must be a whole number between 0 and 2**32 - 1")
        kept = len(runs) == 1 if persons is None else persons
        shape = len(self.strategies), len(runs), kernel.OUTCOMES
        means, variances = np.empty(shape), np.empty(shape)
        counts = np.empty((*shape[:2], self.timing.cycles + 1, len(self.states)), np.int64)
        totals = np.empty((*shape, len(people))) if kept else None
        none = np.empty((kernel.OUTCOMES, 0))
        for r, run in enumerate(runs):
            key = seed, run.replication + MOST_REPLICATIONS * run.draw
            for s, strategy in enumerate(self.strategies):
                p = self.parameters_of(strategy, values[run.draw])
                goal = none if totals is None else totals[s, r]
                means[s, r], variances[s, r], counts[s, r] = self._walk(key, p, people, goal)
        if not np.isfinite(means).all():
            raise InputError("a total is not a finite number: look at costs and utilities")
        names = list(self.strategies), list(self.states)
        return Microsimulation(
            *names, runs, people.person_id, self.timing.cycle_years, means, variances, counts, totals
        )

    def parameters_of(self, strategy: str, draw: Mapping[str, float] | None = None) -> Any:
        """What the model's functions get as `p`: a NamedTuple of all parameters under a strategy.

        Args:
            strategy: its name.
            draw: values that replace the model's own; the strategy's go before.
        """
        values = {**self.parameters, **(draw or {}), **self.strategies[strategy]}
        return parameter_type(tuple(self.parameters))(*(float(values[name]) for name in self.parameters))

    @abstractmethod
    def _traits(self) -> Sequence[str]:
        """Columns of the individuals that the model uses."""

    @abstractmethod
    def _walk(
        self, key: tuple[int, int], p: Any, people: Individuals, totals: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """One strategy in one run: means and variances over the people (3,), counts (points, states)."""

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.states)}

    @cached_property
    def _spell(self) -> NDArray[np.int32]:
        """(states,) number of the set that each state belongs to, its own where it is in none."""
        spell = np.arange(len(self.states), dtype=np.int32)
        for states in self.spells:
            spell[[self._number[state] for state in states]] = self._number[states[0]]
        return spell

    @cached_property
    def _weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3, points) discounted years that a point stands for, and (2, points) worth of one-offs."""
        rates = (self.discounting.costs, self.discounting.effects)
        rewards = [self.discounting.weights(rate, self.timing) for rate in (*rates, 0.0)]
        return np.array(rewards), np.array([self.discounting.factors(rate, self.timing) for rate in rates])

    def _check(self, where: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if name not in self.parameters:
                raise InputError(f"{where}: unknown parameter '{name}', {did_you_mean(name, self.parameters)}")
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise InputError(f"{where}: {name} = {value}: must be a number")

    def _runs(self, replications: int, draws: pl.DataFrame | None) -> tuple[list[Run], dict[int, Mapping[str, float]]]:
        """Runs, and the values that each draw sets."""
        if not 1 <= replications <= MOST_REPLICATIONS:
            raise InputError(f"replications = {replications}: must be between 1 and {MOST_REPLICATIONS}")
        values: dict[int, Mapping[str, float]] = {0: {}}
        if draws is not None:
            numbers = draws["draw"].to_list() if "draw" in draws.columns else list(range(1, len(draws) + 1))
            if not numbers or len(set(numbers)) < len(numbers) or not 1 <= min(numbers) <= max(numbers) <= MOST_DRAWS:
                raise InputError(f"draws: their numbers must be different, from 1 to {MOST_DRAWS}")
            rows = draws.drop("draw", strict=False).iter_rows(named=True)
            values = dict(zip(numbers, rows, strict=True))
            for draw, row in values.items():
                self._check(f"draw {draw}", row)
        return [Run(draw, replication) for draw in values for replication in range(replications)], values


@dataclass(frozen=True, kw_only=True)
class StateTransitionModel(Model):
    """A model told in tables.

    Every function takes the parameters `p` and, if it names them, `cycle` (0, 1, ...), `time_in_state` (whole cycles
    since it was entered, 0 in the first) and traits. `cycle` and `time_in_state` are arrays: write formulas with NumPy.

    Attributes:
        transitions: probabilities of a cycle, {from: {to: probability}}; what is left stays.
        costs: per year in a state, {state: cost}; a state that is not named costs nothing.
        utilities: of a state, per year, likewise.
        transition_costs, transition_qalys: one-offs of a transition, {(from, to): value}, "*" for any state; counted in
            full at the point of arrival, without within-cycle correction.
    """

    transitions: Function
    costs: Function
    utilities: Function
    transition_costs: Function | None = None
    transition_qalys: Function | None = None

    def _functions(self) -> dict[str, Function]:
        names = ("transitions", "costs", "utilities", "transition_costs", "transition_qalys")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _traits(self) -> Sequence[str]:
        own = (tables.PARAMETERS, tables.CYCLE, tables.TIME)
        wanted = (a for name, function in self._functions().items() for a in tables.arguments(function, name))
        return list(dict.fromkeys(argument for argument in wanted if argument not in own))

    def _walk(
        self, key: tuple[int, int], p: Any, people: Individuals, totals: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        sums, counts = [], []
        for traits, rows in tables.groups(people.columns, self._traits()):
            part = people.rows(rows) if traits else people
            goal = np.empty((kernel.OUTCOMES, len(part))) if traits and totals.size else totals
            here, added = empty_sums(len(part), self.timing.cycles, len(self.states))
            walk = [*key, part.person_id, part.initial, self.timing.cycles, *self._tables(p, traits), goal, here, added]
            kernel.walk_tables(*walk)
            if traits and totals.size:
                totals[:, rows] = goal
            sums.append(added)
            counts.append(here.sum(axis=0, dtype=np.int64))
        return *moments(np.concatenate(sums), len(people)), np.sum(counts, axis=0)

    def _tables(self, p: Any, traits: Mapping[str, Any]) -> tuple[NDArray[Any], ...]:
        """What `kernel.walk_tables` takes after the number of cycles, up to the one-offs."""
        times = np.arange(self.timing.cycles + 1)
        points = {tables.CYCLE: times[:, None], tables.TIME: times[None, :], **traits}
        cycles = {**points, tables.CYCLE: times[:-1, None]}

        def say(name: str, grid: Mapping[str, Any]) -> tables.Values:
            function = getattr(self, name)
            return tables.ask(function, name, p, grid) if function is not None else {}

        arcs = tables.arcs(say("transitions", cycles), self._number, "transitions")
        weight, arrival = self._weights
        alive = np.array([[[0.0 if state in self.dead else 1.0 for state in self.states]]])
        rewards = [tables.by_state(say(name, points), self._number, name) for name in ("costs", "utilities")] + [alive]
        longest = max(len(times) if table.shape[1] > 1 else 1 for table in (*rewards, arcs.first))
        shape = (len(times), longest, len(self.states))
        reward = np.array(
            [np.broadcast_to(table, shape) * w[:, None, None] for table, w in zip(rewards, weight, strict=True)]
        )
        names = ("transition_costs", "transition_qalys")
        one_off = np.array([tables.by_arc(say(name, {}), arcs, self._number, name) for name in names])
        spread = (len(arcs.first), longest, len(arcs.origin))
        first, last = (np.ascontiguousarray(np.broadcast_to(words, spread)) for words in (arcs.first, arcs.last))
        restarts = (self._spell[arcs.origin] != self._spell[arcs.target]).astype(np.int8)
        return arcs.origin, arcs.target, restarts, first, last, reward, one_off[:, None, :] * arrival[:, :, None]


@dataclass(frozen=True, kw_only=True)
class KernelModel(Model):
    """A model told in scalar functions of one individual, compiled by numba (or compiled already with `njit`).

    States are numbers here, in the order of `states`. Choose with `a if c else b` rather than with `if` statements, and
    use popsim.kernels.math for exp, log and so on: then the loop compiles to vector instructions.

    Attributes:
        next_state: (state, time_in_state, cycle, u, p, x) -> state after the cycle; u is uniform in (0, 1), p holds the
            parameters and x the traits, by name.
        rewards: (state, time_in_state, cycle, p, x) -> cost and utility per year; `cycle` is the point in time.
        one_offs: (state, new_state, time_in_state, cycle, p, x) -> cost and QALYs of the transition of a cycle, counted
            in full at the point of arrival; also called where the state stays.
        traits: columns of the individuals that x holds, at most 6.
    """

    next_state: Callable[..., Any]
    rewards: Callable[..., Any]
    one_offs: Callable[..., Any] = kernel.nothing_happens
    traits: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.traits) > kernel.MOST_TRAITS:
            raise InputError(f"traits: at most {kernel.MOST_TRAITS}, not {len(self.traits)}")

    def _traits(self) -> Sequence[str]:
        return self.traits

    def _walk(
        self, key: tuple[int, int], p: Any, people: Individuals, totals: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        walk = compiled(self.next_state, self.rewards, self.one_offs, tuple(self.traits), bool(self.spells))
        counts, sums = empty_sums(len(people), self.timing.cycles, len(self.states))
        alive = sum(1 << number for number, state in enumerate(self.states) if state not in self.dead)
        time = self.timing.cycles, len(self.states)
        columns = people.matrix(self.traits)
        weight, arrival = self._weights
        walk(
            *key,
            people.person_id,
            people.initial,
            *time,
            p,
            columns,
            self._spell,
            np.int64(alive),
            weight,
            arrival,
            totals,
            counts,
            sums,
        )
        if (counts.sum(axis=(0, 2)) != len(people)).any():
            raise InputError(f"next_state: gave a number that is no state; states are 0 to {len(self.states) - 1}")
        return *moments(sums, len(people)), counts.sum(axis=0, dtype=np.int64)


@lru_cache(maxsize=256)
def parameter_type(names: tuple[str, ...]) -> Any:
    """NamedTuple of the parameters; one type for the same names, so that nothing is compiled twice."""
    return namedtuple("Parameters", names or ("nothing",), defaults=None if names else (0.0,))


@lru_cache(maxsize=64)
def compiled(
    next_state: Callable[..., Any], rewards: Callable[..., Any], one_offs: Callable[..., Any], traits: tuple[str, ...],
    spells: bool,
) -> Callable[..., None]:  # fmt: skip
    """The loop around a user's functions; compiled at its first call, once for all models with the same functions."""
    trait_type = namedtuple("Traits", traits or ("nothing",))  # type: ignore[misc]
    next_one, worth, once = (kernel.compile_scalar(function) for function in (next_state, rewards, one_offs))
    return kernel.compile_walk(next_one, worth, once, trait_type, spells)


def empty_sums(people: int, cycles: int, states: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Counts and sums by block, for a kernel to fill."""
    blocks = -(-people // kernel.BLOCK)
    return np.empty((blocks, cycles + 1, states), np.int32), np.empty((blocks, 2, kernel.OUTCOMES))


def moments(sums: NDArray[np.float64], people: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and variances over the people from the sums of blocks, added in their order."""
    added, squares = np.cumsum(sums, axis=0)[-1]
    means = added / people
    return means, np.maximum(squares - added * means, 0.0) / max(people - 1, 1)
