"""A care network with twins whose state the test writes by hand instead of a physiology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from popsim.care.network import CareNetwork
from popsim.care.policy import networks_by_day
from popsim.care.system import CareSystem
from popsim.definitions.base import validate
from popsim.definitions.interventions import FollowUp
from popsim.definitions.network import NetworkDefinition
from popsim.definitions.strategy import Strategy
from popsim.evidence.sets import SHIPPED
from popsim.kernels.codes import CAUSE_HEART_FAILURE, ONSET_ACUTE, ONSET_DEATH
from popsim.kernels.numerics.random import RandomKey
from popsim.population.clock import Clock
from popsim.population.columns import Schema
from popsim.population.population import Population
from popsim.simulation.schema import SCHEMA as TWIN

# Without the columns of results everything is seen as it is: what is done follows from the state that a test sets.
SCHEMA = Schema(one for one in TWIN.columns.values() if not one.name.startswith(("seen_", "pending_")))
HOME = {"name": "home", "class": "community", "stay": {"distribution": "forever"}}


def fixed(days: float) -> dict[str, Any]:
    return {"distribution": "fixed", "value": days}


def place(name: str, to: Any = "home", **keys: Any) -> dict[str, Any]:
    """A setting, inpatient with one place and stays of a day unless told otherwise; `to` is a target or all routes."""
    routes = to if isinstance(to, list) else [{"to": to}]
    stay = {} if "review" in keys else {"stay": fixed(1.0)}
    return {"name": name, "class": "inpatient", "capacity": 1, "routes": routes} | stay | keys


def clinic(**keys: Any) -> dict[str, Any]:
    return {"name": "clinic", "class": "outpatient", "slots_per_day": 2, "routes": [{"to": "stay"}]} | keys


def network(*settings: dict[str, Any], **keys: Any) -> CareNetwork:
    table = {"name": "small", "entry": "home", "settings": list(settings)} | keys
    return CareNetwork(validate(table, NetworkDefinition, "small.toml"), set(SCHEMA.columns), "small.toml")


class Life:
    """Some twins in a network, day by day. Person ids run against the rows, so that the two cannot be mistaken."""

    def __init__(
        self,
        care: CareNetwork,
        twins: int,
        *,
        days: int = 60,
        seed: int = 3,
        follow_up_days: int = 0,
        strategy: Strategy | None = None,
        schema: Schema = SCHEMA,
    ) -> None:
        plans = (FollowUp(setting="clinic", within_days=follow_up_days),) if follow_up_days else ()
        strategy = strategy or Strategy(name="plan", follow_up=plans)
        self.population = Population(schema, 1000 - np.arange(twins))
        self.population["weight_kg"] = self.population["dry_weight_kg"] = 80.0
        later = networks_by_day(care, strategy)
        self.care = CareSystem(
            later.pop(0),
            self.population,
            strategy,
            days=days,
            key=RandomKey(seed),
            practice=SHIPPED["care_practice"],
            later=later,
        )
        self.clock = Clock()

    def live(self, *, ill: Mapping[int, int] | tuple[int, ...] = (), die: tuple[int, ...] = (), days: int = 1) -> Life:
        """Go on for some days; on the first of them the rows in `ill` become acutely unwell and those in `die` die."""
        causes = ill if isinstance(ill, Mapping) else dict.fromkeys(ill, CAUSE_HEART_FAILURE)
        for row, cause in causes.items():
            self.population["onset"][row] |= ONSET_ACUTE
            self.population["acute_cause"][row] = cause
        for row in die:
            self.population["onset"][row] |= ONSET_DEATH
        for _ in range(days):
            self.care.treat(self.population, self.clock)
            self.population["onset"] = 0
            self.clock.tick()
        return self

    def events(self, *kinds: str, setting: str | None = None, row: int | None = None) -> pl.DataFrame:
        """The log in its order, with rows instead of persons: time_days, row, event, setting, detail."""
        frame = self.care.events.frame().with_columns(row=1000 - pl.col("person_id"))
        frame = frame.filter(pl.col("event").is_in(kinds)) if kinds else frame
        frame = frame if setting is None else frame.filter(pl.col("setting") == setting)
        frame = frame if row is None else frame.filter(pl.col("row") == row)
        return frame.select("time_days", "row", "event", "setting", "detail")

    def story(self, row: int) -> list[tuple[str, str | None]]:
        """What happened to a twin: (event, setting) in its order."""
        return list(self.events(row=row).select("event", "setting").iter_rows())

    def time(self, kind: str, setting: str, row: int) -> float:
        """When something happened to a twin, the last time it did."""
        return float(self.events(kind, setting=setting, row=row)["time_days"][-1])

    def where(self, row: int) -> str | None:
        number = int(self.population["setting"][row])
        return None if number < 0 else self.care.settings[number]

    def state(self, setting: str) -> Any:
        return self.care.states[self.care.settings.index(setting)]
