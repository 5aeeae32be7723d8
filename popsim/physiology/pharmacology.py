"""Drugs of the clinical twin: unwraps the columns for the compiled kernels."""

from __future__ import annotations

from collections.abc import Mapping

from popsim.evidence.parameters import ParameterSet
from popsim.kernels import pharmacology as kernel
from popsim.physiology.heart_failure import EFFECT_OF_DOSE
from popsim.physiology.influences import PLACE, Influences
from popsim.population.clock import Clock
from popsim.population.population import Population


class Pharmacology:
    """What drugs do today.

    Args:
        parameters: sets by name; none is used yet.
        seed, replication: key of the random numbers.
    """

    def __init__(self, parameters: Mapping[str, ParameterSet], *, seed: int = 0, replication: int = 0) -> None:
        self.seed, self.replication = seed, replication

    def initialise(self, population: Population, influences: Influences) -> None:
        """Add the influences under usual adherence."""
        self._add(population, "adherence_trait", influences)

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Add the influences under yesterday's adherence."""
        self._add(population, "adherence", influences)

    def _add(self, population: Population, taken: str, influences: Influences) -> None:
        for dose, effect in EFFECT_OF_DOSE.items():
            kernel.add_taken(population[dose], population[taken], influences.values, PLACE[effect])
