"""From a model's functions to the tables that the kernel reads.

A function's arguments name what its result depends on: `p` (the parameters), `cycle`, `time_in_state`, and traits by
name. `cycle` and `time_in_state` are arrays that broadcast against each other, so a formula written for numbers fills
the whole table at once; traits are numbers, one call for each combination that occurs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean, one_line, shorten

type Values = Mapping[Any, Any]  # of a user's function: by state, by (state, state), or nested by state and state
type Stacked = Mapping[Any, NDArray[np.float64]]  # values of several units: (units, cycles or 1, times or 1)
type Function = Callable[..., Values]
type Ends = tuple[NDArray[Any], NDArray[Any]]  # (arcs,) numbers of the states that they lead from and to

PARAMETERS, CYCLE, TIME = "p", "cycle", "time_in_state"
TOLERANCE = 1e-9  # by how much probabilities may miss 1
TWO_TO_32 = 2**32
MAX_ENTRIES = 50_000_000  # of a table
ANY = "*"
MUST_DEPEND = "must be one number, or depend on cycle, time_in_state"
NOTHING_FOR_THE_DEAD = "the dead have no utility and cost nothing; what a death costs or loses is a one-off"


class Arcs(NamedTuple):
    """Transitions that can happen in any unit, as `kernels.microsimulation.walk_tables` takes them.

    `possible`: (units, states, states) which of them can in which unit.
    """

    possible: NDArray[np.bool_]
    origin: NDArray[np.int32]
    target: NDArray[np.int32]
    first: NDArray[np.uint32]
    last: NDArray[np.uint32]
    stays_first: NDArray[np.uint32]
    stays_last: NDArray[np.uint32]


def arguments(function: Function, name: str) -> tuple[str, ...]:
    """Names of a function's arguments.

    Raises:
        InputError: it is no function of positional arguments led by `p`.
    """
    if not callable(function):
        raise InputError(f"{name}: must be a function of p (and of cycle, time_in_state or traits)")
    names = _argument_names(function)
    if names[:1] != (PARAMETERS,):
        raise InputError(f"{name}: its first argument must be p, the parameters")
    return names


@lru_cache(maxsize=1024)
def _argument_names(function: Function) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def call_function(function: Function, name: str, p: Any, grid: Mapping[str, Any]) -> Values:
    """The table that a user's function returns; see `call_user`.

    Raises:
        InputError: it returns something else.
    """
    result = call_user(function, name, p, grid)
    if not isinstance(result, Mapping):
        raise InputError(f"{name}: must return a table of states, not {shorten(result)}")
    return result


def call_user(function: Callable[..., Any], name: str, p: Any, grid: Mapping[str, Any]) -> Any:
    """The result of a user's function; an error explains a misspelt parameter.

    Args:
        function: to call.
        name: how the model calls it, for the message.
        p: parameters.
        grid: values of cycle, time in state and traits; the function gets those that it names.

    Raises:
        InputError: it uses a parameter that the model does not have, or a cycle out of range.
    """
    known: tuple[str, ...] = p._fields
    try:
        return function(p, *(grid[argument] for argument in arguments(function, name)[1:]))
    except AttributeError as error:
        if error.obj is not p:
            raise
        raise InputError(f"{name}: p.{error.name}: {did_you_mean(str(error.name), known)}") from None
    except IndexError as error:
        reach = ", ".join(f"{axis} runs from 0 to {np.max(grid[axis])}" for axis in (CYCLE, TIME) if axis in grid)
        raise InputError(one_line(f"{name}: {error}; {reach}")) from error


def together(said: Sequence[Values], label: Callable[[Any], str], where: str) -> Stacked:
    """The values of several units that name the same keys, each an array (units, cycles or 1, times or 1).

    Raises:
        InputError: a value is not a number, not finite, or an array of other axes.
    """
    found = {}
    for key in said[0]:
        values = [one[key] for one in said]
        array = np.array(values)
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            for value in values:
                finite(value, label(key))
        if array.ndim not in (1, 3):
            raise InputError(f"{where}: an array of shape {array.shape[1:]}: {MUST_DEPEND}")
        found[key] = array.reshape(len(said), *(array.shape[1:] or (1, 1))).astype(np.float64)
    return found


def arcs(said: Sequence[Values], states: Mapping[str, int], dead: Collection[str], cycles: int, where: str) -> Arcs:
    """Probabilities as ranges of random words, of several units.

    From a state, the ranges follow the order of the states, the state itself included. Of two strategies, the one with
    the higher probability of a later state therefore reaches it with the same random word: common random numbers make
    differences between strategies as small as possible.

    Args:
        said: transition probabilities of each unit, as `flat` gives them. The remainder is the probability of staying;
            a state that is not named is never left. Numbers, or arrays (cycles or 1, times or 1).
        states: number of each state.
        dead: those that nobody leaves for another.
        cycles: how many there are.
        where: for messages.

    Raises:
        InputError: an unknown state, a probability outside 0..1, a row that adds up to more than 1, or a transition
            from a dead state to a living one.
    """
    names = list(states)
    given = together(said, lambda ends: f"{where} from '{names[ends[0]]}'", where)
    shape = _shape(given, cycles, where)
    if np.prod(shape) * len(states) ** 2 > MAX_ENTRIES:
        raise InputError(f"{where}: table of {' x '.join(map(str, shape))} is too large: write a KernelModel instead")
    table = np.zeros((len(said), *shape, len(states), len(states)))
    for (origin, target), value in given.items():
        table[..., origin, target] = value
    sums, stated = table.sum(axis=-1), np.array([(origin, origin) in given for origin in range(len(names))])
    sound = ((table >= 0.0).all(axis=-1) & (sums <= 1.0 + TOLERANCE)).all(axis=(0, 1, 2))
    whole = ~stated | (np.abs(sums - 1.0) <= TOLERANCE).all(axis=(0, 1, 2))
    if not (sound & whole).all():
        origin = int(np.argmin(sound & whole))
        must = (
            "must be 0 or above and add up to at most 1" if not sound[origin] else "staying included, must add up to 1"
        )
        raise InputError(f"{where}: probabilities from '{names[origin]}'{'' if not sound[origin] else ','} {must}")
    rest = np.flatnonzero(~stated)
    table[..., rest, rest] = np.maximum(1.0 - sums[..., rest], 0.0)
    ends = np.cumsum(table, axis=-1)
    ends[..., -1] = 1.0
    # Uniform (w + 1/2) / 2**32 < c  <=>  w < ceil(c 2**32 - 1/2).
    words = np.clip(np.ceil(ends * TWO_TO_32 - 0.5), 0, TWO_TO_32).astype(np.int64)
    starts = np.concatenate([np.zeros_like(words[..., :1]), words[..., :-1]], axis=-1)
    is_open = words > starts
    stays = np.arange(len(states))
    possible = is_open.any(axis=(1, 2))
    possible[:, stays, stays] = False
    leaves, goes = np.nonzero(possible.any(axis=0))
    for leaving, going in ((names[a], names[b]) for a, b in zip(leaves, goes, strict=True)):
        if leaving in dead and going not in dead:
            raise InputError(f"{where}: from '{leaving}' to '{going}': nobody comes back from the dead")
    first = np.where(is_open, starts, 1).astype(np.uint32)
    last = np.where(is_open, words - 1, 0).astype(np.uint32)
    return Arcs(
        possible, leaves.astype(np.int32), goes.astype(np.int32), first[..., leaves, goes], last[..., leaves, goes],
        first[..., stays, stays], last[..., stays, stays],
    )  # fmt: skip


def by_state(
    said: Sequence[Values], states: Mapping[str, int], dead: Collection[str], cycles: int, where: str
) -> NDArray[np.float64]:
    """(units, points or 1, times or 1, states) rewards of being in a state; 0 for a state that is not named.

    Raises:
        InputError: an unknown state, a value that is not a number, or a value for a dead state.
    """
    numbered = {name: state_number(name, states, where) for name in said[0]}
    given = together(said, lambda name: f"{where} of '{name}'", where)
    for name in dead:
        if np.any(given.get(name, 0.0)):
            raise InputError(f"{where} of '{name}': {NOTHING_FOR_THE_DEAD}")
    table = np.zeros((len(said), *_shape(given, cycles + 1, where), len(states)))
    for name, value in given.items():
        table[..., numbered[name]] = value
    return table


def by_arc(
    said: Sequence[Values], arcs: Ends, states: Mapping[str, int], cycles: int, where: str
) -> NDArray[np.float64]:
    """(units, points or 1, times or 1, arcs) rewards of transitions.

    They are keyed (from, to) where either may be "*" for any; several add up.
    """
    numbers = together(said, lambda pair: f"{where} of {pair}", where)
    table = np.zeros((len(said), *_shape(numbers, cycles + 1, where), len(arcs[0])))
    for pair, number in numbers.items():
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise InputError(f"{where}: {pair!r}: keys must be (from, to)")
        chosen = np.ones(len(arcs[0]), bool)
        for ends, name in zip(arcs, pair, strict=True):
            chosen &= True if name == ANY else ends == state_number(name, states, where)
        table[..., chosen] += number[..., None]
    return table


def flat(rows: Values, states: Mapping[str, int], where: str) -> Values:
    """Nested values, {"H": {"S1": 0.15, "D": 0.005}}, by the numbers of both states.

    Raises:
        InputError: an unknown state, or a row that is no table.
    """
    for origin, row in rows.items():
        if not isinstance(row, Mapping):
            raise InputError(f"{where} from '{origin}': must be a table {{to: probability}}, not {shorten(row)}")
    return {
        (state_number(origin, states, where), state_number(target, states, where)): value
        for origin, row in rows.items()
        for target, value in row.items()
    }


def _shape(given: Stacked, points: int, where: str) -> tuple[int, int]:
    """The shape (points or 1, times or 1) that the values of a unit broadcast to.

    Raises:
        InputError: there is none.
    """
    shapes = [value.shape[1:] for value in given.values()]
    for shape in shapes:
        if shape[0] not in (1, points):
            raise InputError(f"{where}: an array of shape {shape}: {MUST_DEPEND}")
    try:
        points, times = np.broadcast_shapes((1, 1), *shapes)
    except ValueError:
        raise InputError(f"{where}: arrays of shapes {', '.join(map(str, shapes))} do not fit together") from None
    return points, times


def state_number(name: Any, states: Mapping[str, int], where: str) -> int:
    """The number of a state.

    Raises:
        InputError: there is no such state.
    """
    if name not in states:
        raise InputError(f"{where}: unknown state {name!r}, {did_you_mean(str(name), states)}")
    return states[name]


def finite(value: Any, where: str) -> NDArray[np.float64]:
    """A user's number or array, (1, 1) or of its own shape.

    Raises:
        InputError: it is not, or not finite.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise InputError(f"{where} = {shorten(value)}: not a finite number")
    return array.reshape((1, 1) if array.ndim == 0 else array.shape).astype(np.float64)


def groups(columns: Mapping[str, NDArray[Any]], names: Iterable[str]) -> list[tuple[dict[str, Any], NDArray[np.intp]]]:
    """Each combination of the named traits that occurs, with its rows, in ascending order.

    Raises:
        InputError: there are more than 10,000 combinations.
    """
    wanted = {name: columns[name] for name in names}
    if not wanted:
        return [({}, np.arange(0))]
    order = np.lexsort(tuple(wanted.values()))
    changes = np.zeros(len(order), bool)
    for values in wanted.values():
        changes[1:] |= values[order][1:] != values[order][:-1]
    parts = np.split(order, np.flatnonzero(changes))
    if len(parts) > 10_000:
        raise InputError(f"{len(parts)} combinations of {', '.join(wanted)}: more than 10,000; write a KernelModel")
    return [({name: values[part[0]].item() for name, values in wanted.items()}, np.sort(part)) for part in parts]
