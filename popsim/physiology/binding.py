"""Binds kernels by name: each parameter receives the column, influence, clock reading or constant of its name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

from popsim.errors import InputError, did_you_mean
from popsim.physiology.influences import PLACE, Influences
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.population import Population

type Kernel = Callable[..., None]
type Source = Callable[[Population, Influences | None, Clock], Any]

SOURCES: dict[str, Source] = {
    "person_id": lambda people, influences, clock: people.person_id,
    "influences": lambda people, influences, clock: None if influences is None else influences.of(people),
    "day": lambda people, influences, clock: clock.day,
    "step_days": lambda people, influences, clock: clock.step_days,
    "time_days": lambda people, influences, clock: clock.time_days,
}
DAILY = frozenset(SOURCES) - {"influences"}  # may differ from day to day; all else is looked up once


def parameters_of(kernel: Kernel) -> tuple[str, ...]:
    """Names of a kernel's parameters, compiled or not."""
    return tuple(inspect.signature(kernel).parameters)


@dataclass(slots=True)
class Bound:
    """A kernel's arguments for one population: those of a day, and the sources of those that change from day to day.

    Attributes:
        types: of the arguments that change, with which `run` may be called.
    """

    influences: Any
    arguments: list[Any]
    changing: list[tuple[int, Source]]
    types: list[type] | None = None
    run: Kernel | None = None


class Binding:
    """The kernels of an organ system: `call(kernel.advance_day, population, influences, clock)`.

    The first call, when the model is made, binds all kernels. Columns are looked up once for each population and held
    as long as it exists: its arrays do not move.

    Args:
        kernels: all kernels of the organ system.
        columns: the column of a parameter, if it is not the one of its name.
        given: arguments that are not columns: constants, functions of (population), called once for each, or functions
            of (population, clock), called every day.

    Raises:
        InputError: no kernel has a parameter of a given name.
    """

    def __init__(self, *kernels: Kernel, columns: Mapping[str, str] = MappingProxyType({}), **given: Any) -> None:
        self._parameters = {_called(kernel): (kernel, parameters_of(kernel)) for kernel in kernels}
        self._columns, self.given = dict(columns), given
        self._bound_to: tuple[Schema, bool] | None = None
        self._sources: dict[str, list[Source]] = {}
        self._bound: WeakKeyDictionary[Population, dict[Kernel, Bound]] = WeakKeyDictionary()
        self._versions: dict[Any, Kernel] = {}
        self._daily = DAILY | {
            name for name, value in given.items() if callable(value) and len(parameters_of(value)) > 1
        }
        taken = {name for _, names in self._parameters.values() for name in names}
        for name in (*columns, *given):
            if name not in taken:
                raise InputError(f"{_called(kernels[0])}: no parameter '{name}': {did_you_mean(name, taken)}")

    def __call__(
        self, kernel: Kernel, population: Population, influences: Influences | None = None, clock: Clock | None = None
    ) -> None:
        """Call a kernel for all rows of a population; without a clock, on the first day."""
        bound = self._of_today(kernel, population, influences, clock)
        types = [type(bound.arguments[place]) for place, _ in bound.changing]
        if bound.run is None or types != bound.types:
            version = (kernel, population.schema, influences is None, *types)  # by which all types are known
            if version not in self._versions:
                self._versions[version] = _for_types_of(bound.arguments, kernel)
            bound.types, bound.run = types, self._versions[version]
        bound.run(*bound.arguments)

    def arguments(
        self, kernel: Kernel, population: Population, influences: Influences | None = None, clock: Clock | None = None
    ) -> list[Any]:
        """The kernel's arguments, in order, as `Kernel.run` takes them."""
        return list(self._of_today(kernel, population, influences, clock).arguments)

    def _of_today(
        self, kernel: Kernel, population: Population, influences: Influences | None, clock: Clock | None
    ) -> Bound:
        """The kernel bound to the population, with the arguments of the day."""
        now, argument = clock or Clock(), getattr(kernel, "argument", _as_it_is)
        values = None if influences is None else influences.of(population)
        kernels = self._bound.get(population)
        if kernels is None:
            kernels = self._bound[population] = {}
        bound = kernels.get(kernel)
        if bound is None or bound.influences is not values:
            self.bind(population, influences)
            called = _called(kernel)
            named = list(zip(self._parameters[called][1], self._sources[called], strict=True))
            bound = kernels[kernel] = Bound(
                values,
                [
                    None if name in self._daily else argument(source(population, influences, now))
                    for name, source in named
                ],
                [(place, source) for place, (name, source) in enumerate(named) if name in self._daily],
            )
        for place, source in bound.changing:
            bound.arguments[place] = argument(source(population, influences, now))
        return bound

    def __getstate__(self) -> dict[str, Any]:
        """Copies bind anew."""
        return self.__dict__ | {"_bound_to": None, "_sources": {}, "_bound": None, "_versions": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state | {"_bound": WeakKeyDictionary()}

    def bind(self, population: Population, influences: Influences | None = None) -> None:
        """Find the source of every parameter of all kernels.

        Raises:
            InputError: a parameter is not given, and no column, influence or clock reading has its name.
        """
        bound_to = (population.schema, influences is not None)
        if bound_to != self._bound_to:
            self._sources = {
                called: [self._source(kernel, name, *bound_to) for name in names]
                for called, (kernel, names) in self._parameters.items()
            }
            self._bound_to = bound_to

    def _source(self, kernel: Kernel, name: str, schema: Schema, influenced: bool) -> Source:
        """The source of a parameter in a population with these columns, with or without influences."""
        if name in self.given:
            return self._given(name)
        if name in SOURCES:
            return SOURCES[name]
        column = self._columns.get(name, name)
        if column in schema:
            kind, place = schema[column].kind, schema.index(column)
            return lambda people, *_: people.block(kind)[place]
        if column in schema.left_out:  # of a kernel that nobody calls for these people
            return partial(_left_out, f"{_called(kernel)}: parameter '{name}'")
        rows = PLACE if influenced else {}
        if column in rows:
            return lambda _, influences, clock: influences[column]  # type: ignore[index]
        known = (*SOURCES, *schema.columns, *rows)
        raise InputError(f"{_called(kernel)}: parameter '{name}': {did_you_mean(column, known)}")

    def _given(self, name: str) -> Source:
        """The source of an argument that is not a column."""
        value = self.given[name]
        if not callable(value):
            return lambda *_: value
        if name in self._daily:
            return lambda people, _, clock: value(people, clock)
        return lambda people, *_: value(people)


def share_of_way(time_constant_days: float) -> Callable[[Population, Clock], float]:
    """A binding for the share of the distance to its target that a variable covers in one step."""
    return partial(_share_of_way, time_constant_days)


def _share_of_way(time_constant_days: float, _: Population, clock: Clock) -> float:
    return -math.expm1(-clock.step_days / time_constant_days)


def _for_types_of(arguments: Sequence[Any], kernel: Kernel) -> Kernel:
    """What calls a kernel with arguments of these types, without looking at their types every day.

    With many arguments, numba's look at them takes longer than the rest of a call.
    """
    run: Any = getattr(kernel, "run", kernel)
    if run is kernel or not hasattr(run, "compile"):  # a user's, or not compiled
        compiled: Kernel = run
    else:
        compiled = run.compile(tuple(map(run.typeof_pyval, arguments)))
    return compiled


def _as_it_is(value: Any) -> Any:
    """How a function of plain Python takes an argument."""
    return value


def _left_out(what: str, *_: Any) -> Any:
    raise InputError(f"{what}: the people do without this column")


def _called(kernel: Kernel) -> str:
    """Module and name of a kernel."""
    return f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}"
