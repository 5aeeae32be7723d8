"""A simulator whose posterior is known: figures linear in the parameters, everything normal."""

from dataclasses import dataclass, field

import numpy as np

from popsim.calibration.fit import CalibrationProblem
from popsim.calibration.objectives import Objective, Objectives, Simulated
from popsim.calibration.priors import Priors
from popsim.definitions.calibration import CalibratedParameter, Calibration
from popsim.evidence.distributions import NormalDistribution

NAMES = (
    "heart_failure.non_cardiovascular_log_ratio",
    "heart_failure.non_cardiovascular_log_frailty",
    "heart_failure.non_cardiovascular_log_infection",
)
PRIOR_MEAN, PRIOR_SD = np.array([0.75, 1.8, 3.2]), np.array([0.2, 0.25, 0.3])
EFFECTS = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, -1.0], [0.2, 0.2, 0.2]])
TRUTH = np.array([0.9, 1.6, 3.4])
ERRORS = np.array([0.05, 0.1, 0.15, 0.1])  # of the published figures
MONTE_CARLO = 0.02
STREAMS = 6  # parts of the waves of `problem`, each with random numbers of its own


@dataclass
class Linear:
    """Figures = EFFECTS @ parameters; counts how often it is asked, and gives up when it has been asked so often."""

    gives_up_at: int = 99
    asked: list = field(default_factory=list)

    def __call__(self, names, values, stream):
        if len(self.asked) == self.gives_up_at:
            raise KeyboardInterrupt
        self.asked.append((tuple(names), len(values), stream))
        return Simulated(values @ EFFECTS.T, np.full((len(values), len(EFFECTS)), MONTE_CARLO))


def calibration(**changes):
    groups = ("death", "death", "rest")
    parameters = tuple(CalibratedParameter(name=name, group=group) for name, group in zip(NAMES, groups, strict=True))
    sizes = {"points": 32, "points_later": 16, "checks": 8, "discrepancy": 0.0, "seed": 3}
    return Calibration(name="toy", parameters=parameters, **(sizes | changes))


def priors():
    distributions = tuple(NormalDistribution(float(m), float(sd)) for m, sd in zip(PRIOR_MEAN, PRIOR_SD, strict=True))
    return Priors(NAMES, ("identity",) * 3, distributions, PRIOR_MEAN, ("1",) * 3, ((-np.inf, np.inf),) * 3)


def objectives(figures=None):
    figures = EFFECTS @ TRUTH if figures is None else figures
    pairs = zip(figures.tolist(), ERRORS.tolist(), strict=True)
    return Objectives(tuple(Objective(f"figure_{i}", value, error) for i, (value, error) in enumerate(pairs)))


def problem(simulate=None, figures=None, **changes):
    return CalibrationProblem(calibration(**changes), priors(), objectives(figures), simulate or Linear())


def exact_posterior(figures=None):
    """Mean and covariance of the normal posterior (Bayesian linear regression)."""
    figures = EFFECTS @ TRUTH if figures is None else figures
    weight = np.diag(1.0 / (ERRORS**2 + MONTE_CARLO**2 / STREAMS))
    prior = np.diag(1.0 / PRIOR_SD**2)
    covariance = np.linalg.inv(EFFECTS.T @ weight @ EFFECTS + prior)
    return covariance @ (EFFECTS.T @ weight @ figures + prior @ PRIOR_MEAN), covariance


TAU = np.array([0.2, 0.15, 0.04])  # admission, death, ratio
SEVERITY_SD = 1.5


def _truth(number, row):
    return np.random.default_rng([7, row]).standard_normal((24, 4))[:number]


def true_shifts(number):
    """Shifts [study, kind] of log admission and log death."""
    return _truth(number, 0)[:, :2] * TAU[:2]


def true_severities(number):
    """Severities [study] in mmHg."""
    return SEVERITY_SD * _truth(number, 0)[:, 2]


def studies(number, **changes):
    """Studies with a log rate of admission and of death, a log hazard ratio, and a median of the baseline table."""
    effects = np.random.default_rng(5).uniform(-1.0, 1.0, (number, 4, 3))
    effects[:, 3] *= 0.1
    of_severity = np.array([0.15, 0.1, 0.0, 0.2])
    errors, noise = np.array([0.04, 0.04, 0.04, 0.02]), _truth(number, 1)
    names = [f"study_{i}" for i in range(number)]

    def figures(values, severities):
        logs = np.einsum("wp,sfp->wsf", values, effects) + severities[:, :, np.newaxis] * of_severity
        return np.exp(logs).reshape(len(values), -1)

    def simulate(columns, values, stream):
        assert columns == (*NAMES, *(f"severity.{name}" for name in names))
        found = figures(values[:, :3], values[:, 3:])
        return Simulated(found, 0.01 * found)

    truth = np.log(figures(TRUTH[np.newaxis], true_severities(number)[np.newaxis])).reshape(number, 4)
    shifts, ratio = true_shifts(number), TAU[2] * _truth(number, 0)[:, 3]
    truth[:, :2] += shifts
    truth[:, 2] += ratio
    published = np.exp(truth + errors * noise)
    loading = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    each = [
        Objective(
            f"{name}_{kind}", float(published[i, j]), float(errors[j]), "log", name, "ratio", name, name, "toy", "",
            loading[j], kind == "median",
        )
        for i, name in enumerate(names)
        for j, kind in enumerate(("admission", "death", "ratio", "median"))
    ]  # fmt: skip
    sizes = {"points": 64, "points_later": 40}
    old = priors()
    known = Priors(old.names, old.scales, old.distributions, old.own, old.units, old.bounds, tuple(names), SEVERITY_SD)
    return CalibrationProblem(calibration(**(sizes | changes)), known, Objectives(tuple(each)), simulate)
