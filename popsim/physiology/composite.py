"""Composite physiology: several organ systems, advanced one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from popsim.population.clock import Clock
from popsim.population.population import Population


class OrganSystem(Protocol):
    """An organ system: writes its own columns, once at the start and then once a day."""

    def initialise(self, population: Population) -> None:
        """Initialise its columns consistently with those that the cohort sets."""

    def advance(self, population: Population, clock: Clock) -> None:
        """Advance by the clock's step; rows with `alive` = 0 do not change."""


class Physiology:
    """Organ systems in the order in which they advance; later ones read what earlier ones wrote today."""

    def __init__(self, systems: Sequence[OrganSystem]) -> None:
        self.systems = tuple(systems)

    def initialise(self, population: Population) -> None:
        """Initialise every organ system."""
        for system in self.systems:
            system.initialise(population)

    def advance(self, population: Population, clock: Clock) -> None:
        """Advance every organ system by one day."""
        for system in self.systems:
            system.advance(population, clock)
