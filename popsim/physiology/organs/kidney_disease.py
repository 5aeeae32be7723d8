"""Kidney disease of the clinical twin: unwraps the columns for the compiled kernel and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.physiology import kidney_disease as kernel
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("albuminuria_mg_g", "real", "mg/g", 0.5, 20000, "Urine albumin by creatinine.", "physiology", "9318-7"),
    Column("untreated_albuminuria_mg_g", "real", "mg/g", 0.5, 60000, "Albuminuria without its drugs.", "physiology"),
    Column("kidney_injury_severity", "real", "1", 0, 1, "Acute kidney injury, 0 none to 1 the worst.", "physiology"),
    Column("dialysis", "code", "1", 0, 1, "1 on maintenance dialysis.", "physiology"),
)
READS = (
    "alive", "baseline_systolic_mmhg", "baseline_gfr_ml_min", "diabetes", "systolic_mmhg", "gfr_ml_min",
    "untreated_gfr_ml_min", "extracellular_fluid_excess_l", "infection_severity", "frailty", "acute_cause",
    "care_level", "hba1c_percent",
)  # fmt: skip
WRITES = tuple(column.name for column in COLUMNS)


class KidneyDisease:
    """Albuminuria, acute kidney injury, uraemia and dialysis; limits of validity in its kernel.

    Args:
        parameters: sets by name; uses kidney_disease, and heart_failure for what the core does to potassium.
        seed, replication: key of the random numbers.
    """

    def __init__(self, parameters: Mapping[str, ParameterSet], *, seed: int = 0, replication: int = 0) -> None:
        own, core = parameters["kidney_disease"], parameters["heart_failure"]
        self.seed, self.replication = seed, replication
        self._taus = own["albuminuria_time_constant_days"], own["injury_time_constant_days"]
        fields = kernel.KidneyDiseaseParameters._fields
        self._constants = kernel.KidneyDiseaseParameters(*(float((own if f in own else core)[f]) for f in fields))

    def initialise(self, population: Population, influences: Influences) -> None:
        """Measured albuminuria is that on entry drugs. At this state no influence but the slope differs from 0."""
        columns = [population[name] for name in ("baseline_albuminuria_mg_g", "diabetes", *WRITES)]
        kernel.settle(*(*columns, influences.of(population), self._constants))

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Live through the day that `clock` shows."""
        columns = [population[name] for name in (*READS, *WRITES)]
        shares = (-math.expm1(-clock.step_days / tau) for tau in self._taus)
        time = (self.seed, self.replication, clock.day, clock.step_days)
        kernel.advance_day(
            *(population.person_id, *columns, influences.of(population), *time, *shares, self._constants)
        )
