"""A model given by tables: transition probabilities, costs and utilities of states.

It is fast from the first run, because one compiled loop serves all such models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
SHARED = 3  # tables that all units have in common: where arcs lead from and to, and whether they restart time


class TabledUnit(NamedTuple):
    """A unit with its tables, by group of individuals."""

    key: RandomKey
    tables: Sequence[tuple[NDArray[Any], ...]]

    def is_like(self, other: TabledUnit) -> bool:
        """Whether both fit into one call: the same arcs, and tables of the same shape."""
        return all(
            all(np.array_equal(a, b) for a, b in zip(ours[:SHARED], theirs[:SHARED], strict=True))
            and all(a.shape == b.shape for a, b in zip(ours[SHARED:], theirs[SHARED:], strict=True))
            for ours, theirs in zip(self.tables, other.tables, strict=True)
        )


def stacked(units: Sequence[tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
    """Tables of units that are alike, those that differ between units with units as their first axis."""
    return *units[0][:SHARED], *(np.stack(tables) for tables in list(zip(*units, strict=True))[SHARED:])


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
            for (traits, rows), stack in zip(parts, zip(*(unit.tables for unit in together), strict=True), strict=True):
                part = people.rows(rows) if traits else people
                kept = totals[done : done + len(together)]
                goal = np.empty((*kept.shape[:2], len(part))) if traits and kept.size else kept
                here, added = empty_sums(len(together), len(part), self.timing.cycles, len(self.states))
                keys = np.array([unit.key for unit in together])
                who = keys, part.person_id, part.initial, self.timing.cycles
                kernel.walk_tables(*(*who, *stacked(stack), goal, here, added))
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
            stacks = zip(*(unit.tables for unit in together), strict=True)
            groups = [
                cohort.evaluate(stacked(stack), start, self.timing.cycles)
                for stack, (_, start) in zip(stacks, parts, strict=True)
            ]
            totals, counts = (sum(values[1:], start=values[0]) for values in zip(*groups, strict=True))
            lived += [
                UnitTotals(total / len(people), np.zeros_like(total), count)
                for total, count in zip(totals, counts, strict=True)
            ]
        return lived

    def _alike(
        self, units: Sequence[SimulatedUnit], groups: Sequence[Mapping[str, Any]], people: int
    ) -> Iterator[list[TabledUnit]]:
        """Batches of units in order: those with the same arcs, as many as fit into memory."""
        together: list[TabledUnit] = []
        for unit in units:
            new = TabledUnit(unit.key, [self._tables(unit.p, traits) for traits in groups])
            size = sum(table.size for tables in new.tables for table in tables) + people
            fits = (len(together) + 1) * size <= MAX_TOGETHER
            if together and not (fits and new.is_like(together[0])):
                yield together
                together = []
            together.append(new)
        yield together

    def _tables(self, p: Any, traits: Mapping[str, Any]) -> tuple[NDArray[Any], ...]:
        """What `kernel.walk_tables` takes after the number of cycles, up to the one-offs, of one unit."""
        times = np.arange(self.timing.cycles + 1)
        points = {tables.CYCLE: times[:, None], tables.TIME: times[None, :], **traits}
        cycles = {**points, tables.CYCLE: times[:-1, None]}

        def say(name: str, grid: Mapping[str, Any]) -> tables.Values:
            function = getattr(self, name)
            return tables.call_function(function, name, p, grid) if function is not None else {}

        arcs = tables.arcs(say("transitions", cycles), self._number, self.dead, self.timing.cycles, "transitions")
        weight, arrival = self._weights
        alive = np.array([[[0.0 if state in self.dead else 1.0 for state in self.states]]])
        rewards = [
            tables.by_state(say(name, points), self._number, self.dead, self.timing.cycles, name)
            for name in ("costs", "utilities")
        ] + [alive]
        shape = (len(times), max(table.shape[1] for table in rewards), len(self.states))
        reward = np.array(
            [np.broadcast_to(table, shape) * w[:, None, None] for table, w in zip(rewards, weight, strict=True)]
        )
        names = ("transition_costs", "transition_qalys")
        arrivals = {**points, tables.CYCLE: np.maximum(times - 1, 0)[:, None]}  # by the point where a cycle ends
        once = [tables.by_arc(say(name, arrivals), arcs[:2], self._number, self.timing.cycles, name) for name in names]
        shape = (len(times), max(table.shape[1] for table in once), len(arcs.origin))
        one_off = np.array(
            [np.broadcast_to(table, shape) * worth[:, None, None] for table, worth in zip(once, arrival, strict=True)]
        )
        restarts = (self._spell[arcs.origin] != self._spell[arcs.target]).astype(np.int8)
        return arcs.origin, arcs.target, restarts, *arcs[2:], reward, one_off
