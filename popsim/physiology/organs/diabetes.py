"""Diabetes: binds its kernels to the columns; derives glucose from HbA1c."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import diabetes as kernel
from popsim.physiology.binding import Binding, share_of_way
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("hba1c_percent", "real", "%", 3.5, 20, "Glycated haemoglobin.", "physiology"),
    Column("untreated_hba1c_percent", "real", "%", 3.5, 60, "HbA1c without its drugs.", "physiology"),
)


class Diabetes:
    """HbA1c, hypoglycaemia, hyperglycaemia; limits of validity in kernels/physiology/diabetes.py.

    Args:
        parameters: sets by name; uses diabetes.
        key: as for all organ systems; not used (the core draws presentations).
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "diabetes"
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own = parameters["diabetes"]
        share = share_of_way(own["hba1c_time_constant_days"])
        constants = own.fill(kernel.DiabetesParameters)
        self._call = Binding(kernel.set_steady_state, kernel.advance_day, hba1c_share=share, p=constants)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise at steady state: the measured HbA1c is that on entry drugs."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)


def average_glucose_mg_dl(hba1c_percent: ArrayLike, parameters: ParameterSet) -> NDArray[np.float64]:
    """Mean glucose (mg/dL) for a steady HbA1c, by the regression of the ADAG study.

    hba1c_percent: any shape, NGSP percent; valid from about 5 to 13. parameters: the set diabetes.
    """
    percent = np.asarray(hba1c_percent, np.float64)
    return parameters["glucose_per_hba1c_mg_dl"] * percent - parameters["glucose_offset_mg_dl"]
