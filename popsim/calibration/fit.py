"""A calibration: waves of simulation that rule parameters out, then the posterior of what is left, then checks.

The first wave fills the prior. After each wave every figure is emulated, and the next wave fills what the figures do
not rule out (history.py). Chains on the last emulators give the posterior of the parameters and of what differs between
studies (hierarchy.py); the same without each study in turn says how well its figures are predicted. Points that are
simulated together share people and random numbers, other points have others, so that the emulators average over them.
At the end the original parameters, the posterior mean and posterior draws are simulated with people and random numbers
of their own, as a check of the emulators.

Points and figures are stored as soon as they are known. An interrupted calibration resumes there, and within a part of
a wave from the last finished simulation.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from popsim.calibration.hierarchy import KINDS, Hierarchy
from popsim.calibration.history import Normals, not_ruled_out
from popsim.calibration.objectives import Objectives, Simulated
from popsim.calibration.posterior import QUICK, THOROUGH, Posterior, sample
from popsim.calibration.priors import Priors
from popsim.definitions.calibration import Calibration
from popsim.errors import InputError
from popsim.evidence.distributions import Floats
from popsim.learning.emulator import MIN_POINTS, Emulators, fit_all

CHECK_STREAM = 0  # stream of the check; parts of the waves are counted from 1 on
OWN, MEAN, DRAWS = 0, 1, 2  # rows of the check: original parameters, their posterior means, from here on draws
PART = 10  # points that share their random numbers, and are simulated before their figures are stored
SEVERITY_SPREAD = 0.5  # of a severity about what meets the baseline table, in later waves
INTERVALS = (0.5, 0.95)  # of predictions of a study that was left out

type Say = Callable[[str], None]


class Simulator(Protocol):
    """The simulator to which parameters are fitted."""

    def __call__(self, names: Sequence[str], values: Floats, stream: int) -> Simulated:
        """The figures of all targets at values[point, column]; points share the random numbers of `stream`."""


@dataclass(frozen=True)
class CalibrationProblem:
    """The problem.

    Attributes:
        calibration: sizes, seed and waves.
        priors, objectives: of the parameters, and the published figures.
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
        x: all simulated points[point, column], of all waves.
        waves: wave of each point, from 1 on.
        simulated: figures at the points.
        hierarchy, posterior: after the last wave; the draws are of parameters and taus.
        left: share of the prior that the figures do not rule out, after each wave.
        left_out: prediction of every figure by the other studies.
        checked: figures on new random numbers; rows OWN, MEAN and from DRAWS on.
    """

    problem: CalibrationProblem
    x: Floats
    waves: tuple[int, ...]
    simulated: Simulated
    hierarchy: Hierarchy
    posterior: Posterior
    left: tuple[float, ...]
    left_out: pl.DataFrame
    checked: Simulated

    @property
    def emulators(self) -> Emulators:
        """After the last wave."""
        return self.hierarchy.emulators

    @property
    def x_draws(self) -> Floats:
        """Posterior draws[draw, parameter] of the parameters, each standard normal in the prior."""
        return self.posterior.x[:, : len(self.problem.priors.names)]

    @property
    def draws(self) -> Floats:
        """Posterior draws[draw, parameter] of the parameters themselves."""
        return self.problem.priors.values(self.x_draws)

    @property
    def tau(self) -> Floats:
        """Posterior draws[draw, kind] of what differs between studies."""
        return self.hierarchy.tau(self.posterior.x)


def calibrate(problem: CalibrationProblem, folder: Path, say: Say = lambda text: None) -> Fit:
    """Fit the parameters; `folder` stores the waves, and has those of an interrupted calibration.

    Raises:
        InputError: a target cannot be measured in enough simulations.
        RunError: simulations failed.
    """
    calibration, priors, objectives = problem.calibration, problem.priors, problem.objectives
    size = len(priors.names)
    x, values, errors = np.empty((0, len(priors.columns))), *np.empty((2, 0, len(objectives.each)))
    waves: list[int] = []
    streams: list[int] = []
    left: list[float] = []
    points = priors.design(calibration.points, calibration.seed)
    for wave in range(1, calibration.waves + 1):
        points = _noted(folder / f"points_{wave}.parquet", priors.columns, points)
        own = range(len(streams) + 1, len(streams) + 1 + math.ceil(len(points) / PART))
        found = _simulated(problem, folder / f"wave_{wave}", priors.values(points), own, say)
        streams += own
        x, values, errors = np.vstack([x, points]), np.vstack([values, found[0]]), np.vstack([errors, found[1]])
        waves += [wave] * len(points)
        hierarchy = _emulated(problem, x, Simulated(values, errors), waves, len(streams))
        normals = Normals(calibration.seed + wave)
        space = not_ruled_out(hierarchy.implausibility, size, calibration.cut, normals)
        left.append(space.share)
        points = _next_points(hierarchy, space.points[: calibration.points_later], normals)
        say(_progress(wave, len(x), hierarchy.emulators, space.share, space.limit, calibration.cut))
    start = np.hstack([space.points, np.zeros((len(space.points), len(KINDS)))])
    posterior = sample(hierarchy, start, calibration.seed, THOROUGH)
    say(_chains(hierarchy, posterior))
    left_out = _leave_out_each(hierarchy, posterior, folder, say)
    known = np.hstack([posterior.x[:, :size], hierarchy.severities(posterior.x)])
    drawn = priors.values(known)
    original = np.append(priors.own, np.zeros(len(priors.severities)))
    check = np.vstack([original, drawn.mean(axis=0), drawn])[: DRAWS + calibration.checks]
    check = _noted(folder / "check_points.parquet", priors.columns, check)
    checked = _simulated(problem, folder / "check", check, [CHECK_STREAM] * math.ceil(len(check) / PART), say)
    everything = Simulated(values, errors)
    return Fit(problem, x, tuple(waves), everything, hierarchy, posterior, tuple(left), left_out, checked)


def _emulated(
    problem: CalibrationProblem, x: Floats, simulated: Simulated, waves: Sequence[int], streams: int
) -> Hierarchy:
    """Emulators of all figures: of the parameters, and of the severity of their own people.

    What an emulator leaves unexplained beyond the Monte Carlo error of a point is its misfit, and no average over
    `streams` of random numbers helps it.
    """
    priors, objectives = problem.priors, problem.objectives
    figures = objectives.on_scale(simulated.values)
    _refuse_unmeasured(figures, objectives)
    own = [[True] * len(priors.names) + [aim.source == name for name in priors.severities] for aim in objectives.each]
    emulators = fit_all(x, figures, waves, np.array(own))
    last = np.array(waves) == waves[-1]
    errors = objectives.errors_on_scale(*simulated)[last]
    for name, known in zip(objectives.names, np.isfinite(errors).any(axis=0), strict=True):
        if not known:
            raise InputError(f"target '{name}': none of its figures has a standard error: simulate more people")
    monte_carlo = np.nanmean(errors**2, axis=0)
    misfit = np.maximum(emulators.noise**2 - monte_carlo, 0.0)
    emulators = replace(emulators, error=np.sqrt(emulators.error**2 + misfit))
    return Hierarchy(priors, objectives, emulators, np.sqrt(monte_carlo / streams))


def _next_points(hierarchy: Hierarchy, x: Floats, normals: Normals) -> Floats:
    """Points of the next wave: parameters with severities about those that meet the baseline tables."""
    severities = hierarchy.severities(x)
    near = severities + SEVERITY_SPREAD * normals(*severities.shape)
    return np.hstack([x, near])


def _leave_out_each(hierarchy: Hierarchy, posterior: Posterior, folder: Path, say: Say) -> pl.DataFrame:
    """Each study's figures as the others predict them.

    Returns:
        study, target, published, predicted, low, high (central 95%; on the target's scale), z (of the published figure
        in the prediction), inside_50, inside_95.
    """
    tables = [pl.DataFrame(schema={"study": pl.String, "inside_95": pl.Boolean})]
    objectives = hierarchy.objectives
    studies = objectives.studies if len(objectives.studies) > 1 else ()
    for number, study in enumerate(studies):
        path = folder / f"left_out_{number}.parquet"
        if not path.exists():
            chains = sample(hierarchy.without(study), posterior.x, number, QUICK)
            drawn = hierarchy.predictive(chains.x, number)
            middle, sd = drawn.mean(axis=0), drawn.std(axis=0)
            rows = []
            for i, aim in enumerate(objectives.each):
                if aim.study == study and not aim.baseline:
                    rank = float((drawn[:, i] < objectives.observed[i]).mean())
                    inside = {f"inside_{share:.0%}".rstrip("%"): abs(rank - 0.5) < share / 2.0 for share in INTERVALS}
                    low, high = np.quantile(drawn[:, i], [0.025, 0.975]).tolist()
                    row = {"study": study, "target": aim.name, "published": float(objectives.observed[i])}
                    row |= {"predicted": float(middle[i]), "low": low, "high": high}
                    rows.append(row | {"z": float((objectives.observed[i] - middle[i]) / sd[i])} | inside)
            write_frame(pl.DataFrame(rows), path)
        table = pl.read_parquet(path)
        say(f"without {study}: {table['inside_95'].sum()} of its {len(table)} figures inside 95% of their prediction")
        tables.append(table)
    return pl.concat(tables[1:] or tables)


def _simulated(problem: CalibrationProblem, path: Path, values: Floats, streams: Sequence[int], say: Say) -> Simulated:
    """Figures from the simulator, or those stored before, PART points at a time, each part with its stream."""
    names, columns = problem.objectives.names, problem.priors.columns
    frames = []
    for start, stream in zip(range(0, len(values), PART), streams, strict=True):
        part = path.with_name(f"{path.name}_{start}.parquet")
        if not part.exists():
            found = problem.simulate(columns, values[start : start + PART], stream)
            figures = {f"value.{name}": found.values[:, i] for i, name in enumerate(names)}
            figures |= {f"error.{name}": found.errors[:, i] for i, name in enumerate(names)}
            write_frame(pl.DataFrame(figures), part)
            say(f"{path.name.replace('_', ' ')}: {min(start + PART, len(values))} of {len(values)} points simulated")
        frames.append(pl.read_parquet(part))
    frame = pl.concat(frames)
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


def _progress(wave: int, points: int, emulators: Emulators, share: float, limit: float, cut: float) -> str:
    explained = (
        f"emulators explain {np.median(emulators.explained):.0%} (median), {emulators.explained.min():.0%} or more"
    )
    unreached = f" (within {limit:.1f} sd, as nothing is within {cut:g})" if limit > cut else ""
    return f"wave {wave}: {points} points, {explained}; {share:.2g} of the prior is not ruled out{unreached}"


def _chains(hierarchy: Hierarchy, posterior: Posterior) -> str:
    tau = ", ".join(
        f"{kind} {mean:.3f}" for kind, mean in zip(KINDS, hierarchy.tau(posterior.x).mean(axis=0), strict=True)
    )
    return (
        f"posterior: {posterior.steps} steps of {posterior.autocorrelation:.0f} autocorrelation, R-hat "
        f"{posterior.r_hat.max():.3f}{'' if posterior.converged else ': NOT converged'}; tau: {tau}"
    )
