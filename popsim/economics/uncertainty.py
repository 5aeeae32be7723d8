"""Monte Carlo error and parameter uncertainty, separated by a nested (one-way random effects) analysis of variance.

Value r of parameter draw d is y_dr = mean + a_d + e_dr. The a_d are the effects of the parameters (standard deviation
`parameter_sd`), the e_dr is the noise of a replication (`replication_sd`); n_d replications of D draws, N in all:

    replication_sd^2 = sum of squares within draws / (N - D)
    parameter_sd^2   = variance of the draws' means - replication_sd^2 x mean of 1/n_d

Both are unbiased, also when draws have unequal numbers of replications; with equal numbers they are the classic ANOVA
estimates (Searle, Casella, McCulloch 1992, recalled). What cannot be estimated is null: parameter_sd without two draws,
or when no draw has two replications, or when draws differ by no more than noise (its square is not above 0: more
replications would help); standard errors of a single value.

`mean` is the mean of the draws' means. Its `standard_error` and [low, high] are Monte Carlo error, which more draws and
replications would remove: sqrt(parameter_sd^2 / D + replication_sd^2 x mean(1/n_d) / D), estimated from the spread of
the draws' means (Student's t, D - 1 degrees of freedom), or over replications when there is one draw.
[parameter_low, parameter_high] is the parameter uncertainty of the figure: quantiles of the draws' means, shrunk
towards their mean to remove noise from their spread. A quantile beyond the outermost draw is unknown: 95% needs 39
draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.economics.checks import check_confidence, check_finite
from popsim.errors import InputError, did_you_mean
from popsim.statistics import CONFIDENCE, central_interval, t_quantile

NO_SPREAD = 1e-12  # relative: a variance that is only rounding
COLUMNS = (
    "replications", "mean", "standard_error", "low", "high",
    "draws", "replication_sd", "parameter_sd", "parameter_low", "parameter_high",
)  # fmt: skip


def nested_means(values: pl.DataFrame, keys: Sequence[str], confidence: float = CONFIDENCE) -> pl.DataFrame:
    """Mean of every group with its Monte Carlo error and its parameter uncertainty.

    Args:
        values: the key columns, draw (0: the base case) and value (null where there was nobody to count), a row for
            each replication.
        keys: columns that identify groups.
        confidence: of both intervals.

    Returns:
        The key columns and COLUMNS, in the order of first appearance. replications counts values, draws parameter
        draws; null for what cannot be estimated (see the module).

    Raises:
        InputError: a column is missing, a value is NaN or infinite, or the confidence is out of bounds.
    """
    check_confidence(confidence)
    for column in (*keys, "draw", "value"):
        if column not in values.columns:
            raise InputError(f"no column '{column}', {did_you_mean(column, values.columns)}")
    if values["value"].dtype.is_float() and not values["value"].drop_nulls().is_finite().all():
        raise InputError("value: must be finite numbers, or null where there was nobody to count")
    per_draw = values.group_by(*keys, "draw", maintain_order=True).agg(
        count=pl.col("value").count(),
        mean=pl.col("value").mean(),
        sd=pl.col("value").std(),
        squares=pl.col("value").var() * (pl.col("value").count() - 1),
    )
    replications, draws = pl.col("count").sum(), pl.col("mean").count()
    several = draws > 1
    monte_carlo = pl.col("squares").sum() / (replications - draws)
    groups = per_draw.group_by(*keys, maintain_order=True).agg(
        replications=replications,
        mean=pl.col("mean").mean(),
        standard_error=pl.when(several)
        .then(pl.col("mean").std() / draws.sqrt())
        .otherwise(pl.col("sd").max() / replications.sqrt()),
        draws=pl.when(pl.col("draw").max() > 0).then(draws).otherwise(0).cast(pl.Int64),
        sample=pl.when(several).then(draws).otherwise(replications),
        replication_sd=pl.when(replications > draws).then(monte_carlo.sqrt()),
        spread=pl.col("mean").var(),
        share=(1.0 / pl.col("count").filter(pl.col("count") > 0)).mean(),
        means=pl.col("mean").drop_nulls(),
    )
    quantiles = pl.Series([t_quantile(n, confidence) for n in groups["sample"]], dtype=pl.Float64)
    reach = quantiles * pl.col("standard_error")
    noise_of_means = pl.col("replication_sd") ** 2 * pl.col("share")
    signal = pl.when((pl.col("spread") > noise_of_means) | (noise_of_means == 0)).then(
        pl.col("spread") - noise_of_means
    )
    ends = [central_interval(means.to_numpy(), confidence) for means in groups["means"]]
    pull = pl.when(pl.col("spread") > 0).then(pl.col("parameter_sd") / pl.col("spread").sqrt()).otherwise(0.0)
    known = groups.with_columns(
        low=pl.col("mean") - reach,
        high=pl.col("mean") + reach,
        parameter_sd=signal.sqrt(),
        parameter_low=pl.Series([low for low, _ in ends], dtype=pl.Float64),
        parameter_high=pl.Series([high for _, high in ends], dtype=pl.Float64),
    )
    ends_of_draws = pl.col("parameter_low", "parameter_high")
    return known.with_columns((ends_of_draws - pl.col("mean")) * pull + pl.col("mean")).select(*keys, *COLUMNS)


class Nested(NamedTuple):
    """Several quantities by draw.

    Attributes:
        draws: (D,) numbers of the draws, ascending.
        means: (D, k) mean over replications.
        noise: (k, k) Monte Carlo covariance of a draw's means; None where no draw has two replications.
    """

    draws: NDArray[np.int64]
    means: NDArray[np.float64]
    noise: NDArray[np.float64] | None

    @property
    def parameter_covariance(self) -> NDArray[np.float64] | None:
        """(k, k) covariance over parameters without noise; None where it cannot be estimated, as in `nested_means`."""
        if self.noise is None or len(self.draws) < 2:
            return None
        monte_carlo = self.noise.diagonal()
        if np.any((self.means.var(axis=0, ddof=1) <= monte_carlo) & (monte_carlo > 0)):
            return None
        return np.atleast_2d(np.cov(without_noise(self.means, self.noise), rowvar=False))


def nested(draw: NDArray[np.int64], values: NDArray[np.float64]) -> Nested:
    """Means by draw and their noise.

    Args:
        draw: (N,) the draw of each replication.
        values: (N, k) its results, none missing.

    Raises:
        InputError: there is no row, the lengths differ, or a value is not finite.
    """
    check_finite(values=values)
    if len(draw) != len(values):
        raise InputError(f"draw: {len(draw)}, values: {len(values)}: must have the same length")
    draws, row, counts = np.unique(draw, return_inverse=True, return_counts=True)
    means = np.zeros((len(draws), values.shape[1]))
    np.add.at(means, row, values)
    means /= counts[:, None]
    free = len(values) - len(draws)
    if free < 1:
        return Nested(draws, means, None)
    rest = values - means[row]
    return Nested(draws, means, rest.T @ rest / free * float(np.mean(1.0 / counts)))


def without_noise(means: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw means shrunk towards their mean until they spread as if there were no noise.

    This is the multivariate form of shrinking by sqrt(signal variance / total variance), a linear map of the
    deviations: in the coordinates in which the total covariance is the identity and the noise is diagonal (canonical
    variates), each axis shrinks by sqrt(1 - its share of noise), or to 0 where noise explains all of it. The covariance
    becomes total minus noise, means are unchanged, and the map commutes with rescaling or mixing the columns. Where
    the means spread in fewer directions than the noise has (a regression with few terms, few draws), all noise is
    behind the spread in those directions: a column that hardly varies has nothing to say about the others.

    Args:
        means: (D, k).
        noise: (k, k) covariance to take out.
    """
    centre = means.mean(axis=0)
    deviations = means - centre
    scale = np.sqrt(np.mean(deviations**2, axis=0) * len(means) / max(len(means) - 1, 1))
    varies = scale > 0.0
    if not varies.any():
        return means
    standard = deviations[:, varies] / scale[varies]
    size, axes = np.linalg.eigh(standard.T @ standard / (len(means) - 1))
    kept = size > NO_SPREAD * size[-1]
    scaled_noise = noise[np.ix_(varies, varies)] / np.outer(scale[varies], scale[varies])
    along = _noise_along(axes[:, kept], axes[:, ~kept], scaled_noise)
    share, turn = np.linalg.eigh(along / np.sqrt(np.outer(size[kept], size[kept])))
    shrunk = standard @ (axes[:, kept] / np.sqrt(size[kept])) @ turn * np.sqrt(np.clip(1.0 - share, 0.0, 1.0))
    back = turn.T @ (axes[:, kept] * np.sqrt(size[kept])).T
    result = means.copy()
    result[:, varies] = centre[varies] + shrunk @ back * scale[varies]
    return result


def _noise_along(
    inside: NDArray[np.float64], outside: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Covariance of the noise in the directions in which the means spread.

    Args:
        inside: (k, r) directions with spread.
        outside: (k, k - r) directions without.
        noise: (k, k).

    Of the r directions, this is the part that noise in the others does not explain (generalised least squares), scaled
    so that its trace in the noise's own metric is the number of directions that the noise has.
    """
    along: NDArray[np.float64] = inside.T @ noise @ inside
    least = NO_SPREAD * float(np.trace(noise))
    if not outside.size or least <= 0.0:
        return along
    cross = inside.T @ noise @ outside
    across = outside.T @ noise @ outside + least * np.eye(outside.shape[1])
    rank = int((np.linalg.eigvalsh(noise) > least).sum())
    along -= cross @ np.linalg.solve(across, cross.T)
    along *= max(1.0, rank / inside.shape[1])
    return along
