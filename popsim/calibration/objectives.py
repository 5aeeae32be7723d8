"""What the simulated figures are compared with, on a scale on which errors are nearly normal.

Proportions are compared as log odds, ratios, rates and times as logarithms, all else as it is (definitions/target.py).
A Monte Carlo error on the natural scale is turned into one on that scale by the derivative at the figure itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from popsim.evidence.distributions import Floats

SMALLEST, LARGEST = 1e-4, 1.0 - 1e-4  # simulated shares of nobody or of everybody, as log odds


class Aim(NamedTuple):
    """One published figure.

    Attributes:
        name: of the target.
        value: as published, natural scale.
        error: its standard error, on its scale.
        scale: "logit", "log" or "identity".
        group: title of the file that it comes from, for tables.
        unit: of `value`.
    """

    name: str
    value: float
    error: float
    scale: str = "identity"
    group: str = ""
    unit: str = ""


class Simulated(NamedTuple):
    """What a simulator says at some points: values and Monte Carlo standard errors, [point, aim], NaN where there is
    nobody to count; natural scale.
    """

    values: Floats
    errors: Floats


@dataclass(frozen=True)
class Aims:
    """All published figures of a calibration, and the share of each that the model may get wrong."""

    each: tuple[Aim, ...]
    discrepancy: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the targets."""
        return tuple(aim.name for aim in self.each)

    @property
    def observed(self) -> Floats:
        """Published figures, on their scales."""
        return self.on_scale(np.array([[aim.value for aim in self.each]])).ravel()

    @property
    def variance(self) -> Floats:
        """Of the published figures and of the model's discrepancy, on their scales."""
        sampling = np.array([aim.error for aim in self.each])
        # As a share: of the odds, the ratio or the rate (a step of the logarithm), or of the figure's own size.
        size = np.array([abs(aim.value) if aim.scale == "identity" else 1.0 for aim in self.each])
        together: Floats = sampling**2 + (self.discrepancy * size) ** 2
        return together

    def on_scale(self, values: Floats) -> Floats:
        """values[point, aim] on the scales of the aims."""
        columns = [_scaled(values[:, i], aim.scale) for i, aim in enumerate(self.each)]
        return np.stack(columns, axis=1)

    def errors_on_scale(self, values: Floats, errors: Floats) -> Floats:
        """Standard errors[point, aim] of such values, by the derivative."""
        columns = []
        for i, aim in enumerate(self.each):
            error, value = errors[:, i], values[:, i]
            if aim.scale == "logit":
                inside = np.clip(value, SMALLEST, LARGEST)
                error = error / (inside * (1.0 - inside))
            elif aim.scale == "log":
                error = error / np.maximum(value, SMALLEST)
            columns.append(error)
        return np.stack(columns, axis=1)


def natural(values: Floats, aims: Sequence[Aim]) -> Floats:
    """values[point, aim] back from the scales of the aims."""
    return np.stack([_unscaled(values[:, i], aim.scale) for i, aim in enumerate(aims)], axis=1)


def _scaled(values: Floats, scale: str) -> Floats:
    if scale == "logit":
        inside = np.clip(values, SMALLEST, LARGEST)
        return np.asarray(np.log(inside / (1.0 - inside)))
    return np.log(np.maximum(values, SMALLEST)) if scale == "log" else values


def _unscaled(values: Floats, scale: str) -> Floats:
    if scale == "logit":
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    return np.exp(values) if scale == "log" else values
