"""The one factory of physiology: for models, members of beliefs, copies of twins and recruits of trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from popsim.errors import InputError, did_you_mean
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import ORGAN_SYSTEMS, ClinicalPhysiology
from popsim.physiology.influences import Influences
from popsim.physiology.organ_system import OrganSystem, Physiology
from popsim.physiology.organs.heart_failure import HeartFailurePhysiology
from popsim.physiology.own import Own, check, made, own_columns, own_needs, own_parameter_sets
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.environment_series import EnvironmentSeries
from popsim.population.population import Population


def build_physiology(
    schema: Schema,
    parameters: Parameters,
    *,
    key: RandomKey,
    environment_series: EnvironmentSeries | None = None,
    organ_systems: Sequence[str | Own] | None = None,
) -> Physiology:
    """The physiology for twins with these columns: the clinical twin, or heart failure alone.

    Args:
        schema: columns of the twins.
        parameters: sets of constants by name.
        key: of the random numbers.
        environment_series: daily temperature, particles and viruses for clinical twins; a temperate year when None.
        organ_systems: those around the heart-failure core: names of the clinical twin's, and a user's own, which
            advance after them; all of the clinical twin when None.

    Raises:
        InputError: an organ system is unknown or lacks one that it needs; or one of a user's own is none or cannot be
            made, or the people lack one of its columns.
    """
    names, own = split(organ_systems)
    for column in own_columns(own):
        if column.name not in schema:
            raise InputError(f"organ_systems: the people lack the column '{column.name}', which one of your own writes")
    for name, needed in own_needs(own):
        if needed not in ORGAN_SYSTEMS:
            raise InputError(f"organ_systems: {name}: needs = '{needed}', {did_you_mean(needed, ORGAN_SYSTEMS)}")
        if names is not None and needed not in names:
            raise InputError(f"organ_systems: {name}: needs '{needed}', which the list leaves out")
    with_theirs = parameters.beside(own_parameter_sets(own, parameters))
    own_systems = tuple(made(one, with_theirs, key) for one in own)
    if is_clinical(schema):
        return ClinicalPhysiology(
            parameters, key=key, environment_series=environment_series, organ_systems=names, own=own_systems
        )
    if names:
        raise InputError(f"organ_systems: '{names[0]}': heart failure alone has none to choose from")
    core = HeartFailurePhysiology(parameters["heart_failure"], key=key)
    return _BesideHeartFailure(core, own_systems) if own else core


def is_clinical(schema: Schema) -> bool:
    """Whether twins have the columns of the clinical twin (else those of heart failure alone)."""
    return "death_cause" in schema


def split(organ_systems: Sequence[str | Own] | None) -> tuple[tuple[str, ...] | None, tuple[Own, ...]]:
    """Names of the clinical twin's organ systems, None for all of them, and a user's own.

    Raises:
        InputError: it is no sequence, or a user's own is no organ system.
    """
    if organ_systems is None:
        return None, ()
    if isinstance(organ_systems, str) or not isinstance(organ_systems, Sequence):
        raise InputError(f"organ_systems = {organ_systems!r}: must be a list, of {', '.join(ORGAN_SYSTEMS)}")
    own = tuple(one for one in organ_systems if not isinstance(one, str))
    for one in own:
        check(one)
    return tuple(one for one in organ_systems if isinstance(one, str)), own


class _BesideHeartFailure:
    """A user's own organ systems beside heart failure alone, which takes in no influences."""

    influences: Influences | None = None

    def __init__(self, core: HeartFailurePhysiology, own: Sequence[OrganSystem]) -> None:
        self._core, self._own = core, own

    def initialise(self, population: Population) -> None:
        """Initialise every organ system, the core last."""
        for system in self._own:
            system.initialise(population, _NoInfluences(0))
        self._core.initialise(population)

    def advance(self, population: Population, clock: Clock) -> None:
        """Advance every organ system by the clock's step, the core last."""
        people = population.part(0, population.entered(clock.time_days))
        for system in self._own:
            system.advance(people, clock, _NoInfluences(0))
        self._core.advance(people, clock)


class _NoInfluences(Influences):
    """Refuses to be added to."""

    def __getitem__(self, name: str) -> NoReturn:
        allowed = "heart failure alone takes in no influences, which needs the clinical twin"
        raise InputError(f"organ_systems: influence '{name}': {allowed}")
