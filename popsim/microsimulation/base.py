"""The base of all state-transition models, and how they are run.

Random numbers: Philox, keyed by seed and stream (replication and draw), with counter (person, cycle). All strategies
share them (common random numbers), and nobody's numbers depend on who else is simulated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from keyword import iskeyword
from typing import Any, ClassVar, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import MAX_WORD, real_number, whole_number
from popsim.definitions.experiment import MAX_REPLICATIONS
from popsim.errors import InputError, did_you_mean, shorten
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import microsimulation as kernel
from popsim.kernels.numerics.random import RandomKey
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.result import Microsimulation, MicrosimulationResult
from popsim.microsimulation.timing import Discounting, Timing

MAX_STATES = 63
MAX_DRAWS = 400_000  # so that the random key, which counts replications of draws, stays below 2**32


class SimulatedUnit(NamedTuple):
    """A strategy in a run: random key and parameters."""

    key: RandomKey
    p: Any


class UnitTotals(NamedTuple):
    """One strategy in one run: (3,) means and variances over the people, (points, states) people in each state."""

    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    counts: NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """The common part of both kinds of model.

    Attributes:
        states: names, in the order in which random numbers run through them (mildest first is a good choice).
        dead: the states in which nobody is alive.
        timing: cycles and how they are counted.
        discounting: rates of costs and effects.
        parameters: names and values, the same for all strategies; a ParameterSet has their uncertainty too.
        strategies: parameters that differ, by strategy.
        initial: initial state; by default the first. A column `state` of the individuals overrides it.
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
    always_exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        states = list(self.states)
        names_only = not isinstance(self.states, str) and all(isinstance(state, str) for state in states)
        if not (names_only and 1 < len(states) <= MAX_STATES and len(set(states)) == len(states)):
            raise InputError(f"states = {shorten(self.states)}: must be 2 to {MAX_STATES} different names")
        if isinstance(self.dead, str):
            raise InputError(f"dead = {self.dead!r}: must be a list of states, such as [{self.dead!r}]")
        spelt = [state for spell in self.spells for state in spell]
        for where, names in (("dead", self.dead), ("initial", [self._initial]), ("spells", spelt)):
            for name in names:
                if name not in states:
                    raise InputError(f"{where}: unknown state {name!r}, {did_you_mean(str(name), states)}")
        if len(set(spelt)) < len(spelt):
            raise InputError("spells: a state may be in one set only")
        if not self.strategies:
            raise InputError("strategies: at least one is needed")
        check_names("parameters", self.parameters)
        for name, changes in {"parameters": self.parameters, **self.strategies}.items():
            self._check(name, changes)

    def run(
        self,
        individuals: int | pl.DataFrame | Mapping[str, Any] = 10_000,
        *,
        seed: int,
        replications: int = 1,
        draws: int | pl.DataFrame = 0,
        persons: bool | None = None,
        exact: bool = False,
    ) -> Microsimulation:
        """Simulate all individuals under every strategy, or evaluate them as a cohort.

        Args:
            individuals: how many, or a table of their traits with a row for each; a column `person_id` gives their
                identities (0, 1, ... without it), a column `state` their initial states.
            seed: first word of the random key, 0 .. 2**32 - 1.
            replications: number of independent replications.
            draws: number of parameter draws, if `parameters` is a ParameterSet with uncertainty; or a table with a row
                for each draw, a column for each parameter that varies, and `draw` with their numbers (1, 2, ...
                without it). Other parameters keep their base-case values; strategies' own values take precedence.
            persons: whether totals of each individual are kept; by default if there is only one run.
            exact: expected values instead of a simulation, for a StateTransitionModel: no Monte Carlo error, and totals
                of the cohort only. The seed then only matters for parameter draws. Partitioned survival models and
                decision trees are always evaluated so.

        Raises:
            InputError: any argument, or a result of the model's functions, is invalid.
        """
        exact = exact or self.always_exact
        people = Individuals.of(individuals, self.states, self._initial, self._traits())
        seed = whole_number("seed", seed, 0, MAX_WORD)
        replications = whole_number("replications", replications, 1, MAX_REPLICATIONS)
        drawn = draws if isinstance(draws, pl.DataFrame) else self.parameter_draws(draws, seed)
        values = self._values(drawn)
        runs = [MicrosimulationResult(draw, replication) for draw in values for replication in range(replications)]
        if exact and (persons or replications > 1):
            why = f"{type(self).__name__}" if self.always_exact else "exact = True"
            raise InputError(f"{why}: leave out persons and replications, a cohort has neither")
        kept = len(runs) == 1 and not exact if persons is None else persons
        streams = [run.replication + MAX_REPLICATIONS * run.draw for run in runs]
        units = [
            SimulatedUnit(RandomKey(seed, stream), self.parameters_of(strategy, values[run.draw]))
            for strategy in self.strategies
            for run, stream in zip(runs, streams, strict=True)
        ]
        shape = len(self.strategies), len(runs)
        totals = np.empty((len(units), kernel.OUTCOMES, len(people) if kept else 0))
        lived = self._evaluate(units, people) if exact else self._simulate(units, people, totals)
        means = np.array([unit.means for unit in lived]).reshape(*shape, -1)
        variances = np.array([unit.variances for unit in lived]).reshape(*shape, -1)
        counts = np.array([unit.counts for unit in lived]).reshape(*shape, self.timing.cycles + 1, -1)
        if not np.isfinite(means).all():
            raise InputError("a total is not a finite number: check costs and utilities")
        return Microsimulation(
            list(self.strategies), list(self.states), runs, drawn, people.person_id, self.timing.cycle_years,
            means, variances, counts, totals.reshape(*shape, kernel.OUTCOMES, -1) if kept else None,
        )  # fmt: skip

    def parameter_draws(self, draws: int, seed: int) -> pl.DataFrame:
        """Draws 1 .. `draws` of the uncertain parameters: `draw` and a column for each of them.

        Raises:
            InputError: no parameter has an uncertainty.
        """
        numbers = range(1, whole_number("draws", draws, 0, MAX_DRAWS) + 1)
        if not draws:
            return pl.DataFrame({"draw": []}, {"draw": pl.Int64})
        if not isinstance(self.parameters, ParameterSet):
            raise InputError("draws: parameters without uncertainty; give a ParameterSet, or the draws as a table")
        name = self.parameters.name
        uncertain = uncertain_parameters({name: self.parameters}, (), name)
        if not uncertain.names:
            raise InputError(f"draws: no parameter of '{name}' has an uncertainty")
        columns = [dotted.removeprefix(f"{name}.") for dotted in uncertain.names]
        table = pl.DataFrame(uncertain.draw(seed, numbers), columns)
        return table.select(pl.Series("draw", numbers, pl.Int64), *columns)

    def parameters_of(self, strategy: str, draw: Mapping[str, float] | None = None) -> Any:
        """The argument `p` of the model's functions: a NamedTuple of all parameters under a strategy.

        Args:
            strategy: its name.
            draw: values that replace the model's own; the strategy's take precedence.
        """
        values = {**self.parameters, **(draw or {}), **self.strategies[strategy]}
        return parameter_type(tuple(self.parameters))(*(float(values[name]) for name in self.parameters))

    @abstractmethod
    def _traits(self) -> Sequence[str]:
        """Columns of the individuals that the model uses."""

    @abstractmethod
    def _simulate(
        self, units: Sequence[SimulatedUnit], people: Individuals, totals: NDArray[np.float64]
    ) -> Sequence[UnitTotals]:
        """Simulate everybody in every unit; totals is (units, 3, people) to be written, or (units, 3, 0)."""

    def _evaluate(self, units: Sequence[SimulatedUnit], people: Individuals) -> Sequence[UnitTotals]:
        """Expected values of every unit.

        Raises:
            InputError: the model has none that can be computed.
        """
        raise InputError(f"exact = True: a {type(self).__name__} can only be simulated; write a StateTransitionModel")

    @property
    def _initial(self) -> str:
        """The initial state where there is no column `state`."""
        return self.states[0] if self.initial is None else self.initial

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
        """(3, points) discounted years that a point represents, and (2, points) discount factors of one-offs."""
        rates = (self.discounting.costs, self.discounting.effects)
        rewards = [self.discounting.weights(rate, self.timing) for rate in (*rates, 0.0)]
        counted = self.timing.point_weights() if self.timing.one_offs == "weighted" else 1.0
        return np.array(rewards), np.array([self.discounting.factors(rate, self.timing) * counted for rate in rates])

    def _check(self, where: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if name not in self.parameters:
                raise InputError(f"{where}: unknown parameter '{name}', {did_you_mean(name, self.parameters)}")
            if not isinstance(value, bool):  # a switch is a number: 0 or 1
                real_number(f"{where}: {name}", value)

    def _values(self, draws: pl.DataFrame) -> dict[int, Mapping[str, float]]:
        """The values that each draw sets; without draws, draw 0, which sets nothing."""
        if draws.is_empty():
            return {0: {}}
        given = draws["draw"].to_list() if "draw" in draws.columns else range(1, len(draws) + 1)
        numbers = [whole_number("draws: draw", number, 1, MAX_DRAWS) for number in given]
        if len(set(numbers)) < len(numbers):
            raise InputError("draws: their numbers must be different")
        rows = draws.drop("draw", strict=False).iter_rows(named=True)
        values: dict[int, Mapping[str, float]] = dict(zip(numbers, rows, strict=True))
        for draw, row in values.items():
            self._check(f"draw {draw}", row)
        return values


def check_names(where: str, names: Iterable[str]) -> None:
    """Refuse names that a function could not use for a value (`p.name`, or an argument).

    Raises:
        InputError: one of them.
    """
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            raise InputError(f"{where}: {name!r} must be a Python name of letters, digits and _")


@lru_cache(maxsize=256)
def parameter_type(names: tuple[str, ...]) -> Any:
    """NamedTuple of the parameters; one type for the same names, so that nothing is compiled twice."""
    return namedtuple("Parameters", names or ("nothing",), defaults=None if names else (0.0,))


def empty_sums(units: int, people: int, cycles: int, states: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Counts and sums by unit and block, for a kernel to fill."""
    blocks = -(-people // kernel.BLOCK)
    return np.empty((units, blocks, cycles + 1, states), np.int32), np.empty((units, blocks, 2, kernel.OUTCOMES))


def unit_totals(sums: NDArray[np.float64], counts: NDArray[np.int32], people: int) -> list[UnitTotals]:
    """The blocks of each unit added up, in their order; the variance of one individual is unknown (NaN)."""
    added, squares = np.cumsum(sums, axis=1)[:, -1].swapaxes(0, 1)
    means = added / people
    variances = np.maximum(squares - added * means, 0.0) / (people - 1 if people > 1 else np.nan)
    return list(map(UnitTotals, means, variances, counts.sum(axis=1, dtype=np.int64)))
