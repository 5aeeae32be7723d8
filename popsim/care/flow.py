"""Patient flow: the care network alone, without physiology.

    flow = PatientFlow(CareNetwork.read("ward.toml"), seed=1)
    flow.run(1000)
    flow.summary()
    flow.census().write_csv("today.csv")    # from which another run can begin

External patients come from the network's arrival sources. `residents` twins may circulate in it (a closed network):
they enter at the network's `entry` at the start of day 0 and follow stays, routes and queues.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from popsim.arguments import whole_number
from popsim.care.columns import CARE_COLUMNS
from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.care.system import MAX_TABLE, CareSystem
from popsim.care.warm_up import BATCH_DAYS, MIN_BATCHES, census_of, warm_up_batches
from popsim.definitions.network import UNLIMITED
from popsim.definitions.strategy import Strategy
from popsim.errors import InputError, shorten
from popsim.evidence.sets import SHIPPED
from popsim.kernels.numerics.random import RandomKey
from popsim.population.columns import Schema
from popsim.population.event_log import EventLog
from popsim.population.population import Population

MAX_RESIDENTS = 10_000_000
FLOW_COLUMNS = tuple(c for c in CARE_COLUMNS if c.name in ("alive", "setting"))


class PatientFlow:
    """A network with external arrivals and residents.

    Args:
        network: any checked network whose rules test no columns.
        residents: number of twins in the network from the start of day 0.
        days: maximum length of the run.
        seed, replication: key of the random numbers; the replication is its stream.
        keep_log: whether to log the residents' events.
        strategy: sets the capacities; the network's own apply when None.

    Raises:
        InputError: an argument is out of bounds, or a rule of the network tests a column.
    """

    def __init__(
        self,
        network: CareNetwork,
        *,
        residents: int = 0,
        days: int = 365,
        seed: int = 0,
        replication: int = 0,
        keep_log: bool = False,
        strategy: Strategy | None = None,
    ) -> None:
        residents = whole_number("residents", residents, 0, MAX_RESIDENTS)
        if strategy is None:
            strategy = Strategy(name="none")
        for name, value, kind in (("network", network, CareNetwork), ("strategy", strategy, Strategy)):
            if not isinstance(value, kind):
                raise InputError(f"{name} = {shorten(value)}: must be a {kind.__name__}")
        network.check_columns(())
        networks = networks_by_day(network, strategy)
        self.network = networks.pop(0)
        self.population = Population(Schema(FLOW_COLUMNS), np.arange(residents))
        self.days, self.day = days, 0
        self._care = CareSystem(
            self.network,
            self.population,
            strategy,
            days=days,
            key=RandomKey.of(seed, replication),
            practice=SHIPPED["care_practice"],
            keep_log=keep_log,
            later=networks,
        )
        self._mornings = [self._care.states.copy()]  # states after every five days, the first before day 0

    def __repr__(self) -> str:
        return f"PatientFlow({self.network.definition.name}: day {self.day} of {self.days})"

    @property
    def events(self) -> EventLog:
        """The residents' events, if they are logged."""
        return self._care.events

    @property
    def events_processed(self) -> int:
        """Number of arrivals, ends of stays, reviews and reneging times of residents and external patients."""
        return self._care.events_processed

    def run(self, days: int) -> PatientFlow:
        """Simulate further days.

        Raises:
            InputError: the run would go beyond `days`.
            RunError: a person is unaccounted for or loops within a moment, or the network grows beyond all bounds.
        """
        days = whole_number("days", days, 0, MAX_TABLE)
        last = self.day + days
        if last > self.days:
            raise InputError(
                f"run({days}) ends on day {last}: this PatientFlow is for days = {self.days}, make it with more days"
            )
        if self.day == 0 and days > 0:
            self._care.open_day(0, len(self.population))
            self._care.run_day(0)
            self.day = 1
        while self.day < last:
            until = min(last, len(self._mornings) * BATCH_DAYS)
            self._care.run_days(self.day, until)
            self.day = until
            if until == len(self._mornings) * BATCH_DAYS:
                self._mornings.append(self._care.states.copy())
        return self

    @property
    def warm_up_days(self) -> int:
        """Days that the summary leaves out; see `warm_up_rule`."""
        return BATCH_DAYS * (warm_up_batches(self._batch_means()) if self._begins_empty else 0)

    @property
    def warm_up_rule(self) -> str:
        """How many days the summary leaves out, and by which rule."""
        if not self._begins_empty:
            return "No day is left out: the network begins with patients."
        if self.day < MIN_BATCHES * BATCH_DAYS:
            return f"No day is left out: {self.day} days are too few to find a warm-up, it takes 100."
        rule = "by MSER-5 on the number of persons in settings of limited capacity or waiting for them"
        return f"The first {self.warm_up_days} of {self.day} days are left out as warm-up, {rule}."

    @property
    def _begins_empty(self) -> bool:
        return not (self.network.definition.census or self.network.definition.warm_up_days)

    def _batch_means(self) -> NDArray[np.float64]:
        """Persons in settings of limited capacity, or waiting for them, on average over each five days."""
        places = [i for i, setting in enumerate(self.network.settings) if setting.is_stay_setting]
        limited = [i for i in places if self.network.settings[i].capacity != UNLIMITED]
        days = np.array(
            [(one["present_days"] + one["waiting_days"])[limited or places].sum() for one in self._mornings]
        )
        return np.diff(days) / BATCH_DAYS

    def census(self) -> pl.DataFrame:
        """The external patients at the end of the last day, in the columns of a census file.

        Columns: setting, state (present, waiting), class, number, days (how long already), priority. Who waits in a
        bed of another setting is among those waiting only.
        """
        return census_of(self.network, self._care.arrays, self.day)

    def daily(self) -> pl.DataFrame:
        """By day and setting: census and queue at the end of the day, and peak census of the day."""
        frames = [
            pl.DataFrame(
                {
                    "day": np.arange(self.day),
                    "present": self._care.census[: self.day, i],
                    "waiting": self._care.queue[: self.day, i],
                    "peak": self._care.peak[: self.day, i],
                }
            ).select("day", pl.lit(setting.name).alias("setting"), "present", "waiting", "peak")
            for i, setting in enumerate(self.network.settings)
            if setting.is_stay_setting
        ]
        return pl.concat(frames)

    def totals(self) -> pl.DataFrame:
        """Cumulative totals per setting since day 0; subtract two of them for the period in between.

        Columns: setting, started, left, blocked, reneged, wait_days (of those who started), present_days and
        waiting_days (time integrals of the census and of the queue).
        """
        return self._totals(self._care.states)

    def _totals(self, states: NDArray[Any]) -> pl.DataFrame:
        """Counts and time integrals of the settings where people stay."""
        fields = {"started": "entered", "left": "left", "blocked": "blocked", "reneged": "reneged"}
        fields |= {name: name for name in ("wait_days", "present_days", "waiting_days")}
        places = [i for i, setting in enumerate(self.network.settings) if setting.is_stay_setting]
        columns = {name: states[field][places].copy() for name, field in fields.items()}
        return pl.DataFrame({"setting": [self.network.settings[i].name for i in places]} | columns)

    def summary(self, warm_up_days: int | None = None) -> pl.DataFrame:
        """Per setting, without the warm-up: mean census, mean queue, mean wait (days), share blocked, share reneged.

        Args:
            warm_up_days: days to leave out, a multiple of five; None: by the rule that `warm_up_rule` tells.

        Raises:
            InputError: not a multiple of five, or more than the days of the run.
        """
        if warm_up_days is None:
            warm_up_days = self.warm_up_days
        first = whole_number("warm_up_days", warm_up_days, 0, self.day)
        if first % BATCH_DAYS:
            raise InputError(f"warm_up_days = {first}: must be a multiple of {BATCH_DAYS}")
        before, days = self._totals(self._mornings[first // BATCH_DAYS]), self.day - first
        after = self.totals()
        counted = after.with_columns(after[name] - before[name] for name in after.columns[1:])
        tried = pl.col("started") + pl.col("blocked")
        return counted.select(
            "setting",
            pl.lit(first).alias("from_day"),
            "started",
            (pl.col("present_days") / days).alias("mean_present"),
            (pl.col("waiting_days") / days).alias("mean_waiting"),
            (pl.col("wait_days") / pl.col("started")).alias("mean_wait_days"),
            (pl.col("blocked") / tried).alias("share_blocked"),
            (pl.col("reneged") / tried).alias("share_gave_up"),
        )
