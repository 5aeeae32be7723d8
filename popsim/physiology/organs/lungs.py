"""Lungs: binds its kernels to the columns."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import lungs as kernel
from popsim.physiology.binding import Binding
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("fev1_percent", "real", "%", 5, 130, "FEV1 as a share of the predicted.", "physiology"),
    Column(
        "exacerbation_severity",
        "real",
        "1",
        0,
        1,
        "Exacerbation of COPD, 0 none to 1 the worst.",
        "physiology",
        at_entry=0.0,
    ),
    Column(
        "unrecovered_lung_function",
        "real",
        "1",
        0,
        1,
        "Lung function lost in exacerbations and not recovered, 0 none to 1 the worst.",
        "physiology",
        at_entry=0.0,
    ),
)


class Lungs:
    """COPD: FEV1 and exacerbations; limits of validity in kernels/physiology/lungs.py.

    Args:
        parameters: sets by name; uses lungs.
        key: of the random numbers.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "lungs"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own = parameters["lungs"]
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            key=key,
            remaining=partial(_share_left, own["exacerbation_time_constant_days"]),
            unrecovered_remaining=partial(_share_left, own["lung_function_recovery_days"]),
            p=own.fill(kernel.LungParameters),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Set FEV1 to its value at entry: the baseline holds without influences."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)


def _share_left(time_constant_days: float, _: Population, clock: Clock) -> float:
    """The share of a decaying quantity that remains after a step of the clock."""
    return math.exp(-clock.step_days / time_constant_days)
