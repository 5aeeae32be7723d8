"""The precision of a design, and the cost of a target precision, from the noise of a few simulations.

The paired difference of an outcome in draw d and replication r varies because of parameters (variance s_b^2 between
draws) and Monte Carlo noise (s_w^2 between replications of a draw). Noise shrinks with the population: s_w^2 at N
people = s_w^2 at n people x n / N, as long as people do not compete for capacity. The mean over D draws of R
replications has variance s_b^2 / D + s_w^2 / (D R), of which the second part is Monte Carlo error. In the base case (no
draws), D = 1 and s_b = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from popsim.economics.uncertainty import nested_means
from popsim.errors import InputError
from popsim.numbers import read_number
from popsim.statistics import t_quantile

OUT_OF_REACH = 10_000_000  # of anything; more is "out of reach"


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance components of a figure.

    Attributes:
        within: variance between replications of one draw, at `population` people.
        between: variance between draws, minus that due to replications; 0 without draws.
        population: people in each replication.
    """

    within: float
    between: float
    population: int

    @classmethod
    def of(cls, values: pl.DataFrame, population: int) -> Noise:
        """From draw, replication, value.

        Raises:
            InputError: there is no draw with two replications.
        """
        found = nested_means(values.with_columns(figure=0), ["figure"]).row(0, named=True)
        if found["replication_sd"] is None:
            raise InputError("noise cannot be estimated from a single replication of each draw")
        return cls(found["replication_sd"] ** 2, (found["parameter_sd"] or 0.0) ** 2, population)

    def at(self, population: int) -> float:
        """Variance between replications at another number of people."""
        return self.within * self.population / population

    def half_width(self, population: int, draws: int, replications: int) -> float:
        """Half-width of the 95% interval of the mean; `draws` = 0: the base case."""
        between = self.between if draws else 0.0
        variance = (between + self.at(population) / replications) / max(draws, 1)
        return t_quantile(draws or replications) * math.sqrt(variance)

    def monte_carlo_half_width(self, population: int, draws: int, replications: int) -> float:
        """The part of it that more replications or people would remove."""
        repeats = max(draws, 1) * replications
        return t_quantile(repeats) * math.sqrt(self.at(population) / repeats)

    def replications_for(self, half_width: float, population: int) -> int:
        """Replications (in the base case) that make the interval that narrow."""
        return _smallest(lambda n: self.half_width(population, 0, n) <= half_width)

    def draws_for(self, half_width: float, population: int, replications: int) -> int:
        """Draws, each with `replications` replications, that make the interval that narrow."""
        return _smallest(lambda n: self.half_width(population, n, replications) <= half_width)

    def population_for(self, half_width: float, replications: int) -> int:
        """People in each replication (in the base case) that make the interval that narrow."""
        reach = t_quantile(replications)
        needed = self.within * self.population * reach**2 / (replications * half_width**2)
        return math.ceil(needed) if needed < OUT_OF_REACH else OUT_OF_REACH


def _smallest(enough: Callable[[int], bool]) -> int:
    """The smallest sufficient whole number, 2 or more, by doubling and bisection; MOST if there is none."""
    high = 2
    while not enough(high):
        high *= 2
        if high > OUT_OF_REACH:
            return OUT_OF_REACH
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class TargetPrecision:
    """A target precision: the half-width of the 95% interval of a measure's paired difference."""

    measure: str
    half_width: float

    @classmethod
    def read(cls, text: str, flag: str) -> TargetPrecision:
        """From MEASURE=HALF_WIDTH.

        Raises:
            InputError: the text has another form.
        """
        measure, given, width = text.partition("=")
        try:
            half_width = read_number(width)
        except ValueError:
            half_width = math.nan
        if not (measure and given and half_width > 0.0 and half_width < math.inf):
            raise InputError(f"{flag} {text}: must be MEASURE=HALF_WIDTH, like cost_total=20")
        return cls(measure, half_width)
