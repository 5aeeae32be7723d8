"""A model given by scalar functions of one individual, for what does not fit a table, such as continuous traits.

The functions are compiled into the loop over people, which takes a few seconds for each model and process.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, one_line
from popsim.kernels import microsimulation as kernel
from popsim.microsimulation.base import Model, SimulatedUnit, UnitTotals, check_names, empty_sums, unit_totals
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.tables import NOTHING_FOR_THE_DEAD

ARGUMENTS = {
    "next_state": ("state", "time_in_state", "cycle", "u", "p", "x"),
    "rewards": ("state", "time_in_state", "cycle", "p", "x"),
    "one_offs": ("state", "new_state", "time_in_state", "cycle", "p", "x"),
}


@dataclass(frozen=True, kw_only=True)
class KernelModel(Model):
    """A model given by scalar functions of one individual, compiled by numba (or compiled already with `njit`).

    States are numbers here, in the order of `states`. Write `a if c else b` rather than `if` statements, and use
    popsim.kernels.numerics.math for exp, log and so on, so that the loop compiles to vector instructions.

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
        if isinstance(self.traits, str):
            raise InputError(f"traits = {self.traits!r}: must be a list of columns, such as [{self.traits!r}]")
        check_names("traits", self.traits)
        if len(self.traits) > kernel.MAX_TRAITS:
            raise InputError(f"traits: at most {kernel.MAX_TRAITS}, not {len(self.traits)}")
        for name, arguments in ARGUMENTS.items():
            function = getattr(self, name)
            if not callable(function) or len(inspect.signature(function).parameters) != len(arguments):
                raise InputError(f"{name}: must be a function of {', '.join(arguments)}")

    def _traits(self) -> Sequence[str]:
        return self.traits

    def _simulate(
        self, units: Sequence[SimulatedUnit], people: Individuals, totals: NDArray[np.float64]
    ) -> Sequence[UnitTotals]:
        walk = compiled(self.next_state, self.rewards, self.one_offs, tuple(self.traits), bool(self.spells))
        alive = sum(1 << number for number, state in enumerate(self.states) if state not in self.dead)
        traits = people.matrix(self.traits)
        weight, arrival = self._weights
        lived = []
        for unit, goal in zip(units, totals, strict=True):
            counts, sums = empty_sums(1, len(people), self.timing.cycles, len(self.states))
            faults = np.zeros(counts.shape[1], np.int64)
            who = unit.key, people.person_id, people.initial, self.timing.cycles, len(self.states)
            model = unit.p, traits, self._spell, np.int64(alive), weight, arrival
            try:
                walk(*who, *model, goal, counts[0], sums[0], faults)
            except kernel.CompilationError as error:
                raise InputError(one_line(f"{', '.join(ARGUMENTS)}: numba cannot compile: {cause(error)}")) from error
            self._refuse(int(np.bitwise_or.reduce(faults)))
            lived += unit_totals(sums, counts, len(people))
        return lived

    def _refuse(self, faults: int) -> None:
        """Refuse impossible results of the functions.

        Raises:
            InputError: there is one.
        """
        if faults & kernel.NO_STATE:
            raise InputError(f"next_state: returned a number that is no state; states are 0 to {len(self.states) - 1}")
        if faults & kernel.BACK_FROM_DEATH:
            raise InputError(f"next_state: nobody comes back from the dead ({', '.join(self.dead)})")
        if faults & kernel.WORTH_OF_THE_DEAD:
            raise InputError(f"rewards, one_offs: {NOTHING_FOR_THE_DEAD} at the transition")


@lru_cache(maxsize=64)
def compiled(
    next_state: Callable[..., Any], rewards: Callable[..., Any], one_offs: Callable[..., Any], traits: tuple[str, ...],
    spells: bool,
) -> Callable[..., None]:  # fmt: skip
    """The loop around a user's functions; compiled at its first call, once for all models with the same functions."""
    trait_type = namedtuple("Traits", traits or ("nothing",))  # type: ignore[misc]
    next_one, worth, once = (kernel.compile_scalar(function) for function in (next_state, rewards, one_offs))
    return kernel.compile_walk(next_one, worth, once, trait_type, spells)


def cause(error: Exception) -> str:
    """The line of numba's long message that names the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("Unknown attribute", "NameError", "Untyped global"))]
    return (telling or lines or [type(error).__name__])[-1 if telling else 0]
