"""The one factory of physiology: for models, members of beliefs, copies of twins and recruits of trials."""

from __future__ import annotations

from collections.abc import Sequence

from popsim.errors import InputError, did_you_mean
from popsim.evidence.sets import Parameters, read_sets
from popsim.kernels.numerics.random import RandomKey
from popsim.physiology.clinical import ORGAN_SYSTEMS, ClinicalPhysiology
from popsim.physiology.organ_system import Physiology
from popsim.physiology.own import Own, check, made, own_columns, own_needs, own_parameter_files
from popsim.population.columns import Schema
from popsim.population.environment_series import EnvironmentSeries


def build_physiology(
    schema: Schema,
    parameters: Parameters,
    *,
    key: RandomKey,
    environment_series: EnvironmentSeries | None = None,
    organ_systems: Sequence[str | Own] | None = None,
) -> Physiology:
    """The physiology of twins with these columns.

    Args:
        schema: columns of the twins.
        parameters: sets of constants by name.
        key: of the random numbers.
        environment_series: daily temperature, particles and viruses; a temperate year when None.
        organ_systems: those around the heart-failure core: names of popsim's, and a user's own, which advance after
            them; all of popsim's when None.

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
    with_theirs = parameters.beside(read_sets(own_parameter_files(own, parameters)))
    own_systems = tuple(made(one, with_theirs, key) for one in own)
    return ClinicalPhysiology(
        parameters, key=key, environment_series=environment_series, organ_systems=names, own=own_systems
    )


def split(organ_systems: Sequence[str | Own] | None) -> tuple[tuple[str, ...] | None, tuple[Own, ...]]:
    """Names of popsim's organ systems, None for all of them, and a user's own.

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
