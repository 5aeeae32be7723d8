"""Calls the hooks that a subclass of PatientTwin overrides, from today's events; costs nothing otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.codes import CAUSE_NAMES, END, EVENT_NAMES, START, VISIT
from popsim.outcomes.narrative import SettingLabel
from popsim.population.clock import Clock
from popsim.population.event_log import EventColumns, EventLog
from popsim.population.population import Population
from popsim.population.state import NamedArrays, State
from popsim.simulation.twin import HOOKS, PatientTwin, TwinEvent
from popsim.simulation.twin_set import TwinSet

HOSPITAL = ("inpatient", "critical")


class Hooks:
    """The hooks of one model; overridden hooks are looked up once, for the class."""

    def __init__(self, agents: TwinSet, events: EventLog, setting_labels: Sequence[SettingLabel]) -> None:
        self.agents, self.events = agents, events
        agent_class = agents.roster.agent_class
        self.called = {name for name in HOOKS if getattr(agent_class, name) is not getattr(PatientTwin, name)}
        self._hospital = np.array([place.kind in HOSPITAL for place in setting_labels], np.bool_)
        self._inside: set[int] = set()  # rows in inpatient care; kept only if a hook needs them
        self._read = 0  # number of processed events

    def call(self, population: Population, clock: Clock) -> None:
        """Call today's hooks: those of events in the order of the log, then `on_day` in the order of rows."""
        if self.called - {"on_day"}:
            self._call_for_events()
        if "on_day" in self.called:
            for row in population.alive_and_entered(clock.day).tolist():
                self._tell(row, "on_day")

    def state(self) -> NamedArrays:
        """Who is an inpatient, to go on from."""
        return {"inside": np.array(sorted(self._inside), np.int64)}

    def restore(self, state: State) -> None:
        """Go on from a state: what has happened is not told again."""
        self._inside = set(state.take("inside", np.int64, (None,)).tolist())
        self._read = len(self.events)

    def _call_for_events(self) -> None:
        start, self._read = self._read, len(self.events)
        today = self.events.slice(start)
        for place in np.flatnonzero(self._of_interest(today.kind, today.setting)).tolist():
            row = int(today.row[place])
            hook = self._hook(int(today.kind[place]), row, int(today.setting[place]), int(today.detail[place]))
            if hook in self.called:
                event = self._event(today, place)
                self._tell(row, hook, event)

    def _of_interest(self, kind: NDArray[np.int8], setting: NDArray[np.int8]) -> NDArray[np.bool_]:
        wanted = (kind == VISIT) if "on_contact" in self.called else np.zeros(len(kind), np.bool_)
        if self.called & {"on_admission", "on_discharge"}:
            wanted |= (kind == START) | ((kind == END) & (setting >= 0) & self._hospital[setting])
        return wanted

    def _hook(self, kind: int, row: int, setting: int, detail: int) -> str:
        """The hook that an event calls, if any; keeps track of inpatients."""
        if kind == VISIT:
            return "on_contact"
        if kind == START and self._hospital[setting]:
            transferred = row in self._inside
            self._inside.add(row)
            return "" if transferred else "on_admission"
        if row not in self._inside or (kind == END and detail >= 0 and self._hospital[detail]):
            return ""
        # Left hospital; or left one ward for another and, after an unsuccessful wait, starts a stay elsewhere.
        self._inside.discard(row)
        return "on_discharge" if kind == START or detail >= 0 else ""  # a death has no next setting

    def _event(self, today: EventColumns, place: int) -> TwinEvent:
        setting = int(today.setting[place])
        return TwinEvent(
            float(today.time[place]),
            EVENT_NAMES[today.kind[place]],
            self.events.setting_names[setting] if setting >= 0 else None,
            CAUSE_NAMES[today.cause[place]],
            int(today.detail[place]),
        )

    def _tell(self, row: int, hook: str, *event: TwinEvent) -> None:
        if self.agents.has(row):  # withdrawn twins get no calls
            getattr(self.agents.roster.handle(row), hook)(*event)
