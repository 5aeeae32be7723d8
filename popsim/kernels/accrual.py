"""Life time, QALYs and costs of every twin, accrued day by day.

`accrue_time` and `accrue_costs` are parallel passes over the rows under follow-up; the setting at the end of the step
(the midnight census) decides the cost and utility of the step. `accrue_events` processes the step's events in order:
attendances, contacts, and the part of the step lived before a death. Costs are written discounted to the twin's total
(costs: totals x rows) and undiscounted to the budget by year since entry (spending: years x components), summed per
block of rows and then in block order, so that no result depends on the number of threads. Discount factors are by whole
day since entry, money is in the currency of the prices, utilities are per year of life.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from popsim.kernels.codes import DEATH, START, VISIT
from popsim.kernels.numerics.compiling import njit, prange
from popsim.kernels.numerics.scalars import YEARS_PER_DAY
from popsim.units import DAYS_PER_YEAR

BLOCK = 1024  # rows whose spending is summed one after the other

# Components of cost: columns of `spending`, in the order of economics/columns.py.
NOTHING = -1
WARD = 0
EMERGENCY = 1
CLINIC = 2
COMMUNITY = 3
DRUGS = 4
DEVICES = 5
TELEMONITORING = 6
PROGRAMME = 7
OUT_OF_POCKET = 8
TRAVEL = 9
INFORMAL_CARE = 10
PRODUCTIVITY = 11
COMPONENTS = 12


class Rates(NamedTuple):
    """By symptom class: utility per year of life, decrement in hospital, and disability weight."""

    utility_1: float
    utility_2: float
    utility_3: float
    utility_4: float
    decrement_1: float
    decrement_2: float
    decrement_3: float
    decrement_4: float
    disability_1: float
    disability_2: float
    disability_3: float
    disability_4: float


class DailyPrices(NamedTuple):
    """Prices of a day that do not depend on the setting, informal care and productivity.

    Drugs at target dose (the loop diuretic per mg); the share of drug costs that patients pay; informal care per day at
    home by symptom class, shape (4,); earnings per day (mean over everybody below `retirement_age`, employed or not)
    and the share lost per day at home by symptom class, shape (4,). Away from home all earnings are lost.
    """

    telemonitoring: float
    beta_blocker: float
    ras_inhibitor: float
    neprilysin_inhibitor: float
    mra: float
    sglt2_inhibitor: float
    loop_diuretic_mg: float
    drug_charge_share: float
    informal_care: np.ndarray
    earnings: float
    work_lost: np.ndarray
    retirement_age: float


class SettingPrices(NamedTuple):
    """Prices by setting, each an array (settings,) in the order of the network.

    night_*: of a day there, and the component it is booked under (NOTHING if free); start_price: of an attendance,
    charged at its start; visit_*: of a contact, and its component; contact_*: of an attendance or a contact. *_charge
    is the patient's share of the price, *_travel the cost of travel.
    in_hospital, at_home: 1 where the hospital decrement applies, and where people live at home.
    """

    night_price: np.ndarray
    night_account: np.ndarray
    night_charge: np.ndarray
    night_travel: np.ndarray
    start_price: np.ndarray
    visit_price: np.ndarray
    visit_account: np.ndarray
    contact_charge: np.ndarray
    contact_travel: np.ndarray
    in_hospital: np.ndarray
    at_home: np.ndarray


@njit(cache=True)
def _of_class(nyha_class, of_1, of_2, of_3, of_4):
    """The value of a symptom class 1..4."""
    value = of_1 if nyha_class <= 1 else of_2
    value = of_3 if nyha_class == 3 else value
    return of_4 if nyha_class >= 4 else value


@njit(cache=True)
def _utility(nyha_class, admitted, rates):
    """Utility per year of a symptom class 1..4, minus the decrement in hospital."""
    at_home = _of_class(nyha_class, rates.utility_1, rates.utility_2, rates.utility_3, rates.utility_4)
    less = _of_class(nyha_class, rates.decrement_1, rates.decrement_2, rates.decrement_3, rates.decrement_4)
    return at_home - (less if admitted != 0 else 0.0)


@njit(cache=True)
def _disability(nyha_class, rates):
    """Disability weight of a symptom class 1..4."""
    return _of_class(nyha_class, rates.disability_1, rates.disability_2, rates.disability_3, rates.disability_4)


@njit(cache=True, parallel=True, error_model="numpy")
def accrue_time(
    today, step_days, follow_up_days, qaly_discount, rates,
    entry_day, alive, admitted, nyha_class, qaly, life_days, disability_years,
):  # fmt: skip
    """Add the life time, utility and disability of a step. Vectorised.

    Args:
        today: whole day at which the step starts.
        step_days: days the step lasts; the last step is cut off where follow-up ends.
        follow_up_days: whole days of follow-up from entry.
        qaly_discount: (follow_up_days,) weight by whole day since entry.
        rates: utilities and disability weights.
        entry_day ... nyha_class: (rows,) state, read; every row is within its follow-up today.
        qaly, life_days, disability_years: (rows,) totals, written.
    """
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        lived = min(step_days, float(follow_up_days - since)) if alive[i] != 0 else 0.0
        life_days[i] += lived
        qaly[i] += lived * _utility(nyha_class[i], admitted[i], rates) * qaly_discount[since] / DAYS_PER_YEAR
        disability_years[i] += lived * _disability(nyha_class[i], rates) * qaly_discount[since] / DAYS_PER_YEAR


@njit(cache=True)
def book(component, i, amount, weight, year, account, costs, spending):
    """Add an amount of money to a twin's total and to the spending of its year."""
    costs[account[component], i] += amount * weight
    spending[year, component] += amount


@njit(cache=True, parallel=True, error_model="numpy")
def accrue_costs(
    today, step_days, follow_up_days, cost_discount, year_of_day, prices, priced_settings, first,
    entry_day, alive, admitted, setting, nyha_class, telemonitored, age_years, beta_blocker, ras_inhibitor,
    neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic_mg, account, costs, spending,
):  # fmt: skip
    """Add the costs of a step: setting, drugs, telemonitoring, informal care and lost productivity.

    Drugs are costed outside hospital only: the price of a night in hospital includes them.

    Args:
        today, step_days, follow_up_days: as for `accrue_time`.
        cost_discount, year_of_day: (follow_up_days,) weight and year by whole day since entry.
        prices, priced_settings: of a day, and by setting.
        first: place in `costs` of the first of these rows.
        entry_day ... loop_diuretic_mg: (rows,) state, read; every row is within its follow-up today.
        account: (COMPONENTS,) row of `costs` where each component is booked.
        costs: (totals, population) discounted totals, written.
        spending: (blocks, years, COMPONENTS) undiscounted sums, one block for each BLOCK rows, written.
    """
    rows = len(entry_day)
    for block in prange((rows + BLOCK - 1) // BLOCK):
        spent = spending[block]
        for i in range(block * BLOCK, min((block + 1) * BLOCK, rows)):
            if alive[i] == 0:
                continue
            since = today - entry_day[i]
            days, weight, year = min(step_days, float(follow_up_days - since)), cost_discount[since], year_of_day[since]
            who = first + i
            if admitted[i] == 0:
                drugs = (
                    float(beta_blocker[i]) * prices.beta_blocker
                    + float(ras_inhibitor[i]) * prices.ras_inhibitor
                    + float(neprilysin_inhibitor[i]) * prices.neprilysin_inhibitor
                    + float(mra[i]) * prices.mra
                    + float(sglt2_inhibitor[i]) * prices.sglt2_inhibitor
                    + float(loop_diuretic_mg[i]) * prices.loop_diuretic_mg
                )
                money = days * drugs
                book(DRUGS, who, money, weight, year, account, costs, spent)
                if prices.drug_charge_share > 0.0:
                    book(OUT_OF_POCKET, who, money * prices.drug_charge_share, weight, year, account, costs, spent)
            if telemonitored[i] != 0:
                book(TELEMONITORING, who, days * prices.telemonitoring, weight, year, account, costs, spent)
            where, symptoms = setting[i], min(max(nyha_class[i], 1), 4) - 1
            home = where >= 0 and priced_settings.at_home[where] != 0
            if where >= 0 and priced_settings.night_account[where] != NOTHING:
                money = days * priced_settings.night_price[where]
                book(priced_settings.night_account[where], who, money, weight, year, account, costs, spent)
            if where >= 0 and priced_settings.night_charge[where] > 0.0:
                book(
                    OUT_OF_POCKET, who, days * priced_settings.night_charge[where], weight, year, account, costs, spent
                )
            if where >= 0 and priced_settings.night_travel[where] > 0.0:
                book(TRAVEL, who, days * priced_settings.night_travel[where], weight, year, account, costs, spent)
            if home:
                money = days * prices.informal_care[symptoms]
                book(INFORMAL_CARE, who, money, weight, year, account, costs, spent)
            if float(age_years[i]) + since * YEARS_PER_DAY < prices.retirement_age:
                money = days * prices.earnings * (prices.work_lost[symptoms] if home else 1.0)
                book(PRODUCTIVITY, who, money, weight, year, account, costs, spent)


@njit(cache=True)
def accrue_events(
    time, row, kind, event_setting, today, follow_up_days, qaly_discount, cost_discount, year_of_day, rates,
    priced_settings, entry_day, nyha_class, qaly, life_days, disability_years, account, costs, spending,
):  # fmt: skip
    """Add the costs of events, each discounted at its own day; events outside a twin's follow-up are skipped.

    Args:
        time, row, kind, event_setting: (events,) slice of the log; rows from the population's size on are not twins.
        today: time in days at which the step starts; a twin that dies has lived from then to the moment of death.
        follow_up_days: whole days of follow-up from entry.
        qaly_discount, cost_discount, year_of_day: (days,) weights and year by whole day since entry.
        rates: utilities and disability weights.
        priced_settings: prices by setting.
        entry_day, nyha_class: (rows,) state, read.
        qaly, life_days, disability_years: (rows,) totals, written.
        account: (COMPONENTS,) row of `costs` where each component is booked.
        costs: (totals, rows) discounted totals, written.
        spending: (years, COMPONENTS) undiscounted sums, written.
    """
    for event in range(len(time)):
        i = row[event]
        if i < 0 or i >= len(entry_day):
            continue
        since = int(np.floor(time[event])) - entry_day[i]
        if since < 0 or since >= follow_up_days:
            continue
        weight, year, where = cost_discount[since], year_of_day[since], event_setting[event]
        if kind[event] == DEATH:
            lived = time[event] - max(today, float(entry_day[i]))
            ward = priced_settings.in_hospital[where] if where >= 0 else 0
            life_days[i] += lived
            qaly[i] += lived * _utility(nyha_class[i], ward, rates) * qaly_discount[since] / DAYS_PER_YEAR
            disability_years[i] += lived * _disability(nyha_class[i], rates) * qaly_discount[since] / DAYS_PER_YEAR
        elif where < 0:
            continue
        elif kind[event] == START:
            book(EMERGENCY, i, priced_settings.start_price[where], weight, year, account, costs, spending)
            book(OUT_OF_POCKET, i, priced_settings.contact_charge[where], weight, year, account, costs, spending)
            book(TRAVEL, i, priced_settings.contact_travel[where], weight, year, account, costs, spending)
        elif kind[event] == VISIT:
            book(
                priced_settings.visit_account[where],
                i,
                priced_settings.visit_price[where],
                weight,
                year,
                account,
                costs,
                spending,
            )
            book(OUT_OF_POCKET, i, priced_settings.contact_charge[where], weight, year, account, costs, spending)
            book(TRAVEL, i, priced_settings.contact_travel[where], weight, year, account, costs, spending)
