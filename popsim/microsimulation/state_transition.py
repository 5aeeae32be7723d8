"""A model given by tables: transition probabilities, costs and utilities of states.

It is fast from the first run, because one compiled loop serves all such models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.kernels import microsimulation as kernel
from popsim.kernels.numerics.random import RandomKey
from popsim.microsimulation import cohort, tables
from popsim.microsimulation.base import Model, SimulatedUnit, UnitTotals, empty_sums, unit_totals
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.tables import Function

MAX_TOGETHER = 4_000_000  # table entries and people of the units in one call of the kernel


class ToldUnit(NamedTuple):
    """A unit with the values of the model's functions, by group of individuals and name of the function."""

    key: RandomKey
    said: Sequence[Mapping[str, tables.Values]]

    @property
    def form(self) -> list[list[tuple[Any, ...]]]:
        """Keys and shapes of the values, which are equal in units that share their tables."""
        return [
            [(name, *((key, np.shape(value)) for key, value in values.items())) for name, values in said.items()]
            for said in self.said
        ]


class TabledUnits(NamedTuple):
    """Units with the same arcs, and by group of individuals their tables, as `kernel.walk_tables` takes them."""

    keys: Sequence[RandomKey]
    tables: Sequence[tuple[NDArray[Any], ...]]


@dataclass(frozen=True, kw_only=True)
class StateTransitionModel(Model):
    """A model given by tables.

    Every function takes the parameters `p` and, if it names them, `cycle` (0, 1, ...), `time_in_state` (whole cycles
    since it was entered, 0 in the first) and traits. `cycle` and `time_in_state` are arrays: write formulas with NumPy.

    Attributes:
        transitions: probabilities of a cycle, {from: {to: probability}}; the remainder stays.
        costs: per year in a state, {state: cost}; a state that is not named costs nothing.
        utilities: of a state, per year, likewise.
        transition_costs, transition_qalys: one-offs of a transition, {(from, to): value}, "*" for any state; counted at
            the point of arrival, in full or weighted as `timing.one_offs` says. Their `time_in_state` is that in the
            state that is left, at the start of the cycle.
    """

    transitions: Function
    costs: Function
    utilities: Function
    transition_costs: Function | None = None
    transition_qalys: Function | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, function in self._functions().items():
            tables.arguments(function, name)

    def _functions(self) -> dict[str, Function]:
        names = ("transitions", "costs", "utilities", "transition_costs", "transition_qalys")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _traits(self) -> Sequence[str]:
        own = (tables.PARAMETERS, tables.CYCLE, tables.TIME)
        wanted = (a for name, function in self._functions().items() for a in tables.arguments(function, name))
        return list(dict.fromkeys(argument for argument in wanted if argument not in own))

    def _simulate(
        self, units: Sequence[SimulatedUnit], people: Individuals, totals: NDArray[np.float64]
    ) -> Sequence[UnitTotals]:
        parts = tables.groups(people.columns, self._traits())
        lived: list[UnitTotals] = []
        for together in self._alike(units, [traits for traits, _ in parts], len(people)):
            done = len(lived)
            sums, counts = [], []
            units_here = len(together.keys)
            for (traits, rows), stack in zip(parts, together.tables, strict=True):
                part = people.rows(rows) if traits else people
                kept = totals[done : done + units_here]
                goal = np.empty((*kept.shape[:2], len(part))) if traits and kept.size else kept
                here, added = empty_sums(units_here, len(part), self.timing.cycles, len(self.states))
                who = np.array(together.keys), part.person_id, part.initial, self.timing.cycles
                kernel.walk_tables(*(*who, *stack, goal, here, added))
                if traits and kept.size:
                    kept[:, :, rows] = goal
                sums.append(added)
                counts.append(here)
            lived += unit_totals(np.concatenate(sums, axis=1), np.concatenate(counts, axis=1), len(people))
        return lived

    def _evaluate(self, units: Sequence[SimulatedUnit], people: Individuals) -> Sequence[UnitTotals]:
        parts = [
            (
                traits,
                np.bincount(people.initial[rows if traits else slice(None)], minlength=len(self.states)).astype(
                    np.float64
                ),
            )
            for traits, rows in tables.groups(people.columns, self._traits())
        ]
        lived: list[UnitTotals] = []
        for together in self._alike(units, [traits for traits, _ in parts], 0):
            groups = [
                cohort.evaluate(stack, start, self.timing.cycles)
                for stack, (_, start) in zip(together.tables, parts, strict=True)
            ]
            totals, counts = (sum(values[1:], start=values[0]) for values in zip(*groups, strict=True))
            lived += [
                UnitTotals(total / len(people), np.zeros_like(total), count)
                for total, count in zip(totals, counts, strict=True)
            ]
        return lived

    def _alike(
        self, units: Sequence[SimulatedUnit], groups: Sequence[Mapping[str, Any]], people: int
    ) -> Iterator[TabledUnits]:
        """Batches of units in order: those with the same arcs, as many as fit into memory."""
        told: list[ToldUnit] = []
        for unit in units:
            new = ToldUnit(unit.key, [self._say(unit.p, traits) for traits in groups])
            fits = told and (len(told) + 1) * (self._entries(new) + people) <= MAX_TOGETHER
            if told and not (fits and new.form == told[0].form):
                yield from self._with_tables(told)
                told = []
            told.append(new)
        yield from self._with_tables(told)

    def _with_tables(self, told: Sequence[ToldUnit]) -> Iterator[TabledUnits]:
        """Units with their tables, apart where their arcs differ."""
        found = [self._tables(said) for said in zip(*(unit.said for unit in told), strict=True)]
        differ = [(possible[1:] != possible[:-1]).any(axis=(1, 2)) for possible, *_ in found]
        changes = (np.flatnonzero(np.any(differ, axis=0)) + 1).tolist()
        if not changes:
            yield TabledUnits([unit.key for unit in told], [tuple(arrays) for _, *arrays in found])
        for first, last in pairwise([0, *changes, len(told)] if changes else []):
            yield from self._with_tables(told[first:last])

    def _entries(self, unit: ToldUnit) -> int:
        """About how many numbers the tables of a unit hold."""
        states, points = len(self.states), self.timing.cycles + 1
        shapes = [np.shape(value) for said in unit.said for values in said.values() for value in values.values()]
        times = max((shape[-1] for shape in shapes if shape), default=1)
        return len(unit.said) * points * times * states * (2 * states + kernel.OUTCOMES)

    def _say(self, p: Any, traits: Mapping[str, Any]) -> dict[str, tables.Values]:
        """What the model's functions return for a unit."""
        times = np.arange(self.timing.cycles + 1)
        points = {tables.CYCLE: times[:, None], tables.TIME: times[None, :], **traits}
        arrivals = {**points, tables.CYCLE: np.maximum(times - 1, 0)[:, None]}  # by the point where a cycle ends
        grids = dict.fromkeys(("costs", "utilities"), points) | {
            "transitions": {**points, tables.CYCLE: times[:-1, None]}
        }
        said = {
            name: tables.call_function(function, name, p, grids.get(name, arrivals))
            for name, function in self._functions().items()
        }
        return said | {"transitions": tables.flat(said["transitions"], self._number, "transitions")}

    def _tables(self, told: Sequence[Mapping[str, tables.Values]]) -> tuple[NDArray[Any], ...]:
        """Which arcs are possible in each unit, and what `kernel.walk_tables` takes from them to the one-offs."""

        def said(name: str) -> list[tables.Values]:
            return [unit.get(name, {}) for unit in told]

        cycles = self.timing.cycles
        arcs = tables.arcs(said("transitions"), self._number, self.dead, cycles, "transitions")
        ends = arcs.origin, arcs.target
        weight, arrival = self._weights
        alive = np.array([[[[0.0 if state in self.dead else 1.0 for state in self.states]]]])
        rewards = [
            tables.by_state(said(name), self._number, self.dead, cycles, name) for name in ("costs", "utilities")
        ]
        once = [
            tables.by_arc(said(name), ends, self._number, cycles, name)
            for name in ("transition_costs", "transition_qalys")
        ]
        restarts = (self._spell[arcs.origin] != self._spell[arcs.target]).astype(np.int8)
        reward, one_off = (
            _weighted(values, by, len(told)) for values, by in (([*rewards, alive], weight), (once, arrival))
        )
        return arcs.possible, *ends, restarts, *arcs[3:], reward, one_off


def _weighted(values: Sequence[NDArray[np.float64]], weights: NDArray[np.float64], units: int) -> NDArray[np.float64]:
    """(units, values, points, times, n) of values (units or 1, points or 1, times or 1, n), by weights of points."""
    times = max(one.shape[2] for one in values)
    found = np.empty((units, len(values), weights.shape[1], times, values[0].shape[-1]))
    for k, (one, weight) in enumerate(zip(values, weights, strict=True)):
        found[:, k] = one * weight[:, None, None]
    return found
