"""Ageing of the clinical twin: unwraps the columns for the compiled kernel and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.evidence.parameters import ParameterSet
from popsim.kernels.physiology import ageing as kernel
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population

COLUMNS: tuple[Column, ...] = (
    Column("delirium", "code", "1", 0, 1, "1 while delirious.", "physiology"),
    Column("fracture", "code", "1", 0, 1, "1 while a bone broken in a fall heals.", "physiology"),
)
READS = (
    "entry_day", "age_years", "alive", "alcohol_g_day", "deprivation_quintile", "systolic_mmhg", "frailty",
    "infection_severity", "stroke_disability", "acute_cause", "care_level",
)  # fmt: skip
WRITES = tuple(column.name for column in COLUMNS)


class Ageing:
    """Falls, fractures and delirium; limits of validity in kernels/physiology/ageing.py.

    Args:
        parameters: sets by name; uses ageing.
        seed, replication: key of the random numbers.
    """

    def __init__(self, parameters: Mapping[str, ParameterSet], *, seed: int = 0, replication: int = 0) -> None:
        self.seed, self.replication = seed, replication
        self._constants = parameters["ageing"].fill(kernel.AgeingParameters)

    def initialise(self, population: Population, influences: Influences) -> None:
        """Neither delirium nor fracture at entry: no influence differs from 0."""
        kernel.settle(*(population[name] for name in WRITES))

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Live through the day that `clock` shows."""
        columns = [population[name] for name in (*READS, *WRITES)]
        time = (self.seed, self.replication, clock.day, clock.step_days)
        kernel.advance_day(*(population.person_id, *columns, influences.of(population), *time, self._constants))
