"""Several organ systems as one physiology: each lives through the day in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from popsim.population.clock import Clock
from popsim.population.population import Population


class OrganSystem(Protocol):
    """What an organ system is: it writes its own columns, once at the start and then once a day."""

    def initialise(self, population: Population) -> None:
        """Fill the columns it writes, in line with what the cohort has set."""

    def advance(self, population: Population, clock: Clock) -> None:
        """Live through the day that `clock` shows; rows with `alive` = 0 stay as they are."""


class Physiology:
    """Organ systems in the order in which they have their turn; later ones see what earlier ones wrote today."""

    def __init__(self, systems: Sequence[OrganSystem]) -> None:
        self.systems = tuple(systems)

    def initialise(self, population: Population) -> None:
        """Bring every organ system's columns into line with the cohort."""
        for system in self.systems:
            system.initialise(population)

    def advance(self, population: Population, clock: Clock) -> None:
        """One day of every organ system."""
        for system in self.systems:
            system.advance(population, clock)
