"""Results of a calibration: a file of parameters for experiments, and tables of identifiability and fit."""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.calibration.fit import DRAWS, MEAN, OWN, Fit
from popsim.calibration.hierarchy import KINDS, spread_by_tau
from popsim.calibration.objectives import natural
from popsim.calibration.priors import on_scale
from popsim.definitions.calibration import Calibrated, Calibration, FittedFigure, Heterogeneity
from popsim.definitions.distributions import Beta, Lognormal, Normal, Uncertainty
from popsim.definitions.parameter import FITTED, ParameterChange
from popsim.definitions.uncertainty import Correlated
from popsim.evidence.correlation import smallest_eigenvalue
from popsim.evidence.distributions import Floats, distribution_of
from popsim.evidence.support import MAX_OUTSIDE
from popsim.statistics import Z_95

DIGITS = 6  # significant digits in the file
MIN_EIGENVALUE = 1e-4  # of a correlation matrix in the file; below it, the matrix is shrunk towards the identity
MAX_INFORMED_VARIANCE = 0.5  # share of the prior variance left along a direction that the targets hardly inform
NARROWER = 0.95  # step by which a posterior is narrowed that would leave its parameter's bounds
MIN_LOADING = 0.3  # minimum loading of a parameter that is named in a direction


def calibrated(fit: Fit, description: str) -> Calibrated:
    """The posterior as values, distributions on each parameter's scale, and their correlation (a Gaussian copula)."""
    priors, draws = fit.problem.priors, fit.draws
    means, errors = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    source = f"{FITTED}{fit.problem.calibration.name}"
    each_parameter = zip(priors.names, priors.scales, means.tolist(), errors.tolist(), priors.bounds, strict=True)
    parameters: dict[str, float | ParameterChange] = {
        name: ParameterChange(value=_short(mean), uncertainty=_family(scale, _short(mean), error, bounds, source))
        for name, scale, mean, error, bounds in each_parameter
    }
    groups: tuple[Correlated, ...] = ()
    if len(priors.names) > 1:
        matrix = _positive(np.atleast_2d(np.corrcoef(on_scale(draws, priors.scales).T)))
        rows = tuple(tuple(round(value, 4) for value in row) for row in matrix.tolist())
        groups = (Correlated(distribution="correlated", parameters=priors.names, correlation=rows, source=source),)
    each = fit.problem.objectives.each
    return Calibrated(
        name=fit.problem.calibration.name,
        description=description,
        tau=mean_tau(fit),
        discrepancy=fit.problem.calibration.discrepancy,
        severity=fit.problem.calibration.severity,
        fitted=tuple(
            FittedFigure(name=a.name, study=a.study, source=a.reference, figure=a.figure)
            for a in each
            if not a.baseline
        ),
        parameters=parameters,
        parameter_groups=groups,
        information_groups=information_groups(fit.problem.calibration),
    )


def mean_tau(fit: Fit) -> Heterogeneity:
    """Posterior means of what differs between studies."""
    return Heterogeneity(
        **{kind: _short(mean) for kind, mean in zip(KINDS, fit.tau.mean(axis=0).tolist(), strict=True)}
    )


def information_groups(calibration: Calibration) -> dict[str, tuple[str, ...]]:
    """Parameters by the group that the calibration puts them in."""
    groups = dict.fromkeys(one.group for one in calibration.parameters if one.group)
    return {group: tuple(one.name for one in calibration.parameters if one.group == group) for group in groups}


def studies_table(fit: Fit) -> pl.DataFrame:
    """What each study differs by.

    Returns:
        study, figures (fitted), admission, admission_sd, death, death_sd: posterior of its shifts of log hazards;
        left_out and left_out_inside: its figures as the others predict them, and how many lie inside 95%.
    """
    hierarchy, studies = fit.hierarchy, fit.problem.objectives.studies
    means, sds = hierarchy.shifts(fit.posterior.x)
    counts = [sum(aim.study == study and not aim.baseline for aim in fit.problem.objectives.each) for study in studies]
    columns = {
        f"{kind}{end}": part[:, i] for i, kind in enumerate(KINDS[:2]) for end, part in (("", means), ("_sd", sds))
    }
    inside = fit.left_out.group_by("study").agg(left_out_inside=pl.col("inside_95").sum())
    return pl.DataFrame({"study": studies, "figures": counts} | columns).join(
        inside, on="study", how="left", maintain_order="left"
    )


def severities_table(fit: Fit) -> pl.DataFrame:
    """Severity (shift of the filling pressure, mmHg) that meets each baseline table: source, mean, sd."""
    priors = fit.problem.priors
    found = priors.severity_sd * fit.hierarchy.severities(fit.posterior.x)
    return pl.DataFrame({"source": priors.severities, "mean": found.mean(axis=0), "sd": found.std(axis=0)})


def identifiability(fit: Fit) -> pl.DataFrame:
    """The information of the targets about each parameter.

    Returns:
        parameter, unit, own (value before), prior_mean, prior_sd, mean, sd, low, high (posterior, central 95%), left:
        the posterior's standard deviation as a share of the prior's, on the scale on which the prior is normal (1: the
        targets are uninformative).
    """
    priors, draws = fit.problem.priors, fit.draws
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return pl.DataFrame(
        {
            "parameter": priors.names,
            "unit": priors.units,
            "own": priors.own,
            "prior_mean": [d.mean for d in priors.distributions],
            "prior_sd": [d.standard_error for d in priors.distributions],
            "mean": draws.mean(axis=0),
            "sd": draws.std(axis=0, ddof=1),
            "low": low,
            "high": high,
            "left": fit.x_draws.std(axis=0, ddof=1),
        }
    )


def correlation(fit: Fit) -> Floats:
    """Posterior correlation[parameter, parameter], on the scale on which the priors are normal."""
    return np.atleast_2d(np.corrcoef(fit.x_draws.T))


def directions(fit: Fit) -> pl.DataFrame:
    """Combinations of parameters, best informed first: eigenvectors of the posterior covariance.

    Returns:
        left: share of the prior's standard deviation left along the direction; informed: whether less than half of the
        prior's variance is left; combination: the parameters that make up most of it, with their loadings.
    """
    variances, vectors = np.linalg.eigh(np.atleast_2d(np.cov(fit.x_draws.T)))
    rows = []
    for variance, vector in zip(variances.tolist(), vectors.T, strict=True):
        loadings = vector * np.sign(vector[np.argmax(np.abs(vector))])
        order = np.argsort(-np.abs(loadings))
        named = [i for place, i in enumerate(order) if place == 0 or abs(loadings[i]) >= MIN_LOADING]
        text = " ".join(f"{loadings[i]:+.2f} {fit.problem.priors.names[i].partition('.')[2]}" for i in named)
        rows.append({"left": variance**0.5, "informed": variance < MAX_INFORMED_VARIANCE, "combination": text})
    return pl.DataFrame(rows)


def fit_table(fit: Fit) -> pl.DataFrame:
    """Each target before and after, simulated with new random numbers.

    Returns:
        target, group, unit, published with low and high (95%), before (original parameters), after (at the
        posterior mean), after_low, after_high (95% of posterior draws), error_before and error_after (distance from the
        published figure on the target's scale, in standard deviations of published figure, discrepancy, Monte Carlo
        error and tau together), error_low, error_high (of 95% of the posterior draws), monte_carlo, emulator_error (on
        that scale), explained (share of the variance of held-out points that the emulator explains). Null where nothing
        could be measured.
    """
    objectives = fit.problem.objectives
    on = objectives.on_scale(fit.checked.values)
    errors = objectives.errors_on_scale(fit.checked.values, fit.checked.errors)
    between = np.array([spread_by_tau(aim.loading, mean_tau(fit)) for aim in objectives.each])
    spread = np.sqrt(objectives.variance + between**2 + np.nanmean(errors[[OWN, MEAN]] ** 2, axis=0))
    distance = (on - objectives.observed) / spread
    sampling = np.array([aim.error for aim in objectives.each])
    published = natural(objectives.observed + np.array([[-Z_95], [Z_95]]) * sampling, objectives.each)
    low, high = np.nanquantile(fit.checked.values[DRAWS:], [0.025, 0.975], axis=0)
    nearest, furthest = np.nanquantile(distance[DRAWS:], [0.025, 0.975], axis=0)
    return pl.DataFrame(
        {
            "target": objectives.names,
            "group": [aim.group for aim in objectives.each],
            "unit": [aim.unit for aim in objectives.each],
            "published": [aim.value for aim in objectives.each],
            "low": published[0],
            "high": published[1],
            "before": fit.checked.values[OWN],
            "after": fit.checked.values[MEAN],
            "after_low": low,
            "after_high": high,
            "error_before": distance[OWN],
            "error_after": distance[MEAN],
            "error_low": nearest,
            "error_high": furthest,
            "monte_carlo": fit.hierarchy.monte_carlo,
            "emulator_error": fit.emulators.error,
            "explained": fit.emulators.explained,
        }
    ).with_columns(pl.col(pl.Float64).exclude("explained").fill_nan(None))


def _family(scale: str, mean: float, error: float, bounds: tuple[float, float], source: str) -> Uncertainty:
    """The distribution that is (nearly) normal on the scale, with this mean, and as wide as its bounds allow."""
    kinds: dict[str, type[Beta | Lognormal | Normal]] = {"log": Lognormal, "logit": Beta, "identity": Normal}
    kind = kinds[scale]
    while True:
        given = {"distribution": kind.__name__.lower(), "standard_error": _short(error), "source": source}
        found = kind.model_validate(given)
        if distribution_of(found, mean).outside(*bounds) < MAX_OUTSIDE:
            return found
        error *= NARROWER


def _positive(matrix: Floats) -> Floats:
    """A correlation matrix made safely positive definite."""
    least = smallest_eigenvalue(matrix)
    if least >= MIN_EIGENVALUE:
        return matrix
    share = (MIN_EIGENVALUE - least) / (1.0 - least)
    mixed: Floats = (1.0 - share) * matrix + share * np.eye(len(matrix))
    return mixed


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
