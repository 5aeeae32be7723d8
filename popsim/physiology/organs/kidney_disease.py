"""Kidney disease: binds its kernels to the columns."""

from __future__ import annotations

from typing import ClassVar

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology import kidney_disease as kernel
from popsim.physiology.binding import Binding, share_of_way
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("albuminuria_mg_g", "real", "mg/g", 0.5, 20000, "Urine albumin by creatinine.", "physiology"),
    Column("untreated_albuminuria_mg_g", "real", "mg/g", 0.5, 60000, "Albuminuria without its drugs.", "physiology"),
    Column("kidney_injury_severity", "real", "1", 0, 1, "Acute kidney injury, 0 none to 1 the worst.", "physiology"),
    Column("dialysis", "code", "1", 0, 1, "1 on maintenance dialysis.", "physiology"),
)


class KidneyDisease:
    """Albuminuria, acute kidney injury, uraemia and dialysis; limits of validity in its kernel.

    Args:
        parameters: sets by name; uses kidney_disease, and heart_failure for the core's effect on potassium.
        key: of the random numbers.
    """

    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    parameter_set: ClassVar[str] = "kidney_disease"
    needs: ClassVar[tuple[str, ...]] = ("diabetes",)

    def __init__(self, parameters: Parameters, *, key: RandomKey = RandomKey()) -> None:
        own, core = parameters["kidney_disease"], parameters["heart_failure"]
        fields = kernel.KidneyDiseaseParameters._fields
        self._call = Binding(
            *(kernel.set_steady_state, kernel.advance_day),
            key=key,
            albuminuria_share=share_of_way(own["albuminuria_time_constant_days"]),
            injury_share=share_of_way(own["injury_time_constant_days"]),
            p=kernel.KidneyDiseaseParameters(*(float((own if f in own else core)[f]) for f in fields)),
        )

    def initialise(self, population: Population, influences: Influences) -> None:
        """Measured albuminuria is that on entry drugs; at this steady state all influences but the slope are 0."""
        self._call(kernel.set_steady_state, population, influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance by the clock's step."""
        self._call(kernel.advance_day, population, influences, clock)
