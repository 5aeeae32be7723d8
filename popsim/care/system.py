"""The care network in a simulation: who is in which setting, who waits, and how a day advances."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim.arguments import whole_number
from popsim.care.carried import carried
from popsim.care.compiled import capacity_of, compile_network, rota_of
from popsim.care.entrance import Entrance
from popsim.care.external import compile_census
from popsim.care.first_morning import FIRST_ROOM, first_morning, lengthened, more_patients
from popsim.care.network import CareNetwork
from popsim.care.policy import Policies, switch_days, telemonitoring_policy
from popsim.care.prescribing import PrescribingTables
from popsim.care.saved import restored, state_of
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError, RunError
from popsim.evidence.parameters import ParameterSet
from popsim.kernels.care import event_loop as loop
from popsim.kernels.care import external_patients as external
from popsim.kernels.care import records
from popsim.kernels.care.events import FAULT_HOPS, FAULT_TURNS, MAX_TURNS
from popsim.kernels.care.world import hand_over
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.event_log import EventLog
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State, within

MAX_TABLE = 100_000_000  # days times settings
LOG_A_TWIN = 48  # initial log capacity per twin; memory that is not written to is not used
MAX_ROOM = 1 << 24  # external patients at once, and events other than those of the twins

WHAT_FAILED = {
    FAULT_TURNS: f"stays and waits of one person ended more than {MAX_TURNS} times within the day, they are too short",
    FAULT_HOPS: "one person was sent on and on at one moment",
}


class CareSystem:
    """The care network of a population.

    Args:
        network: scaled, with the capacities of the first day.
        population: the system writes its care columns; the network's rules read the others.
        strategy: its policies (follow-up and telemonitoring).
        days: maximum number of days to simulate.
        key: of all random numbers.
        practice: clinical practice (evidence/care_practice.toml).
        keep_log: whether to log the twins' events.
        later: networks with later capacities, by the day from which they are in force.
        entrance: where each twin enters; the network's entry when None.

    Attributes:
        capacity: capacity (or slots a day) per day and setting, shape (days, settings).
        census, queue, peak: persons in the setting and waiting for it at the end of the day, and the peak census of the
            day; shape (days, settings).
    """

    def __init__(
        self,
        network: CareNetwork,
        population: Population,
        strategy: Strategy,
        *,
        days: int,
        key: RandomKey,
        practice: ParameterSet,
        keep_log: bool = True,
        later: Mapping[int, CareNetwork] | None = None,
        entrance: Entrance | None = None,
    ) -> None:
        self.network = network
        self.settings = tuple(setting.name for setting in network.settings)
        room = max(FIRST_ROOM, LOG_A_TWIN * len(population)) if keep_log else 0
        self.events = EventLog(self.settings, population.person_id, room)
        self._enter_by_day = "entry_day" in population.schema
        days = whole_number("days", days, 1, MAX_TABLE // len(network.settings))
        shape = (days, len(self.settings))
        self.census, self.queue, self.peak = (np.zeros(shape, np.int32) for _ in range(3))
        tables = compile_network(network, population.schema)
        self._strategy, self._later = strategy, dict(later or {})
        self._switches = {*switch_days(strategy), *self._later} - {0}
        self._policies = Policies(strategy, network, population.schema, len(tables["conditions"]))
        known = len(tables["conditions"]) + len(self._policies.conditions)
        drug_records = PrescribingTables(population.schema, known, strategy.drugs_not_started)
        more = [*self._policies.conditions, *drug_records.conditions]
        tables["conditions"] = np.append(tables["conditions"], np.array(more, records.CONDITION))
        tables |= drug_records.tables()
        tables |= {"policy": records.as_record(self._policies.telemonitoring(0))}
        tables |= {"follow_ups": self._policies.follow_ups(0), "key": key}
        arrays = first_morning(tables, network, population, days, practice)
        self._use(arrays._replace(log=self.events.records))
        self.capacity = np.empty(shape, np.int64)
        self._set_capacity(0)
        if entrance is not None:
            entrance.prepare(self._arrays, population)
        if entrance is not None and entrance.network is not None:
            self._resume(*entrance.network)
        else:
            self._begin(network.definition.warm_up_days)

    def _begin(self, warm_up_days: int) -> None:
        """External patients begin to come so long before day 0, or are there already by the network's census."""
        self._set_rota_capacity(-warm_up_days)
        for source in range(len(self._arrays.sources)):
            external.schedule_arrival(self._world, -float(warm_up_days), source)
        if warm_up_days:
            self._arrays.states["updated_at"] = -warm_up_days
            for day in range(-warm_up_days, 0):
                loop.open_shifts(self._world, day)
                self._process(day + 1)
            external.begin_counts(self._world)
            self._arrays.counters[[records.PROCESSED, records.TODAY]] = 0
        elif len(rows := compile_census(self.network, self._arrays)):
            while self._arrays.counters[records.FREE_SIZE] < rows["number"].sum():
                self._grow(loop.NEEDS_JOBS)
            self._make_room(2 * int(rows["number"].sum()))
            external.take_census(self._world, rows)

    def _resume(self, past: CareSystem, rows: NDArray[np.int64]) -> None:
        """Take over the network as another system left it, with some of its twins; its day is day 0 here.

        Beds that the strategy adds go to those who wait, and its telemonitoring is offered to those at home.
        """
        places = self._arrays.settings["capacity"].copy()
        self._use(carried(past.arrays, past.day, self._arrays, rows))
        self.events.records, self.events.size = self._arrays.log, int(self._arrays.counters[records.LOG_SIZE])
        self._make_room(len(rows))
        for number in np.flatnonzero(self._arrays.settings["kind"] == records.PLACE):
            loop.change_capacity(self._world, 0.0, number, places[number])
        loop.hand_out_telemonitoring(self._world, 0.0)

    def state(self) -> NamedArrays:
        """All that has changed since the first morning, to go on from."""
        daily: NamedArrays = {"census": self.census, "queue": self.queue, "peak": self.peak, "capacity": self.capacity}
        return within("now", state_of(self._arrays)) | {name: table[: self.day] for name, table in daily.items()}

    def restore(self, state: State, day: int) -> None:
        """Go on from the state on the morning of a day, with the policies of the day before.

        Raises:
            InputError: the state is of another network or other people.
        """
        arrays = restored(self._arrays, state.part("now"), day)
        arrays.policy[:] = records.as_record(self._policies.telemonitoring(day - 1))
        self.events.records, self.events.size = arrays.log, int(arrays.counters[records.LOG_SIZE])
        self._use(arrays._replace(follow_ups=self._policies.follow_ups(day - 1)))
        self.capacity[:] = _capacity(arrays.settings)
        for name in ("census", "queue", "peak", "capacity"):
            table: NDArray[Any] = getattr(self, name)
            table[:day] = state.take(name, table.dtype, (day, len(self.settings)))

    def withdraw(self, rows: NDArray[np.int64]) -> None:
        """Some twins leave the network; their beds go to the next."""
        for row in rows:
            loop.withdraw(self._world, float(self.day), row)

    @property
    def day(self) -> int:
        """Days simulated so far."""
        return int(self._arrays.counters[records.TODAY]) + 1

    @property
    def arrays(self) -> records.Arrays:
        """Tables and state, as the kernels have them."""
        return self._arrays

    def treat(self, population: Population, clock: Clock) -> None:
        """One day: new illness, deaths, alerts and entries become events, then all events are processed in order."""
        if len(population) != self._arrays.twins:
            raise InputError(
                f"population: has {len(population)} twins, must have the {self._arrays.twins} of this network"
            )
        self.open_day(clock.day, population.entered(clock.day) if self._enter_by_day else len(population))
        self.run_day(clock.day)

    def open_day(self, day: int, entered: int) -> None:
        """Schedule today's events from physiology, monitoring and the calendar.

        Twins without an `entry_day` are present at the start of day 0; the others enter at some time of their day.

        Raises:
            InputError: the day is beyond the days of this system.
        """
        self._check_days(day, day + 1)
        if (iron := int(self._arrays.columns["iv_iron_mg"][0])) >= 0:
            self._arrays.reals[iron, :entered] = 0.0  # yesterday's infusion has been taken up
        if day in self._switches:
            self._switch(day)
        self._make_room(int(loop.count_due(self._world, entered)))
        loop.open_day(self._world, day, entered, float(self._enter_by_day))

    def run_day(self, day: int) -> None:
        """Process today's events and close the day; every person must be accounted for.

        Raises:
            InputError: the day is beyond the days of this system.
            RunError: flows do not balance, or the network has grown beyond all bounds.
        """
        self._check_days(day, day + 1)
        self._process(day + 1)
        loop.close_day(self._world, day, self.census[day], self.queue[day], self.peak[day])
        self._check(day)

    def _process(self, until: int) -> None:
        """Process all events before a day, with more memory whenever it takes more."""
        while (need := loop.run_until(self._world, float(until))) != loop.DONE:
            self._grow(need)

    def run_days(self, first: int, last: int) -> None:
        """Simulate days first..last in one call, for a network without physiology whose twins have entered.

        Raises:
            InputError: a day is beyond the days of this system.
            RunError: as `run_day`.
        """
        self._check_days(first, last)
        switches = sorted(day for day in self._switches if first <= day < last)
        for begin, end in pairwise([*dict.fromkeys([first, *switches]), last]):
            if begin in self._switches:
                self._switch(begin)
            self._run_days(begin, end)

    def _run_days(self, first: int, last: int) -> None:
        """Simulate days first..last, during which no capacity or policy changes."""
        day, need, opened = first, loop.DONE, 0
        while day < last:
            day, need = loop.run_days(self._world, day, last, opened, self.census, self.queue, self.peak)
            opened = int(need != loop.DONE)
            if need == loop.UNBALANCED:
                self._check(day)
            elif opened:
                self._grow(need)
        self._check(last - 1)

    def _switch(self, day: int) -> None:
        """Apply the strategy's changes on the morning of a day."""
        self._make_room(int(self._arrays.states["waiting"].sum()))
        before, now = telemonitoring_policy(self._strategy, day - 1), telemonitoring_policy(self._strategy, day)
        self._use(self._arrays._replace(follow_ups=self._policies.follow_ups(day)))
        self._arrays.policy[:] = records.as_record(self._policies.telemonitoring(day))
        if now is not before:
            self._arrays.codes[self._arrays.columns["telemonitored"][0]] = 0
            loop.hand_out_telemonitoring(self._world, float(day))
        if day in self._later:
            for number, setting in enumerate(self._later[day].settings):
                if setting.is_stay_setting:
                    self._arrays.rotas[number] = rota_of(setting)
                    open_beds = self._by_rota(number, day) if setting.rota else capacity_of(setting.capacity)
                    loop.change_capacity(self._world, float(day), number, open_beds)
                elif setting.slots_per_day is not None:
                    self._arrays.settings["slots"][number] = setting.slots_per_day
            self._set_capacity(day)

    def _by_rota(self, setting: int, day: int) -> int:
        """Capacity of a setting with a rota at the start of a day."""
        return int(self._arrays.rotas[setting, self._weekday(day) * records.HOURS_A_DAY])

    def _weekday(self, day: Any) -> Any:
        """Day of the week of days of the simulation; 0 is Monday."""
        return (day + self._arrays.counters[records.FIRST_WEEKDAY]) % 7

    def _set_rota_capacity(self, day: int) -> None:
        """Settings with a rota have the capacity of the start of a day."""
        for number in np.flatnonzero(self._arrays.rotas[:, 0] >= 0).tolist():
            self._arrays.settings["capacity"][number] = self._by_rota(number, day)

    def _set_capacity(self, day: int) -> None:
        """The daily table of capacities from a day on: with a rota, the mean of the hours of each day, rounded up."""
        self.capacity[day:] = _capacity(self._arrays.settings)
        weekdays = self._weekday(np.arange(day, len(self.capacity)))
        for number in np.flatnonzero(self._arrays.rotas[:, 0] >= 0):
            hours = self._arrays.rotas[number].reshape(7, records.HOURS_A_DAY)
            self.capacity[day:, number] = np.ceil(hours.mean(axis=1))[weekdays]

    def _check_days(self, first: int, last: int) -> None:
        """Check that the daily tables, which the kernels write to, hold days first..last."""
        days = len(self.census)
        whole_number("first day", first, 0, days)
        whole_number("day after the last", last, first, days)

    def _check(self, day: int) -> None:
        """Check that every person is in exactly one setting and that flows balance."""
        self.events.size = int(self._arrays.counters[records.LOG_SIZE])
        if fault := int(self._arrays.counters[records.FAULT]):
            at = int(self._arrays.counters[records.FAULT_AT])
            where = f" at '{self.settings[at]}'" if at >= 0 else ""
            what = WHAT_FAILED.get(fault, f"fault {fault} of the event loop")
            raise RunError(f"{self.network.file}: the care network failed on day {day}{where}: {what}")
        if off := int(loop.imbalance(self._world)):
            raise RunError(f"{self.network.file}: {off} persons are unaccounted for on day {day}")

    @property
    def states(self) -> NDArray[Any]:
        """Counts and time integrals per setting (kernels/care/records.STATE)."""
        return self._arrays.states

    @property
    def events_processed(self) -> int:
        """Number of events so far, including those of external patients."""
        return int(self._arrays.counters[records.PROCESSED])

    def _use(self, arrays: records.Arrays) -> None:
        """Pass arrays to the kernels."""
        self._arrays, self._world = arrays, hand_over(arrays)

    def __getstate__(self) -> dict[str, Any]:
        """The state of a copy: everything but the kernels' pointer to the arrays of this system."""
        return {name: value for name, value in self.__dict__.items() if name != "_world"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._use(self._arrays)

    def _make_room(self, due: int) -> None:
        """Reserve memory for the events that `due` twins schedule and log at the start of a day."""
        while self._arrays.counters[records.HEAP_SIZE] + 2 * due + loop.MARGIN > len(self._arrays.events):
            self._grow(loop.NEEDS_EVENTS)
        if len(self.events.records):
            self.events.ensure_room(4 * due + loop.MARGIN)
            if self.events.records is not self._arrays.log:
                self._use(self._arrays._replace(log=self.events.records))

    def _grow(self, need: int) -> None:
        """Enlarge the tables that the kernel has filled."""
        arrays = self._arrays
        if need == loop.NEEDS_EVENTS:
            self._use(arrays._replace(events=lengthened(arrays.events, len(arrays.events))))
        elif need == loop.NEEDS_LOG:
            self.events.size = int(arrays.counters[records.LOG_SIZE])
            self.events.ensure_room(len(self.events.records) // 2 + loop.MARGIN)
            self._use(self._arrays._replace(log=self.events.records))
        else:
            self._use(more_patients(arrays))
        twins = self._arrays.twins
        if len(self._arrays.events) > MAX_ROOM + 4 * twins or len(self._arrays.patients) > MAX_ROOM + twins:
            raise RunError(f"{self.network.file}: more than {MAX_ROOM} persons or events at once; is it stable?")


def _capacity(settings: NDArray[Any]) -> NDArray[np.int64]:
    """Capacity by setting; for a contact setting, slots a day."""
    return np.where(settings["kind"] == records.CONTACT, settings["slots"], settings["capacity"])
