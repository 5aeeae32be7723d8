"""Studies that differ: a shift of each study's log hazards, and a severity that its baseline table alone determines.

Published and simulated people with the same baseline table still differ by who was asked, who came and how events were
judged. Every study therefore has a shift of the log hazard of admission and one of death, normal with standard
deviations tau that are learned. A shift adds to a figure, on its scale, the shift times a loading, so that it is
integrated in closed form: the figures of a study are jointly normal. Ratios of hazards or rates differ independently,
with a tau of their own.

The severity of a study (a shift of its people's filling pressure) is whatever meets its baseline table best at the
parameters in question. No outcome has a part in that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from popsim.calibration.history import Normals
from popsim.calibration.objectives import Objectives
from popsim.calibration.priors import Priors
from popsim.calibration.quantity import endpoint_of
from popsim.definitions.calibration import Heterogeneity
from popsim.definitions.target import Target
from popsim.evidence.distributions import Floats
from popsim.learning.emulator import Emulators

KINDS = ("admission", "death", "ratio")
# Which log hazards a quantity without an endpoint follows; others follow neither.
FOLLOWS = {
    "mortality": (0.0, 1.0),
    "median_survival": (0.0, -1.0),
    "in_hospital_mortality": (0.0, 1.0),
    "admitted": (1.0, 0.0),
    "admission_rate": (1.0, 0.0),
    "dead_or_admitted": (1.0, 1.0),
    "recurrence": (1.0, 0.0),
    "share_of_days_lost": (1.0, 1.0),
    "readmitted": (1.0, 0.0),
    "readmission_incidence": (1.0, 0.0),
    "readmitted_or_dead": (1.0, 1.0),
    "dead_after_discharge": (0.0, 1.0),
    "restricted_mean_days": (0.0, 0.0),
}
ADMISSION_SHARE = 0.6  # assumption: of first events of death or heart-failure admission in trials, six in ten
MAX_X = 5.0
ROUNDS = 6  # of Gauss and Newton's iteration for a severity, which is nearly linear
FIGURES_PER_EXCEPTION = 40  # one figure in so many rules out no point: chance alone would rule out the truth


def loadings(target: Target) -> tuple[float, float, float]:
    """Change of a figure, on its scale, with a study's log hazards of admission and death, and with its own ratio."""
    if target.unit == "ratio":
        return 0.0, 0.0, 1.0
    admission, death = FOLLOWS.get(target.quantity, (0.0, 0.0))
    if target.endpoint is not None and target.quantity not in FOLLOWS:
        endpoint = endpoint_of(target)
        admission, death = float(bool(endpoint.admissions or endpoint.urgent)), float(bool(endpoint.deaths))
    if admission and death:
        admission, death = ADMISSION_SHARE, 1.0 - ADMISSION_SHARE
    step = {"log": 1.0, "identity": 0.0}.get(target.scale)
    if step is None:  # of a share p = 1 - exp(-H): d logit p / d log H = H / p
        step = -math.log1p(-target.value) / target.value
    return admission * step, death * step, 0.0


def spread_by_tau(loading: tuple[float, float, float], tau: Heterogeneity | None) -> float:
    """Standard deviation of a figure, on its scale, from what differs between studies."""
    pairs = zip(loading, (getattr(tau, kind, 0.0) for kind in KINDS), strict=True)
    return math.hypot(*(step * sd for step, sd in pairs))


@dataclass(frozen=True)
class Hierarchy:
    """The posterior of parameters and taus; x[point, parameter] are standard normal before the targets are used.

    The last columns of x belong to the taus (KINDS), which are half-normal.

    Attributes:
        priors, objectives, emulators: of the calibration.
        monte_carlo: standard error of each figure over all simulated people, on the targets' scales.
        left_out: name of a study whose figures are not used; None: all are.
    """

    priors: Priors
    objectives: Objectives
    emulators: Emulators
    monte_carlo: Floats
    left_out: str | None = None

    @cached_property
    def variance(self) -> Floats:
        """Of each figure: sampling, discrepancy, Monte Carlo and emulator; not tau."""
        found: Floats = self.objectives.variance + self.monte_carlo**2 + self.emulators.error**2
        return found

    @cached_property
    def _used(self) -> Floats:
        """Figures that parameters are fitted to."""
        each = self.objectives.each
        return np.array([not aim.baseline and aim.study != self.left_out for aim in each])

    @cached_property
    def _loading(self) -> Floats:
        return np.array([aim.loading for aim in self.objectives.each])

    @cached_property
    def _tau_scales(self) -> Floats:
        """Of the priors of tau."""
        return np.array([getattr(self.priors.tau, kind) for kind in KINDS])

    @cached_property
    def _study(self) -> Floats:
        """Whether a figure is of a study, [figure, study]."""
        return np.array(
            [[aim.study == study for study in self.objectives.studies] for aim in self.objectives.each], float
        )

    @cached_property
    def _at_zero(self) -> Emulators:
        """The emulators of the parameters where all severities are 0."""
        size, whole = len(self.priors.names), self.emulators
        return replace(whole, linear=whole.linear[:, :size], quadratic=whole.quadratic[:, :size, :size])

    @cached_property
    def _severity(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Which severity a figure has [figure, severity]; how it enters: constant, by parameter, squared; and the
        precision with which figures of the baseline table determine it [figure, severity].
        """
        size, emulators = len(self.priors.names), self.emulators
        own = np.array([[aim.source == name for name in self.priors.severities] for aim in self.objectives.each], float)
        own = own.reshape(len(self.objectives.each), -1)
        linear, products = emulators.linear[:, size:], emulators.quadratic[:, size:]
        squares = np.einsum("kss->ks", products[:, :, size:])
        by_parameter = 2.0 * np.einsum("ks,ksp->kp", own, products[:, :, :size])
        baseline = np.array([aim.baseline for aim in self.objectives.each])
        weight = own * (baseline / self.variance)[:, np.newaxis]
        return own, (own * linear).sum(axis=1), by_parameter, (own * squares).sum(axis=1), weight

    def tau(self, x: Floats) -> Floats:
        """Taus[point, kind]."""
        folded = 0.5 * (1.0 + ndtr(np.clip(x[:, len(self.priors.names) :], -MAX_X, MAX_X)))
        return np.asarray(self._tau_scales * ndtri(folded))

    def severities(self, x: Floats) -> Floats:
        """Severities[point, study with a baseline table] in standard deviations of their prior."""
        return self._expected(x)[1]

    def expected(self, x: Floats) -> Floats:
        """Figures[point, figure] at the parameters, on the targets' scales, without the shifts."""
        return self._expected(x)[0]

    def _expected(self, x: Floats) -> tuple[Floats, Floats]:
        own, constant, by_parameter, squared, weight = self._severity
        inside = np.clip(x[:, : len(self.priors.names)], -10.0, 10.0)
        at_zero = self._at_zero(inside)
        if not own.shape[1]:
            return at_zero, np.empty((len(x), 0))
        slope = constant + inside @ by_parameter.T
        severity = np.zeros((len(x), own.shape[1]))
        for _ in range(ROUNDS):
            each = severity @ own.T
            steep = slope + 2.0 * squared * each
            miss = at_zero + (slope + squared * each) * each - self.objectives.observed
            severity -= ((miss * steep) @ weight + severity) / ((steep**2) @ weight + 1.0)
            severity = np.clip(severity, -MAX_X, MAX_X)
        each = severity @ own.T
        return at_zero + (slope + squared * each) * each, severity

    def __call__(self, x: Floats) -> Floats:
        """Log density, up to a constant."""
        weights, residual, matrix, pull = self._by_study(x)
        solved = np.linalg.solve(matrix, pull[..., np.newaxis])[..., 0]
        misfit = (weights * residual**2).sum(axis=1) - (pull * solved).sum(axis=(1, 2))
        spread = -np.log(np.where(self._used, weights, 1.0)).sum(axis=1) + np.linalg.slogdet(matrix)[1].sum(axis=1)
        found: Floats = np.where(
            (np.abs(x) <= MAX_X).all(axis=1), -0.5 * ((x**2).sum(axis=1) + misfit + spread), -np.inf
        )
        return found

    def _by_study(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Precision and residual [point, figure]; and of the shifts in units of tau, given the figures: precision
        [point, study, kind, kind] and that times their expectation [point, study, kind] (Woodbury's identity).
        """
        tau, loading = self.tau(x), self._loading
        weights = self._used / (self.variance + (loading[:, 2] * tau[:, 2:]) ** 2)
        residual = self.objectives.observed - self.expected(x)
        steps = loading[:, :2] * tau[:, np.newaxis, :2]  # [point, figure, kind]
        pull = np.stack([(weights * residual * steps[:, :, i]) @ self._study for i in range(2)], axis=-1)
        rows = [[(weights * steps[:, :, i] * steps[:, :, j]) @ self._study for j in range(2)] for i in range(2)]
        matrix = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2) + np.eye(2)
        return weights, residual, matrix, pull

    def shifts(self, x: Floats) -> tuple[Floats, Floats]:
        """Means and standard deviations [study, kind] of the studies' shifts over draws x."""
        _, _, matrix, pull = self._by_study(x)
        tau, inverse = self.tau(x)[:, np.newaxis, :2], np.linalg.inv(matrix)
        means = tau * (inverse @ pull[..., np.newaxis])[..., 0]
        within = tau**2 * np.einsum("wsii->wsi", inverse)
        return means.mean(axis=0), np.sqrt(means.var(axis=0) + within.mean(axis=0))

    def implausibility(self, x: Floats) -> Floats:
        """Distance of the worst figures (see FIGURES_PER_EXCEPTION) in standard deviations, at the scales of tau."""
        variance = self.variance + ((self._loading * self._tau_scales) ** 2).sum(axis=1)
        used = self._used
        distance = np.abs(self.expected(x) - self.objectives.observed)[:, used] / np.sqrt(variance[used])
        return np.asarray(np.sort(distance, axis=1)[:, -1 - used.sum() // FIGURES_PER_EXCEPTION])

    def without(self, study: str) -> Hierarchy:
        """The same without the figures of a study; its baseline table still determines its severity."""
        return replace(self, left_out=study)

    def predictive(self, x: Floats, seed: int) -> Floats:
        """Draws[draw, figure] of what a new study with these people would publish, on the targets' scales."""
        normals, tau = Normals(seed), self.tau(x)
        shifts = normals(len(x), len(self.objectives.studies), 2) * tau[:, np.newaxis, :2]
        shifted = sum((shifts[:, :, i] @ self._study.T) * self._loading[:, i] for i in range(2))
        alone = np.sqrt(self.variance + (self._loading[:, 2] * tau[:, 2:]) ** 2)
        return np.asarray(self.expected(x) + shifted + alone * normals(*alone.shape))
