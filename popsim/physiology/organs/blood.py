"""Blood: binds its kernels to the columns."""

from __future__ import annotations

from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import blood as kernel
from popsim.physiology.binding import Binding, share_of_way
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("haemoglobin_g_dl", "real", "g/dL", 3, 22, "Haemoglobin.", "physiology"),
    Column("iron_store_mg", "real", "mg", 0, 20000, "Iron that marrow can draw on.", "physiology"),
)


class Blood:
    """Haemoglobin and iron; limits of validity in kernels/physiology/blood.py.

    Args:
        parameters: sets by name; uses blood.
        key: as for all organ systems; not used, nothing is random here.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "blood"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own = parameters["blood"]
        share = share_of_way(own["red_cell_time_constant_days"])
        constants = own.fill(kernel.BloodParameters)
        self._call = Binding(kernel.set_steady_state, kernel.advance_day, haemoglobin_share=share, p=constants)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Set haemoglobin to its value at entry and the iron store by the diagnosis: all shifts are 0."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
