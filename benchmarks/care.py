"""(b) Events a second of a care network: popsim beside SimPy, Mesa, Ciw and bare heaps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import ciw
import numpy as np
from numba import njit

from benchmarks.closed_network import HeapNetwork, MesaNetwork, PopsimNetwork, SimpyNetwork, beds_for
from benchmarks.measuring import Section, alternate
from popsim.care.flow import PatientFlow
from popsim.care.network import CareNetwork
from popsim.definitions.base import validate
from popsim.definitions.network import NetworkDefinition
from popsim.kernels.care.records import EVENT
from popsim.kernels.numerics.heap import pop, push
from popsim.kernels.numerics.random import RandomKey, exponential, uniform

WARM_UP_DAYS = 5
# A small hospital for Ciw: 5 arrivals a day, an emergency department of 0.2 days, 27 beds of 5 days (load 0.926).
PER_DAY, EMERGENCY_DAYS, BEDS, WARD_DAYS = 5.0, 0.2, 27, 5.0


class Network(Protocol):
    """What is asked of every closed network."""

    ended: int
    occupied: float

    def run(self, days: int) -> None: ...


def rate_of(make: Callable[[], Network], days: int) -> Callable[[], float]:
    """A candidate: builds the network, lets it run in, and counts events a second over some days."""

    def turn() -> float:
        network = make()
        network.run(WARM_UP_DAYS)
        before, began = network.ended, time.perf_counter()
        network.run(days)
        return (network.ended - before) / (time.perf_counter() - began)

    return turn


@njit(cache=True, error_model="numpy")
def hold(events, size, times, mean):
    """The hold model: take the first event and put it back an exponential time later, again and again."""
    for i in range(times):
        time, patient = events[0].time, events[0].patient
        pop(events, size)
        later = time + exponential(uniform(RandomKey(1, 0), patient, 1, i), mean)
        push(events, size - 1, later, patient, patient, 0)


def bare_heap(people: int, times: int) -> Callable[[], float]:
    """A candidate: popsim's heap and random numbers with nothing around them."""
    first = np.sort(np.random.default_rng(1).exponential(100.0, people))

    def turn() -> float:
        events = np.zeros(people + 1, EVENT)
        events["time"][:people], events["patient"][:people] = first, np.arange(people)
        hold(events, people, people, 100.0)  # mixes the heap
        began = time.perf_counter()
        hold(events, people, times, 100.0)
        return times / (time.perf_counter() - began)

    hold(np.zeros(4, EVENT), 2, 1, 1.0)
    return turn


def closed(people: int, days: int, peer_days: int, turns: int) -> Section:
    """The closed network; slow peers run fewer days of it."""
    beds, longest = beds_for(people), WARM_UP_DAYS + days
    candidates: dict[str, Callable[[], float]] = {
        "popsim, log on": rate_of(lambda: PopsimNetwork(people, beds, 1, longest, keep_log=True), days),
        "popsim, log off": rate_of(lambda: PopsimNetwork(people, beds, 1, longest, keep_log=False), days),
        "SimPy": rate_of(lambda: SimpyNetwork(people, beds, 1), peer_days),
        "Mesa schedule_event": rate_of(lambda: MesaNetwork(people, beds, 1), peer_days),
        "Python heapq by hand": rate_of(lambda: HeapNetwork(people, beds, 1), peer_days),
        "numba heap, hold model only": bare_heap(people, 20 * people),
    }
    PopsimNetwork(100, beds_for(100), 1, longest, keep_log=True).run(2)  # compiles
    return Section(
        f"(b) Care events: closed network, {people:,} people, {beds:,} ward beds with a queue",
        "thousand events a second",
        alternate(candidates, turns),
        [
            "An event is a stay that ends. popsim counts time integrals, levels, reviews and routes as in any network.",
            f"Seen over {days} days (popsim), {peer_days} days (others), after {WARM_UP_DAYS} days of running in.",
        ],
        scale=1e3,
        digits=1,
    )


def open_definition() -> dict[str, Any]:
    """The small hospital as popsim's definition; `home` is for twins, of whom there are none."""

    def place(name: str, kind: str, mean: float, capacity: int | str, *routes: dict[str, str]) -> dict[str, Any]:
        stay = {"distribution": "exponential", "mean": mean}
        return {"name": name, "class": kind, "stay": stay, "capacity": capacity, "routes": list(routes)}

    out = {"to": "exit", "for": "external"}
    return {
        "name": "open",
        "entry": "home",
        "presentation": "emergency_department",
        "settings": [
            {"name": "home", "class": "community", "stay": {"distribution": "forever"}},
            place("emergency_department", "emergency", EMERGENCY_DAYS, "unlimited", {"to": "ward"}),
            place("ward", "inpatient", WARD_DAYS, BEDS, out, {"to": "home"}),
        ],
        "arrivals": [{"name": "patients", "to": "emergency_department", "per_day": PER_DAY}],
    }


def popsim_open(days: int, seed: int = 1) -> tuple[int, float, float]:
    """Stays that ended, seconds, and mean beds taken."""
    network = CareNetwork(validate(open_definition(), NetworkDefinition, "open.toml"), (), "open.toml")
    flow = PatientFlow(network, days=days, seed=seed)
    began = time.perf_counter()
    flow.run(days)
    seconds = time.perf_counter() - began
    taken = flow.summary().filter(setting="ward")["mean_present"].item()
    return int(flow.totals()["left"].sum()), seconds, float(taken)


def ciw_open(days: int, seed: int = 1) -> tuple[int, float, float]:
    """The same of Ciw."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(PER_DAY), None],
        service_distributions=[ciw.dists.Exponential(1 / EMERGENCY_DAYS), ciw.dists.Exponential(1 / WARD_DAYS)],
        number_of_servers=[float("inf"), BEDS],
        routing=[[0.0, 1.0], [0.0, 0.0]],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    began = time.perf_counter()
    simulation.simulate_until_max_time(days)
    seconds = time.perf_counter() - began
    records = simulation.get_all_records()
    ward = sum(r.service_time for r in records if r.node == 2)  # stays that ended
    return len(records), seconds, ward / days


def opened(days: int, peer_days: int, turns: int) -> Section:
    """The open network, beside Ciw."""

    def rate(result: tuple[int, float, float]) -> float:
        return result[0] / result[1]

    popsim_open(10)
    candidates = {
        "popsim": lambda: rate(popsim_open(days)),
        "Ciw": lambda: rate(ciw_open(peer_days)),
    }
    return Section(
        f"(b) Care events: open network, {PER_DAY:g} arrivals a day, {BEDS} ward beds",
        "thousand events a second",
        alternate(candidates, turns),
        [f"Seen over {days:,} days (popsim) and {peer_days:,} days (Ciw); Ciw keeps a record of every stay."],
        scale=1e3,
        digits=1,
    )
