"""Calibrations in TOML files: which parameters are fitted to which targets, and the result."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from popsim.definitions.base import Definition
from popsim.definitions.distributions import Uncertainty
from popsim.definitions.experiment import Parameters, PopulationSize, Replications, Seed
from popsim.definitions.fields import AS_TUPLE, DefinitionPath, Identifier, Label, Text, real, whole
from popsim.definitions.uncertainty import Correlated, DottedName

MAX_PARAMETERS = 50
MAX_POINTS = 9_999  # design points are numbered like parameter draws
MAX_WAVES = 10


class CalibratedParameter(Definition):
    """A parameter that is fitted.

    Attributes:
        name: "set.parameter".
        scale: on which its posterior is assumed normal: "identity" gives a normal, "log" a lognormal (above 0),
            "logit" a beta (between 0 and 1).
        prior: distribution of its true value before the targets are used; its set's own uncertainty when absent.
        source: reasoning behind the prior.
    """

    name: DottedName
    scale: Literal["identity", "log", "logit"] = "identity"
    prior: Uncertainty | None = None
    source: Text = ""


class Calibration(Definition):
    """Parameters, targets and the effort.

    Attributes:
        name: names the folder of results.
        targets: target and trial files, relative to this file.
        fitted: names of targets in them; all with use = "calibrate" when empty. Others are never fitted.
        parameters: to fit.
        points: design points of the first wave, over the whole prior.
        points_later: points of every later wave, at draws of the posterior so far.
        waves: of simulation, each followed by a new fit.
        checks: posterior draws that are simulated once more at the end, with new people and random numbers.
        people, replications: twins in one simulation of an experiment or of an arm of a trial, and replications.
        discrepancy: standard deviation of the model discrepancy (its error at the best parameters), as a share of each
            target (of its odds, for a probability).
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
    checks: Annotated[int, whole(2, MAX_POINTS)] = 16
    people: PopulationSize = 2000
    replications: Replications = 1
    discrepancy: Annotated[float, real(0.0, 10.0)] = 0.1
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


class Calibrated(Definition):
    """The result of a calibration: values and their remaining uncertainty, for experiments that name this file.

    Attributes:
        name: of the calibration.
        description: targets, quality of fit and method.
        parameters: posterior means and distributions, by "set.parameter".
        parameter_groups: their correlations.
    """

    name: Identifier
    description: Text = ""
    parameters: Parameters
    parameter_groups: Annotated[tuple[Correlated, ...], AS_TUPLE, Field(max_length=100)] = ()
