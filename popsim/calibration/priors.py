"""The fitted parameters, on the scale on which their prior is standard normal.

Every parameter is transformed to x, the standard normal quantile of its prior's distribution function. The joint prior
is then N(0, I), and a posterior standard deviation of x is its share of the prior's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from popsim.definitions.calibration import Calibration
from popsim.definitions.parameter import ParameterChange
from popsim.errors import DefinitionError
from popsim.evidence.distributions import Distribution, EmpiricalDistribution, Floats
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import find_parameter
from popsim.statistics import normal_quantile

SPAN = {"identity": (-np.inf, np.inf), "log": (0.0, np.inf), "logit": (0.0, 1.0)}  # of parameters with this scale
MAX_PRIOR_SDS = (
    5.0  # standard deviations of the prior; beyond, its quantile function may have left the parameter's bounds
)


@dataclass(frozen=True)
class Priors:
    """The parameters that are fitted.

    Attributes:
        names: "set.parameter".
        scales: "identity", "log" or "logit", on which each posterior is assumed normal.
        distributions: priors.
        own: values in the parameter sets.
        units: of the values.
    """

    names: tuple[str, ...]
    scales: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    own: Floats
    units: tuple[str, ...] = ()

    def values(self, x: Floats) -> Floats:
        """Values[point, parameter] at x[point, parameter]."""
        p = ndtr(np.clip(x, -MAX_PRIOR_SDS, MAX_PRIOR_SDS))
        columns = [d.quantile(np.ascontiguousarray(p[:, i])) for i, d in enumerate(self.distributions)]
        return np.stack(columns, axis=1)

    def log_density(self, x: Floats) -> Floats:
        """Log prior density of x[point, parameter], up to a constant; minus infinity beyond FURTHEST."""
        inside = (np.abs(x) <= MAX_PRIOR_SDS).all(axis=1)
        return np.where(inside, -0.5 * (x**2).sum(axis=1), -np.inf)

    def design(self, points: int, seed: int) -> Floats:
        """x[point, parameter] that fill the prior evenly: a scrambled Sobol sequence."""
        sequence = qmc.Sobol(len(self.names), seed=seed).random_base2(int(np.ceil(np.log2(points))))
        found: Floats = normal_quantile(np.clip(sequence[:points], ndtr(-MAX_PRIOR_SDS), ndtr(MAX_PRIOR_SDS)))
        return found


def priors_of(calibration: Calibration, sets: Mapping[str, ParameterSet], file: object) -> Priors:
    """The calibration's parameters with their priors, checked.

    Args:
        calibration: its parameters are fitted.
        sets: all parameter sets by name, with the values of parameters that are not fitted.
        file: of the calibration, named in errors.

    Raises:
        DefinitionError: a parameter does not exist, has no prior, or one that leaves its bounds or is not continuous;
            or its scale does not fit its bounds.
    """
    changed: dict[str, ParameterSet] = {}
    for one in calibration.parameters:
        name, key = find_parameter(one.name, sets, file, "parameters.name", one.name)
        record = changed.setdefault(name, sets[name]).of(key)
        if one.prior is not None:
            changed[name] = changed[name].with_values({key: ParameterChange(uncertainty=one.prior)}, file)
        if not SPAN[one.scale][0] <= record.low < record.high <= SPAN[one.scale][1]:
            where = f"parameters.{one.name}.scale"
            raise DefinitionError(file, where, one.scale, f"the parameter lies in [{record.low:g}, {record.high:g}]")
    known = uncertain_parameters(_without_groups(changed), (), file).distributions
    for one in calibration.parameters:
        if one.name not in known or isinstance(known[one.name], EmpiricalDistribution):
            where = f"parameters.{one.name}.prior"
            raise DefinitionError(file, where, None, "must be a continuous distribution, here or in its set")
    records = [sets[name].of(key) for name, _, key in (one.name.partition(".") for one in calibration.parameters)]
    return Priors(
        tuple(one.name for one in calibration.parameters),
        tuple(one.scale for one in calibration.parameters),
        tuple(known[one.name] for one in calibration.parameters),
        np.array([record.value for record in records]),
        tuple(record.unit for record in records),
    )


def _without_groups(sets: Mapping[str, ParameterSet]) -> dict[str, ParameterSet]:
    """The sets without their groups, because priors are independent."""
    return {name: ParameterSet(name, {key: one.of(key) for key in one}) for name, one in sets.items()}


def on_scale(values: Floats, scales: Sequence[str]) -> Floats:
    """values[..., parameter] on the scale on which each is assumed normal."""
    columns = []
    for i, scale in enumerate(scales):
        column = values[..., i]
        if scale == "log":
            column = np.log(column)
        elif scale == "logit":
            column = np.log(column / (1.0 - column))
        columns.append(column)
    return np.stack(columns, axis=-1)
