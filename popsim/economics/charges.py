"""Booking what interventions charge: at their moment, discounted like everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.charges import accrue_daily
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.population import Population

AT_HOME_ONLY = ("cost_drugs",)  # the price of a night in hospital includes drugs


def book_charges(
    charges: Charges,
    population: Population,
    clock: Clock,
    rows: slice,
    follow_up_days: int,
    cost_discount: NDArray[np.float64],
) -> None:
    """Book today's charges and the prices of the day.

    Args:
        charges: open charges; those of today are taken off the list.
        population: its cost columns are written.
        clock: the day.
        rows: those under follow-up today, neighbours.
        follow_up_days: whole days of follow-up from entry.
        cost_discount: (follow_up_days,) weight by whole day since entry.
    """
    today = int(clock.time_days)
    entry_day = population["entry_day"]
    for column, charged, amount in charges.once:
        since = today - entry_day[charged]
        valued = charged[since < follow_up_days]
        population[column][valued] += amount * cost_discount[since[since < follow_up_days]]
    charges.once.clear()
    for column, prices in charges.per_day.items():
        accrue_daily(
            today, clock.step_days, follow_up_days, cost_discount, int(column in AT_HOME_ONLY), prices[rows],
            entry_day[rows], population["alive"][rows], population["admitted"][rows], population[column][rows],
        )  # fmt: skip
