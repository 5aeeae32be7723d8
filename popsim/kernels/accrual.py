"""Life time, health and cost of every twin, added up day by day.

`accrue_time` and `accrue_places` value the time that passes: parallel passes over the rows under follow-up, without
sums across rows, so the bits do not depend on the number of threads. Where a twin is at the end of the step (the
midnight census for a step of a day) decides what the step costs and which utility it has.

`accrue_events` values what happens at one moment: attendances, contacts, the programme at entry, and the part of the
step that somebody lived who died in it. It walks the step's events in their order.

Discount factors go by whole day since entry, money is in the currency of the prices, utilities are per year of life.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from popsim.kernels.codes import DEATH, ENTER, START, VISIT

DAYS_PER_YEAR = 365.25

# Where the price of a setting is booked.
TO_NOTHING = 0
TO_WARD = 1
TO_EMERGENCY = 2
TO_COMMUNITY = 3
TO_CLINIC = 4


class Rates(NamedTuple):
    """Utilities per year of life by symptom class, what a day in hospital takes off, and prices per day."""

    utility_1: float
    utility_2: float
    utility_3: float
    utility_4: float
    decrement_1: float
    decrement_2: float
    decrement_3: float
    decrement_4: float
    beta_blocker: float
    ras_inhibitor: float
    neprilysin_inhibitor: float
    mra: float
    sglt2_inhibitor: float
    loop_diuretic_mg: float


@njit(cache=True)
def _utility(nyha_class, admitted, rates):
    """Utility per year of a symptom class 1..4, less what being in hospital takes off."""
    at_home = rates.utility_1 if nyha_class <= 1 else rates.utility_2
    at_home = rates.utility_3 if nyha_class == 3 else at_home
    at_home = rates.utility_4 if nyha_class >= 4 else at_home
    less = rates.decrement_1 if nyha_class <= 1 else rates.decrement_2
    less = rates.decrement_3 if nyha_class == 3 else less
    less = rates.decrement_4 if nyha_class >= 4 else less
    return at_home - (less if admitted != 0 else 0.0)


@njit(cache=True, parallel=True, error_model="numpy")
def accrue_time(
    today, step_days, follow_up_days, qaly_discount, cost_discount, rates,
    entry_day, alive, admitted, nyha_class, beta_blocker, ras_inhibitor, neprilysin_inhibitor, mra, sglt2_inhibitor,
    loop_diuretic_mg, qaly, life_days, cost_drugs,
):  # fmt: skip
    """Add what everybody has of a step: life time, utility and drugs. Vectorised.

    Drugs are paid for outside hospital only: the price of a night there includes them.

    Args:
        today: whole day at which the step starts.
        step_days: days the step lasts; the last step is cut off where follow-up ends.
        follow_up_days: whole days of follow-up from entry.
        qaly_discount, cost_discount: (follow_up_days,) weight by whole day since entry.
        rates: utilities and daily prices.
        entry_day ... loop_diuretic_mg: (rows,) state, read; every row is within its follow-up today.
        qaly, life_days, cost_drugs: (rows,) totals, written.
    """
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        lived = min(step_days, float(follow_up_days - since)) if alive[i] != 0 else 0.0
        utility = _utility(nyha_class[i], admitted[i], rates)
        drugs = (
            float(beta_blocker[i]) * rates.beta_blocker
            + float(ras_inhibitor[i]) * rates.ras_inhibitor
            + float(neprilysin_inhibitor[i]) * rates.neprilysin_inhibitor
            + float(mra[i]) * rates.mra
            + float(sglt2_inhibitor[i]) * rates.sglt2_inhibitor
            + float(loop_diuretic_mg[i]) * rates.loop_diuretic_mg
        )
        paid = lived if admitted[i] == 0 else 0.0
        life_days[i] += lived
        qaly[i] += lived * utility * qaly_discount[since] / DAYS_PER_YEAR
        cost_drugs[i] += paid * drugs * cost_discount[since]


@njit(cache=True, parallel=True, error_model="numpy")
def accrue_places(
    today, step_days, follow_up_days, cost_discount, telemonitoring_price, night_price, night_account,
    entry_day, alive, setting, telemonitored, cost_ward, cost_emergency, cost_community, cost_telemonitoring,
):  # fmt: skip
    """Add what a step costs where the twins are: few have such a cost, so it is written only where there is one.

    Args:
        today, step_days, follow_up_days, cost_discount: as for `accrue_time`.
        telemonitoring_price: of a day.
        night_price, night_account: (settings,) price of a day by setting and where it is booked (TO_*).
        entry_day ... telemonitored: (rows,) state, read; every row is within its follow-up today.
        cost_ward ... cost_telemonitoring: (rows,) totals, written.
    """
    for i in prange(len(entry_day)):
        if alive[i] == 0:
            continue
        since = today - entry_day[i]
        paid = min(step_days, float(follow_up_days - since)) * cost_discount[since]
        if telemonitored[i] != 0:
            cost_telemonitoring[i] += paid * telemonitoring_price
        place = setting[i]
        if place < 0 or night_account[place] == TO_NOTHING:
            continue
        if night_account[place] == TO_WARD:
            cost_ward[i] += paid * night_price[place]
        elif night_account[place] == TO_EMERGENCY:
            cost_emergency[i] += paid * night_price[place]
        else:
            cost_community[i] += paid * night_price[place]


@njit(cache=True)
def accrue_events(
    time, row, kind, event_setting, today, follow_up_days, qaly_discount, cost_discount, rates,
    start_price, visit_price, visit_account, in_hospital, programme_price,
    entry_day, nyha_class, qaly, life_days, cost_emergency, cost_clinic, cost_community, cost_programme,
):  # fmt: skip
    """Add what the events cost, each discounted at its own day; events outside a twin's follow-up are passed over.

    Args:
        time, row, kind, event_setting: (events,) slice of the log; rows from the population's size on are not twins.
        today: time in days at which the step starts; who dies has lived from then on to the moment of death.
        follow_up_days: whole days of follow-up from entry.
        qaly_discount, cost_discount: (days,) weight by whole day since entry.
        rates: utilities.
        start_price: (settings,) price of an attendance, paid when the place is taken.
        visit_price, visit_account: (settings,) price of a contact and where it is booked (TO_*).
        in_hospital: (settings,) 1 where the hospital decrement applies.
        programme_price: paid once at entry.
        entry_day, nyha_class: (rows,) state, read.
        qaly ... cost_programme: (rows,) totals, written.
    """
    for event in range(len(time)):
        i = row[event]
        if i < 0 or i >= len(entry_day):
            continue
        since = int(np.floor(time[event])) - entry_day[i]
        if since < 0 or since >= follow_up_days:
            continue
        weight = cost_discount[since]
        place = event_setting[event]
        if kind[event] == ENTER:
            cost_programme[i] += programme_price * weight
        elif kind[event] == DEATH:
            lived = time[event] - max(today, float(entry_day[i]))
            ward = in_hospital[place] if place >= 0 else 0
            life_days[i] += lived
            qaly[i] += lived * _utility(nyha_class[i], ward, rates) * qaly_discount[since] / DAYS_PER_YEAR
        elif place < 0:
            continue
        elif kind[event] == START:
            cost_emergency[i] += start_price[place] * weight
        elif kind[event] == VISIT and visit_account[place] == TO_CLINIC:
            cost_clinic[i] += visit_price[place] * weight
        elif kind[event] == VISIT:
            cost_community[i] += visit_price[place] * weight
