"""Valuation: the health and cost of each day of every twin under follow-up.

The currency is that of the prices (evidence/nhs_prices.toml and societal_prices.toml, GBP); economics/perspectives.py
lists the components of each perspective. Nights are paid by midnight census: a stay costs the daily price of its class
times the midnights spent there. Attendances and contacts are paid when they happen; leaving the emergency department
before being seen costs nothing. The price of a ward includes drugs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import MAX_DAYS, whole_number
from popsim.economics.charges import book_charges
from popsim.economics.clinical import ClinicalValuation
from popsim.economics.columns import COST_NAMES
from popsim.economics.discounting import NO_STEPS, Steps, discount_factors
from popsim.economics.prices import PricedSetting, daily_prices, health_rates, setting_prices
from popsim.economics.utility_norms import UtilityNorms
from popsim.errors import InputError
from popsim.evidence.parameters import ParameterSet
from popsim.kernels import accrual
from popsim.kernels.charges import accrue_daily
from popsim.kernels.physiology.states import take_off
from popsim.population.charges import Charges
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State
from popsim.units import DAYS_PER_YEAR

# Columns in the order in which the kernels take them.
TIME_COLUMNS = ("entry_day", "alive", "admitted", "nyha_class", "qaly", "disability_years")
PRICED_COLUMNS = (
    "entry_day", "alive", "admitted", "setting", "nyha_class", "telemonitored", "age_years", "beta_blocker_fraction",
    "ras_inhibitor_fraction", "neprilysin_inhibitor_fraction", "mra_fraction", "sglt2_inhibitor_fraction",
    "loop_diuretic_mg_day",
)  # fmt: skip
EVENT_COLUMNS = ("entry_day", "nyha_class", "qaly", "disability_years")

NO_ACCOUNT = -1  # of a component of cost that the population does without


class Accounts(NamedTuple):
    """Accounts to which costs are booked.

    account: (COMPONENTS,) row of `costs` of each component, NO_ACCOUNT for one to which nothing is booked; costs:
    (totals, twins) all totals of the population; spending: (blocks, years, COMPONENTS) undiscounted sums.
    """

    account: NDArray[np.int64]
    costs: NDArray[np.float64]
    spending: NDArray[np.float64]


class Valuation:
    """Adds QALYs, disability and costs to the columns of `economics/columns.py`.

    Args:
        prices: ParameterSet like evidence/nhs_prices.toml.
        utilities: ParameterSet like evidence/griffiths_2014.toml.
        societal: ParameterSet like evidence/societal_prices.toml: what patients, families and the economy bear.
        disability: ParameterSet like evidence/gbd_disability.toml.
        settings: every setting of the network, in its order.
        follow_up_days: whole days from its entry for which a twin is valued.
        discount_rate_costs, discount_rate_qalys: per year; None: as the prices say.
        discount_steps: later rates of costs and of QALYs.
        telemonitoring_per_day: price of a day of telemonitoring; None: as the prices say.
        telemonitoring_later: prices that replace it (None: as the prices say), by the day from which they do.
        charges: what interventions cost.
        clinical: prices of further drugs and dialysis, and losses of lasting states; None: of none.
        norms: by which utilities are multiplied (economics/utility_norms.py); None: they are as their set has them.

    Raises:
        InputError: a class of setting is unknown, a price is missing, or a rate is out of bounds.
    """

    def __init__(
        self,
        prices: ParameterSet,
        utilities: ParameterSet,
        societal: ParameterSet,
        disability: ParameterSet,
        settings: Iterable[PricedSetting],
        follow_up_days: int,
        *,
        discount_rate_costs: float | None = None,
        discount_rate_qalys: float | None = None,
        discount_steps: tuple[Steps, Steps] = NO_STEPS,
        telemonitoring_per_day: float | None = None,
        telemonitoring_later: Mapping[int, float | None] | None = None,
        charges: Charges | None = None,
        clinical: ClinicalValuation | None = None,
        norms: UtilityNorms | None = None,
    ) -> None:
        self.follow_up_days = whole_number("follow_up_days", follow_up_days, 1, MAX_DAYS)
        self._charges = charges or Charges()
        self._clinical = clinical
        self._norms, self._respondents = norms, norms.of_respondents(utilities) if norms is not None else 1.0
        self.priced_settings = setting_prices(prices, societal, tuple(settings))
        own = prices["telemonitoring_day"]
        self.daily = daily_prices(
            prices, societal, float(own if telemonitoring_per_day is None else telemonitoring_per_day)
        )
        later = telemonitoring_later or {}
        self._telemonitoring_later = {day: own if price is None else price for day, price in later.items()}
        self.rates = health_rates(utilities, disability)
        costs = prices["discount_rate_costs"] if discount_rate_costs is None else discount_rate_costs
        qalys = prices["discount_rate_qalys"] if discount_rate_qalys is None else discount_rate_qalys
        self.cost_discount = discount_factors(costs, follow_up_days, discount_steps[0])
        self.qaly_discount = discount_factors(qalys, follow_up_days, discount_steps[1])
        self.year_of_day = (np.arange(follow_up_days) / DAYS_PER_YEAR).astype(np.int64)
        self._spending = np.zeros((0, int(self.year_of_day[-1]) + 1, accrual.COMPONENTS))
        self._account = np.zeros(0, np.int64)
        self._events_seen = 0

    def accrue(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Add the step that `clock` is at: its time, then the events logged since the last call."""
        before = population["qaly"].copy() if self._norms is not None else None
        self._accrue_time(population, clock)
        self._accrue_events(population, clock, events)
        if self._norms is not None and before is not None:
            self._multiply(population, clock, self._norms, before)

    def spending(self) -> pl.DataFrame:
        """Undiscounted spending on all twins together, by year since entry.

        Returns:
            year (1, 2, ...; the last may be cut short by the end of follow-up), then one column for each of COST_NAMES.
        """
        by_year = self._spending.sum(axis=0)
        years = pl.Series("year", np.arange(1, len(by_year) + 1), pl.Int32)
        return pl.DataFrame([years, *(pl.Series(name, by_year[:, i].copy()) for i, name in enumerate(COST_NAMES))])

    def state(self) -> NamedArrays:
        """Spending so far and the number of events valued, to go on from; totals of persons are their columns."""
        return {"spending": self._spending, "events": np.int64(self._events_seen)}

    def restore(self, state: State, population: Population, day: int) -> None:
        """Go on from a state on the morning of a day.

        Raises:
            InputError: the state is of another valuation.
        """
        for begun in sorted(one for one in self._telemonitoring_later if one < day):
            self.daily = self.daily._replace(telemonitoring=self._telemonitoring_later[begun])
        spending = self._accounts(population).spending
        spending[:] = state.take("spending", np.float64, spending.shape)
        self._events_seen = state.number("events")

    def _accrue_time(self, population: Population, clock: Clock) -> None:
        """The rows under follow-up are contiguous, because rows are ordered by entry."""
        today = int(clock.time_days)
        if today in self._telemonitoring_later:
            self.daily = self.daily._replace(telemonitoring=self._telemonitoring_later[today])
        first = population.entered(max(today - self.follow_up_days, -1))
        rows = slice(first, population.entered(today))
        self._check_rows(population, rows, today)
        when = (today, clock.step_days, self.follow_up_days)
        accrual.accrue_time(*when, self.qaly_discount, self.rates, *_columns(population, TIME_COLUMNS, rows))
        accrual.accrue_costs(
            *when, self.cost_discount, self.year_of_day, self.daily, self.priced_settings, first,
            *(*_columns(population, PRICED_COLUMNS, rows), *self._accounts(population)),
        )  # fmt: skip
        book_charges(
            self._charges, population, clock, rows, self.follow_up_days, self.cost_discount, self.year_of_day,
            *self._accounts(population),
        )  # fmt: skip
        if self._clinical is not None:
            self._accrue_states(population, clock, rows, self._clinical)

    def _multiply(self, population: Population, clock: Clock, norms: UtilityNorms, before: NDArray[np.float64]) -> None:
        """Multiply the QALYs of the step by the norm of each person's age and sex, relative to the respondents'."""
        years = np.maximum(int(clock.time_days) - population["entry_day"], 0) / DAYS_PER_YEAR
        relative = norms.at(population["age_years"] + years, population["female"]) / self._respondents
        population["qaly"][:] = before + (population["qaly"] - before) * relative

    def _check_rows(self, population: Population, rows: slice, today: int) -> None:
        """Check what kernels index by: each of `rows` is within its follow-up, and in a setting that has a price."""
        entry_day, setting = population["entry_day"][rows], population["setting"][rows]
        if len(entry_day) and not today - self.follow_up_days < entry_day.min() <= entry_day.max() <= today:
            raise InputError("column 'entry_day': must ascend from row to row")
        if len(setting) and not -1 <= setting.min() <= setting.max() < len(self.priced_settings.start_price):
            raise InputError(
                f"column 'setting': holds {setting.max()}, must be below {len(self.priced_settings.start_price)}"
            )

    def _accrue_states(self, population: Population, clock: Clock, rows: slice, clinical: ClinicalValuation) -> None:
        """Further drugs, dialysis, and utility decrements of lasting states."""
        when = (int(clock.time_days), clock.step_days, self.follow_up_days)
        entry_day, alive, admitted, qaly = _columns(population, ("entry_day", "alive", "admitted", "qaly"), rows)
        for component, at_home_only, weighed in clinical.daily:
            accrue_daily(
                *when, self.cost_discount, self.year_of_day, component, at_home_only, rows.start,
                clinical.prices(population, rows, weighed), entry_day, alive, admitted, *self._accounts(population),
            )  # fmt: skip
        take_off(*when, self.qaly_discount, entry_day, alive, clinical.losses(population, rows), qaly)

    def _accrue_events(self, population: Population, clock: Clock, events: EventLog) -> None:
        """Each event is valued once: reading of the log resumes where the last call stopped."""
        if len(events.setting_names) != len(self.priced_settings.start_price):
            raise InputError(
                f"events: of {len(events.setting_names)} settings, {len(self.priced_settings.start_price)} have prices"
            )
        new = events.slice(self._events_seen)
        self._events_seen = len(events)
        account, costs, spending = self._accounts(population)
        accrual.accrue_events(
            new.time, new.row, new.kind, new.setting, clock.time_days, self.follow_up_days, self.qaly_discount,
            self.cost_discount, self.year_of_day, self.rates, self.priced_settings,
            *(*_columns(population, EVENT_COLUMNS), account, costs, spending[-1]),
        )  # fmt: skip

    def _accounts(self, population: Population) -> Accounts:
        """The accounts; sums are allocated when the twins are known."""
        blocks = -(-len(population) // accrual.BLOCK) + 1  # the last one for events
        if len(self._spending) == 0:
            self._spending = np.zeros((blocks, *self._spending.shape[1:]))
            places = [population.schema.index(name) if name in population.schema else NO_ACCOUNT for name in COST_NAMES]
            self._account = np.array(places, np.int64)
        if len(self._spending) != blocks:
            raise InputError(f"population: {len(population)} twins, not the number that this valuation began with")
        return Accounts(self._account, population.block("total"), self._spending)


def _columns(population: Population, names: Sequence[str], rows: slice = slice(None)) -> tuple[NDArray[Any], ...]:
    """The arrays of columns by name, as views of some rows."""
    return tuple(population[name][rows] for name in names)
