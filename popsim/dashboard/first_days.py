"""What is already there of a first look's units while they are simulated: counts by day, written every few days."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from popsim.care.network import CareNetwork
from popsim.dashboard.charts import Line, lines_chart
from popsim.dashboard.daily_flows import DailyFlows, NetworkDay, last_day, network_day, slots_of
from popsim.dashboard.live import LiveRun
from popsim.dashboard.tables import wide
from popsim.economics.perspectives import SIGNS
from popsim.html import html_table
from popsim.kernels.codes import DEATH, END, START
from popsim.outcomes.follow_up import HOSPITAL
from popsim.outcomes.readmission import stays
from popsim.plurals import counted
from popsim.runs.store import new_owner, taking
from popsim.studies.content import Tables
from popsim.studies.design import Unit
from popsim.studies.unit import Simulation, limited_capacities, simulate

FOLDER = "days"
EVERY_S = 0.4  # between two files of a unit: as often as the page looks


@dataclass(frozen=True, slots=True)
class DaysSoFar:
    """A unit on a day of its simulation.

    Attributes:
        strategy, replication: of the unit.
        day, days: simulated, and to simulate.
        people: of the unit; entered and alive: so many of them.
        admissions: to hospital so far, by day.
        beds: in use on wards and in intensive care at the end of each day, by all patients.
        cost: per person who has entered, in the perspective of the experiment.
        network: `NetworkDay.plain` of the last day.
    """

    strategy: str
    replication: int
    day: int
    days: int
    people: int
    entered: int
    alive: int
    admissions: list[int]
    beds: list[float]
    cost: float
    network: list[Any]

    @classmethod
    def of(cls, unit: Unit, simulation: Simulation) -> DaysSoFar:
        """What a simulation has counted so far."""
        model, people, daily = simulation.model, simulation.model.population, simulation.model.daily_frame()
        classes = {setting.name: setting.setting_class for setting in model.network.settings}
        begun = stays(model.events.frame(kinds=(START, END, DEATH)), classes)["admit_time_days"].to_numpy()
        wards = [f"census_{name}" for name, kind in classes.items() if kind in HOSPITAL]
        entered = int(daily["entered"][-1]) if len(daily) else 0
        signs = SIGNS[unit.study.experiment.perspective]
        cost = sum(sign * float(people[name].sum()) for name, sign in signs.items() if name in people.schema.columns)
        return cls(
            unit.strategy.name, unit.replication, len(daily), model.days, len(people), entered,
            int(daily["alive"][-1]) if len(daily) else 0,
            np.searchsorted(np.sort(begun), np.arange(1, len(daily) + 1)).tolist(),
            daily.select(pl.sum_horizontal(wards)).to_series().to_list(),
            cost / max(entered, 1), _network(unit, simulation, daily).plain(),
        )  # fmt: skip


def _network(unit: Unit, simulation: Simulation, daily: pl.DataFrame) -> NetworkDay:
    """Flows, people there and queues on the last day, as `network_day` finds them in a finished unit."""
    model, study = simulation.model, unit.study
    limits = limited_capacities(model.care.capacity[: len(daily)], model.network)
    places = {name: float(limit.mean()) for name, limit in limits.items() if limit.any()}
    slots = slots_of(CareNetwork(study.network, None, study.file), study.experiment, unit.strategy.name)
    days = daily.with_columns(draw=pl.lit(unit.draw), replication=pl.lit(unit.replication))
    flows = DailyFlows.of([model.events.frame()])
    return network_day(model.network, flows, days, places, slots, last_day(daily))


class Watched:
    """Simulates units, and writes what is there of each while it goes on.

    Args:
        folder: for one file a unit, named by its key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._next = 0.0

    def __call__(self, unit: Unit) -> Tables:
        """The tables of a unit."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return simulate(unit, watch=self._note)
        finally:
            self._path(unit).unlink(missing_ok=True)

    def _note(self, unit: Unit, simulation: Simulation) -> None:
        if time.monotonic() < self._next:
            return
        with suppress(OSError), taking(self._path(unit), new_owner(), 0o666) as temporary:
            temporary.write_text(json.dumps(asdict(DaysSoFar.of(unit, simulation))), encoding="utf-8")
        self._next = time.monotonic() + EVERY_S

    def _path(self, unit: Unit) -> Path:
        return self.folder / f"{unit.key}.json"


def days_so_far(look: LiveRun) -> list[DaysSoFar]:
    """The units of a first look that are being simulated, in their order."""
    found = []
    for unit in look.units:
        with suppress(OSError, ValueError, TypeError):  # not begun, finished, or of another version
            file = look.folder.parent / FOLDER / f"{unit.key}.json"
            found.append(DaysSoFar(**json.loads(file.read_text(encoding="utf-8"))))
    return found


def days_view(there: list[DaysSoFar], titles: Mapping[str, str], looks: Mapping[str, int], currency: str) -> str:
    """The days so far of a first look: what they are, a table, and two charts."""
    if not there:
        return ""
    rows = [
        [escape(titles[one.strategy]), f"{one.day} of {one.days}", f"{one.entered} of {one.people}", f"{one.alive}",
         f"{one.admissions[-1] if one.admissions else 0}", f"{one.cost:,.0f}"]
        for one in there
    ]  # fmt: skip
    head = ["Strategy", "Days", "People who entered", "Of them alive", "Admissions", f"Cost so far, {currency} each"]
    table = wide(html_table("Simulated so far", head, rows), "Simulated so far")
    charts = "".join(
        f"<div><h4>{label}</h4>{_chart(there, titles, looks, label, name)}</div>"
        for label, name in (("Admissions to hospital so far", "admissions"), ("Beds in use by all patients", "beds"))
    )
    people = counted(there[0].people, "person", "people")
    note = f"First look at work: {people}, one replication of each strategy, day by day. Not yet a result."
    return f'<h3>As it happens</h3><p class="look">{note}</p>{table}<div class="pair">{charts}</div>'


def _chart(there: list[DaysSoFar], titles: Mapping[str, str], looks: Mapping[str, int], label: str, name: str) -> str:
    lines = [
        Line(titles[one.strategy], list(range(1, one.day + 1)), getattr(one, name), looks[one.strategy])
        for one in there
    ]
    ends = "; ".join(f"{line.label}: {line.y[-1]:,.0f} on day {line.x[-1]}" for line in lines if line.y)
    return lines_chart(lines, "Day", label, f"{label}. {ends}", height=220.0, y_from=0.0)
