"""Calibrations in TOML files: which parameters are fitted to which targets, and the result."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.distributions import Uncertainty
from popsim.definitions.experiment import Parameters, PopulationSize, Replications, Seed
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Text, real, whole
from popsim.definitions.uncertainty import Correlated, DottedName, InformationGroups

MAX_PARAMETERS = 50
MAX_POINTS = 9_999  # design points are numbered like parameter draws
MAX_WAVES = 10
DISCREPANCY = 0.05  # unless a calibration says otherwise
SEVERITY = 2.0  # mmHg, as well


type Discrepancy = Annotated[float, real(0.0, 10.0)]
type Severity = Annotated[float, real(0.01, 4.0)]


class Heterogeneity(Definition):
    """Standard deviations (tau) of what differs between studies of the same people and the model does not know.

    Attributes:
        admission, death: of a study's shift of log hazards of admission and of death, shared by all its figures.
        ratio: of a hazard or rate ratio, as a logarithm.
    """

    admission: Annotated[float, real(0.0, 2.0)] = 0.2
    death: Annotated[float, real(0.0, 2.0)] = 0.2
    ratio: Annotated[float, real(0.0, 2.0)] = 0.05


class CalibratedParameter(Definition):
    """A parameter that is fitted.

    Attributes:
        name: "set.parameter".
        scale: on which its posterior is assumed normal: "identity" gives a normal, "log" a lognormal (above 0),
            "logit" a beta (between 0 and 1).
        prior: distribution of its true value before the targets are used; its set's own uncertainty when absent.
        group: what a study would inform together with other parameters of this group, for the value of information.
        source: reasoning behind the prior.
    """

    name: DottedName
    scale: Literal["identity", "log", "logit"] = "identity"
    prior: Uncertainty | None = None
    group: Label = ""
    source: Text = ""


class Calibration(Definition):
    """Parameters, targets and the effort.

    Attributes:
        name: names the folder of results.
        targets: target and trial files, relative to this file.
        fitted: names of targets in them; all with use = "calibrate" when empty. Others are never fitted.
        parameters: to fit, the same for all studies.
        points: design points of the first wave, over the whole prior.
        points_later: points of every later wave, where no target rules them out.
        waves: of simulation, each followed by new emulators.
        cut: distance from a target, in standard deviations of all errors together, beyond which a point is ruled out.
        checks: posterior draws that are simulated once more at the end, with new people and random numbers.
        people, replications: twins in one simulation of an experiment or of an arm of a trial, and replications.
        discrepancy: standard deviation of the model discrepancy of each single figure (its error at the best
            parameters), as a share of the figure (of its odds, for a probability).
        tau: scales of the priors (half-normal) of the differences between studies.
        severity: standard deviation of a study's severity before its baseline table (use = "baseline") is known, mmHg.
        seed: first word of the random key, of designs and of chains.
    """

    name: Identifier
    title: Label = ""
    description: Text = ""
    targets: Annotated[tuple[DefinitionPath, ...], AS_TUPLE, Field(max_length=100)] = ()
    fitted: Annotated[tuple[Identifier, ...], AS_TUPLE] = ()
    parameters: Annotated[tuple[CalibratedParameter, ...], AS_TUPLE, Field(min_length=1, max_length=MAX_PARAMETERS)]
    points: Annotated[int, whole(8, MAX_POINTS)] = 128
    points_later: Annotated[int, whole(2, MAX_POINTS)] = 64
    waves: Annotated[int, whole(1, MAX_WAVES)] = 2
    cut: Annotated[float, real(1.0, 100.0)] = 3.0
    checks: Annotated[int, whole(2, MAX_POINTS)] = 16
    people: PopulationSize = 2000
    replications: Replications = 1
    discrepancy: Discrepancy = DISCREPANCY
    tau: Heterogeneity = Heterogeneity()
    severity: Severity = SEVERITY
    seed: Seed = 1

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [parameter.name for parameter in self.parameters]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"parameters: '{twice[0]}' is named twice")
        if self.points <= 2 * len(names):
            raise ValueError(f"points = {self.points}: must be more than twice the {len(names)} parameters")
        return self


class FittedFigure(Definition):
    """A published figure that parameters were fitted to; it can never count as validation.

    Attributes:
        name, study, source: of the target.
        figure: hash of what was published and how it is measured, by which it is known under another name.
    """

    name: Identifier
    study: Label
    source: Text
    figure: Label


class Calibrated(Definition):
    """The result of a calibration: values and their remaining uncertainty, for experiments that name this file.

    Attributes:
        name: of the calibration.
        description: targets, quality of fit and method.
        tau: differences between studies, posterior means.
        discrepancy, severity: as the calibration took them; with them a study's baseline table makes its people.
        fitted: figures that it used.
        parameters: posterior means and distributions, by "set.parameter".
        parameter_groups: their correlations.
        information_groups: parameters that a study would inform together, by a name for the group.
    """

    name: Identifier
    description: Text = ""
    tau: Heterogeneity | None = None
    discrepancy: Discrepancy = DISCREPANCY
    severity: Severity = SEVERITY
    fitted: Annotated[tuple[FittedFigure, ...], AS_TUPLE] = ()
    parameters: Parameters
    parameter_groups: Annotated[tuple[Correlated, ...], AS_TUPLE, Field(max_length=100)] = ()
    information_groups: InformationGroups = Field(default_factory=dict)
