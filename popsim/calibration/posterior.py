"""The posterior of the parameters given the targets, by Markov chain Monte Carlo on the emulators.

Likelihood: each target is independently normal about the emulated figure, on its own scale; its variance is the sum of
those of the published figure, the model discrepancy, the Monte Carlo error and the emulator.

Sampler: several independent emcee ensembles (Foreman-Mackey et al. 2013, PASP 125:306), started around the best point
that a search (optuna) finds. They run until they are longer than 50 autocorrelation times and agree with each other
(split R-hat of all parameters below 1.01), or up to a maximum number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState  # the type of emcee's random state

from popsim.calibration.objectives import Objectives
from popsim.calibration.priors import Priors
from popsim.evidence.distributions import Floats
from popsim.learning.emulator import Emulators

ENSEMBLES = 4
STEPS = 500  # at a time
MAX_STEPS = 20_000
TIMES_LONGER = 50.0  # than the autocorrelation time
AGREED = 1.01  # split R-hat
TRIALS = 100  # of the search for a starting point
REACH = 3.0  # of the search, in standard deviations of the prior
MAX_STARTS = 10  # best known points, which are tried first
MAX_DRAWS = 4000  # draws kept, a random sample of all

type LogDensity = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Posterior:
    """Draws of the posterior, and whether they can be trusted.

    Attributes:
        x: draws[draw, parameter].
        start: result of the search.
        steps: of each ensemble, burn-in included.
        autocorrelation: time in steps, of the slowest parameter.
        effective: effective sample size of all draws, of the worst parameter.
        r_hat: split R-hat, by parameter.
        accepted: share of the moves.
    """

    x: Floats
    start: Floats
    steps: int
    autocorrelation: float
    effective: float
    r_hat: Floats
    accepted: float

    @property
    def converged(self) -> bool:
        """Whether the chains were long enough and agree."""
        return self.steps > TIMES_LONGER * self.autocorrelation and float(self.r_hat.max()) < AGREED


def log_posterior(priors: Priors, objectives: Objectives, emulators: Emulators, monte_carlo: Floats) -> LogDensity:
    """Log density of x[point, parameter], up to a constant.

    Args:
        priors, aims, emulators: of the calibration.
        monte_carlo: standard error of each simulated figure, on the targets' scales.
    """
    variance = objectives.variance + monte_carlo**2 + emulators.error**2
    observed = objectives.observed

    def density(x: Floats) -> Floats:
        misfit = ((emulators(np.clip(x, -10.0, 10.0)) - observed) ** 2 / variance).sum(axis=1)
        found: Floats = priors.log_density(x) - 0.5 * misfit
        return found

    return density


def sample(density: LogDensity, known: Floats, seed: int) -> Posterior:
    """Draws from a density; the same seed gives the same draws.

    Args:
        density: of x[point, parameter].
        known: points to start the search from; at least one.
        seed: of the search and of the chains.
    """
    parameters = known.shape[1]
    start = _search(density, known, seed)
    samplers = [_ensemble(density, parameters, seed + 1 + i) for i in range(ENSEMBLES)]
    walkers = samplers[0].nwalkers
    states = [_around(start, walkers, seed + 1 + i) for i in range(ENSEMBLES)]
    while True:
        states = [s.run_mcmc(state, STEPS) for s, state in zip(samplers, states, strict=True)]
        time = max(float(s.get_autocorr_time(tol=0).max()) for s in samplers)
        steps = samplers[0].iteration
        # The first half of every chain is burn-in: more than enough, once the rest is long enough.
        chains = np.stack([s.get_chain(discard=steps // 2) for s in samplers])
        r_hat = split_r_hat(chains.transpose(0, 2, 1, 3))
        if (steps > TIMES_LONGER * time and r_hat.max() < AGREED) or steps >= MAX_STEPS:
            break
    draws = chains.reshape(-1, parameters)
    kept = draws[RandomState(seed).permutation(len(draws))[:MAX_DRAWS]]
    accepted = float(np.mean([s.acceptance_fraction.mean() for s in samplers]))
    return Posterior(kept, start, int(steps), time, len(draws) / time, r_hat, accepted)


def split_r_hat(chains: Floats) -> Floats:
    """Split R-hat of each parameter over chains[ensemble, walker, step, parameter], ensembles against each other.

    Every ensemble is split into two halves in time, and its walkers are pooled: the means of the halves are compared
    with the spread within them (Gelman et al. 2013, Bayesian Data Analysis, section 11.4).
    """
    ensembles, walkers, steps, parameters = chains.shape
    half = steps // 2
    halves = chains[:, :, : 2 * half].reshape(ensembles, walkers, 2, half, parameters)
    pooled = halves.transpose(0, 2, 1, 3, 4).reshape(2 * ensembles, walkers * half, parameters)
    within = pooled.var(axis=1, ddof=1).mean(axis=0)
    between = pooled.mean(axis=1).var(axis=0, ddof=1)
    found: Floats = np.sqrt(1.0 + between / within)
    return found


def _search(density: LogDensity, known: Floats, seed: int) -> Floats:
    """The best point that optuna finds with a tree-structured Parzen estimator, starting from the best known points."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    inside = np.clip(known, -REACH, REACH)
    for point in inside[np.argsort(-density(inside), kind="stable")[:MAX_STARTS]].tolist():
        study.enqueue_trial({str(i): value for i, value in enumerate(point)})

    def tried(trial: optuna.Trial) -> float:
        x = np.array([[trial.suggest_float(str(i), -REACH, REACH) for i in range(known.shape[1])]])
        return float(density(x)[0])

    study.optimize(tried, TRIALS)
    return np.array([study.best_params[str(i)] for i in range(known.shape[1])])


def _ensemble(density: LogDensity, parameters: int, seed: int) -> Any:
    import emcee

    # Differential evolution with snooker steps (ter Braak and Vrugt 2008): a third of the stretch move's correlation.
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(max(32, 4 * parameters), parameters, density, vectorize=True, moves=moves)
    sampler.random_state = RandomState(seed).get_state()
    return sampler


def _around(start: Floats, walkers: int, seed: int) -> Floats:
    """Starting points of the walkers: around the start, dispersed enough for R-hat to be meaningful."""
    spread = RandomState(seed).standard_normal((walkers, len(start)))
    places: Floats = start + 0.3 * spread
    return places
