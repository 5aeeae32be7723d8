"""The fitted parameters, on the scale on which their prior is standard normal.

Every parameter is transformed to x, the standard normal quantile of its prior's distribution function. The joint prior
is then N(0, I), and a posterior standard deviation of x is its share of the prior's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from popsim.definitions.calibration import Calibration, Heterogeneity
from popsim.definitions.parameter import ParameterChange
from popsim.errors import DefinitionError
from popsim.evidence.distributions import Distribution, EmpiricalDistribution, Floats
from popsim.evidence.draws import uncertain_parameters
from popsim.evidence.parameters import ParameterSet
from popsim.evidence.sets import find_parameter
from popsim.statistics import normal_quantile

SPAN = {"identity": (-np.inf, np.inf), "log": (0.0, np.inf), "logit": (0.0, 1.0)}  # of parameters with this scale
# Standard deviations of the prior; beyond, its quantile function may have left the parameter's bounds.
MAX_PRIOR_SDS = 5.0
SEVERITY_OF = "severity."  # before the name of a study file


@dataclass(frozen=True)
class Priors:
    """The parameters that are fitted.

    Attributes:
        names: "set.parameter".
        scales: "identity", "log" or "logit", on which each posterior is assumed normal.
        distributions: priors.
        own: values in the parameter sets.
        units: of the values.
        bounds: lowest and highest value, which the posterior must keep within.
        severities: names of the study files whose people's severity their baseline table determines.
        severity_sd: its standard deviation before that, mmHg.
        tau: scales of the half-normal priors of the differences between studies.
    """

    names: tuple[str, ...]
    scales: tuple[str, ...]
    distributions: tuple[Distribution, ...]
    own: Floats
    units: tuple[str, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()
    severities: tuple[str, ...] = ()
    severity_sd: float = 1.0
    tau: Heterogeneity = field(default_factory=Heterogeneity)

    @property
    def columns(self) -> tuple[str, ...]:
        """The parameters, then the severities, as the simulator takes them."""
        return (*self.names, *(f"{SEVERITY_OF}{name}" for name in self.severities))

    def values(self, x: Floats) -> Floats:
        """Values[point, column] at x[point, column]: parameters, and severities if x has them."""
        size = len(self.names)
        p = ndtr(np.clip(x[:, :size], -MAX_PRIOR_SDS, MAX_PRIOR_SDS))
        columns = [d.quantile(np.ascontiguousarray(p[:, i])) for i, d in enumerate(self.distributions)]
        return np.column_stack([*columns, self.severity_sd * x[:, size:]])

    def design(self, points: int, seed: int) -> Floats:
        """x[point, column] that fill the prior evenly: a scrambled Sobol sequence."""
        sequence = qmc.Sobol(len(self.columns), seed=seed).random_base2(int(np.ceil(np.log2(points))))
        found: Floats = normal_quantile(np.clip(sequence[:points], ndtr(-MAX_PRIOR_SDS), ndtr(MAX_PRIOR_SDS)))
        return found


def priors_of(
    calibration: Calibration, sets: Mapping[str, ParameterSet], file: object, severities: Sequence[str] = ()
) -> Priors:
    """The calibration's parameters with their priors, checked.

    Args:
        calibration: its parameters are fitted.
        sets: all parameter sets by name, with the values of parameters that are not fitted.
        file: of the calibration, named in errors.
        severities: names of the study files with a baseline table.

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
        tuple((record.low, record.high) for record in records),
        tuple(severities),
        calibration.severity,
        calibration.tau,
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
