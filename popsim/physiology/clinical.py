"""The clinical twin: every organ system and the drugs, around the heart-failure core."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.influences import Influences
from popsim.physiology.organs.ageing import COLUMNS as AGEING_COLUMNS
from popsim.physiology.organs.ageing import Ageing
from popsim.physiology.organs.blood import COLUMNS as BLOOD_COLUMNS
from popsim.physiology.organs.blood import Blood
from popsim.physiology.organs.diabetes import COLUMNS as DIABETES_COLUMNS
from popsim.physiology.organs.diabetes import Diabetes
from popsim.physiology.organs.environment import Environment
from popsim.physiology.organs.heart_failure import HeartFailurePhysiology
from popsim.physiology.organs.kidney_disease import COLUMNS as KIDNEY_DISEASE_COLUMNS
from popsim.physiology.organs.kidney_disease import KidneyDisease
from popsim.physiology.organs.lungs import COLUMNS as LUNGS_COLUMNS
from popsim.physiology.organs.lungs import Lungs
from popsim.physiology.organs.remodelling import COLUMNS as REMODELLING_COLUMNS
from popsim.physiology.organs.remodelling import Remodelling
from popsim.physiology.organs.vessels import COLUMNS as VESSELS_COLUMNS
from popsim.physiology.organs.vessels import Vessels
from popsim.physiology.pharmacology.drugs import COLUMNS as DRUG_COLUMNS
from popsim.physiology.pharmacology.drugs import Pharmacology
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.population import Population

# Twins per block: their influences fit into the second-level cache, and memory does not grow with the population.
BLOCK = 65_536

COLUMNS: tuple[Column, ...] = (
    Column("death_cause", "code", "1", 0, 2, "What the twin died of (DIED_OF_*), 0 while alive.", "physiology"),
    *DRUG_COLUMNS,
    *VESSELS_COLUMNS,
    *KIDNEY_DISEASE_COLUMNS,
    *DIABETES_COLUMNS,
    *LUNGS_COLUMNS,
    *BLOOD_COLUMNS,
    *AGEING_COLUMNS,
    *REMODELLING_COLUMNS,
)


class ClinicalSystem(Protocol):
    """An organ system of the clinical twin, or its drugs: writes its own columns and adds to the influences."""

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise its columns consistently with those that the cohort sets, and add its influences at that state."""

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance all rows by the clock's step; rows with `alive` = 0 do not change."""


class ClinicalPhysiology:
    """Organ systems in the order in which they advance; the core, which receives all influences, is last.

    Args:
        parameters: sets of constants by name (evidence/sets.PARAMETER_SETS) and the drugs.
        key: of the random numbers.
        surroundings: daily temperature, particles and viruses; a temperate year when None.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        key: RandomKey = RandomKey(),
        environment_series: EnvironmentSeries | None = None,
    ) -> None:
        self.systems: tuple[ClinicalSystem, ...] = (
            Environment(parameters, environment_series=environment_series, key=key),
            Pharmacology(parameters, key=key),
            Vessels(parameters, key=key),
            KidneyDisease(parameters, key=key),
            Diabetes(parameters, key=key),
            Lungs(parameters, key=key),
            Blood(parameters, key=key),
            Ageing(parameters, key=key),
            Remodelling(parameters, key=key),
        )
        self.core = HeartFailurePhysiology(
            parameters["heart_failure"], key=key, clinical_constants=parameters["clinical_twin"]
        )
        self._scratch = Influences(0)

    def initialise(self, population: Population) -> None:
        """Initialise every organ system at steady state, then the core with their influences."""
        population["death_cause"] = 0
        for people, influences in self._blocks(population, len(population)):
            for system in self.systems:
                system.initialise(people, influences)
            self.core.initialise(people, influences)

    def advance(self, population: Population, clock: Clock) -> None:
        """Advance every organ system by one day, for the twins that have entered."""
        entered = population.entered(clock.time_days)
        for people, influences in self._blocks(population, entered):
            for system in self.systems:
                system.advance(people, clock, influences)
            self.core.advance(people, clock, influences)

    @property
    def influences(self) -> Influences:
        """The influences of the last block of twins that advanced."""
        return self._scratch

    def _blocks(self, population: Population, entered: int) -> Iterator[tuple[Population, Influences]]:
        """Rows [0, entered) in blocks, each with influences that are all zero."""
        for start in range(0, entered, BLOCK):
            people = population.part(start, min(start + BLOCK, entered))
            if self._scratch.values.shape[1] != len(people):
                self._scratch = Influences(len(people))
            self._scratch.clear()
            yield people, self._scratch
