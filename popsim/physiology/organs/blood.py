"""Blood of the clinical twin: unwraps the columns for the compiled kernel and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.physiology import blood as kernel
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("haemoglobin_g_dl", "real", "g/dL", 3, 22, "Haemoglobin.", "physiology", "718-7"),
    Column("iron_store_mg", "real", "mg", 0, 20000, "Iron that marrow can draw on.", "physiology"),
)
READS = (
    "alive", "baseline_haemoglobin_g_dl", "iron_deficiency", "dry_weight_kg", "baseline_gfr_ml_min", "gfr_ml_min",
    "infection_severity", "acute_cause", "care_level", "iv_iron_mg",
)  # fmt: skip
WRITES = tuple(column.name for column in COLUMNS)


class Blood:
    """Haemoglobin and iron; limits of validity in kernels/physiology/blood.py.

    Args:
        parameters: sets by name; uses blood.
        seed, replication: as of all organ systems; nothing is drawn here.
    """

    def __init__(self, parameters: Mapping[str, ParameterSet], *, seed: int = 0, replication: int = 0) -> None:
        own = parameters["blood"]
        self._tau = own["red_cell_time_constant_days"]
        self._constants = own.fill(kernel.BloodParameters)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Haemoglobin as measured at entry, the iron store by the diagnosis: no shift differs from 0."""
        columns = [population[name] for name in ("baseline_haemoglobin_g_dl", "iron_deficiency", *WRITES)]
        kernel.settle(*(*columns, self._constants))

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Live through the day that `clock` shows."""
        columns = [population[name] for name in (*READS, *WRITES)]
        share = -math.expm1(-clock.step_days / self._tau)
        kernel.advance_day(*(*columns, influences.of(population), clock.step_days, share, self._constants))
