"""QALYs, disability and costs of every twin, accrued day by day.

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


@njit
def _of_class(nyha_class, of_1, of_2, of_3, of_4):
    """The value of a symptom class 1..4."""
    value = of_1 if nyha_class <= 1 else of_2
    value = of_3 if nyha_class == 3 else value
    return of_4 if nyha_class >= 4 else value


@njit
def _utility(nyha_class, admitted, rates):
    """Utility per year of a symptom class 1..4, minus the decrement in hospital."""
    at_home = _of_class(nyha_class, rates.utility_1, rates.utility_2, rates.utility_3, rates.utility_4)
    less = _of_class(nyha_class, rates.decrement_1, rates.decrement_2, rates.decrement_3, rates.decrement_4)
    return at_home - (less if admitted != 0 else 0.0)


@njit
def _disability(nyha_class, rates):
    """Disability weight of a symptom class 1..4."""
    return _of_class(nyha_class, rates.disability_1, rates.disability_2, rates.disability_3, rates.disability_4)


@njit(parallel=True)
def accrue_time(
    today, step_days, follow_up_days, qaly_discount, rates,
    entry_day, alive, admitted, nyha_class, qaly, disability_years,
):  # fmt: skip
    """Add the utility and disability of a step. Vectorised.

    Args:
        today: whole day at which the step starts.
        step_days: days the step lasts; the last step is cut off where follow-up ends.
        follow_up_days: whole days of follow-up from entry.
        qaly_discount: (follow_up_days,) weight by whole day since entry.
        rates: utilities and disability weights.
        entry_day ... nyha_class: (rows,) state, read; every row is within its follow-up today.
        qaly, disability_years: (rows,) totals, written.
    """
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        lived = min(step_days, float(follow_up_days - since)) if alive[i] != 0 else 0.0
        qaly[i] += lived * _utility(nyha_class[i], admitted[i], rates) * qaly_discount[since] / DAYS_PER_YEAR
        disability_years[i] += lived * _disability(nyha_class[i], rates) * qaly_discount[since] / DAYS_PER_YEAR


@njit
def book(component, i, amount, weight, year, account, costs, spending):
    """Add an amount of money to a twin's total and to the spending of its year."""
    costs[account[component], i] += amount * weight
    spending[year, component] += amount


@njit
def last_of_year(today, year_of_day, entry_day, first, stop):
    """End of the rows from `first` on, before `stop`, in the same year since entry; rows are ordered by entry."""
    while year_of_day[today - entry_day[stop - 1]] != year_of_day[today - entry_day[first]]:
        stop -= 1
    return stop


@njit
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
    rows = slice(first, first + len(entry_day))
    amounts = np.empty((5, len(entry_day)))
    _accrue_at_home(
        today, step_days, follow_up_days, cost_discount, prices, priced_settings.at_home,
        entry_day, alive, admitted, setting, nyha_class, telemonitored, age_years, beta_blocker, ras_inhibitor,
        neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic_mg,
        costs[account[DRUGS], rows], costs[account[OUT_OF_POCKET], rows], costs[account[TELEMONITORING], rows],
        costs[account[INFORMAL_CARE], rows], costs[account[PRODUCTIVITY], rows],
        amounts[0], amounts[1], amounts[2], amounts[3], amounts[4],
    )  # fmt: skip
    _accrue_nights(
        today, step_days, follow_up_days, cost_discount, year_of_day, priced_settings, first, entry_day, alive, setting,
        amounts, account, costs, spending,
    )  # fmt: skip


@njit(parallel=True)
def _accrue_at_home(
    today, step_days, follow_up_days, cost_discount, prices, at_home,
    entry_day, alive, admitted, setting, nyha_class, telemonitored, age_years, beta_blocker, ras_inhibitor,
    neprilysin_inhibitor, mra, sglt2_inhibitor, loop_diuretic_mg,
    drug_costs, own_costs, telemonitoring_costs, care_costs, work_costs, drugs, charged, telemonitoring, caring, lost,
):  # fmt: skip
    """Costs of a step but for nights, added to totals and written to `drugs` ... `lost` (rows,). Vectorised."""
    for i in prange(len(entry_day)):
        since = today - entry_day[i]
        days = min(step_days, float(follow_up_days - since)) if alive[i] != 0 else 0.0
        weight, symptoms = cost_discount[since], min(max(nyha_class[i], 1), 4) - 1
        home = (setting[i] >= 0) & (at_home[max(setting[i], 0)] != 0)
        care, work = prices.informal_care[symptoms], prices.work_lost[symptoms]
        of_drugs = (
            float(beta_blocker[i]) * prices.beta_blocker
            + float(ras_inhibitor[i]) * prices.ras_inhibitor
            + float(neprilysin_inhibitor[i]) * prices.neprilysin_inhibitor
            + float(mra[i]) * prices.mra
            + float(sglt2_inhibitor[i]) * prices.sglt2_inhibitor
            + float(loop_diuretic_mg[i]) * prices.loop_diuretic_mg
        )
        works = float(age_years[i]) + since * YEARS_PER_DAY < prices.retirement_age
        drugs[i] = days * of_drugs if admitted[i] == 0 else 0.0
        charged[i] = drugs[i] * prices.drug_charge_share
        telemonitoring[i] = days * prices.telemonitoring if telemonitored[i] != 0 else 0.0
        caring[i] = days * care if home else 0.0
        lost[i] = days * prices.earnings * (work if home else 1.0) if works else 0.0
        drug_costs[i] += drugs[i] * weight
        own_costs[i] += charged[i] * weight
        telemonitoring_costs[i] += telemonitoring[i] * weight
        care_costs[i] += caring[i] * weight
        work_costs[i] += lost[i] * weight


@njit(parallel=True)
def _accrue_nights(
    today, step_days, follow_up_days, cost_discount, year_of_day, priced_settings, first, entry_day, alive, setting,
    amounts, account, costs, spending,
):  # fmt: skip
    """Nights of the few who are where a night costs something, and the spending of all."""
    costly = (priced_settings.night_account != NOTHING) | (priced_settings.night_charge > 0.0)
    costly |= priced_settings.night_travel > 0.0
    drugs, charged, telemonitoring, caring, lost = amounts
    rows = len(entry_day)
    for block in prange((rows + BLOCK - 1) // BLOCK):
        i, stop = block * BLOCK, min((block + 1) * BLOCK, rows)
        while i < stop:  # once for each year since entry
            year, end = year_of_day[today - entry_day[i]], last_of_year(today, year_of_day, entry_day, i, stop)
            spent = spending[block, year]
            on_drugs, own, watched = spent[DRUGS], spent[OUT_OF_POCKET], spent[TELEMONITORING]
            on_care, on_work = spent[INFORMAL_CARE], spent[PRODUCTIVITY]
            for k in range(i, end):
                on_drugs += drugs[k]
                own += charged[k]
                watched += telemonitoring[k]
                on_care += caring[k]
                on_work += lost[k]
                if setting[k] >= 0 and costly[setting[k]] and alive[k] != 0:
                    own += _book_night(
                        today, step_days, follow_up_days, cost_discount, year, priced_settings, first + k, entry_day[k],
                        setting[k], account, costs, spending[block],
                    )  # fmt: skip
            i = end
            spent[DRUGS], spent[OUT_OF_POCKET], spent[TELEMONITORING] = on_drugs, own, watched
            spent[INFORMAL_CARE], spent[PRODUCTIVITY] = on_care, on_work


@njit
def _book_night(
    today, step_days, follow_up_days, cost_discount, year, priced_settings, i, entry_day, where,
    account, costs, spending,
):  # fmt: skip
    """Book a stay's step; the patient's charge is added to its total only and returned."""
    since = today - entry_day
    days, weight = min(step_days, float(follow_up_days - since)), cost_discount[since]
    component = priced_settings.night_account[where]
    if component != NOTHING:
        book(component, i, days * priced_settings.night_price[where], weight, year, account, costs, spending)
    book(TRAVEL, i, days * priced_settings.night_travel[where], weight, year, account, costs, spending)
    charged = days * priced_settings.night_charge[where]
    costs[account[OUT_OF_POCKET], i] += charged * weight
    return charged


@njit
def accrue_events(
    time, row, kind, event_setting, today, follow_up_days, qaly_discount, cost_discount, year_of_day, rates,
    priced_settings, entry_day, nyha_class, qaly, disability_years, account, costs, spending,
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
        qaly, disability_years: (rows,) totals, written.
        account: (COMPONENTS,) row of `costs` where each component is booked.
        costs: (totals, rows) discounted totals, written.
        spending: (years, COMPONENTS) undiscounted sums, written.
    """
    for event in range(len(time)):
        i = row[event]
        if (kind[event] != DEATH and kind[event] != START and kind[event] != VISIT) or i < 0 or i >= len(entry_day):
            continue
        since = int(np.floor(time[event])) - entry_day[i]
        if since < 0 or since >= follow_up_days:
            continue
        weight, year, where = cost_discount[since], year_of_day[since], event_setting[event]
        if kind[event] == DEATH:
            lived = time[event] - max(today, float(entry_day[i]))
            ward = priced_settings.in_hospital[where] if where >= 0 else 0
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
