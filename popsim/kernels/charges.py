"""Prices of a day that differ from twin to twin: what interventions cost as long as somebody has them."""

from __future__ import annotations

from numba import njit, prange


@njit(cache=True, parallel=True, error_model="numpy")
def accrue_daily(
    today, step_days, follow_up_days, cost_discount, at_home_only, price, entry_day, alive, admitted, cost
):
    """Add what a step costs those who are alive at its end.

    Args:
        today: whole day at which the step starts.
        step_days: days the step lasts; the last step is cut off where follow-up ends.
        follow_up_days: whole days of follow-up from entry.
        cost_discount: (follow_up_days,) weight by whole day since entry.
        at_home_only: 1 where a day in hospital costs nothing (drugs: the price of a night includes them).
        price: (rows,) of a day, in the currency of the prices.
        entry_day, alive, admitted: (rows,) state, read; every row is within its follow-up today.
        cost: (rows,) total, written.
    """
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        days = min(step_days, float(follow_up_days - since))
        pays = (alive[i] != 0) & ((at_home_only == 0) | (admitted[i] == 0))
        cost[i] += days * price[i] * cost_discount[since] if pays else 0.0
