"""A model in continuous time: transitions happen at times drawn from survival distributions, not at cycles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean, shorten
from popsim.kernels import survival, time_to_event
from popsim.kernels.microsimulation import BLOCK
from popsim.microsimulation import tables
from popsim.microsimulation.base import Model, SimulatedUnit, UnitTotals, empty_sums, unit_totals
from popsim.microsimulation.individuals import Individuals
from popsim.microsimulation.survival import Hazard, Survival
from popsim.microsimulation.tables import Function

Clock = Literal["reset", "forward"]
WITH_POOL = (survival.PIECEWISE, survival.SPLINE_HAZARD, survival.SPLINE_ODDS, survival.SPLINE_NORMAL)


class Transition(NamedTuple):
    """A hazard of moving from one state to another, by their numbers."""

    origin: int
    target: int
    hazard: Hazard
    forward: bool


@dataclass(frozen=True, kw_only=True)
class TimeToEventModel(Model):
    """A model in continuous time.

    Every function takes the parameters `p` and the traits that it names, columns with a row for each person: a formula
    of them is a linear predictor, `Survival.weibull(p.shape, np.exp(p.b0 + p.b_age * age))`. A stay in a state ends by
    the earliest of its transitions. Rewards are integrated over time exactly; `timing` gives the horizon (cycles times
    their length) and the points at which `occupancy` counts the people in each state.

    Attributes:
        transitions: {from: {to: Survival}}, times in years.
        costs: per year in a state, {state: cost}; a state that is not named costs nothing.
        utilities: of a state, likewise.
        transition_costs, transition_qalys: one-offs of a transition, {(from, to): value}, "*" for any state. One from a
            state to itself is a recurrent event, after which its clock starts again, unless the state is in `spells`.
        clock: whether distributions are of the time since the state was entered ("reset"), or since the start
            ("forward"); or {(from, to): clock} for those that are not reset. Life tables always run forward.
    """

    transitions: Function
    costs: Function
    utilities: Function
    transition_costs: Function | None = None
    transition_qalys: Function | None = None
    clock: Clock | Mapping[tuple[str, str], Clock] = "reset"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.timing.correction != "half_cycle":
            raise InputError(f"correction = {self.timing.correction!r}: leave it out, continuous time is exact")
        if self.timing.one_offs != "full":
            raise InputError(f"one_offs = {self.timing.one_offs!r}: leave it out, continuous time has no points")
        if not isinstance(self.clock, str | Mapping):
            raise InputError(f"clock = {shorten(self.clock)}: must be a clock, or {{(from, to): clock}}")
        for pair, clock in ({} if isinstance(self.clock, str) else self.clock).items():
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise InputError(f"clock: {pair!r}: keys must be (from, to)")
            for state in pair:
                tables.state_number(state, self._number, "clock")
            self._check_clock(clock)
        self._check_clock(self._clock_of("", ""))
        for name, function in self._functions().items():
            tables.arguments(function, name)

    def _check_clock(self, clock: object) -> None:
        if clock not in get_args(Clock):
            raise InputError(f"clock: {did_you_mean(str(clock), get_args(Clock))}")

    def _clock_of(self, origin: str, target: str) -> str:
        return self.clock if isinstance(self.clock, str) else self.clock.get((origin, target), "reset")

    def _functions(self) -> dict[str, Function]:
        names = ("transitions", "costs", "utilities", "transition_costs", "transition_qalys")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _traits(self) -> Sequence[str]:
        wanted = (a for name, function in self._functions().items() for a in tables.arguments(function, name)[1:])
        return list(dict.fromkeys(wanted))

    def _simulate(
        self, units: Sequence[SimulatedUnit], people: Individuals, totals: NDArray[np.float64]
    ) -> Sequence[UnitTotals]:
        traits = {name: column.reshape(-1, 1) for name, column in people.columns.items()}
        alive = np.array([0.0 if state in self.dead else 1.0 for state in self.states])
        rates = [self.discounting.continuous(rate) for rate in (self.discounting.costs, self.discounting.effects)]
        lived: list[UnitTotals] = []
        for unit, goal in zip(units, totals, strict=True):
            counts, sums = empty_sums(1, len(people), self.timing.cycles, len(self.states))
            faults = np.zeros(math.ceil(len(people) / BLOCK), np.int64)
            who = unit.key, people.person_id, people.initial, self.timing.cycles, self.timing.cycle_years
            time_to_event.walk_events(
                *who, *self._tables(unit.p, traits, len(people)), alive, *rates, goal, counts[0], sums[0], faults
            )
            if faults.any():
                raise InputError(f"transitions: somebody has more than {time_to_event.MAX_STAYS:,} of them")
            lived += unit_totals(sums, counts, len(people))
        return lived

    def _tables(self, p: Any, traits: Mapping[str, Any], people: int) -> tuple[NDArray[Any], ...]:
        """What `walk_events` takes from `begin` to `one_off`, of one unit."""

        def say(name: str) -> tables.Values:
            function = getattr(self, name)
            return tables.call_function(function, name, p, traits) if function is not None else {}

        arcs = self._arcs(say("transitions"), people)
        origin, target = (np.array([arc[i] for arc in arcs], np.int64) for i in (0, 1))
        forward = np.array([arc.forward for arc in arcs], np.int64)
        family = np.array([arc.hazard.family for arc in arcs], np.int64)
        numbers = np.arange(len(self.states))
        begin, end = (np.searchsorted(origin, numbers, side=side) for side in ("left", "right"))
        runs_on = {self._number[state] for spell in self.spells for state in spell}
        repeats = np.array([arc.origin == arc.target and arc.origin not in runs_on for arc in arcs], bool)
        restarts = ((self._spell[origin] != self._spell[target]) | repeats).astype(np.int64)
        rows = people if any(column.size > 1 for arc in arcs for column in arc.hazard[1:5]) else 1
        parameters = np.empty((rows, len(arcs), 4))
        pools, used = [np.zeros(1)], 1
        for j, (_, _, hazard, _) in enumerate(arcs):
            for k, column in enumerate(hazard[1:5]):
                parameters[:, j, k] = column
            if hazard.family in WITH_POOL:
                parameters[:, j, 2] += used
                pools.append(hazard.pool)
                used += len(hazard.pool)
        rewards = [
            tables.by_state([say(name)], self._number, self.dead, people - 1, name)[0, :, 0]
            for name in ("costs", "utilities")
        ]
        names = ("transition_costs", "transition_qalys")
        once = [tables.by_arc([say(name)], (origin, target), self._number, people - 1, name)[0, :, 0] for name in names]
        pairs = [np.ascontiguousarray(np.stack(np.broadcast_arrays(*pair), axis=1)) for pair in (rewards, once)]
        return begin, end, target, family, forward, restarts, parameters, np.concatenate(pools), *pairs

    def _arcs(self, rows: tables.Values, people: int) -> list[Transition]:
        """All hazards of transitions, by state of origin.

        Raises:
            InputError: a state is unknown, somebody comes back from the dead, or it is no distribution of people.
        """
        arcs = []
        for origin, row in rows.items():
            if not isinstance(row, Mapping):
                raise InputError(f"transitions from '{origin}': must be a table {{to: Survival}}, not {shorten(row)}")
            for target, time in row.items():
                where = f"transitions from '{origin}' to '{target}'"
                ends = (
                    tables.state_number(origin, self._number, where),
                    tables.state_number(target, self._number, where),
                )
                if not isinstance(time, Survival):
                    raise InputError(f"{where}: must be a Survival, such as Survival.exponential(0.1)")
                if origin in self.dead and target not in self.dead:
                    raise InputError(f"{where}: nobody comes back from the dead")
                clock = self._clock_of(origin, target) == "forward"
                for hazard in time.hazards:
                    sizes = {column.size for column in hazard[1:5]} - {1, people}
                    if sizes:
                        raise InputError(f"{where}: an array of {sizes.pop()} numbers for {people} people")
                    arcs.append(Transition(*ends, hazard, clock or hazard.always_forward))
        return sorted(arcs, key=lambda arc: arc.origin)
