"""Draws of a posterior by Markov chain Monte Carlo.

Sampler: several independent emcee ensembles (Foreman-Mackey et al. 2013, PASP 125:306), started about the mode with a
little more than the spread that its curvature suggests. They run until they are longer than some autocorrelation times
and agree with each other (split R-hat of all parameters), or up to a maximum number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState  # the type of emcee's random state

from popsim.evidence.distributions import Floats

THIN = 5  # steps for one that is kept
KEPT_AT_A_TIME = 100
MAX_STEPS = 40_000
REACH = 4.0  # of the search for the mode and of starting points, in standard deviations of the prior
STRIDE = 1e-3  # of numerical derivatives
WIDER = 1.5  # starting points about the mode, against the posterior
MAX_DRAWS = 4000  # draws kept, a random sample of all

type LogDensity = Callable[[Floats], Floats]


class Effort(NamedTuple):
    """Number of ensembles, and when they are long enough: their length in autocorrelation times, and split R-hat."""

    ensembles: int
    times_longer: float
    agreed: float


THOROUGH, QUICK = Effort(4, 50.0, 1.01), Effort(2, 20.0, 1.05)


@dataclass(frozen=True)
class Posterior:
    """Draws of the posterior, and whether they can be trusted.

    Attributes:
        x: draws[draw, parameter].
        start: the mode.
        steps: of each ensemble, burn-in included.
        autocorrelation: time in steps, of the slowest parameter.
        effective: effective sample size of all draws, of the worst parameter.
        r_hat: split R-hat, by parameter.
        accepted: share of the moves.
        converged: whether the chains were long enough and agree.
    """

    x: Floats
    start: Floats
    steps: int
    autocorrelation: float
    effective: float
    r_hat: Floats
    accepted: float
    converged: bool


def sample(density: LogDensity, known: Floats, seed: int, effort: Effort = THOROUGH) -> Posterior:
    """Draws from a density; the same seed gives the same draws.

    Args:
        density: of x[point, parameter], whose prior is standard normal.
        known: points from the best of which the search for the mode starts; at least one.
        seed: of the chains.
        effort: when to stop.
    """
    parameters = known.shape[1]
    mode, factor = _mode(density, known)
    samplers = [_ensemble(density, parameters, seed + 1 + i) for i in range(effort.ensembles)]
    walkers = samplers[0].nwalkers
    about = [
        RandomState(seed + 1 + i).standard_normal((walkers, parameters)) @ factor.T for i in range(effort.ensembles)
    ]
    states: list[Any] = [np.clip(mode + WIDER * steps, -REACH, REACH) for steps in about]
    while True:
        states = [s.run_mcmc(state, KEPT_AT_A_TIME, thin_by=THIN) for s, state in zip(samplers, states, strict=True)]
        kept = samplers[0].iteration
        # The first half of every chain is burn-in: more than enough, once the rest is long enough.
        chains = np.stack([s.get_chain(discard=kept // 2) for s in samplers])
        time = max(float(s.get_autocorr_time(discard=kept // 2, tol=0).max()) for s in samplers)
        r_hat = split_r_hat(chains.transpose(0, 2, 1, 3))
        converged = kept > effort.times_longer * time and float(r_hat.max()) < effort.agreed
        if converged or kept * THIN >= MAX_STEPS:
            break
    draws = chains.reshape(-1, parameters)
    chosen = draws[RandomState(seed).permutation(len(draws))[:MAX_DRAWS]]
    accepted = float(np.mean([s.acceptance_fraction.mean() for s in samplers]))
    return Posterior(chosen, mode, kept * THIN, time * THIN, len(draws) / time, r_hat, accepted, converged)


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


def _mode(density: LogDensity, known: Floats) -> tuple[Floats, Floats]:
    """The mode, and a factor of the normal covariance about it, which is never wider than the prior."""
    from scipy.optimize import minimize

    steps = STRIDE * np.eye(known.shape[1])

    def slope(x: Floats) -> Floats:
        above, below = np.split(density(np.vstack([x + steps, x - steps])), 2)
        return np.asarray((below - above) / (2.0 * STRIDE))  # of minus the density

    inside = np.clip(known, -REACH, REACH)
    best = inside[np.argmax(density(inside))]
    found = minimize(
        lambda x: -float(density(x[np.newaxis])[0]),
        best,
        jac=slope,
        method="L-BFGS-B",
        bounds=[(-REACH, REACH)] * len(best),
    )
    curvature = np.array([(slope(found.x + step) - slope(found.x - step)) / (2.0 * STRIDE) for step in steps])
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2.0)
    return found.x, vectors / np.sqrt(np.maximum(values, 1.0))


def _ensemble(density: LogDensity, parameters: int, seed: int) -> Any:
    import emcee

    # Differential evolution (ter Braak 2006) has a third of the stretch move's correlation. emcee's snooker steps are
    # left out: they make the posterior too narrow, by 5% with six parameters.
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.StretchMove(), 0.2)]
    sampler = emcee.EnsembleSampler(max(32, 2 * parameters + 2), parameters, density, vectorize=True, moves=moves)
    sampler.random_state = RandomState(seed).get_state()
    return sampler
