"""One closed care network, written for popsim and for three general simulators.

N people live at home; after an exponential time (mean 100 days) they go to an emergency department with room for all
(exponential, mean 0.2 days), then wait for one of c ward beds (exponential stay, mean 5 days), then go home. Counted
are stays that ended, in each of the three places: the same events for everybody.

Each class has `run(days)`, which goes on for some days, `ended`, the stays ended so far, and `occupied`, the mean
number of ward beds taken since the start.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from functools import partial
from typing import Any

import simpy
from mesa import Agent, Model

from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition

HOME_DAYS, EMERGENCY_DAYS, WARD_DAYS = 100.0, 0.2, 5.0
PLACES = ("home", "emergency_department", "ward")


def beds_for(people: int) -> int:
    """Beds that are nearly always full, with a queue before them: just below what the people would use if unlimited."""
    return max(1, round(people * WARD_DAYS / (HOME_DAYS + EMERGENCY_DAYS + WARD_DAYS)))


def definition(beds: int) -> dict[str, Any]:
    """The network as popsim's definition."""

    def place(name: str, kind: str, mean: float, to: str, **more: Any) -> dict[str, Any]:
        stay = {"distribution": "exponential", "mean": mean}
        return {"name": name, "class": kind, "stay": stay, "routes": [{"to": to}]} | more

    return {
        "name": "closed",
        "entry": "home",
        "presentation": "emergency_department",
        "settings": [
            place("home", "community", HOME_DAYS, "emergency_department"),
            place("emergency_department", "emergency", EMERGENCY_DAYS, "ward", capacity="unlimited"),
            place("ward", "inpatient", WARD_DAYS, "home", capacity=beds),
        ],
    }


class PopsimNetwork:
    """popsim's patient flow, with every feature of the care network compiled in."""

    def __init__(self, people: int, beds: int, seed: int, longest: int, keep_log: bool) -> None:
        network = CareNetwork(validate(definition(beds), NetworkDefinition, "closed.toml"), (), "closed.toml")
        self.flow = PatientFlow(network, residents=people, days=longest, seed=seed, keep_log=keep_log)

    def run(self, days: int) -> None:
        self.flow.run(days)

    @property
    def ended(self) -> int:
        return int(self.flow.totals()["left"].sum())

    @property
    def occupied(self) -> float:
        return float(self.flow.summary().filter(setting="ward")["mean_present"].item())


class Ward:
    """Beds, a first-come queue and the time integral of beds taken, for simulators that bring no such thing."""

    def __init__(self, beds: int) -> None:
        self.free, self.beds = beds, beds
        self.waiting: deque[Any] = deque()
        self.bed_days = 0.0
        self._since = 0.0

    def tick(self, now: float) -> None:
        self.bed_days += (self.beds - self.free) * (now - self._since)
        self._since = now


class SimpyNetwork:
    """SimPy: a process for each person, the ward a Resource."""

    def __init__(self, people: int, beds: int, seed: int) -> None:
        self.env = simpy.Environment()
        self.ward = simpy.Resource(self.env, beds)
        self.random = random.Random(seed)
        self.ended = 0
        self._book = Ward(beds)
        for _ in range(people):
            self.env.process(self._life())

    def _life(self):  # type: ignore[no-untyped-def]
        env, draw = self.env, self.random.expovariate
        while True:
            yield env.timeout(draw(1 / HOME_DAYS))
            self.ended += 1
            yield env.timeout(draw(1 / EMERGENCY_DAYS))
            self.ended += 1
            with self.ward.request() as bed:
                yield bed
                self._take(-1)
                yield env.timeout(draw(1 / WARD_DAYS))
                self._take(1)
                self.ended += 1

    def _take(self, beds: int) -> None:
        self._book.tick(self.env.now)
        self._book.free += beds

    def run(self, days: int) -> None:
        self.env.run(until=self.env.now + days)

    @property
    def occupied(self) -> float:
        self._book.tick(self.env.now)
        return self._book.bed_days / self.env.now


class MesaPatient(Agent):  # type: ignore[misc]
    """A person of the Mesa model; each method is the end of a stay."""

    def leave_home(self) -> None:
        self.model.after(EMERGENCY_DAYS, self.leave_emergency)

    def leave_emergency(self) -> None:
        self.model.ask_for_bed(self)

    def leave_ward(self) -> None:
        self.model.give_bed_back()
        self.model.after(HOME_DAYS, self.leave_home)


class MesaNetwork(Model):  # type: ignore[misc]
    """Mesa: every end of a stay is an event of Mesa's own scheduler."""

    def __init__(self, people: int, beds: int, seed: int) -> None:
        super().__init__(rng=seed)
        self.ended = -people  # the first stay of each is scheduled below, before any has ended
        self.ward = Ward(beds)
        for patient in MesaPatient.create_agents(self, people):
            self.after(HOME_DAYS, patient.leave_home)

    def after(self, mean: float, what: Any) -> None:
        self.ended += 1
        self.schedule_event(what, after=self.random.expovariate(1 / mean))

    def ask_for_bed(self, patient: MesaPatient) -> None:
        if self.ward.free:
            self.ward.tick(self.time)
            self.ward.free -= 1
            self.after(WARD_DAYS, patient.leave_ward)
        else:
            self.ended += 1
            self.ward.waiting.append(patient)

    def give_bed_back(self) -> None:
        if self.ward.waiting:
            self.ended -= 1  # counted when it began to wait
            self.after(WARD_DAYS, self.ward.waiting.popleft().leave_ward)
        else:
            self.ward.tick(self.time)
            self.ward.free += 1

    def run(self, days: int) -> None:
        self.run_for(days)

    @property
    def occupied(self) -> float:
        self.ward.tick(self.time)
        return self.ward.bed_days / self.time


class HeapNetwork:
    """The least that Python can do: heapq and a function for each kind of event, no classes of people, no names."""

    def __init__(self, people: int, beds: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.ward = Ward(beds)
        self.ended, self.now = 0, 0.0
        self._events = [(self.random.expovariate(1 / HOME_DAYS), person, 0) for person in range(people)]
        heapq.heapify(self._events)

    def run(self, days: int) -> None:
        events, draw, ward = self._events, self.random.expovariate, self.ward
        until = self.now + days
        while events[0][0] < until:
            time, person, place = events[0]
            self.ended += 1
            follow = partial(heapq.heapreplace, events)
            if place == 0:
                follow((time + draw(1 / EMERGENCY_DAYS), person, 1))
            elif place == 1 and ward.free:
                ward.tick(time)
                ward.free -= 1
                follow((time + draw(1 / WARD_DAYS), person, 2))
            elif place == 1:
                ward.waiting.append(person)
                heapq.heappop(events)
            else:
                follow((time + draw(1 / HOME_DAYS), person, 0))
                if ward.waiting:
                    heapq.heappush(events, (time + draw(1 / WARD_DAYS), ward.waiting.popleft(), 2))
                else:
                    ward.tick(time)
                    ward.free += 1
        self.now = until

    @property
    def occupied(self) -> float:
        self.ward.tick(self.now)
        return self.ward.bed_days / self.now
