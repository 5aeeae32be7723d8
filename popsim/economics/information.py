"""Value of information: EVPI, EVPPI and EVSI.

The expected value of perfect information (EVPI) is the mean gain of a decision maker who knows all parameters:
E[max net benefit] - max E[net benefit]. EVPPI is that of knowing some of them, EVSI that of seeing the data of a study.
Both replace each draw's net benefit by its expectation given what would be known, estimated by regression over the
draws (Strong, Oakley, Brennan 2014 and, with Breeze, 2015: the estimator of `heormodel.voi`).

The regression is popsim's own, because heormodel's splines miss interactions and find value in parameters without any
effect when draws are few. Each parameter is mapped to a standard normal by its ranks; the terms are Hermite polynomials
with all products up to a total degree (polynomial chaos), which the Bayesian information criterion chooses; Monte Carlo
noise is removed from the fitted values as from the draws. One replication per draw suffices, as regression averages
over noise. Values are capped at EVPI. Standard errors are by jackknife over blocks of draws, the choice of the degree
included. One Cholesky factor fits all degrees, because the factor of the first terms is a part of that of all. Some
draws show which degrees are out of reach of the criterion; all draws fit the others, and leaving out a block takes its
sums of products from those of all draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from popsim.economics.checks import check_comparator, check_finite, check_number, check_price
from popsim.economics.decision import Decision, need_draws
from popsim.economics.uncertainty import without_noise
from popsim.errors import InputError, did_you_mean
from popsim.kernels.codes import STREAM_STUDIES
from popsim.kernels.numerics.random import RandomKey
from popsim.kernels.numerics.sampling import keyed
from popsim.statistics import normal_quantile, t_quantile

MIN_DRAWS = 20  # with fewer, a regression over draws is meaningless
BLOCKS = 20  # of the jackknife
MAX_DEGREE = 6
DRAWS_PER_TERM = 8  # a regression has at most one term for this many draws
MAX_TERMS = 1250  # of degree 2 and above, however many draws: time and memory grow with its square
SCREENING = 2000  # draws, or twice the terms: their residual variances have a relative standard error of 5% at most
OUT_OF_REACH = 0.15  # of the criterion: a variance lower by 14%, which neither screening nor leaving out a block feigns
SAME = 1e-9  # relative; smaller differences are rounding
EVERYTHING = "all parameters"


def information(
    decision: Decision,
    draws: pl.DataFrame,
    willingness_to_pay: float,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> pl.DataFrame:
    """EVPI, and EVPPI of single parameters or of groups of them, per person.

    Args:
        decision: with parameter draws.
        draws: draw and a column for each parameter.
        willingness_to_pay: for one unit of effect.
        groups: parameters by a name for what would be known; each parameter alone when None. The columns may also be
            summaries of a study's data; the value is then that of the study (EVSI).

    Returns:
        EVPI first, then the others, largest first: known (what would be), parameters (how many), value (in money, per
        person), standard_error, low, high (95%, not below 0), share_of_evpi, luck_removed.

    Raises:
        InputError: there are too few draws or one strategy, a parameter is unknown or not finite, or the willingness to
            pay is refused.
    """
    check_price(willingness_to_pay)
    check_comparator(decision.strategies, decision.strategies[0])
    need_draws(decision, MIN_DRAWS)
    decision = decision.distinct
    if "draw" not in draws.columns or draws["draw"].is_duplicated().any():
        raise InputError("draws: must have a column 'draw', each draw in one row")
    if groups is None:
        groups = {name: [name] for name in draws.columns if name != "draw"}
    table = pl.DataFrame({"draw": decision.draws}).join(draws, on="draw", how="left", maintain_order="left")
    for name in {name for group in groups.values() for name in group}:
        if name not in draws.columns:
            raise InputError(f"parameter '{name}': {did_you_mean(name, draws.columns)}")
        if table[name].null_count():
            raise InputError(f"parameter '{name}': not known in every draw")
        check_finite(**{f"parameter '{name}'": table[name].to_numpy()})
    ((everything, error),) = _perfect(decision, [willingness_to_pay])
    rows = [(EVERYTHING, len(table.columns) - 1, everything, error)]
    increments = _increments(decision, willingness_to_pay)
    found = []
    with threadpool_limits(1):  # the products are too small for threads, which then wait for each other
        for name, group in groups.items():
            known = table.select(group).to_numpy().astype(np.float64)
            value, error = _evppi(known, increments)
            found.append((name, len(group), min(value, everything), error))
    rows += sorted(found, key=lambda row: -row[2])
    frame = pl.DataFrame(rows, schema=["known", "parameters", "value", "standard_error"], orient="row")
    return _with_interval(frame, len(table)).with_columns(
        share_of_evpi=pl.col("value") / everything if everything > 0 else pl.lit(None, pl.Float64),
        luck_removed=pl.lit(decision.noise is not None),
    )


def perfect_information(decision: Decision, willingness_to_pay: Iterable[float]) -> pl.DataFrame:
    """EVPI per person over a grid of willingness to pay.

    Returns:
        willingness_to_pay, value, standard_error, low, high (95%, not below 0), luck_removed.

    Raises:
        InputError: there are too few draws or one strategy, or a willingness to pay is refused.
    """
    grid = [float(price) for price in willingness_to_pay]
    for price in grid:
        check_price(price)
    check_comparator(decision.strategies, decision.strategies[0])
    need_draws(decision, MIN_DRAWS)
    decision = decision.distinct
    rows = [(price, *found) for price, found in zip(grid, _perfect(decision, grid), strict=True)]
    frame = pl.DataFrame(rows, schema=["willingness_to_pay", "value", "standard_error"], orient="row")
    return _with_interval(frame, len(decision.draws)).with_columns(luck_removed=pl.lit(decision.noise is not None))


class ProposedStudy(NamedTuple):
    """A proposed study of one parameter: it observes the mean of `people` people, normal around the parameter's value.

    Attributes:
        parameter: a column of draws.
        standard_deviation: of one person's observation, in the parameter's unit.
        people: sizes to compare.
    """

    parameter: str
    standard_deviation: float
    people: Sequence[int]


def sample_information(
    decision: Decision, draws: pl.DataFrame, willingness_to_pay: float, study: ProposedStudy, seed: int
) -> pl.DataFrame:
    """EVSI of studies of several sizes, per person.

    For studies of another kind, give summaries of their simulated data to `information`.

    Args:
        decision, draws, willingness_to_pay: as for `information`.
        study: what would be observed; all sizes share random numbers, so that larger ones compare with smaller ones.
        seed: of those random numbers.

    Returns:
        As `information`: EVPI, then the value of knowing the parameter, then of a study of each size, by value.

    Raises:
        InputError: the parameter is unknown, or a number is out of bounds.
    """
    parameter, standard_deviation, people = study
    if parameter not in draws.columns:
        raise InputError(f"parameter '{parameter}': {did_you_mean(parameter, draws.columns)}")
    check_number("standard deviation of a study", standard_deviation, above=True)
    if min(people, default=0) < 1:
        raise InputError("a study needs at least one person")
    draws_noise = keyed(RandomKey(seed), draws["draw"].to_numpy().astype(np.int64), STREAM_STUDIES)
    error = standard_deviation * normal_quantile(draws_noise)
    results = {f"study of {size:,}": draws[parameter] + pl.Series(error / np.sqrt(size)) for size in people}
    groups = {f"{parameter}, exactly": [parameter]} | {name: [name] for name in results}
    return information(decision, draws.select("draw", parameter).with_columns(**results), willingness_to_pay, groups)


def _perfect(decision: Decision, grid: Sequence[float]) -> list[tuple[float, float]]:
    """EVPI at each willingness to pay, with its standard error."""
    block_of = _block_of(len(decision.draws))
    kept = {block: decision.some(block_of != block).exact for block in range(min(BLOCKS, len(decision.draws)))}
    exact = decision.exact

    def at(price: float) -> tuple[float, float]:
        return _jackknifed(
            lambda block: _value(_increments(exact if block is None else kept[block], price)), len(decision.draws)
        )

    return [at(price) for price in grid]


def _with_interval(frame: pl.DataFrame, draws: int) -> pl.DataFrame:
    """With low and high, from value and its jackknifed standard_error."""
    reach = t_quantile(min(BLOCKS, draws)) * pl.col("standard_error")
    return frame.with_columns(low=(pl.col("value") - reach).clip(lower_bound=0.0), high=pl.col("value") + reach)


def _block_of(draws: int) -> NDArray[np.int64]:
    """(draws,) number of the jackknife's block that each draw is in."""
    return np.arange(draws) % min(BLOCKS, draws)


def _jackknifed(value_without: Callable[[int | None], float], draws: int) -> tuple[float, float]:
    """A value from all draws (no block left out), and its standard error from leaving out one block after another."""
    without = np.array([value_without(block) for block in range(min(BLOCKS, draws))])
    error = np.sqrt((len(without) - 1) * without.var())
    return value_without(None), float(error)


def _increments(decision: Decision, willingness_to_pay: float) -> NDArray[np.float64]:
    """(D, S - 1) net benefit over that of the comparator."""
    benefit = np.asfortranarray(decision.net_monetary_benefit(willingness_to_pay))
    return benefit[:, 1:] - benefit[:, :1]


def _evppi(known: NDArray[np.float64], increments: NDArray[np.float64]) -> tuple[float, float]:
    """The value of knowing the columns of `known`, and its standard error."""
    if not increments.size:
        return 0.0, 0.0
    regression = _Regression(known, increments)
    return _jackknifed(lambda block: _value(regression.means(block)), len(known))


def _value(increments: NDArray[np.float64]) -> float:
    """E[max] - max E over strategies, the comparator's increment being 0."""
    best = np.maximum(increments.max(axis=1, initial=0.0), 0.0)
    gain = float(best.mean() - max(0.0, increments.mean(axis=0).max(initial=0.0)))
    return gain if gain > SAME * np.abs(increments).max(initial=0.0) else 0.0


class _Fit(NamedTuple):
    """A regression on the number of terms that the Bayesian information criterion chooses.

    Attributes:
        scores: of the criterion, by degree.
        coefficients: (terms chosen, m).
        noise: (m, m) covariance of the fitted values that the regression's noise adds.
    """

    scores: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    noise: NDArray[np.float64]

    @classmethod
    def of(cls, products: NDArray[np.float64], draws: int, sizes: Sequence[int], of_draws: int | None = None) -> Self:
        """From sums of products over draws.

        Args:
            products: (p + m, p + m) of the terms and, last, of values of variance 1 or 0.
            draws: that the sums are of.
            sizes: numbers of terms to choose from.
            of_draws: expect the scores of as many draws; those of the sums when None.
        """
        terms, total = sizes[-1], of_draws or draws
        # The ridge lets redundant terms pass: those of a parameter that never varies or copies another.
        factor = np.linalg.cholesky(products + SAME * draws * np.eye(len(products)))
        along = factor[terms:, :terms]  # the values along orthogonal axes, one for each term
        left = products[terms:, terms:].diagonal()[:, None] + SAME * draws - np.cumsum(along**2, axis=1)
        number = np.array(sizes)
        variance = np.maximum(left[:, number - 1] / left[:, :1], 0.0) * draws / (draws - number)
        scores = np.log(variance * (1 - number / total) + SAME).mean(axis=0) + number * np.log(total) / total
        size = sizes[int(np.argmin(scores))]
        coefficients = np.linalg.solve(factor[:size, :size].T, along[:, :size].T)
        rest = products[terms:, terms:] - along[:, :size] @ along[:, :size].T
        return cls(scores, coefficients, rest / (draws - size) * (size - 1) / draws)

    def near(self, sizes: Sequence[int]) -> Sequence[int]:
        """The sizes up to the last one that could score best with somewhat different draws."""
        return sizes[: 1 + int(np.flatnonzero(self.scores <= self.scores.min() + OUT_OF_REACH)[-1])]


class _Regression:
    """Expectation of each column of `values` given the columns of `known`, from all draws or without a block of them.

    Args:
        known: (D, k) what is known.
        values: (D, m).

    Raises:
        InputError: there are too many parameters for the draws without a block.
    """

    def __init__(self, known: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        draws, parameters = known.shape
        if 1 + parameters >= draws - -(-draws // BLOCKS):
            raise InputError(f"{parameters} parameters at once: more than {draws} draws can tell apart")
        self._mean, spread = values.mean(axis=0), values.std(axis=0)
        self._spread = np.where(spread > 0.0, spread, 1.0)
        by_block = np.argsort(_block_of(draws), kind="stable")
        self._edges = np.append(0, np.cumsum(np.bincount(_block_of(draws))))
        standard = ((values - self._mean) / self._spread)[by_block].T
        normal = np.ascontiguousarray(normal_quantile((rankdata(known, axis=0) - 0.5) / draws)[by_block].T)
        most = max(1 + parameters, min(draws // DRAWS_PER_TERM, MAX_TERMS))
        highest = max(d for d in range(MAX_DEGREE + 1) if d <= 1 or comb(parameters + d, d) <= most)
        sizes: Sequence[int] = [comb(parameters + degree, degree) for degree in range(highest + 1)]
        some = slice(None, None, max(1, draws // max(SCREENING, 2 * sizes[-1])))
        if some.step > 1:
            rows = _rows(np.ascontiguousarray(normal[:, some]), highest, standard[:, some])
            sizes = _Fit.of(rows @ rows.T, rows.shape[1], sizes, draws).near(sizes)
        self._rows = _rows(normal, len(sizes) - 1, standard)
        products = self._rows @ self._rows.T
        self._fit = _Fit.of(products, draws, sizes)
        self._near = self._fit.near(sizes)
        self._used = np.r_[: self._near[-1], sizes[-1] : len(self._rows)]
        self._products = products[np.ix_(self._used, self._used)]

    def means(self, block: int | None) -> NDArray[np.float64]:
        """(D', m) at the draws outside a block, from them, the spread due to the regression's noise removed."""
        fit, left_out = self._fit, slice(0)
        if block is not None:
            left_out = slice(self._edges[block], self._edges[block + 1])
            rows = self._rows[self._used, left_out]
            fit = _Fit.of(self._products - rows @ rows.T, self._rows.shape[1] - rows.shape[1], self._near)
        fitted = np.delete(fit.coefficients.T @ self._rows[: len(fit.coefficients)], left_out, axis=1).T
        return self._mean + self._spread * without_noise(fitted, fit.noise)


def _rows(normal: NDArray[np.float64], highest: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(p + m, D) products of Hermite polynomials of (k, D) parameters up to a total degree, by degree; then values."""
    parameters, draws = normal.shape
    powers = _hermite(normal, highest)
    terms = np.ones((comb(parameters + highest, highest) + len(values), draws))
    terms[-len(values) :] = values
    row: dict[tuple[int, ...], int] = {(): 0}
    for degree in range(1, highest + 1):
        for chosen in combinations_with_replacement(range(parameters), degree):
            power = chosen.count(chosen[-1])
            row[chosen] = len(row)
            np.multiply(terms[row[chosen[:-power]]], powers[power][chosen[-1]], out=terms[row[chosen]])
    return terms


def _hermite(x: NDArray[np.float64], highest: int) -> list[NDArray[np.float64]]:
    """Normalised Hermite polynomials of degree 0, 1, ..., of mean 0 and variance 1 in a standard normal x."""
    polynomials = [np.ones_like(x), x]
    for degree in range(1, highest):
        polynomials.append((x * polynomials[-1] - np.sqrt(degree) * polynomials[-2]) / np.sqrt(degree + 1))
    return polynomials
