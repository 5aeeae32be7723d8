"""Valuation: once a day, what the day was worth and what it cost, for every twin under follow-up.

Perspective and currency are those of the prices (evidence/nhs_prices.toml: NHS and personal social services, GBP).
Nights are paid for by midnight census: a stay of one class of setting costs its daily price times the midnights spent
there. Attendances and contacts are paid for when they happen. Whoever leaves the emergency department before being seen
costs nothing; whoever is on a ward takes the drugs that the ward's price includes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.economics.charges import book_charges
from popsim.economics.discounting import discount_factors
from popsim.errors import InputError, did_you_mean
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import accrual
from popsim.kernels.codes import CLASS_NAMES
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population

FUROSEMIDE_TABLET_MG = 40.0
HOSPITAL_CLASSES = ("inpatient", "critical")
ACCOUNT_OF_CLASS = {
    "emergency": accrual.TO_EMERGENCY,
    "observation": accrual.TO_EMERGENCY,
    "inpatient": accrual.TO_WARD,
    "critical": accrual.TO_WARD,
    "community": accrual.TO_COMMUNITY,
    "facility": accrual.TO_COMMUNITY,
    "hospice": accrual.TO_COMMUNITY,
}

# Columns in the order in which the kernels take them.
TIME_COLUMNS = (
    "entry_day", "alive", "admitted", "nyha_class", "beta_blocker_fraction", "ras_inhibitor_fraction",
    "neprilysin_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction", "loop_diuretic_mg_day",
    "qaly", "life_days", "cost_drugs",
)  # fmt: skip
PLACE_COLUMNS = (
    "entry_day", "alive", "setting", "telemonitored",
    "cost_ward", "cost_emergency", "cost_community", "cost_telemonitoring",
)  # fmt: skip
EVENT_COLUMNS = (
    "entry_day", "nyha_class",
    "qaly", "life_days", "cost_emergency", "cost_clinic", "cost_community", "cost_programme",
)  # fmt: skip


class PricedSetting(NamedTuple):
    """What valuation must know of a setting: its name, its class (CLASS_NAMES) and who is seen there.

    `clinician` is none, general_practitioner, specialist or nurse; it matters for contact settings only.
    """

    name: str
    setting_class: str
    clinician: str = "none"


class Tables(NamedTuple):
    """Prices by place of the setting in the network."""

    night_price: NDArray[np.float64]
    night_account: NDArray[np.int8]
    start_price: NDArray[np.float64]
    visit_price: NDArray[np.float64]
    visit_account: NDArray[np.int8]
    in_hospital: NDArray[np.int8]


class Valuation:
    """Adds life days, QALYs and costs to the columns of `economics/columns.py`.

    Args:
        prices: ParameterSet like evidence/nhs_prices.toml.
        utilities: ParameterSet like evidence/griffiths_2014.toml.
        settings: every setting of the network, in its order.
        follow_up_days: whole days from its entry for which a twin is valued.
        discount_rate_costs, discount_rate_qalys: per year; None: as the prices say.
        telemonitoring_per_day: price of a day of telemonitoring; None: as the prices say.
        telemonitoring_later: prices that replace it (None: as the prices say), by the day from which they do.
        programme_cost: paid once for every twin at entry.
        charges: what interventions cost.

    Raises:
        InputError: a class of setting is unknown, a price is missing, or a rate is out of bounds.
    """

    def __init__(
        self,
        prices: ParameterSet,
        utilities: ParameterSet,
        settings: Iterable[PricedSetting],
        follow_up_days: int,
        *,
        discount_rate_costs: float | None = None,
        discount_rate_qalys: float | None = None,
        telemonitoring_per_day: float | None = None,
        telemonitoring_later: Mapping[int, float | None] | None = None,
        programme_cost: float = 0.0,
        charges: Charges | None = None,
    ) -> None:
        self.follow_up_days = follow_up_days
        self.programme_cost = programme_cost
        self._charges = charges or Charges()
        self.tables = price_tables(prices, tuple(settings))
        own = prices["telemonitoring_day"]
        self.telemonitoring_per_day = own if telemonitoring_per_day is None else float(telemonitoring_per_day)
        later = telemonitoring_later or {}
        self._telemonitoring_later = {day: own if price is None else price for day, price in later.items()}
        self.rates = _rates(prices, utilities)
        costs = prices["discount_rate_costs"] if discount_rate_costs is None else discount_rate_costs
        qalys = prices["discount_rate_qalys"] if discount_rate_qalys is None else discount_rate_qalys
        self.cost_discount = discount_factors(costs, follow_up_days)
        self.qaly_discount = discount_factors(qalys, follow_up_days)
        self._events_seen = 0

    def accrue(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Add the step that `clock` is at: its time, then the events logged since the last call."""
        self._accrue_time(population, clock)
        self._accrue_events(population, clock, events)

    def _accrue_time(self, population: Population, clock: Clock) -> None:
        """The rows under follow-up are neighbours, because rows are ordered by entry."""
        today = int(clock.time_days)
        self.telemonitoring_per_day = self._telemonitoring_later.get(today, self.telemonitoring_per_day)
        entry_day = population["entry_day"]
        first = int(np.searchsorted(entry_day, np.int32(max(today - self.follow_up_days, -1)), side="right"))
        last = int(np.searchsorted(entry_day, np.int32(today), side="right"))
        rows = slice(first, last)
        when = (today, clock.step_days, self.follow_up_days)
        accrual.accrue_time(
            *when, self.qaly_discount, self.cost_discount, self.rates, *_columns(population, TIME_COLUMNS, rows)
        )
        accrual.accrue_places(
            *when, self.cost_discount, self.telemonitoring_per_day, self.tables.night_price, self.tables.night_account,
            *_columns(population, PLACE_COLUMNS, rows),
        )  # fmt: skip
        book_charges(self._charges, population, clock, rows, self.follow_up_days, self.cost_discount)

    def _accrue_events(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Each event is valued once: the log is read on from where the last call stopped."""
        new = events.slice(self._events_seen)
        self._events_seen = len(events)
        tables = self.tables
        accrual.accrue_events(
            new.time, new.row, new.kind, new.setting, clock.time_days, self.follow_up_days, self.qaly_discount,
            self.cost_discount, self.rates, tables.start_price, tables.visit_price, tables.visit_account,
            tables.in_hospital, self.programme_cost, *_columns(population, EVENT_COLUMNS),
        )  # fmt: skip


def price_tables(prices: ParameterSet, settings: Sequence[PricedSetting]) -> Tables:
    """Prices by setting: its own price where the set has one under its name, else that of its class or clinician.

    Raises:
        InputError: a class or clinician is unknown or has no price.
    """
    for setting in settings:
        if setting.setting_class not in CLASS_NAMES:
            found = did_you_mean(setting.setting_class, CLASS_NAMES)
            raise InputError(f"setting '{setting.name}': class '{setting.setting_class}': {found}")
    return Tables(
        night_price=np.array([_night_price(prices, setting) for setting in settings]),
        night_account=np.array([_night_account(prices, setting) for setting in settings], np.int8),
        start_price=np.array(
            [prices["emergency_attendance"] if s.setting_class == "emergency" else 0.0 for s in settings]
        ),
        visit_price=np.array([_visit_price(prices, setting) for setting in settings]),
        visit_account=np.array(
            [accrual.TO_CLINIC if s.clinician == "specialist" else accrual.TO_COMMUNITY for s in settings], np.int8
        ),
        in_hospital=np.array([s.setting_class in HOSPITAL_CLASSES for s in settings], np.int8),
    )


def _night_price(prices: ParameterSet, setting: PricedSetting) -> float:
    """Price of a day in a setting where people stay; 0 elsewhere."""
    if setting.setting_class not in ACCOUNT_OF_CLASS:
        return 0.0
    own = f"{setting.name}_day"
    return prices[own] if own in prices else prices[f"{setting.setting_class}_day"]


def _night_account(prices: ParameterSet, setting: PricedSetting) -> int:
    """Where a day is booked; nowhere when it costs nothing, which spares the kernel the write."""
    if _night_price(prices, setting) == 0.0:
        return accrual.TO_NOTHING
    return ACCOUNT_OF_CLASS[setting.setting_class]


def _visit_price(prices: ParameterSet, setting: PricedSetting) -> float:
    """Price of a contact; 0 where nobody is seen."""
    if setting.setting_class != "outpatient":
        return 0.0
    own = f"{setting.name}_visit"
    if own in prices:
        return prices[own]
    return 0.0 if setting.clinician == "none" else prices[f"{setting.clinician}_visit"]


def _rates(prices: ParameterSet, utilities: ParameterSet) -> accrual.Rates:
    """Utilities and daily prices; an ARNI at target dose is a full RAS inhibitor plus a full neprilysin inhibitor."""
    return accrual.Rates(
        utility_1=utilities["utility_nyha_1"],
        utility_2=utilities["utility_nyha_2"],
        utility_3=utilities["utility_nyha_3"],
        utility_4=utilities["utility_nyha_4"],
        decrement_1=utilities["hospital_decrement_nyha_1"],
        decrement_2=utilities["hospital_decrement_nyha_2"],
        decrement_3=utilities["hospital_decrement_nyha_3"],
        decrement_4=utilities["hospital_decrement_nyha_4"],
        beta_blocker=prices["beta_blocker_day"],
        ras_inhibitor=prices["ras_inhibitor_day"],
        neprilysin_inhibitor=prices["sacubitril_valsartan_day"] - prices["ras_inhibitor_day"],
        mra=prices["mra_day"],
        sglt2_inhibitor=prices["sglt2_inhibitor_day"],
        loop_diuretic_mg=prices["loop_diuretic_40_mg_day"] / FUROSEMIDE_TABLET_MG,
    )


def _columns(population: Population, names: Sequence[str], rows: slice = slice(None)) -> tuple[NDArray[Any], ...]:
    """The arrays of columns by name, as views of some rows."""
    return tuple(population[name][rows] for name in names)
