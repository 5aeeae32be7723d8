"""Remodelling of the failing heart: binds its kernels to the columns."""

from __future__ import annotations

from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import remodelling as kernel
from popsim.kernels.physiology.death import DeathParameters
from popsim.kernels.physiology.heart import HeartParameters
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

MEANING = "Rise of the filling pressure at a given volume since entry, by remodelling of the heart."
COLUMNS: tuple[Column, ...] = (Column("remodelling_mmhg", "real", "mm[Hg]", 0, 40, MEANING, "physiology"),)


class Remodelling:
    """Progression of heart failure; limits of validity in kernels/physiology/remodelling.py.

    Args:
        parameters: sets by name; uses remodelling and heart_failure.
        key: as for all organ systems; not used, nothing is random here.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "remodelling"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        core = parameters["heart_failure"]
        self._call = Binding(
            kernel.advance_day,
            heart=core.fill(HeartParameters),
            death=core.fill(DeathParameters),
            p=parameters["remodelling"].fill(kernel.RemodellingParameters),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """No remodelling since entry: the cohort's filling pressure describes the heart at entry."""
        population["remodelling_mmhg"] = 0.0
        self._call.bind(population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
