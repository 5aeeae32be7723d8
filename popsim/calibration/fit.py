"""A calibration: waves of simulation, each followed by emulators and a posterior, then a check.

The first wave fills the prior; each later one uses draws of the posterior so far, where the emulators must be accurate.
All points share people and random numbers. At the end the original parameters, the posterior mean and posterior draws
are simulated with new people and random numbers, as a check of the emulators.

Points and figures of a wave are stored at once. An interrupted calibration resumes there, and within a wave from the
last finished simulation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from popsim.calibration.objectives import Objectives, Simulated
from popsim.calibration.posterior import Posterior, log_posterior, sample
from popsim.calibration.priors import Priors
from popsim.definitions.calibration import Calibration
from popsim.errors import InputError
from popsim.evidence.distributions import Floats
from popsim.learning.emulator import MIN_POINTS, Emulators, fit_all

USUAL_LUCK, FRESH_LUCK = 0, 1
OWN, MEAN, DRAWS = 0, 1, 2  # rows of the check: original parameters, their posterior means, from here on draws

type Say = Callable[[str], None]


class Simulator(Protocol):
    """The simulator to which parameters are fitted."""

    def __call__(self, names: Sequence[str], values: Floats, stream: int) -> Simulated:
        """The figures of all targets at values[point, parameter]; points share the random numbers of `stream`."""


@dataclass(frozen=True)
class CalibrationProblem:
    """The problem.

    Attributes:
        calibration: sizes, seed and waves.
        priors, aims: of the parameters, and the published figures.
        simulate: the simulator, from parameters to figures.
    """

    calibration: Calibration
    priors: Priors
    objectives: Objectives
    simulate: Simulator


@dataclass(frozen=True)
class Fit:
    """The result.

    Attributes:
        problem: the problem.
        x: all simulated points[point, parameter], of all waves.
        waves: wave of each point, from 1 on.
        simulated: figures at the points.
        emulators, posterior: after the last wave.
        monte_carlo: standard error of each figure in the waves, on the targets' scales.
        checked: figures on new random numbers; rows OWN, MEAN and from DRAWS on.
        check_values: values[row, parameter] of the check.
    """

    problem: CalibrationProblem
    x: Floats
    waves: tuple[int, ...]
    simulated: Simulated
    emulators: Emulators
    posterior: Posterior
    monte_carlo: Floats
    checked: Simulated
    check_values: Floats

    @property
    def draws(self) -> Floats:
        """Posterior draws[draw, parameter] of the parameters themselves."""
        return self.problem.priors.values(self.posterior.x)


def calibrate(problem: CalibrationProblem, folder: Path, say: Say = lambda text: None) -> Fit:
    """Fit the parameters; `folder` stores the waves, and has those of an interrupted calibration.

    Raises:
        InputError: a target cannot be measured in enough simulations.
        RunError: simulations failed.
    """
    calibration, priors, objectives = problem.calibration, problem.priors, problem.objectives
    x, values, errors = np.empty((0, len(priors.names))), *np.empty((2, 0, len(objectives.each)))
    waves: list[int] = []
    points = priors.design(calibration.points, calibration.seed)
    for wave in range(1, calibration.waves + 1):
        points = _noted(folder / f"points_{wave}.parquet", priors.names, points)
        found = _simulated(problem, folder / f"wave_{wave}.parquet", priors.values(points), USUAL_LUCK)
        x, values, errors = np.vstack([x, points]), np.vstack([values, found[0]]), np.vstack([errors, found[1]])
        waves += [wave] * len(points)
        figures = objectives.on_scale(values)
        _refuse_unmeasured(figures, objectives)
        emulators = fit_all(x, figures, waves)
        last = np.array(waves) == wave
        monte_carlo = np.sqrt(np.nanmean(objectives.errors_on_scale(values, errors)[last] ** 2, axis=0))
        posterior = sample(log_posterior(priors, objectives, emulators, monte_carlo), x, calibration.seed)
        points = posterior.x[: calibration.points_later]
        say(_progress(wave, len(x), emulators, posterior))
    asked = np.vstack([priors.own, priors.values(posterior.x).mean(axis=0), priors.values(posterior.x)])
    asked = _noted(folder / "check_points.parquet", priors.names, asked[: DRAWS + calibration.checks])
    checked = _simulated(problem, folder / "check.parquet", asked, FRESH_LUCK)
    everything = Simulated(values, errors)
    return Fit(problem, x, tuple(waves), everything, emulators, posterior, monte_carlo, checked, asked)


def _simulated(problem: CalibrationProblem, path: Path, values: Floats, stream: int) -> Simulated:
    """Figures from the simulator, or those stored before."""
    names = problem.objectives.names
    if not path.exists():
        found = problem.simulate(problem.priors.names, values, stream)
        columns = {f"value.{name}": found.values[:, i] for i, name in enumerate(names)}
        columns |= {f"error.{name}": found.errors[:, i] for i, name in enumerate(names)}
        write_frame(pl.DataFrame(columns), path)
    frame = pl.read_parquet(path)
    tables = (frame.select(f"{kind}.{name}" for name in names).to_numpy() for kind in ("value", "error"))
    return Simulated(*(np.ascontiguousarray(table) for table in tables))


def _noted(path: Path, names: Sequence[str], points: Floats) -> Floats:
    """These points, or those stored for the wave: they must not change half-way through it."""
    if not path.exists():
        write_frame(pl.DataFrame({name: points[:, i] for i, name in enumerate(names)}), path)
    return np.ascontiguousarray(pl.read_parquet(path).select(names).to_numpy())


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write a table atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    frame.write_parquet(temporary)
    temporary.replace(path)


def _refuse_unmeasured(figures: Floats, objectives: Objectives) -> None:
    known = np.isfinite(figures).sum(axis=0)
    for name, number in zip(objectives.names, known, strict=True):
        if number < max(MIN_POINTS, len(figures) // 2):
            raise InputError(f"target '{name}': measured at {number} of {len(figures)} points: simulate more people")


def _progress(wave: int, points: int, emulators: Emulators, posterior: Posterior) -> str:
    worst = float(emulators.explained.min())
    return (
        f"wave {wave}: {points} points, emulators explain {worst:.0%} or more; {posterior.steps} steps of "
        f"{posterior.autocorrelation:.0f} autocorrelation, R-hat {posterior.r_hat.max():.3f}"
        f"{'' if posterior.converged else ': NOT converged'}"
    )
