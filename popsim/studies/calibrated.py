"""Experiments that take their parameters from a calibration."""

from __future__ import annotations

import numpy as np

from popsim.definitions.calibration import Calibrated
from popsim.definitions.experiment import ExperimentDefinition
from popsim.definitions.uncertainty import Correlated


def with_calibration(experiment: ExperimentDefinition, found: Calibrated) -> ExperimentDefinition:
    """The experiment with what a calibration found added to its parameters; its own parameters and groups win.

    A parameter that the experiment sets itself, or has in a group of its own, leaves the calibration's group. Done once
    more, nothing changes, so an experiment from a manifest needs the file no longer.
    """
    together = {name for group in experiment.parameter_groups for name in group.parameters}
    own = {name for name, entry in experiment.parameters.items() if found.parameters.get(name) != entry} | together
    left = {name: entry for name, entry in found.parameters.items() if name not in own}
    groups = [kept for group in found.parameter_groups if (kept := _without(group, own)) is not None]
    return experiment.model_copy(
        update={
            "parameters": left | experiment.parameters,
            "parameter_groups": (*experiment.parameter_groups, *groups),
            "information_groups": found.information_groups | experiment.information_groups,
        }
    )


def _without(group: Correlated, names: set[str]) -> Correlated | None:
    """A group without some of its members; None if fewer than two are left."""
    kept = [index for index, name in enumerate(group.parameters) if name not in names]
    if len(kept) < 2:
        return None
    rows = np.array(group.correlation)[np.ix_(kept, kept)].tolist()
    return group.model_copy(
        update={
            "parameters": tuple(group.parameters[index] for index in kept),
            "correlation": tuple(tuple(row) for row in rows),
        }
    )
