"""The published figures of a calibration, on a scale on which errors are nearly normal.

Proportions are compared as log odds; ratios, rates and times as logarithms; all else on the natural scale
(definitions/target.py). The derivative at the figure converts a Monte Carlo error to that scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from popsim.evidence.distributions import Floats

MIN_SHARE, MAX_SHARE = 1e-4, 1.0 - 1e-4  # simulated shares of nobody or of everybody, as log odds


class Objective(NamedTuple):
    """One published figure.

    Attributes:
        name: of the target.
        value: as published, natural scale.
        error: its standard error, on its scale.
        scale: "logit", "log" or "identity".
        group: title of the file that it comes from, for tables.
        unit: of `value`.
        study: whose figure it is; figures of a study share its shifts.
        source: name of the study file that simulates its people.
        reference: where it was read.
        figure: hash of what was published (calibration/sources.py).
        loading: change with the study's log hazards of admission and death and with its own ratio (hierarchy.py).
        baseline: whether it only determines the severity of the people.
    """

    name: str
    value: float
    error: float
    scale: str = "identity"
    group: str = ""
    unit: str = ""
    study: str = ""
    source: str = ""
    reference: str = ""
    figure: str = ""
    loading: tuple[float, float, float] = (0.0, 0.0, 0.0)
    baseline: bool = False


class Simulated(NamedTuple):
    """Simulated figures: values and Monte Carlo standard errors, [point, target], on the natural scale; NaN where there
    is nobody to count.
    """

    values: Floats
    errors: Floats


@dataclass(frozen=True)
class Objectives:
    """All published figures of a calibration, and the model discrepancy as a share of each.

    Ratios of hazards or rates have none: how studies differ in them is learned (tau).
    """

    each: tuple[Objective, ...]
    discrepancy: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the targets."""
        return tuple(aim.name for aim in self.each)

    @property
    def studies(self) -> tuple[str, ...]:
        """The studies with figures to which parameters are fitted."""
        return tuple(dict.fromkeys(aim.study for aim in self.each if not aim.baseline))

    @cached_property
    def observed(self) -> Floats:
        """The published figures, on their scales."""
        return self.on_scale(np.array([[aim.value for aim in self.each]])).ravel()

    @property
    def variance(self) -> Floats:
        """Variance of the published figures and of the model discrepancy, on their scales."""
        sampling = np.array([aim.error for aim in self.each])
        # As a share: of the odds, the ratio or the rate (a step of the logarithm), or of the figure's own size.
        size = np.array([abs(aim.value) if aim.scale == "identity" else 1.0 for aim in self.each])
        level = np.array([not aim.loading[2] for aim in self.each])
        together: Floats = sampling**2 + (self.discrepancy * size * level) ** 2
        return together

    def on_scale(self, values: Floats) -> Floats:
        """values[point, target] on the scales of the targets."""
        columns = [_scaled(values[:, i], aim.scale) for i, aim in enumerate(self.each)]
        return np.stack(columns, axis=1)

    def errors_on_scale(self, values: Floats, errors: Floats) -> Floats:
        """Standard errors[point, target] of such values, by the derivative."""
        columns = []
        for i, aim in enumerate(self.each):
            error, value = errors[:, i], values[:, i]
            if aim.scale == "logit":
                inside = np.clip(value, MIN_SHARE, MAX_SHARE)
                error = error / (inside * (1.0 - inside))
            elif aim.scale == "log":
                error = error / np.maximum(value, MIN_SHARE)
            columns.append(error)
        return np.stack(columns, axis=1)


def natural(values: Floats, objectives: Sequence[Objective]) -> Floats:
    """values[point, target] back from the scales of the targets."""
    return np.stack([_unscaled(values[:, i], aim.scale) for i, aim in enumerate(objectives)], axis=1)


def _scaled(values: Floats, scale: str) -> Floats:
    if scale == "logit":
        inside = np.clip(values, MIN_SHARE, MAX_SHARE)
        return np.asarray(np.log(inside / (1.0 - inside)))
    return np.log(np.maximum(values, MIN_SHARE)) if scale == "log" else values


def _unscaled(values: Floats, scale: str) -> Floats:
    if scale == "logit":
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    return np.exp(values) if scale == "log" else values
