"""The one factory of physiology: for models, members of beliefs, copies of twins and recruits of trials."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from popsim.errors import InputError
from popsim.evidence.sets import Parameters
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import ORGAN_SYSTEMS, ClinicalPhysiology
from popsim.physiology.organ_system import OrganSystem, Physiology
from popsim.population.columns import Column, Schema
from popsim.population.environment_series import EnvironmentSeries


def build_physiology(
    schema: Schema,
    parameters: Parameters,
    *,
    key: RandomKey,
    environment_series: EnvironmentSeries | None = None,
    organ_systems: Sequence[str | OrganSystem] | None = None,
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
        InputError: an organ system is unknown or lacks one that it needs; or one of a user's own is none, or the people
            lack one of its columns.
    """
    names, own = split(organ_systems)
    for column in own_columns(own):
        if column.name not in schema:
            raise InputError(f"organ_systems: the people lack the column '{column.name}', which one of your own writes")
    return ClinicalPhysiology(parameters, key=key, environment_series=environment_series, organ_systems=names, own=own)


def is_clinical(schema: Schema) -> bool:
    """Whether twins have the columns of the clinical twin (else those of heart failure alone)."""
    return "death_cause" in schema


def split(
    organ_systems: Sequence[str | OrganSystem] | None,
) -> tuple[tuple[str, ...] | None, tuple[OrganSystem, ...]]:
    """Names of the clinical twin's organ systems, None for all of them, and a user's own.

    Raises:
        InputError: it is no sequence, or a user's own lacks a method of `OrganSystem`.
    """
    if organ_systems is None:
        return None, ()
    if isinstance(organ_systems, str) or not isinstance(organ_systems, Sequence):
        raise InputError(f"organ_systems = {organ_systems!r}: must be a list, of {', '.join(ORGAN_SYSTEMS)}")
    own = tuple(one for one in organ_systems if not isinstance(one, str))
    for one in own:
        for method, taken in (
            ("initialise", ("population", "influences")),
            ("advance", ("population", "clock", "influences")),
        ):
            if isinstance(one, type) or not _takes(getattr(one, method, None), len(taken)):
                called = one.__name__ if isinstance(one, type) else type(one).__name__
                raise InputError(f"organ_systems: {called}: must be an object with {method}({', '.join(taken)})")
    return tuple(one for one in organ_systems if isinstance(one, str)), own


def own_columns(own: Sequence[OrganSystem]) -> tuple[Column, ...]:
    """The columns that a user's own organ systems declare in their attribute `columns`."""
    return tuple(column for one in own for column in getattr(one, "columns", ()))


def _takes(method: object, arguments: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(method).bind(*range(arguments))  # type: ignore[arg-type]
    except TypeError:
        return False
    return True
