"""From a model's functions to the tables that the walk reads.

A function names in its arguments what its answer depends on: `p` (the parameters), `cycle`, `time_in_state`, and
traits by name. `cycle` and `time_in_state` arrive as arrays that broadcast against each other, so a formula written for
numbers fills the whole table at once; traits arrive as numbers, once for each combination that occurs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.errors import InputError, did_you_mean

type Values = Mapping[Any, Any]  # of a user's function: by state, by (state, state), or nested by state and state
type Function = Callable[..., Values]

PARAMETERS, CYCLE, TIME = "p", "cycle", "time_in_state"
TOLERANCE = 1e-9  # by how much probabilities may miss 1
TWO_TO_32 = 2**32
MOST_ENTRIES = 50_000_000  # of a table
ANY = "*"


class Arcs(NamedTuple):
    """Transitions that can happen, as `kernels.microsimulation.walk_tables` takes them."""

    origin: NDArray[np.int32]
    target: NDArray[np.int32]
    first: NDArray[np.uint32]
    last: NDArray[np.uint32]


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


def ask(function: Function, name: str, p: Any, grid: Mapping[str, Any]) -> Values:
    """What a user's function says, with a misspelt parameter explained.

    Args:
        function: to call.
        name: how the model calls it, for the message.
        p: parameters.
        grid: values of cycle, time in state and traits; it is given those that it names.

    Raises:
        InputError: it asks for a parameter that the model does not have.
    """
    known: tuple[str, ...] = p._fields
    try:
        return function(p, *(grid[argument] for argument in arguments(function, name)[1:]))
    except AttributeError as error:
        if error.obj is not p:
            raise
        raise InputError(f"{name}: p.{error.name}: {did_you_mean(str(error.name), known)}") from None


def arcs(rows: Values, states: Mapping[str, int], where: str) -> Arcs:
    """Probabilities as ranges of random words.

    From a state the word runs through the states in their order, the state itself included, so that of two strategies
    the one with the higher probability of a later state also gets there with the same word: differences between
    strategies are as small as common random numbers can make them.

    Args:
        rows: probability of going from a state to another, nested: {"H": {"S1": 0.15, "D": 0.005}}. What is left is the
            probability to stay; a state that is not named is never left. Numbers, or arrays (cycles or 1, times or 1).
        states: number of each state.
        where: for messages.

    Raises:
        InputError: an unknown state, a probability outside 0..1, or a row that adds up to more than 1.
    """
    given = _flat(rows, states, where)
    shape = np.broadcast_shapes((1, 1), *(value.shape for value in given.values()))
    if np.prod(shape) * len(states) ** 2 > MOST_ENTRIES:
        raise InputError(f"{where}: table of {' x '.join(map(str, shape))} is too large: write a KernelModel instead")
    table = np.zeros((*shape, len(states), len(states)))
    for (origin, target), value in given.items():
        table[..., origin, target] = value
    names = list(states)
    for origin, name in enumerate(names):
        row = table[..., origin, :]
        stated = (origin, origin) in given
        if not (np.all(row >= 0.0) and np.all(row.sum(axis=-1) <= 1.0 + TOLERANCE)):
            raise InputError(f"{where}: probabilities from '{name}' must be 0 or above and add up to at most 1")
        if stated and not np.all(np.abs(row.sum(axis=-1) - 1.0) <= TOLERANCE):
            raise InputError(f"{where}: probabilities from '{name}', staying included, must add up to 1")
        if not stated:
            row[..., origin] = np.maximum(1.0 - row.sum(axis=-1), 0.0)
    ends = np.cumsum(table, axis=-1)
    ends[..., -1] = 1.0
    # Uniform (w + 1/2) / 2**32 < c  <=>  w < ceil(c 2**32 - 1/2).
    words = np.clip(np.ceil(ends * TWO_TO_32 - 0.5), 0, TWO_TO_32).astype(np.int64)
    starts = np.concatenate([np.zeros_like(words[..., :1]), words[..., :-1]], axis=-1)
    is_open = words > starts
    possible = is_open.any(axis=(0, 1))
    np.fill_diagonal(possible, False)
    leaves, goes = np.nonzero(possible)
    first = np.where(is_open, starts, 1)[..., leaves, goes]
    last = np.where(is_open, words - 1, 0)[..., leaves, goes]
    return Arcs(leaves.astype(np.int32), goes.astype(np.int32), first.astype(np.uint32), last.astype(np.uint32))


def by_state(values: Values, states: Mapping[str, int], where: str) -> NDArray[np.float64]:
    """(points or 1, times or 1, states) rewards of being in a state; 0 for a state that is not named."""
    given = {_state(name, states, where): _number(value, where) for name, value in values.items()}
    shape = np.broadcast_shapes((1, 1), *(value.shape for value in given.values()))
    table = np.zeros((*shape, len(states)))
    for state, value in given.items():
        table[..., state] = value
    return table


def by_arc(values: Values, pairs: Arcs, states: Mapping[str, int], where: str) -> NDArray[np.float64]:
    """(points or 1, arcs) rewards of transitions, keyed (from, to) where either may be "*" for any; several add up."""
    numbers = [_number(value, where) for value in values.values()]
    table = np.zeros((max((number.shape[0] for number in numbers), default=1), len(pairs.origin)))
    for pair, number in zip(values, numbers, strict=True):
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise InputError(f"{where}: {pair!r}: keys must be (from, to)")
        chosen = np.ones(len(pairs.origin), bool)
        for ends, name in zip((pairs.origin, pairs.target), pair, strict=True):
            chosen &= True if name == ANY else ends == _state(name, states, where)
        table[:, chosen] += number
    return table


def _flat(rows: Values, states: Mapping[str, int], where: str) -> dict[tuple[int, int], NDArray[np.float64]]:
    return {
        (_state(origin, states, where), _state(target, states, where)): _number(value, where)
        for origin, row in rows.items()
        for target, value in row.items()
    }


def _state(name: Any, states: Mapping[str, int], where: str) -> int:
    if name not in states:
        raise InputError(f"{where}: unknown state {name!r}, {did_you_mean(str(name), states)}")
    return states[name]


def _number(value: Any, where: str) -> NDArray[np.float64]:
    number = np.asarray(value, np.float64)
    if not np.isfinite(number).all():
        raise InputError(f"{where}: a value is not a finite number")
    return number.reshape((1, 1)) if number.ndim == 0 else number


def groups(columns: Mapping[str, NDArray[Any]], names: Iterable[str]) -> list[tuple[dict[str, Any], NDArray[np.intp]]]:
    """Each combination of the named traits that occurs, with the rows that have it, in ascending order.

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
