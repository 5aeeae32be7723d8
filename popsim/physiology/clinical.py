"""The body of a twin: every organ system and the drugs, around the heart-failure core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from popsim.errors import DefinitionError
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.physiology.influences import INFLUENCES
from popsim.physiology.influences import Influences
from popsim.physiology.organ_system import DeclaredOrganSystem, OrganSystem
from popsim.physiology.organs.ageing import Ageing
from popsim.physiology.organs.blood import Blood
from popsim.physiology.organs.convalescence import Convalescence
from popsim.physiology.organs.diabetes import Diabetes
from popsim.physiology.organs.environment import Environment
from popsim.physiology.organs.heart_failure import HeartFailurePhysiology
from popsim.physiology.organs.kidney_disease import KidneyDisease
from popsim.physiology.organs.lungs import Lungs
from popsim.physiology.organs.remodelling import Remodelling
from popsim.physiology.organs.treatments import Treatments
from popsim.physiology.organs.vessels import Vessels
from popsim.physiology.pharmacology.drugs import Pharmacology
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.population import Population

# Twins per block: what all kernels touch of them stays in the third-level cache, and two hold a catchment. A row of
# influences is an odd number of cache lines long, so that rows do not fall on the same few sets.
BLOCK = 25_008

# By their names, in the order in which they advance.
ORGAN_SYSTEMS: dict[str, type[DeclaredOrganSystem]] = {
    "environment": Environment,
    "drugs": Pharmacology,
    "vessels": Vessels,
    "kidney_disease": KidneyDisease,
    "diabetes": Diabetes,
    "lungs": Lungs,
    "blood": Blood,
    "ageing": Ageing,
    "remodelling": Remodelling,
    "convalescence": Convalescence,
}
COLUMNS: tuple[Column, ...] = tuple(column for system in ORGAN_SYSTEMS.values() for column in system.columns)


def chosen_organ_systems(names: Sequence[str] | None, file: object = "model") -> tuple[str, ...]:
    """Names of organ systems in the order in which they advance; all when None. `file` is named in errors.

    Raises:
        DefinitionError: a name is unknown or used twice, or an organ system lacks one that it needs.
    """
    if names is None:
        return tuple(ORGAN_SYSTEMS)
    for name in names:
        if name not in ORGAN_SYSTEMS:
            raise DefinitionError(file, "organ_systems", name, "no organ system", ORGAN_SYSTEMS)
        if list(names).count(name) > 1:
            raise DefinitionError(file, "organ_systems", name, "is listed twice")
        for needed in ORGAN_SYSTEMS[name].needs:
            if needed not in names:
                raise DefinitionError(file, "organ_systems", name, f"needs '{needed}', which the list leaves out")
    return tuple(name for name in ORGAN_SYSTEMS if name in names)


class ClinicalPhysiology:
    """Organ systems in the order in which they advance; the core, which receives all influences, is last.

    Args:
        parameters: sets of constants by name (evidence/sets.PARAMETER_SETS) and the drugs.
        key: of the random numbers.
        environment_series: daily temperature, particles and viruses; a temperate year when None.
        organ_systems: names of those around the core; all when None. The others initialise their columns, which then
            do not change, and have no influence.
        own: a user's, which advance after them.

    Raises:
        InputError: a name is unknown, or an organ system lacks one that it needs.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        key: RandomKey = RandomKey(),
        environment_series: EnvironmentSeries | None = None,
        organ_systems: Sequence[str] | None = None,
        own: Sequence[OrganSystem] = (),
    ) -> None:
        chosen = chosen_organ_systems(organ_systems)
        systems: dict[str, OrganSystem] = {
            name: Environment(parameters, environment_series=environment_series, key=key)
            if kind is Environment
            else kind(parameters, key=key)
            for name, kind in ORGAN_SYSTEMS.items()
        }
        self.systems: tuple[OrganSystem, ...] = (*(systems[name] for name in chosen), *own)
        self._treatments = Treatments()
        self._left_out = tuple(system for name, system in systems.items() if name not in chosen)
        self.core = HeartFailurePhysiology(parameters, key=key)
        self._scratch, self._by_size = Influences(0), dict[int, Influences]()
        self._memory = np.zeros(0, np.float32)

    def initialise(self, population: Population) -> None:
        """Initialise every organ system at steady state, then the core with their influences."""
        for _, people in self._blocks(population, len(population)):
            influences = self._cleared(people)
            for system in self.systems:
                system.initialise(people, influences)
            self.core.initialise(people, influences)
            for system in self._left_out:
                system.initialise(people, influences)  # their influences come too late to count

    def advance(self, population: Population, clock: Clock, kept: Influences | None = None) -> None:
        """Advance every organ system by one day, for the twins that have entered."""
        for rows, people in self._blocks(population, population.entered(clock.time_days)):
            influences = self._cleared(people)
            if not (people["alive"].any() or people["onset"].any()):
                continue  # all of them dead for a day: nothing changes any more
            for system in self.systems:
                system.advance(people, clock, influences)
            self._treatments.advance(people, influences)
            self.core.advance(people, clock, influences)
            if kept is not None:
                kept.values[:, rows] = influences.values

    @property
    def influences(self) -> Influences:
        """The influences of the last block of twins that advanced."""
        return self._scratch

    def _blocks(self, population: Population, entered: int) -> Iterator[tuple[slice, Population]]:
        """Rows [0, entered) in blocks: which rows, and their twins."""
        size = len(INFLUENCES) * min(BLOCK, len(population))
        if len(self._memory) < size:
            self._memory, self._by_size = np.zeros(size, np.float32), {}
        for start in range(0, entered, BLOCK):
            stop = min(start + BLOCK, entered)
            yield slice(start, stop), population.part(start, stop)

    def _cleared(self, people: Population) -> Influences:
        """Influences of a block, all zero: blocks share their memory, and those of one size their arrays."""
        twins = len(people)
        if twins not in self._by_size:
            full = {size: influences for size, influences in self._by_size.items() if size == BLOCK}
            self._by_size = full | {twins: Influences(twins, self._memory)}
        self._scratch = self._by_size[twins]
        self._scratch.clear()
        return self._scratch
