"""Joint draws of all uncertain parameters: one value of each for every parameter draw.

A parameter's uniforms are keyed by the seed, its name and the number of the draw: strategies share them, each draw can
be computed alone, and adding or removing a parameter changes no other parameter's draws. In a correlated group, a
member's draws also depend on the members named before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from popsim.definitions import uncertainty as given
from popsim.definitions.distributions import Fixed
from popsim.definitions.parameter import Parameter
from popsim.errors import DefinitionError, InputError
from popsim.evidence.correlation import cholesky, smallest_eigenvalue
from popsim.evidence.distributions import (
    BetaDistribution,
    Distribution,
    Floats,
    GammaDistribution,
    NormalDistribution,
    distribution_of,
    family,
)  # fmt: skip
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import find_parameter, records_of
from popsim.evidence.support import check_support, plainly_sound
from popsim.kernels.codes import STREAM_PARAMETERS
from popsim.kernels.numerics.distributions import MAX_PROBABILITY, MIN_PROBABILITY
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import correlate, keyed

MIN_EIGENVALUE = 1e-6
SUM_TOLERANCE = 1e-6


class Distributions(Mapping[str, Distribution]):
    """The distribution of each parameter by its name, made when it is first asked for: fits take long."""

    def __init__(self, makers: Mapping[str, Callable[[], Distribution]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Distribution] = {}

    def __getitem__(self, name: str) -> Distribution:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True)
class UncertainParameters:
    """All uncertain parameters of a study.

    Attributes:
        distributions: marginal distribution of each parameter, by "set.parameter".
        bounds: low and high of each parameter.
        copulas: names of correlated parameters, with the Cholesky factor of their correlation matrix.
        shares: names of each Dirichlet group, with their concentrations.
        stated: what a draw depends on beside the seed, as in the files, without sources.
    """

    common_random_numbers: ClassVar = False  # each draw has its own people and random streams
    distributions: Mapping[str, Distribution]
    bounds: Mapping[str, tuple[float, float]]
    copulas: tuple[tuple[tuple[str, ...], Floats], ...] = ()
    shares: tuple[tuple[tuple[str, ...], tuple[float, ...]], ...] = ()
    stated: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of columns."""
        return tuple(self.distributions)

    def described(self) -> dict[str, dict[str, str | float]]:
        """Family, mean and standard error of each, for a run's manifest."""
        return {
            name: {"distribution": family(d), "mean": d.mean, "standard_error": d.standard_error}
            for name, d in self.distributions.items()
        }

    def content(self, draw: int) -> Any:
        """What the values of a draw depend on beside the seed, for its hash: nothing is drawn for it."""
        return [self.stated, draw]

    def draw(self, seed: int, draws: Sequence[int]) -> Floats:
        """Values[draw, parameter] of these draws, with columns as in `names`."""
        return self.values_at(self._uniforms(seed, draws))

    def values_at(self, probabilities: Floats) -> Floats:
        """Values[point, parameter] at independent uniforms in (0, 1) of the same shape, from any design.

        The group adds the correlation of its members, or their sum of one: a member's uniform is the part of it that
        does not depend on the members before it.

        Raises:
            InputError: a value lies outside its parameter's bounds (never clipped; see `popsim.evidence.support`).
        """
        index = {name: i for i, name in enumerate(self.names)}
        p = np.array(probabilities.T, order="C")
        for names, factor in self.copulas:
            members = [index[name] for name in names]
            together = p[members]
            correlate(factor, together)
            p[members] = np.clip(together, MIN_PROBABILITY, MAX_PROBABILITY)
        values = np.empty(p.shape)
        for i, distribution in enumerate(self.distributions.values()):
            values[i] = distribution.quantile(p[i])
        for names, concentrations in self.shares:
            members = [index[name] for name in names]
            pairs = zip(members, concentrations, strict=True)
            parts = np.array([GammaDistribution(c, 1.0).quantile(p[i]) for i, c in pairs])
            values[members] = parts / parts.sum(axis=0)
        self._check(values)
        return np.ascontiguousarray(values.T)

    def _uniforms(self, seed: int, draws: Sequence[int]) -> Floats:
        """One uniform in (0, 1) for each [draw, parameter]; the parameter is the high word of Philox's person."""
        keys = np.array([name_hash(name) for name in self.names], np.uint64) << np.uint64(32)
        persons = (np.asarray(draws, np.uint64)[:, np.newaxis] | keys).astype(np.int64).ravel()
        u = keyed(RandomKey(seed), persons, STREAM_PARAMETERS)
        return np.asarray(u).reshape(len(draws), len(self.names))

    def _check(self, values: Floats) -> None:
        for name, row in zip(self.names, values, strict=True):
            low, high = self.bounds[name]
            wrong = np.flatnonzero(~((row >= low) & (row <= high)))
            if len(wrong):
                value = float(row[wrong[0]])
                raise InputError(f"{name} was drawn as {value!r}: must lie between {low:g} and {high:g}")


@dataclass(frozen=True)
class DesignedParameters:
    """Chosen values instead of random draws: draw d is row d - 1.

    Attributes:
        names: of the columns.
        rows: values[row, parameter].
    """

    names: tuple[str, ...]
    rows: Floats
    common_random_numbers: ClassVar = True
    distributions: ClassVar[Mapping[str, Distribution]] = MappingProxyType({})
    values: ClassVar[Mapping[str, float]] = MappingProxyType({})
    copulas: ClassVar[tuple[tuple[tuple[str, ...], Floats], ...]] = ()
    shares: ClassVar[tuple[tuple[tuple[str, ...], tuple[float, ...]], ...]] = ()

    def described(self) -> dict[str, dict[str, str | float]]:
        """The parameters' names as a design, for a run's manifest."""
        return {name: {"distribution": "chosen values"} for name in self.names}

    def content(self, draw: int) -> Any:
        """The row of a draw, for its hash."""
        return self.rows[draw - 1].tolist()

    def draw(self, seed: int, draws: Sequence[int]) -> Floats:
        """The rows of these draws."""
        chosen: Floats = self.rows[np.asarray(draws) - 1]
        return chosen


def name_hash(name: str) -> int:
    """32 bits that represent a parameter's name in the random key, the same on every machine."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big")


def uncertain_parameters(
    sets: Mapping[str, ParameterSet], groups: Sequence[given.ParameterGroup], file: object
) -> UncertainParameters:
    """All uncertain parameters of these sets, checked.

    Args:
        sets: with the experiment's changes.
        groups: of the experiment, by dotted names; they replace groups of a set that share a parameter with them.
        file: named in errors.

    Raises:
        DefinitionError: a distribution does not exist, is too likely to exceed its parameter's bounds or does not fit
            its value; or a group does not fit its parameters.
    """
    records = records_of(sets)
    found: dict[str, Callable[[], Distribution]] = {
        name: partial(_own_distribution, name, record, file)
        for name, record in records.items()
        if record.uncertainty is not None and not _is_fixed(record)
    }
    copulas, shares, used = [], [], []
    for group in _groups(sets, groups, file):
        where = _called(group)
        used.append(group.model_dump(mode="json", exclude={"source"}))
        if isinstance(group, given.Dirichlet):
            concentrations = _concentrations(group, records, where, file)
            if concentrations:
                total = sum(concentrations)
                pairs = zip(group.parameters, concentrations, strict=True)
                found |= {name: partial(BetaDistribution, c, total - c) for name, c in pairs}
                shares.append((group.parameters, concentrations))
            continue
        if isinstance(group, given.MultivariateNormal):
            found |= _normals(group, records, where, file)
        free = _free_members(group, records, where, file)
        correlation = _correlation(group, where, file)
        factor = cholesky(correlation[np.ix_(free, free)])
        copulas.append((tuple(group.parameters[i] for i in free), factor))
    distributions = Distributions({name: found[name] for name in records if name in found})
    for name in distributions:
        if not plainly_sound(records[name]):
            check_support(name, records[name], distributions[name], file)
    _check_hashes(distributions, file)
    bounds = {name: (records[name].low, records[name].high) for name in distributions}
    stated = [[_stated(name, records[name]) for name in distributions], used]
    return UncertainParameters(distributions, bounds, tuple(copulas), tuple(shares), stated)


def _stated(name: str, record: Parameter) -> Any:
    """A parameter's numbers, without the words about them."""
    return [name, record.model_dump(mode="json", exclude={"source": True, "uncertainty": {"source"}})]


def _own_distribution(name: str, record: Parameter, file: object) -> Distribution:
    """The distribution in the parameter's own record."""
    assert record.uncertainty is not None
    try:
        return distribution_of(record.uncertainty, record.value)
    except ValueError as error:
        raise DefinitionError(file, f"{name}.uncertainty", None, str(error)) from None


def _groups(
    sets: Mapping[str, ParameterSet], groups: Sequence[given.ParameterGroup], file: object
) -> Iterator[given.ParameterGroup]:
    """All groups in force, by dotted names; checks that the names exist and that no parameter is in two groups."""
    of_experiment = {name for group in groups for name in group.parameters}
    owner: dict[str, str] = {}
    of_sets = [group for values in sets.values() for group in values.dotted_groups]
    for group in [*groups, *(group for group in of_sets if not of_experiment & {*group.parameters})]:
        where = _called(group)
        for name in group.parameters:
            find_parameter(name, sets, file, f"{where}.parameters", name)
            if name in owner:
                raise DefinitionError(file, f"{where}.parameters", name, f"is already in {owner[name]}")
            owner[name] = where
        yield group


def _called(group: given.ParameterGroup) -> str:
    return f"parameter_groups ({group.distribution} of {group.parameters[0]}, ...)"


def _is_fixed(record: Parameter) -> bool:
    return isinstance(record.uncertainty, Fixed)


def _refuse_two(group: given.ParameterGroup, records: Mapping[str, Parameter], where: str, file: object) -> None:
    """Refuse a member that has its own distribution although the group gives one."""
    for name in group.parameters:
        if records[name].uncertainty is not None and not _is_fixed(records[name]):
            raise DefinitionError(file, f"{where}.parameters", name, "has an uncertainty of its own as well, give one")


def _concentrations(
    group: given.Dirichlet, records: Mapping[str, Parameter], where: str, file: object
) -> tuple[float, ...]:
    """The concentration of each member; none if every member is known for certain."""
    _refuse_two(group, records, where, file)
    fixed = [name for name in group.parameters if _is_fixed(records[name])]
    if len(fixed) == len(group.parameters):
        return ()
    if fixed:
        allowed = "is known for certain, the other shares are not: set all of them, or give the group anew"
        raise DefinitionError(file, f"{where}.parameters", fixed[0], allowed)
    if group.concentrations is not None:
        return group.concentrations
    values, size = [records[name].value for name in group.parameters], float(group.sample_size or 0.0)
    if abs(sum(values) - 1.0) > SUM_TOLERANCE:
        raise DefinitionError(file, where, None, f"the values must sum to 1, they sum to {sum(values):.9g}")
    for name, value in zip(group.parameters, values, strict=True):
        if value * size < 0.1:
            allowed = f"times the value of {name} ({value:g}) must be at least 0.1"
            raise DefinitionError(file, f"{where}.sample_size", size, allowed)
    return tuple(value * size for value in values)


def _normals(
    group: given.MultivariateNormal, records: Mapping[str, Parameter], where: str, file: object
) -> dict[str, Callable[[], Distribution]]:
    """The marginal normal distributions of the members."""
    _refuse_two(group, records, where, file)
    errors = group.standard_errors or tuple(row[i] ** 0.5 for i, row in enumerate(group.covariance or ()))
    pairs = zip(group.parameters, errors, strict=True)
    return {n: partial(NormalDistribution, records[n].value, error) for n, error in pairs if not _is_fixed(records[n])}


def _free_members(
    group: given.MultivariateNormal | given.Correlated, records: Mapping[str, Parameter], where: str, file: object
) -> list[int]:
    """Indices of the uncertain members; members known for certain drop out of the joint distribution."""
    free = [i for i, name in enumerate(group.parameters) if not _is_fixed(records[name])]
    for i in free:
        if isinstance(group, given.Correlated) and records[group.parameters[i]].uncertainty is None:
            allowed = "has no uncertainty that could be correlated, give it one"
            raise DefinitionError(file, f"{where}.parameters", group.parameters[i], allowed)
    return free


def _correlation(group: given.MultivariateNormal | given.Correlated, where: str, file: object) -> Floats:
    """The full correlation matrix, checked to be positive definite."""
    if isinstance(group, given.MultivariateNormal) and group.covariance is not None:
        covariance = np.array(group.covariance)
        sd = np.sqrt(np.diag(covariance))
        matrix, key = np.asarray(covariance / np.outer(sd, sd)), "covariance"
        np.fill_diagonal(matrix, 1.0)
    else:
        matrix, key = np.array(group.correlation), "correlation"
    smallest = smallest_eigenvalue(matrix)
    if smallest < MIN_EIGENVALUE:
        allowed = f"must be positive definite, the smallest eigenvalue (as correlations) is {smallest:.4g}"
        raise DefinitionError(file, f"{where}.{key}", None, allowed)
    return matrix


def _check_hashes(names: Mapping[str, object], file: object) -> None:
    seen: dict[int, str] = {}
    for name in names:
        other = seen.setdefault(name_hash(name), name)
        if other != name:
            raise DefinitionError(file, name, None, f"shares its random numbers with {other} by accident: rename one")
