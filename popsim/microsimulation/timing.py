"""Cycles and discounting: the weight of a state, or of a transition, at each point in time.

With T cycles there are T + 1 points, 0 .. T. The within-cycle correction weights them for the time between them:

    half_cycle      1/2, 1, ..., 1, 1/2: the trapezoidal rule
    simpson         1/3, 4/3, 2/3, ..., 4/3, 1/3: Simpson's rule; the number of cycles must be even
    start           1, ..., 1, 0: states are counted as they are at the start of each cycle
    end             0, 1, ..., 1: ... at its end
    none            1, ..., 1: at every point, so T + 1 times, as in the microsimulation tutorial of Krijkamp 2018
    simpson_darth   1/3, 2/3, 4/3, 2/3, ..., 1/3: for published figures that used it. The function gen_wcc of the DARTH
                    tutorials (Alarid-Escudero 2023) and of heormodel gives these weights as Simpson's 1/3 rule, with
                    2/3 and 4/3 exchanged; they do not add up to T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from popsim.arguments import real_number, whole_number
from popsim.errors import InputError, did_you_mean

Correction = Literal["half_cycle", "simpson", "start", "end", "none", "simpson_darth"]
DiscountTime = Literal["cycle", "continuous"]
OneOffs = Literal["full", "weighted"]
MAX_CYCLES = 100_000
MAX_RATE = 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The model's clock.

    Attributes:
        cycles: how many, T.
        cycle_years: length of one, in years (1 / 12 for a month, 1 / 365.25 for a day).
        correction: how the points are weighted for the time between them; see the module.
        one_offs: "full": a one-off counts where the transition arrives. "weighted": it also has the weight of that
            point, as models have it that multiply an array of all transitions by rewards and weights.
    """

    cycles: int
    cycle_years: float = 1.0
    correction: Correction = "half_cycle"
    one_offs: OneOffs = "full"

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycles", whole_number("cycles", self.cycles, 1, MAX_CYCLES))
        object.__setattr__(self, "cycle_years", real_number("cycle_years", self.cycle_years))
        if self.cycle_years <= 0.0:
            raise InputError(f"cycle_years = {self.cycle_years}: must be above 0")
        if self.correction not in get_args(Correction):
            raise InputError(f"correction: {did_you_mean(str(self.correction), get_args(Correction))}")
        if self.one_offs not in get_args(OneOffs):
            raise InputError(f"one_offs: {did_you_mean(str(self.one_offs), get_args(OneOffs))}")
        if self.correction == "simpson" and self.cycles % 2:
            raise InputError(f"correction = 'simpson': the number of cycles must be even, it is {self.cycles}")

    def point_weights(self) -> NDArray[np.float64]:
        """(T + 1,) cycles that each point represents."""
        weights = np.ones(self.cycles + 1)
        if self.correction == "half_cycle":
            weights[[0, -1]] = 0.5
        elif self.correction == "start":
            weights[-1] = 0.0
        elif self.correction == "end":
            weights[0] = 0.0
        elif self.correction in ("simpson", "simpson_darth"):
            weights[1::2], weights[2::2] = (4 / 3, 2 / 3) if self.correction == "simpson" else (2 / 3, 4 / 3)
            weights[[0, -1]] = 1 / 3
        return weights


@dataclass(frozen=True, slots=True)
class Discounting:
    """Rates per year, each for its own outcome.

    Attributes:
        costs, effects: rates (0.03 for 3%); effects are QALYs, life years are never discounted.
        time: "cycle": the value at a point t years from the start is weighted by (1 + rate)**-t.
            "continuous": exp(-rate t) is integrated over the part of the neighbouring cycles that a point represents
            (with the Simpson rules, which integrate by themselves, and for one-offs: exp(-rate t) at the point).
    """

    costs: float
    effects: float
    time: DiscountTime = "cycle"

    def __post_init__(self) -> None:
        for name, rate in (("costs", self.costs), ("effects", self.effects)):
            object.__setattr__(self, name, real_number(f"discount rate of {name}", rate, 0.0, MAX_RATE))
        if self.time not in get_args(DiscountTime):
            raise InputError(f"discounting time: {did_you_mean(str(self.time), get_args(DiscountTime))}")

    def continuous(self, rate: float) -> float:
        """The rate r with which exp(-r t) discounts as this rate a year does."""
        return math.log1p(rate) if self.time == "cycle" else rate

    def factors(self, rate: float, timing: Timing) -> NDArray[np.float64]:
        """(T + 1,) discount factor at each point."""
        years = np.arange(timing.cycles + 1) * timing.cycle_years
        worth = [(1.0 + rate) ** -t if self.time == "cycle" else math.exp(-rate * t) for t in years.tolist()]
        return np.array(worth)

    def weights(self, rate: float, timing: Timing) -> NDArray[np.float64]:
        """(T + 1,) discounted years that each point represents."""
        years, factors = timing.point_weights() * timing.cycle_years, self.factors(rate, timing)
        if self.time == "cycle" or rate == 0.0 or timing.correction in ("simpson", "simpson_darth"):
            return years * factors
        # The mean of exp(-rate s) over the cycle that follows a point, and over the one before it.
        step = rate * timing.cycle_years
        after = factors * (-math.expm1(-step) / step)
        before = factors * (math.expm1(step) / step)
        if timing.correction == "half_cycle":
            halves = 0.5 * (before + after)
            halves[0], halves[-1] = 0.5 * after[0], 0.5 * before[-1]
            return halves * timing.cycle_years
        return years * (before if timing.correction == "end" else after)
