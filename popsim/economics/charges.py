"""Charges of interventions, booked when they occur and discounted like all other costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.economics.columns import COST_NAMES
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
    year_of_day: NDArray[np.int64],
    account: NDArray[np.int64],
    costs: NDArray[np.float64],
    spending: NDArray[np.float64],
) -> None:
    """Book today's charges and the prices of the day.

    Args:
        charges: open charges; today's are removed from the list.
        population: read.
        clock: the day.
        rows: those under follow-up today, contiguous.
        follow_up_days: whole days of follow-up from entry.
        cost_discount, year_of_day: (follow_up_days,) weight and year by whole day since entry.
        account: (components,) row of `costs` where each is booked, in the order of COST_NAMES.
        costs: (totals, twins) discounted totals, written.
        spending: (blocks + 1, years, components) undiscounted sums, the last block for one-off charges, written.
    """
    today = int(clock.time_days)
    entry_day = population["entry_day"]
    for column, charged, amount in charges.once:
        component, since = COST_NAMES.index(column), today - entry_day[charged]
        valued, since = charged[since < follow_up_days], since[since < follow_up_days]
        costs[account[component], valued] += amount * cost_discount[since]
        years = spending.shape[1]
        spending[-1, :, component] += amount * np.bincount(year_of_day[since], minlength=years)
    charges.once.clear()
    for column, prices in charges.per_day.items():
        accrue_daily(
            today, clock.step_days, follow_up_days, cost_discount, year_of_day, COST_NAMES.index(column),
            int(column in AT_HOME_ONLY), rows.start, prices[rows], entry_day[rows], population["alive"][rows],
            population["admitted"][rows], account, costs, spending,
        )  # fmt: skip
