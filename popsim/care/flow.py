"""Patient flow: the care network alone, without physiology.

    flow = PatientFlow(CareNetwork.read("ward.toml"), seed=1)
    flow.run(1000)
    flow.summary()

External patients come from the network's arrival sources. `residents` twins may circulate in it (a closed network):
they enter at the network's `entry` at the start of day 0 and follow stays, routes and queues.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from popsim.arguments import whole_number
from popsim.care.columns import CARE_COLUMNS
from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.care.system import MAX_TABLE, CareSystem
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
        self._care.run_days(self.day, last)
        self.day = last
        return self

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
        states = self._care.states
        fields = {"started": "entered", "left": "left", "blocked": "blocked", "reneged": "reneged"}
        fields |= {name: name for name in ("wait_days", "present_days", "waiting_days")}
        places = [i for i, setting in enumerate(self.network.settings) if setting.is_stay_setting]
        columns = {name: states[field][places].copy() for name, field in fields.items()}
        return pl.DataFrame({"setting": [self.network.settings[i].name for i in places]} | columns)

    def summary(self) -> pl.DataFrame:
        """Per setting, over the whole run: mean census, mean queue, mean wait (days), share blocked."""
        tried = pl.col("started") + pl.col("blocked")
        return self.totals().select(
            "setting",
            "started",
            (pl.col("present_days") / self.day).alias("mean_present"),
            (pl.col("waiting_days") / self.day).alias("mean_waiting"),
            (pl.col("wait_days") / pl.col("started")).alias("mean_wait_days"),
            (pl.col("blocked") / tried).alias("share_blocked"),
            (pl.col("reneged") / tried).alias("share_gave_up"),
        )
