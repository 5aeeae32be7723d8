"""Kernels are bound by name: a parameter takes the column, influence, reading of the clock or constant of its name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

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


def parameters_of(kernel: Kernel) -> tuple[str, ...]:
    """Names of what a kernel takes, compiled or not."""
    return tuple(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)


class Binding:
    """The kernels of an organ system: `call(kernel.advance_day, population, influences, clock)`.

    The first call, when the model is made, binds all of them.

    Args:
        kernels: all that will be called.
        columns: the column that a parameter takes where it is not the one of its name.
        given: what a parameter takes that is no column: a constant, or a function of (population, clock).

    Raises:
        InputError: something is given that no kernel takes.
    """

    def __init__(self, *kernels: Kernel, columns: Mapping[str, str] = MappingProxyType({}), **given: Any) -> None:
        self._parameters = {_called(kernel): (kernel, parameters_of(kernel)) for kernel in kernels}
        self._columns, self.given = columns, given
        self._bound_to: tuple[Schema, bool] | None = None
        self._sources: dict[str, list[Source]] = {}
        taken = {name for _, names in self._parameters.values() for name in names}
        for name in (*columns, *given):
            if name not in taken:
                raise InputError(f"{_called(kernels[0])}: no parameter '{name}': {did_you_mean(name, taken)}")

    def __call__(
        self, kernel: Kernel, population: Population, influences: Influences | None = None, clock: Clock | None = None
    ) -> None:
        """Call a kernel for all rows of a population; without a clock, on the first day."""
        kernel(*self.arguments(kernel, population, influences, clock))

    def arguments(
        self, kernel: Kernel, population: Population, influences: Influences | None = None, clock: Clock | None = None
    ) -> list[Any]:
        """What the kernel takes, in its order."""
        self.bind(population, influences)
        now = clock or Clock()
        return [source(population, influences, now) for source in self._sources[_called(kernel)]]

    def __getstate__(self) -> dict[str, Any]:
        """Copies bind anew."""
        return self.__dict__ | {"_bound_to": None, "_sources": {}}

    def bind(self, population: Population, influences: Influences | None = None) -> None:
        """Find where every parameter of all kernels takes its argument from.

        Raises:
            InputError: a parameter is not given and has the name of nothing that there is.
        """
        bound_to = (population.schema, influences is not None)
        if bound_to != self._bound_to:
            self._sources = {
                called: [self._source(kernel, name, *bound_to) for name in names]
                for called, (kernel, names) in self._parameters.items()
            }
            self._bound_to = bound_to

    def _source(self, kernel: Kernel, name: str, schema: Schema, influenced: bool) -> Source:
        """Where a parameter takes its argument from, in a population of these columns, with or without influences."""
        if name in self.given:
            value = self.given[name]
            return (lambda people, _, clock: value(people, clock)) if callable(value) else (lambda *_: value)
        if name in SOURCES:
            return SOURCES[name]
        column = self._columns.get(name, name)
        if column in schema:
            kind, place = schema[column].kind, schema.place(column)
            return lambda people, *_: people.block(kind)[place]
        rows = PLACE if influenced else {}
        if column in rows:
            return lambda _, influences, clock: influences[column]  # type: ignore[index]
        known = (*SOURCES, *schema.columns, *rows)
        raise InputError(f"{_called(kernel)}: parameter '{name}': {did_you_mean(column, known)}")


def share_of_way(time_constant_days: float) -> Callable[[Population, Clock], float]:
    """What to give for the share of its way to the target that a variable covers in a step of the clock."""
    return partial(_share_of_way, time_constant_days)


def _share_of_way(time_constant_days: float, _: Population, clock: Clock) -> float:
    return -math.expm1(-clock.step_days / time_constant_days)


def _called(kernel: Kernel) -> str:
    """A kernel by its module and name."""
    return f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}"
