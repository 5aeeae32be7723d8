"""Convalescence after a stay in hospital: binds its kernels to the columns."""

from __future__ import annotations

from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.codes import CAUSE_NAMES
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import convalescence as kernel
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column(
        "days_since_discharge", "real", "d", 0, kernel.LONG_AGO,
        "Days since the last stay in hospital ended, 0 during one.", "physiology", at_entry=kernel.LONG_AGO,
    ),
    Column(
        "discharge_cause", "code", "1", 0, 12, "Why the twin was last in hospital.",
        "physiology", at_entry=0.0, codes={code: name.replace("_", " ") for code, name in enumerate(CAUSE_NAMES)},
    ),
)  # fmt: skip


class Convalescence:
    """The weeks after a stay, and the facility's care; limits of validity in kernels/physiology/convalescence.py.

    Args:
        parameters: sets by name; uses convalescence and, for the salt of the facility, heart_failure.
        key: as for all organ systems; not used, nothing is random here.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "convalescence"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        self._call = Binding(
            kernel.advance_day,
            fluid_per_salt_l_per_g=parameters["heart_failure"]["fluid_per_salt_l_per_g"],
            p=parameters["convalescence"].fill(kernel.ConvalescenceParameters),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """The cohort sets both columns; the set point is that of home, long after a stay."""
        self._call.bind(population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
