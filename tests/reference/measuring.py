"""Estimates and standard errors from one long run of a care network used alone.

A run is cut into batches of equal length after one that is thrown away (it begins with an empty network). Batches are
hundreds of relaxation times long, so they count as independent; every figure is a function of sums over batches, and
its standard error is the jackknife's, leaving out one batch at a time. It holds for means and for ratios alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition

BATCHES = 50
SEED = 2  # every case has its own replication


class Estimate(NamedTuple):
    """A figure of a run and its standard error."""

    value: float
    error: float

    def away_from(self, exact: float) -> float:
        """Distance from the exact figure in standard errors."""
        return (self.value - exact) / self.error if self.error else float(np.sign(self.value - exact)) * np.inf


def network(*settings: dict[str, Any], arrivals: list[dict[str, Any]] | None = None, **keys: Any) -> CareNetwork:
    """A network from the keys of a network file; settings are inpatient unless they say otherwise, and lead to exit."""
    listed = [{"class": "inpatient", "routes": [{"to": "exit"}]} | setting for setting in settings]
    table = {"name": "queue", "settings": listed, "arrivals": arrivals or []} | keys
    return CareNetwork(validate(table, NetworkDefinition, "queue.toml"), (), "queue.toml")


@dataclass(frozen=True)
class Run:
    """Totals per batch and setting, and the census at the end of each day."""

    days: int
    totals: dict[str, dict[str, np.ndarray]]
    present: dict[str, np.ndarray]
    waiting: dict[str, np.ndarray]

    def total(self, setting: str, field: str) -> np.ndarray:
        """A running total's increase, one number per batch."""
        return self.totals[setting][field]

    def days_when(self, there: np.ndarray) -> np.ndarray:
        """In how many days of each batch something held at the day's end."""
        return there.reshape(BATCHES, -1).sum(axis=1)

    def estimate(self, figure: Callable[..., float], *series: np.ndarray) -> Estimate:
        """figure(sums of the series) with its jackknife standard error."""
        sums = [s.sum() for s in series]
        left_out = np.array([figure(*(t - s[b] for t, s in zip(sums, series, strict=True))) for b in range(BATCHES)])
        spread = float(np.sum((left_out - left_out.mean()) ** 2))
        return Estimate(float(figure(*sums)), (spread * (BATCHES - 1) / BATCHES) ** 0.5)

    def per_day(self, series: np.ndarray) -> Estimate:
        """Mean of a total per day."""
        length = np.full(BATCHES, self.days / BATCHES)
        return self.estimate(lambda x, t: x / t, series, length)

    def share(self, there: np.ndarray) -> Estimate:
        """Share of days at whose end something held."""
        return self.per_day(self.days_when(there))

    def rate(self, setting: str, field: str) -> Estimate:
        """A total per day: a mean number for time integrals, a flow for counts."""
        return self.per_day(self.total(setting, field))

    def number(self, *settings: str) -> Estimate:
        """Mean number in these settings, those who wait for them outside included."""
        fields = ("present_days", "waiting_days")
        return self.per_day(np.sum([self.total(s, f) for s in settings for f in fields], axis=0))

    def wait(self, setting: str) -> Estimate:
        """Mean wait of those who started, in days."""
        return self.estimate(
            lambda w, n: w / n, self.total(setting, "wait_days"), self.total(setting, "started").astype(float)
        )

    def time_in(self, *settings: str) -> Estimate:
        """Mean wait and stay together, summed over settings in a row."""
        fields = ("wait_days", "started", "present_days", "left")
        series = [self.total(s, f).astype(float) for s in settings for f in fields]

        def sum_of_means(*sums: float) -> float:
            return sum(sums[i] / sums[i + 1] for i in range(0, len(sums), 2))

        return self.estimate(sum_of_means, *series)

    def turned_away(self, setting: str) -> Estimate:
        """Share of those who came that found neither place nor waiting room."""
        blocked, started = self.total(setting, "blocked"), self.total(setting, "started")
        return self.estimate(lambda b, n: b / (b + n), blocked.astype(float), started.astype(float))


def simulate(care: CareNetwork, days: int, replication: int, residents: int = 0) -> Run:
    """Run a network for `days` in batches, after a first batch that does not count."""
    batch = days // BATCHES
    flow = PatientFlow(care, residents=residents, days=batch * (BATCHES + 1), seed=SEED, replication=replication)
    snapshots = [flow.run(batch).totals() for _ in range(BATCHES + 1)]
    names = snapshots[0]["setting"].to_list()
    fields = [c for c in snapshots[0].columns if c != "setting"]
    totals = {
        name: {field: np.diff([snap[field][i] for snap in snapshots]) for field in fields}
        for i, name in enumerate(names)
    }
    daily = flow.daily().filter(pl.col("day") >= batch)
    parts = {name: daily.filter(pl.col("setting") == name) for name in names}
    return Run(
        batch * BATCHES,
        totals,
        {name: part["present"].to_numpy() for name, part in parts.items()},
        {name: part["waiting"].to_numpy() for name, part in parts.items()},
    )
