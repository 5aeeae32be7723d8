"""The protocols of physiology: an organ system, and all organ systems of a twin together."""

from __future__ import annotations

from typing import ClassVar, Protocol

from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.influences import Influences
from popsim.population.clock import Clock
from popsim.population.columns import Column
from popsim.population.population import Population


class OrganSystem(Protocol):
    """An organ system, a user's own or one of popsim's: writes its own columns and adds its influences on the others.

    It advances before the heart-failure core, which takes in all influences: it reads the core's state of yesterday,
    and at entry, when the core is not initialised yet, the baseline columns of the cohort.

    A user's own may have the attributes of `DeclaredOrganSystem` as well. A class is made for each model, with
    `(parameters, key=key)` or without arguments.
    """

    def initialise(self, population: Population, influences: Influences) -> None:
        """Initialise its columns consistently with those that the cohort sets, and add its influences at that state."""

    def advance(self, population: Population, clock: Clock, influences: Influences) -> None:
        """Advance all rows by the clock's step; rows with `alive` = 0 do not change."""


class DeclaredOrganSystem(OrganSystem, Protocol):
    """An organ system that declares what it writes and needs, as all of popsim's do.

    Attributes:
        columns: which it writes.
        parameter_set: its constants; of a user's own, the name of a TOML file beside its code.
        needs: organ systems whose columns it reads every day.
    """

    columns: ClassVar[tuple[Column, ...]]
    parameter_set: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def __init__(self, parameters: Parameters, *, key: RandomKey) -> None: ...


class Physiology(Protocol):
    """All organ systems of a twin together: what models, beliefs and forecasts advance."""

    @property
    def influences(self) -> Influences:
        """The influences on the rows that advanced last."""

    def initialise(self, population: Population) -> None:
        """Initialise every column of physiology at steady state."""

    def advance(self, population: Population, clock: Clock, kept: Influences | None = None) -> None:
        """Advance the twins that have entered by the clock's step; `kept` takes the day's influences on all of them."""
