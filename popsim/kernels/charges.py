"""Daily costs of interventions, which differ between twins."""

from __future__ import annotations

import numpy as np

from popsim.kernels.accrual import BLOCK, last_of_year
from popsim.kernels.numerics.compiling import njit, prange


@njit(parallel=True)
def accrue_daily(
    today, step_days, follow_up_days, cost_discount, year_of_day, component, at_home_only, first, price, entry_day,
    alive, admitted, account, costs, spending,
):  # fmt: skip
    """Add the costs of a step for twins that are alive at its end.

    Args:
        today: whole day at which the step starts.
        step_days: days the step lasts; the last step is cut off where follow-up ends.
        follow_up_days: whole days of follow-up from entry.
        cost_discount, year_of_day: (follow_up_days,) weight and year by whole day since entry.
        component: where it is booked.
        at_home_only: 1 if a day in hospital costs nothing (drugs: the price of a night includes them).
        first: place in `costs` of the first of these rows.
        price: (rows,) of a day, in the currency of the prices.
        entry_day, alive, admitted: (rows,) state, read; every row is within its follow-up today.
        account, costs, spending: where it is booked, discounted totals and undiscounted sums, written as by
            `accrual.accrue_costs`.
    """
    rows = len(entry_day)
    amount, totals = np.empty(rows), costs[account[component], first : first + rows]
    for i in prange(rows):
        since = today - entry_day[i]
        pays = alive[i] != 0 and (at_home_only == 0 or admitted[i] == 0)
        amount[i] = min(step_days, float(follow_up_days - since)) * price[i] if pays else 0.0
        totals[i] += amount[i] * cost_discount[since]
    for block in prange((rows + BLOCK - 1) // BLOCK):
        i, stop = block * BLOCK, min((block + 1) * BLOCK, rows)
        while i < stop:  # once for each year since entry
            year, end = year_of_day[today - entry_day[i]], last_of_year(today, year_of_day, entry_day, i, stop)
            spent = spending[block, year, component]
            for k in range(i, end):
                spent += amount[k]
            spending[block, year, component] = spent
            i = end
