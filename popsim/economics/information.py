"""Value of information: EVPI, EVPPI and EVSI.

The expected value of perfect information (EVPI) is the mean gain of a decision maker who knows all parameters:
E[max net benefit] - max E[net benefit]. EVPPI is that of knowing some of them, EVSI that of seeing the data of a study.
Both replace each draw's net benefit by its expectation given what would be known, estimated by regression over the
draws (Strong, Oakley, Brennan 2014 and, with Breeze, 2015: the estimator of `heormodel.voi`).

The regression is popsim's own, because heormodel's splines miss interactions and find value in parameters without any
effect when draws are few. Each parameter is mapped to a standard normal by its ranks; the terms are Hermite polynomials
with all products up to a total degree (polynomial chaos), which the Bayesian information criterion chooses; Monte Carlo
noise is removed from the fitted values as from the draws. One replication per draw suffices, as regression averages
over noise. Values are capped at EVPI. Standard errors are by jackknife over blocks of draws, regression included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

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
    everything, error = _jackknifed(partial(_evpi, decision, willingness_to_pay), len(table))
    rows = [(EVERYTHING, len(table.columns) - 1, everything, error)]
    increments = _increments(decision, willingness_to_pay)
    found = []
    for name, group in groups.items():
        known = table.select(group).to_numpy().astype(np.float64)
        value, error = _jackknifed(partial(_evppi, known, increments), len(table))
        found.append((name, len(group), min(value, everything), error))
    rows += sorted(found, key=lambda row: -row[2])
    frame = pl.DataFrame(rows, schema=["known", "parameters", "value", "standard_error"], orient="row")
    reach = t_quantile(min(BLOCKS, len(table))) * pl.col("standard_error")
    return frame.with_columns(
        low=(pl.col("value") - reach).clip(lower_bound=0.0),
        high=pl.col("value") + reach,
        share_of_evpi=pl.col("value") / everything if everything > 0 else pl.lit(None, pl.Float64),
        luck_removed=pl.lit(decision.noise is not None),
    )


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


def _jackknifed(value_of: Callable[[NDArray[np.bool_]], float], draws: int) -> tuple[float, float]:
    """A value from all draws, and its standard error from leaving out one block of draws after another."""
    block = np.arange(draws) % min(BLOCKS, draws)
    without = np.array([value_of(block != b) for b in np.unique(block)])
    error = np.sqrt((len(without) - 1) * without.var())
    return value_of(np.ones(draws, bool)), float(error)


def _increments(decision: Decision, willingness_to_pay: float) -> NDArray[np.float64]:
    """(D, S - 1) net benefit over that of the comparator."""
    benefit = decision.net_monetary_benefit(willingness_to_pay)
    return benefit[:, 1:] - benefit[:, :1]


def _evpi(decision: Decision, willingness_to_pay: float, rows: NDArray[np.bool_]) -> float:
    """From some of the draws."""
    return _value(_increments(decision.some(rows).exact, willingness_to_pay))


def _evppi(known: NDArray[np.float64], increments: NDArray[np.float64], rows: NDArray[np.bool_]) -> float:
    """From some of the draws."""
    return _value(conditional_means(known[rows], increments[rows])) if increments.size else 0.0


def _value(increments: NDArray[np.float64]) -> float:
    """E[max] - max E over strategies, the comparator's increment being 0."""
    best = np.maximum(increments.max(axis=1, initial=0.0), 0.0)
    gain = float(best.mean() - max(0.0, increments.mean(axis=0).max(initial=0.0)))
    return gain if gain > SAME * np.abs(increments).max(initial=0.0) else 0.0


def conditional_means(known: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expectation of each column of `values` given the columns of `known`, at the draws.

    Args:
        known: (D, k) what is known.
        values: (D, m).

    Returns:
        (D, m), with the spread due to the regression's noise removed.

    Raises:
        InputError: the lengths differ, there are too many parameters for the draws, or a number is not finite.
    """
    check_finite(known=known)
    check_finite(values=values)
    if len(known) != len(values):
        raise InputError(f"known: {len(known)}, values: {len(values)}: must have the same length")
    terms, sizes = _terms(known)
    squares, products = terms.T @ terms, terms.T @ values
    spread = np.maximum(values.var(axis=0), np.finfo(float).tiny)
    best, fitted, size = np.inf, values, 1
    for terms_in in sizes:
        # The pseudo-inverse ignores redundant terms: of a parameter that never varies or copies another.
        inverse = np.linalg.pinv(squares[:terms_in, :terms_in], rcond=SAME, hermitian=True)
        expected = terms[:, :terms_in] @ (inverse @ products[:terms_in])
        unexplained = (values - expected).var(axis=0) / spread
        score = np.log(unexplained + SAME).mean() + terms_in * np.log(len(known)) / len(known)
        if score < best:
            best, fitted, size = score, expected, terms_in
    rest = values - fitted
    draws_noise = rest.T @ rest / (len(known) - size) * (size - 1) / len(known)
    return without_noise(fitted, draws_noise)


def _terms(known: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[int]]:
    """Products of Hermite polynomials up to a total degree, and how many terms there are up to each degree from 0."""
    draws, parameters = known.shape
    if 1 + parameters >= draws:
        raise InputError(f"{parameters} parameters at once: more than {draws} draws can tell apart")
    normal = normal_quantile((rankdata(known, axis=0) - 0.5) / draws)
    most = max(1 + parameters, draws // DRAWS_PER_TERM)
    highest = max(d for d in range(MAX_DEGREE + 1) if d <= 1 or comb(parameters + d, d) <= most)
    powers = _hermite(normal, highest)
    columns, sizes = [np.ones(draws)], [1]
    for degree in range(1, highest + 1):
        for chosen in combinations_with_replacement(range(parameters), degree):
            columns.append(np.prod([powers[chosen.count(p)][:, p] for p in set(chosen)], axis=0))
        sizes.append(len(columns))
    return np.column_stack(columns), sizes


def _hermite(x: NDArray[np.float64], highest: int) -> list[NDArray[np.float64]]:
    """Normalised Hermite polynomials of degree 0, 1, ..., of mean 0 and variance 1 in a standard normal x."""
    polynomials = [np.ones_like(x), x]
    for degree in range(1, highest):
        polynomials.append((x * polynomials[-1] - np.sqrt(degree) * polynomials[-2]) / np.sqrt(degree + 1))
    return polynomials
