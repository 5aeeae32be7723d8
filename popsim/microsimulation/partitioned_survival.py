"""Partitioned survival: the share of a cohort in each state is the area between survival curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean, shorten
from popsim.microsimulation import tables
from popsim.microsimulation.base import Model, SimulatedUnit, UnitTotals
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.survival import Survival
from popsim.microsimulation.tables import Function, Values

type Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PartitionedSurvivalModel(Model):
    """States that a cohort passes in one direction, from the first to the last.

    `curves` gives, for every state but the last, the time until somebody has left it for good: of "stable",
    "progressed", "dead", progression-free and overall survival. At each point, stable are S_stable(t), progressed
    S_progressed(t) - S_stable(t), and dead the rest. A curve above a later one, which draws of separate fits can give,
    is lowered to it.

    Every function takes the parameters `p` and, if it names them, traits of the individuals, one call for each
    combination that occurs; `costs` and `utilities` also `cycle` (0, 1, ...), an array.

    Attributes:
        curves: {state: Survival}, times in years since the start.
        costs: per year in a state, {state: cost}; a state that is not named costs nothing.
        utilities: of a state, per year, likewise.
        leaving_costs, leaving_qalys: one-offs of leaving a state for good, {state: value}, weighted as
            `timing.one_offs` says.
    """

    curves: Function
    costs: Function
    utilities: Function
    leaving_costs: Function | None = None
    leaving_qalys: Function | None = None
    always_exact: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if list(self.dead) != list(self.states[len(self.states) - len(self.dead) :]) or not self.dead:
            raise InputError(f"dead = {shorten(self.dead)}: must be the last of the states")
        for name, moved in (("initial", self._initial != self.states[0]), ("spells", bool(self.spells))):
            if moved:
                raise InputError(f"{name}: leave it out, everybody begins in {self.states[0]!r} and passes all states")
        for name, function in self._functions().items():
            if tables.TIME in tables.arguments(function, name):
                raise InputError(f"{name}: cannot depend on {tables.TIME}; write a StateTransitionModel")
        if tables.CYCLE in tables.arguments(self.curves, "curves"):
            raise InputError(f"curves: cannot depend on {tables.CYCLE}; a Survival says how time passes")

    def _functions(self) -> dict[str, Function]:
        names = ("curves", "costs", "utilities", "leaving_costs", "leaving_qalys")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _traits(self) -> Sequence[str]:
        wanted = (a for name, function in self._functions().items() for a in tables.arguments(function, name))
        return list(dict.fromkeys(name for name in wanted if name not in (tables.PARAMETERS, tables.CYCLE)))

    def _simulate(self, units: object, people: object, totals: object) -> Sequence[UnitTotals]:
        raise AssertionError("always exact")

    def _evaluate(self, units: Sequence[SimulatedUnit], people: Individuals) -> Sequence[UnitTotals]:
        if people.initial.any():
            raise InputError(f"individuals: state: everybody begins in {self.states[0]!r}")
        parts = [(traits, len(rows) if traits else len(people)) for traits, rows in
                 tables.groups(people.columns, self._traits())]  # fmt: skip
        lived = []
        for unit in units:
            shares = np.zeros((self.timing.cycles + 1, len(self.states)))
            totals = np.zeros(len(self._weights[0]))
            for traits, count in parts:
                share = self._shares(self._say("curves", unit.p, traits))
                shares += count * share
                totals += count * self._worth(unit.p, traits, share)
            lived.append(UnitTotals(totals / len(people), np.zeros_like(totals), shares))
        return lived

    def _say(self, name: str, p: Any, grid: Mapping[str, Any]) -> Values:
        function = getattr(self, name)
        return tables.call_function(function, name, p, grid) if function is not None else {}

    def _shares(self, curves: Values) -> Floats:
        """(points, states) share of the cohort in each state."""
        passed = list(self.states[:-1])
        if set(curves) != set(passed):
            wrong = next(iter([*(set(curves) - set(passed)), *(set(passed) - set(curves))]))
            raise InputError(f"curves: {wrong!r}: needs one for each of {', '.join(passed)}; "
                             f"{did_you_mean(str(wrong), passed)}")  # fmt: skip
        years = np.arange(self.timing.cycles + 1) * self.timing.cycle_years
        below = np.ones((len(self.states) + 1, len(years)))
        below[0] = 0.0
        for state, name in reversed(list(enumerate(passed))):
            if not isinstance(curves[name], Survival):
                raise InputError(f"curves of '{name}': must be a Survival, such as Survival.exponential(0.1)")
            below[state + 1] = np.minimum(curves[name].survival(years), below[state + 2])
        return np.diff(below, axis=0).T

    def _worth(self, p: Any, traits: Mapping[str, Any], share: Floats) -> Floats:
        """(3,) cost, QALYs and life years of one person."""
        points = {tables.CYCLE: np.arange(self.timing.cycles + 1)[:, None], **traits}
        weight, arrival = self._weights
        alive = np.array([0.0 if state in self.dead else 1.0 for state in self.states])
        rewards = [
            tables.by_state([self._say(name, p, points)], self._number, self.dead, self.timing.cycles, name)[0, :, 0]
            for name in ("costs", "utilities")
        ]
        worth = np.array(
            [w @ (share * reward).sum(axis=1) for w, reward in zip(weight, [*rewards, alive], strict=True)]
        )
        gone = -np.diff(np.cumsum(share[:, :-1], axis=1), axis=0)  # who has left each state, by the cycle
        for k, name in enumerate(("leaving_costs", "leaving_qalys")):
            for state, value in self._say(name, p, traits).items():
                number = tables.state_number(state, self._number, name)
                if number == len(self.states) - 1:
                    raise InputError(f"{name}: '{state}' is the last state, which nobody leaves")
                worth[k] += tables.finite(value, f"{name} of '{state}'").item() * (arrival[k][1:] @ gone[:, number])
        return worth
