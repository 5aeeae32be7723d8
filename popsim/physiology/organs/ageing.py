"""Ageing: binds its kernels to the columns."""

from __future__ import annotations

from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import ageing as kernel
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("delirium", "code", "1", 0, 1, "1 while delirious.", "physiology"),
    Column("fracture", "code", "1", 0, 1, "1 while a bone broken in a fall heals.", "physiology"),
)


class Ageing:
    """Falls, fractures and delirium; limits of validity in kernels/physiology/ageing.py.

    Args:
        parameters: sets by name; uses ageing.
        key: of the random numbers.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "ageing"
    needs: ClassVar[tuple[str, ...]] = ("vessels",)

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        constants = parameters["ageing"].fill(kernel.AgeingParameters)
        self._call = Binding(kernel.set_steady_state, kernel.advance_day, key=key, p=constants)

    def initialise(self, population: Population, influences: Influences) -> None:
        """No delirium and no fracture at entry: all influences are 0."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
